// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Mistakes around functions of the kernel, one per program, as people make them.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define __kptr __attribute__((btf_type_tag("kptr")))

struct bpf_iter_num {
	__u64 opaque[1];
};
struct task_struct {
	int pid;
};

int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *ptr) __ksym;
void *bpf_dynptr_slice(const struct bpf_dynptr *ptr, __u32 offset, void *buffer, __u32 size) __ksym;
void *bpf_obj_new_impl(__u64 type_id, void *meta) __ksym;
void bpf_obj_drop_impl(void *object, void *meta) __ksym;
struct task_struct *bpf_task_from_pid(int pid) __ksym;
struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
void bpf_task_release(struct task_struct *p) __ksym;
void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;
int bpf_of_later_kernels(void) __ksym __weak;

struct value {
	struct task_struct __kptr *task;
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct value);
} values SEC(".maps");

struct node {
	int key;
};

SEC("tc")
int leaks_an_iterator(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int *i, sum = 0;

	bpf_iter_num_new(&it, 0, 10);
	while ((i = bpf_iter_num_next(&it))) {
		if (*i == skb->mark)
			return 1;
		sum += *i;
	}
	bpf_iter_num_destroy(&it);
	return sum;
}

SEC("tc")
int first_may_be_none(struct __sk_buff *skb)
{
	struct bpf_iter_num it;
	int first;

	bpf_iter_num_new(&it, 0, 10);
	first = *bpf_iter_num_next(&it);
	bpf_iter_num_destroy(&it);
	return first;
}

SEC("tc")
int leaks_a_task(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);

	return task ? 1 : 0;
}

SEC("tc")
int object_not_checked(struct __sk_buff *skb)
{
	struct node *n = bpf_obj_new_impl(__builtin_btf_type_id(*(struct node *)0, 0), 0);

	n->key = 1;
	bpf_obj_drop_impl(n, 0);
	return 0;
}

SEC("tc")
int writes_to_a_slice(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	__u64 buffer, *slice;

	bpf_dynptr_from_skb(skb, 0, &ptr);
	slice = bpf_dynptr_slice(&ptr, 0, &buffer, sizeof(buffer));
	if (slice)
		*slice = 1;
	return 0;
}

SEC("tc")
int slice_larger_than_its_buffer(struct __sk_buff *skb)
{
	struct bpf_dynptr ptr;
	__u64 buffer;

	bpf_dynptr_from_skb(skb, 0, &ptr);
	return bpf_dynptr_slice(&ptr, 0, &buffer, 64) ? 1 : 0;
}

SEC("syscall")
int task_after_rcu(void *ctx)
{
	struct task_struct *task;
	struct value *v;
	__u32 key = 0;

	v = bpf_map_lookup_elem(&values, &key);
	if (!v)
		return 0;
	bpf_rcu_read_lock();
	task = v->task;
	bpf_rcu_read_unlock();
	if (!task)
		return 0;
	task = bpf_task_acquire(task);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("tc")
int weak_and_not_there(struct __sk_buff *skb)
{
	return bpf_of_later_kernels();
}

SEC("kprobe")
int timer_in_a_kprobe(void *ctx)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&values, &key) ? 1 : 0;
}

char LICENSE[] SEC("license") = "GPL";
