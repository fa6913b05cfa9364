// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Functions that helpers call: what says how often, and the key they get. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u64);
	__type(value, __u64);
} numbers SEC(".maps");

/* bpf_loop with a count of any type. */
static long (*const loop)(void *count, void *callback, void *ctx, __u64 flags) = (void *)BPF_FUNC_loop;

/* May be verified for a call only: the number is no address. */
static long reads_anywhere(__u64 index, void *ctx) {
	return *(volatile __u8 *)index & 1;
}

static long reads_nothing(__u64 index, void *ctx) {
	return 0;
}

SEC("xdp") int bad_loop_of_ctx(struct xdp_md *ctx) {
	loop(ctx, reads_anywhere, NULL, 0);
	return 0;
}

SEC("xdp") int bad_loop_of_stack(struct xdp_md *ctx) {
	__u64 here = 0;
	loop(&here, reads_nothing, NULL, 0);
	return here;
}

SEC("xdp") int bad_loop_of_value(struct xdp_md *ctx) {
	__u64 key = 0;
	void *value = bpf_map_lookup_elem(&numbers, &key);
	loop(value, reads_nothing, NULL, 0);
	return 0;
}

SEC("xdp") int bad_loop_once(struct xdp_md *ctx) {
	loop((void *)1, reads_anywhere, NULL, 0);
	return 0;
}

SEC("xdp") int ok_loop_unknown(struct xdp_md *ctx) {
	loop((void *)(long)ctx->rx_queue_index, reads_nothing, NULL, 0);
	return 0;
}

#define on_keys(name, access)                                                                        \
	static long name##_each(void *map, __u8 *key, __u64 *value, __u64 *sum) {                    \
		__u64 at __attribute__((unused)) = *value & 7;                                                       \
		access;                                                                              \
		return 0;                                                                            \
	}                                                                                            \
	SEC("xdp") int name(struct xdp_md *ctx) {                                                    \
		__u64 sum = 0;                                                                       \
		bpf_for_each_map_elem(&numbers, name##_each, &sum, 0);                               \
		return sum;                                                                          \
	}

#define moved(by) asm volatile("%0 += %1" : "+r"(key) : "r"(by))

on_keys(ok_key_anywhere, moved(at); *sum += *key);
on_keys(ok_key_half, asm volatile("%0 += 4" : "+r"(key)); *sum += *(__u32 *)key);
on_keys(bad_key_behind, asm volatile("%0 += 4" : "+r"(key)); *sum += *(volatile __u64 *)key);
on_keys(bad_key_in_front, asm volatile("%0 += -4" : "+r"(key)); *sum += *(__u32 *)key);
on_keys(bad_key_too_far, moved(at); *sum += *(volatile __u16 *)key);
on_keys(bad_key_unbounded, moved(*value); *sum += *key);
on_keys(bad_key_written, asm volatile("%0 += 4" : "+r"(key)); *(volatile __u32 *)key = 1);
on_keys(ok_key_looked_up, asm volatile("%0 += 0" : "+r"(key)); __u64 *v = bpf_map_lookup_elem(&numbers, key); if (v) *sum += *v);
on_keys(bad_key_looked_up, moved(at); __u64 *v = bpf_map_lookup_elem(&numbers, key); if (v) *sum += *v);

struct task_struct;
struct vm_area_struct;

static long notes(struct task_struct *task, struct vm_area_struct *area, __u64 *sum) {
	*sum = 2;
	return 0;
}

static long writes_the_area(struct task_struct *task, struct vm_area_struct *area, __u64 *sum) {
	*(volatile __u64 *)area = 1;
	return 0;
}

static long writes_behind(struct task_struct *task, struct vm_area_struct *area, __u64 *sum) {
	*(volatile __u64 *)(sum + 1) = 1;
	return 0;
}

static long returns_two(struct task_struct *task, struct vm_area_struct *area, __u64 *sum) {
	return 2;
}

#define find_vma(name, callback)                                                    \
	SEC("raw_tp") int name(void *ctx) {                                         \
		__u64 sum = 0;                                                      \
		bpf_find_vma(bpf_get_current_task_btf(), 4096, callback, &sum, 0);  \
		return sum > 1;                                                     \
	}
find_vma(ok_find_vma, notes)
find_vma(bad_find_vma_writes_the_area, writes_the_area)
find_vma(bad_find_vma_writes_behind, writes_behind)
find_vma(bad_find_vma_returns_two, returns_two)

char _license[] SEC("license") = "GPL";
