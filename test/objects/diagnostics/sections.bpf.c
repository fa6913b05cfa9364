// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Sections that are not ended, and objects on the stack that are used after their end: each rejection has two places.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_iter_num {
	__u64 opaque[1];
};
struct task_struct {
	int pid;
};

int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
struct task_struct *bpf_task_from_pid(int pid) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;
void bpf_preempt_disable(void) __ksym;
void bpf_preempt_enable(void) __ksym;
void bpf_local_irq_save(unsigned long *flags) __ksym;
void bpf_local_irq_restore(unsigned long *flags) __ksym;
void bpf_throw(__u64 cookie) __ksym __attribute__((noreturn));

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

SEC("syscall")
int leaves_rcu_open(__u32 *ctx)
{
	bpf_rcu_read_lock();
	if (*ctx == 1)
		return 0;
	bpf_rcu_read_unlock();
	return 1;
}

SEC("syscall")
int unlocks_rcu_twice(void *ctx)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	bpf_rcu_read_unlock();
	return 0;
}

static __noinline void quiet(unsigned long *flags)
{
	bpf_local_irq_save(flags);
}

SEC("syscall")
int sleeps_with_interrupts_off(void *ctx)
{
	unsigned long flags;
	__u32 value = 0;

	quiet(&flags);
	bpf_copy_from_user(&value, sizeof(value), 0);
	bpf_local_irq_restore(&flags);
	return value;
}

SEC("tc")
int restores_in_the_wrong_order(struct __sk_buff *skb)
{
	unsigned long outer, inner;

	bpf_local_irq_save(&outer);
	bpf_local_irq_save(&inner);
	bpf_local_irq_restore(&outer);
	bpf_local_irq_restore(&inner);
	return 0;
}

SEC("tc")
int preemption_stays_off(struct __sk_buff *skb)
{
	bpf_preempt_disable();
	bpf_preempt_disable();
	skb->mark = 1;
	bpf_preempt_enable();
	return 0;
}

int __noinline reads_user_memory(int key)
{
	__u32 value = key;

	bpf_copy_from_user(&value, sizeof(value), 0);
	return value;
}

SEC("syscall")
int global_that_sleeps(void *ctx)
{
	int result;

	bpf_rcu_read_lock();
	result = reads_user_memory(1);
	bpf_rcu_read_unlock();
	return result;
}

SEC("tc")
int record_after_it_is_sent(struct __sk_buff *skb)
{
	struct bpf_dynptr record;
	__u32 mark = skb->mark;

	bpf_ringbuf_reserve_dynptr(&events, 64, 0, &record);
	bpf_ringbuf_submit_dynptr(&record, 0);
	return bpf_dynptr_write(&record, 0, &mark, sizeof(mark), 0);
}

SEC("tc")
int iterator_made_twice(struct __sk_buff *skb)
{
	struct bpf_iter_num it;

	bpf_iter_num_new(&it, 0, 10);
	bpf_iter_num_new(&it, 0, 20);
	bpf_iter_num_destroy(&it);
	return 0;
}

SEC("tc")
int task_twice_released(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);

	if (!task)
		return 0;
	bpf_task_release(task);
	bpf_task_release(task);
	return 0;
}

SEC("syscall")
int throws_in_rcu(__u32 *ctx)
{
	bpf_rcu_read_lock();
	if (*ctx == 1)
		bpf_throw(1);
	bpf_rcu_read_unlock();
	return 0;
}

SEC("tc")
int reads_the_dynptr_itself(struct __sk_buff *skb)
{
	struct bpf_dynptr record;
	__u32 first;

	bpf_ringbuf_reserve_dynptr(&events, 64, 0, &record);
	first = *(volatile __u32 *)&record;
	bpf_ringbuf_submit_dynptr(&record, 0);
	return first;
}

char _license[] SEC("license") = "GPL";
