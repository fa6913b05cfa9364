// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Global functions whose arguments are pointers to structures of the kernel (__arg_trusted, __arg_untrusted), or to the
// context under another name (__arg_ctx). A program named bad_... is refused.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define NOINLINE __attribute__((noinline))
#define TAG(name) __attribute__((btf_decl_tag("arg:" #name)))
#define CORE __attribute__((preserve_access_index))
/** Else the compiler would drop the argument. */
#define USE(x) asm volatile("" ::"r"(x))

struct task_struct {
	int pid;
} CORE;

struct task_struct___other {
	int pid;
} CORE;

struct of_no_kernel {
	int x;
};


struct pt_regs {
	int x;
};

struct whatever {
	int x;
};

int counter;
unsigned int offset;

NOINLINE int pid(struct task_struct *task TAG(trusted))
{
	return task->pid;
}

NOINLINE int maybe(struct task_struct *task TAG(trusted) TAG(nullable))
{
	return task ? pid(task) : 0;
}

NOINLINE int flavour(struct task_struct___other *task TAG(trusted))
{
	return task->pid;
}

NOINLINE int writes(struct task_struct *task TAG(trusted))
{
	*(volatile int *)task = 1;
	return 0;
}

NOINLINE int unknown(struct of_no_kernel *x TAG(trusted))
{
	USE(x);
	return 0;
}

NOINLINE int combined(struct task_struct *task TAG(trusted) TAG(nonnull))
{
	return task->pid;
}

NOINLINE int any_task(struct task_struct *task TAG(untrusted))
{
	return task->pid;
}

NOINLINE int hands_on(struct task_struct *task TAG(untrusted))
{
	return pid(task);
}

NOINLINE int any_bytes(void *bytes TAG(untrusted))
{
	return *(int *)bytes;
}

NOINLINE int any_number(int *number TAG(untrusted))
{
	return *number;
}

NOINLINE int stores(void *bytes TAG(untrusted))
{
	*(volatile int *)bytes = 1;
	return 0;
}

NOINLINE int twice(struct task_struct *task TAG(untrusted) TAG(nullable))
{
	return task->pid;
}

NOINLINE int context(struct whatever *ctx TAG(ctx))
{
	USE(ctx);
	return 0;
}

NOINLINE int regs(struct pt_regs *ctx TAG(ctx))
{
	USE(ctx);
	return 0;
}

#define TASK bpf_get_current_task_btf()
#define PROGRAM(section, name, value)                                                                                  \
	SEC(section)                                                                                                   \
	int name(void *ctx)                                                                                            \
	{                                                                                                              \
		return value;                                                                                          \
	}

PROGRAM("kprobe", ok_trusted, pid(TASK))
PROGRAM("kprobe", ok_null, maybe(0) + maybe(TASK))
PROGRAM("kprobe", ok_flavour, flavour((void *)TASK))
PROGRAM("kprobe", bad_null, pid(0))
PROGRAM("kprobe", bad_kind, pid((void *)&counter))
PROGRAM("kprobe", bad_moved, pid((void *)TASK + (offset & 8)))
PROGRAM("kprobe", bad_write, writes(TASK))
PROGRAM("kprobe", bad_unknown, unknown((void *)TASK))
PROGRAM("kprobe", bad_combined, combined(TASK))
PROGRAM("kprobe", ok_untrusted, any_task(TASK) + any_task(0) + any_task((void *)&counter))
PROGRAM("kprobe", ok_untrusted_moved, any_task((void *)TASK + offset))
PROGRAM("kprobe", bad_hands_on, hands_on(TASK))
PROGRAM("kprobe", ok_bytes, any_bytes(TASK) + any_bytes(0) + any_number((void *)&counter + offset))
PROGRAM("kprobe", ok_number, any_number((void *)&counter))
PROGRAM("kprobe", bad_stores, stores(TASK))
PROGRAM("kprobe", bad_twice, twice(TASK))
PROGRAM("tp/a/b", ok_any_context, context(ctx))
PROGRAM("kprobe", bad_context, context(ctx))
PROGRAM("perf_event", ok_regs, regs(ctx))
PROGRAM("perf_event", bad_regs, context(ctx))
PROGRAM("raw_tp/a", bad_raw, regs(ctx))

char LICENSE[] SEC("license") = "GPL";
