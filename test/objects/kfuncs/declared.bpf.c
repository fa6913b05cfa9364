// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Functions and variables of the kernel that are declared as they are, and as something else.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int pid;
};
struct cgroup;
struct rq {
	__u32 nr_running;
};
enum number {
	ONE = 1,
};

/* Names of structures and widths of numbers do not count. */
struct other {
	int x;
};
struct other *bpf_task_from_pid___alike(long pid) __ksym;
void bpf_task_release___alike(struct other *p) __ksym;

void bpf_task_release___more(struct task_struct *p, int more) __ksym;
void bpf_task_release___number(__u64 p) __ksym;
void bpf_task_release___untyped(void *p) __ksym;
struct task_struct *bpf_task_from_pid___enum(enum number pid) __ksym;
int *bpf_rcu_read_lock___result(void) __ksym;
void bpf_cgroup_release(struct cgroup *cgrp) __ksym;
void bpf_rcu_read_lock___weak(int how) __ksym __weak;
void bpf_task_aquire(struct task_struct *p) __ksym;
void bpf_nothing_like_it(void) __ksym;
int bpf_strlen(const char *s);

extern const struct rq *runqueues __ksym;
extern const int bpf_prog_active __ksym;

#define PROG(name) SEC("tc") int name(struct __sk_buff *skb)

PROG(alike) {
	struct other *p = bpf_task_from_pid___alike(1);
	if (p) bpf_task_release___alike(p);
	return 0;
}

PROG(more) {
	bpf_task_release___more((void *)skb, 0);
	return 0;
}

PROG(number) {
	bpf_task_release___number(1);
	return 0;
}

PROG(untyped) {
	bpf_task_release___untyped(skb);
	return 0;
}

PROG(of_enum) {
	return !!bpf_task_from_pid___enum(ONE);
}

PROG(result) {
	return !!bpf_rcu_read_lock___result();
}

PROG(only_declared) {
	bpf_cgroup_release((void *)skb);
	return 0;
}

PROG(weak) {
	if (bpf_rcu_read_lock___weak) bpf_rcu_read_lock___weak(1);
	return 0;
}

PROG(misspelt) {
	bpf_task_aquire((void *)skb);
	return 0;
}

PROG(unheard_of) {
	bpf_nothing_like_it();
	return 0;
}

PROG(undeclared) {
	return bpf_strlen("ab");
}

PROG(variable) {
	return bpf_prog_active;
}

PROG(wrong_variable) {
	return !!runqueues;
}

char LICENSE[] SEC("license") = "GPL";
