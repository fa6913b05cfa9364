// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Programs that need what the loader does not do (yet): each has to be refused by name, and the rest has to load.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

extern int CONFIG_HZ __kconfig;
extern const int some_symbol __ksym;
extern int bpf_some_kfunc(void *ctx) __ksym;

extern int LINUX_KERNEL_VERSION __kconfig;
extern _Bool CONFIG_WEAK __kconfig __weak;
extern const int weak_symbol __ksym __weak;
extern int bpf_weak_kfunc(void *ctx) __ksym __weak;

__u32 metadata SEC("my_metadata") = 3;

SEC("xdp")
int fine(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int uses_kconfig(struct xdp_md *ctx)
{
	return CONFIG_HZ;
}

SEC("xdp")
int uses_ksym(struct xdp_md *ctx)
{
	return (long)&some_symbol;
}

SEC("xdp")
int uses_kfunc(struct xdp_md *ctx)
{
	return bpf_some_kfunc(ctx);
}

SEC("xdp")
int uses_core(struct xdp_md *ctx)
{
	struct task_struct *task = (void *)(long)ctx->data;

	return task->pid;
}

SEC("xdp")
int uses_metadata(struct xdp_md *ctx)
{
	return *(volatile __u32 *)&metadata;
}

SEC("xdp")
int uses_version(struct xdp_md *ctx)
{
	return CONFIG_WEAK ? XDP_DROP : LINUX_KERNEL_VERSION >> 16;
}

SEC("xdp")
int uses_weak(struct xdp_md *ctx)
{
	if (&weak_symbol)
		return 1;
	return bpf_weak_kfunc ? bpf_weak_kfunc(ctx) : 2;
}

char LICENSE[] SEC("license") = "GPL";
