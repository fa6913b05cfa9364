// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Programs that call functions of the kernel, and take addresses of its symbols.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct task_struct {
	int pid;
};
struct rq {
	__u32 nr_running;
};

void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;
void bpf_preempt_disable(void) __ksym;
void bpf_preempt_enable(void) __ksym;
struct task_struct *bpf_task_from_pid(int pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
struct task_struct *bpf_task_acquire___of_6_18(struct task_struct *p) __ksym;
int bpf_of_no_kernel(void) __ksym;
int bpf_perhaps(void) __ksym __weak;
void bpf_rcu_read_lock___again(void) __ksym __weak;

extern const struct rq runqueues __ksym;
extern const int bpf_prog_active __ksym;

SEC("xdp")
int sections(struct xdp_md *ctx)
{
	bpf_rcu_read_lock();
	bpf_preempt_disable();
	bpf_preempt_enable();
	bpf_rcu_read_unlock();
	return XDP_TX;
}

SEC("xdp")
int weak(struct xdp_md *ctx)
{
	if (bpf_perhaps)
		return bpf_perhaps();
	return bpf_rcu_read_lock___again ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int missing(struct xdp_md *ctx)
{
	return bpf_of_no_kernel();
}

SEC("tc")
int task(struct __sk_buff *skb)
{
	struct task_struct *p = bpf_task_from_pid(1), *q;

	if (!p)
		return 0;
	q = bpf_task_acquire___of_6_18(p);
	if (q)
		bpf_task_release(q);
	bpf_task_release(p);
	return 0;
}

SEC("tc")
int leak(struct __sk_buff *skb)
{
	return bpf_task_from_pid(1) ? 1 : 0;
}

SEC("tc")
int per_cpu(struct __sk_buff *skb)
{
	const struct rq *rq = bpf_per_cpu_ptr(&runqueues, 0);
	const int *active = bpf_this_cpu_ptr(&bpf_prog_active);

	return rq ? rq->nr_running + *active : *active;
}

SEC("tp_btf/sched_switch")
int at_switch(unsigned long long *ctx)
{
	struct task_struct *next = (void *)ctx[2];

	bpf_rcu_read_lock();
	next = bpf_task_acquire___of_6_18(next);
	bpf_rcu_read_unlock();
	if (next)
		bpf_task_release(next);
	return 0;
}

SEC("iter/task")
int each_task(unsigned long long *ctx)
{
	struct task_struct *task = (void *)ctx[1];

	return !task;
}

SEC("fentry/vfs_call")
int at_function(unsigned long long *ctx)
{
	return 0;
}

SEC("fexit/no_such_function")
int at_nothing(unsigned long long *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
