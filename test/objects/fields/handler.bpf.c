// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Functions that handle exceptions. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __exception_cb(name) __attribute__((btf_decl_tag("exception_callback:" #name)))

extern void bpf_throw(__u64 cookie) __ksym;
extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;

struct plain {
	__u64 a;
};

struct {
	int (*type)[BPF_MAP_TYPE_PROG_ARRAY];
	int (*max_entries)[2];
	int *key;
	int *value;
} jumps SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[2];
	int *key;
	__u64 *value;
} counts SEC(".maps");

__noinline int handler(__u64 cookie) {
	return cookie & 1;
}

__noinline int unbounded(__u64 cookie) {
	return cookie;
}

SEC("tc") __exception_cb(handler) int ok_handler(struct __sk_buff *skb) {
	if (skb->len > 100) bpf_throw(skb->len);
	return 1;
}

SEC("tc") __exception_cb(handler) int ok_without_throw(struct __sk_buff *skb) {
	return skb->len;
}

SEC("cgroup_skb/ingress") __exception_cb(handler) int ok_any_cookie(struct __sk_buff *skb) {
	bpf_throw(skb->len);
	return 1;
}

SEC("cgroup_skb/ingress") __exception_cb(unbounded) int bad_result(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

__noinline int helped(__u64 cookie) {
	int key = 0;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);
	if (count) *count += cookie;
	return 0;
}

SEC("tc") __exception_cb(helped) int ok_helpers(struct __sk_buff *skb) {
	bpf_throw(1);
	return 1;
}

__noinline int unchecked(__u64 cookie) {
	int key = cookie;
	__u64 *count = bpf_map_lookup_elem(&counts, &key);
	*count += cookie;
	return 0;
}

SEC("tc") __exception_cb(unchecked) int bad_unchecked(struct __sk_buff *skb) {
	bpf_throw(1);
	return 1;
}

__noinline int no_cookie(void) {
	return 0;
}

SEC("tc") __exception_cb(no_cookie) int bad_no_cookie(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

__noinline int two(__u64 a, __u64 b) {
	return a + b;
}

SEC("tc") __exception_cb(two) int bad_two(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

__noinline int of_pointer(struct __sk_buff *skb) {
	return skb->len;
}

SEC("tc") __exception_cb(of_pointer) int bad_of_pointer(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

__noinline int of_int(int cookie) {
	return cookie;
}

SEC("tc") __exception_cb(of_int) int ok_of_int(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

__noinline void no_result(__u64 cookie) {}

SEC("tc") __exception_cb(no_result) int bad_no_result(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

__noinline int throwing(__u64 cookie) {
	bpf_throw(cookie);
	return 0;
}

SEC("tc") __exception_cb(throwing) int bad_throwing(struct __sk_buff *skb) {
	return 1;
}

static __noinline int throws_below(__u64 cookie) {
	if (cookie > 7) bpf_throw(0);
	return cookie;
}

__noinline int calls_throwing(__u64 cookie) {
	return throws_below(cookie) + 1;
}

SEC("tc") __exception_cb(calls_throwing) int bad_calls_throwing(struct __sk_buff *skb) {
	return throws_below(skb->len);
}

SEC("tc") __exception_cb(handler) int bad_direct(struct __sk_buff *skb) {
	bpf_throw(skb->len);
	return handler(1);
}

SEC("tc") __exception_cb(handler) int bad_called(struct __sk_buff *skb) {
	return handler(skb->len) + 1;
}

static __noinline int calls_handler(int x) {
	return handler(x);
}

SEC("tc") __exception_cb(handler) int bad_called_below(struct __sk_buff *skb) {
	return calls_handler(skb->len) + 1;
}

SEC("tc") int ok_called_by_others(struct __sk_buff *skb) {
	return handler(skb->len) + 1;
}

SEC("tc") __exception_cb(handler) __exception_cb(unbounded) int bad_several(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

static __noinline int local(__u64 cookie) {
	return bpf_get_prandom_u32() + cookie;
}

SEC("tc") __exception_cb(local) int bad_static(struct __sk_buff *skb) {
	return local(1);
}

__noinline int missing_later(__u64 cookie) {
	return cookie;
}

SEC("tc") __exception_cb(nowhere) int bad_nowhere(struct __sk_buff *skb) {
	return missing_later(1);
}

__noinline int jumping(__u64 cookie) {
	bpf_tail_call((void *)cookie, &jumps, 0);
	return 0;
}

SEC("tc") __exception_cb(jumping) int bad_jumping(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

/* A tail call that no path comes to. */
#define DEAD_JUMP() asm volatile("r3 = 0; if r3 == 0 goto +2; r2 = r1; call 12; " ::: "r0", "r1", "r2", "r3", "r4", "r5")

__noinline int dead_jump(__u64 cookie) {
	DEAD_JUMP();
	return cookie & 1;
}

SEC("tc") __exception_cb(dead_jump) int ok_dead_jump(struct __sk_buff *skb) {
	bpf_throw(0);
	return 1;
}

static __noinline int dead_below(__u64 cookie) {
	DEAD_JUMP();
	return cookie + 1;
}

__noinline int dead_jump_below(__u64 cookie) {
	return dead_below(cookie) & 1;
}

SEC("tc") __exception_cb(dead_jump_below) int bad_dead_jump(struct __sk_buff *skb) {
	return dead_below(skb->len) > 7;
}

static __noinline int jump(struct __sk_buff *skb) {
	bpf_tail_call(skb, &jumps, 0);
	return 0;
}

static __noinline long each(__u32 i, void *ctx) {
	return i > 3;
}

__noinline int loops(__u64 cookie) {
	return bpf_loop(cookie, each, NULL, 0);
}

SEC("tc") __exception_cb(loops) int ok_loops(struct __sk_buff *skb) {
	if (skb->len > 9) bpf_throw(5);
	return jump(skb);
}

/* Uses that many bytes of stack. */
#define ROOM(bytes) asm volatile("*(u64 *)(r10 - " #bytes ") = %0" ::"r"(0))

__noinline int deep(__u64 cookie) {
	ROOM(264);
	return cookie;
}

static __noinline int deeper_still(__u64 cookie) {
	ROOM(264);
	return cookie;
}

__noinline int deeper(__u64 cookie) {
	ROOM(264);
	return deeper_still(cookie) + 1;
}

SEC("tc") __exception_cb(deep) int ok_own_stack(struct __sk_buff *skb) {
	ROOM(480);
	if (skb->len > 9) bpf_throw(5);
	return 0;
}

SEC("tc") __exception_cb(deeper) int bad_too_deep(struct __sk_buff *skb) {
	if (skb->len > 9) bpf_throw(5);
	return 0;
}

SEC("tc") __exception_cb(handler) int bad_leak(struct __sk_buff *skb) {
	struct plain *p = bpf_obj_new_impl(bpf_core_type_id_local(struct plain), NULL);
	if (!p) return 0;
	if (skb->len > 100) bpf_throw(0);
	bpf_obj_drop_impl(p, NULL);
	return 0;
}

__noinline int leaks(__u64 cookie) {
	struct plain *p = bpf_obj_new_impl(bpf_core_type_id_local(struct plain), NULL);
	return p != NULL;
}

SEC("tc") __exception_cb(leaks) int bad_handler_leaks(struct __sk_buff *skb) {
	if (skb->len > 100) bpf_throw(0);
	return 0;
}

__noinline int global(int x) {
	if (x > 7) bpf_throw(x);
	return x;
}

__noinline int calls_global(__u64 cookie) {
	return global(3);
}

SEC("tc") __exception_cb(handler) int ok_global_throws(struct __sk_buff *skb) {
	return global(skb->len);
}

SEC("tc") __exception_cb(calls_global) int bad_global_throws(struct __sk_buff *skb) {
	return global(skb->len);
}

static long throws_in_loop(__u32 i, void *ctx) {
	if (i == 3) bpf_throw(0);
	return 0;
}

SEC("tc") __exception_cb(handler) int bad_in_loop(struct __sk_buff *skb) {
	return bpf_loop(5, throws_in_loop, NULL, 0);
}

SEC("tc") __exception_cb(handler) int bad_address(struct __sk_buff *skb) {
	return bpf_loop(5, handler, NULL, 0);
}

char LICENSE[] SEC("license") = "GPL";
