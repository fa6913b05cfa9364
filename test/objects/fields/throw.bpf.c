// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Exceptions. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

extern void bpf_throw(__u64 cookie) __ksym;
extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

struct plain {
	__u64 a;
};

struct value {
	struct bpf_spin_lock lock;
	int x;
	struct bpf_timer timer;
};

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[4];
	int *key;
	struct value *value;
} values SEC(".maps");

static struct value *value(int key) {
	return bpf_map_lookup_elem(&values, &key);
}

SEC("tc") int ok_throw(struct __sk_buff *skb) {
	if (skb->len > 100) bpf_throw(0);
	return 1;
}

SEC("tc") int ok_unknown_cookie(struct __sk_buff *skb) {
	bpf_throw(skb->len);
	return 1;
}

SEC("cgroup_skb/ingress") int ok_cookie_in_range(struct __sk_buff *skb) {
	bpf_throw(skb->len & 1);
	return 1;
}

SEC("cgroup_skb/ingress") int bad_cookie_out_of_range(struct __sk_buff *skb) {
	bpf_throw(skb->len & 7);
	return 1;
}

SEC("cgroup_skb/ingress") int bad_cookie_unknown(struct __sk_buff *skb) {
	bpf_throw(*(__u64 *)skb->cb);
	return 1;
}

SEC("tc") int bad_cookie_is_pointer(struct __sk_buff *skb) {
	bpf_throw((__u64)skb);
	return 1;
}

SEC("tc") int bad_leak(struct __sk_buff *skb) {
	struct plain *p = bpf_obj_new_impl(bpf_core_type_id_local(struct plain), NULL);
	if (!p) return 0;
	if (skb->len > 100) bpf_throw(0);
	bpf_obj_drop_impl(p, NULL);
	return 0;
}

SEC("tc") int bad_in_lock(struct __sk_buff *skb) {
	struct value *v = value(0);
	if (!v) return 0;
	bpf_spin_lock(&v->lock);
	if (v->x) bpf_throw(0);
	bpf_spin_unlock(&v->lock);
	return 0;
}

SEC("tc") int bad_in_rcu(struct __sk_buff *skb) {
	bpf_rcu_read_lock();
	if (skb->len > 100) bpf_throw(0);
	bpf_rcu_read_unlock();
	return 0;
}

static __noinline int deep(int x) {
	if (x > 7) bpf_throw(x);
	return x * 3;
}

SEC("tc") int ok_in_function(struct __sk_buff *skb) {
	return deep(skb->len) + deep(skb->mark);
}

SEC("tc") int bad_leak_of_caller(struct __sk_buff *skb) {
	struct plain *p = bpf_obj_new_impl(bpf_core_type_id_local(struct plain), NULL);
	if (!p) return 0;
	deep(skb->len);
	bpf_obj_drop_impl(p, NULL);
	return 0;
}

__noinline int throws(int x) {
	if (x > 7) bpf_throw(0);
	return x;
}

SEC("tc") int ok_in_global(struct __sk_buff *skb) {
	return throws(skb->len);
}

/* Linux 6.18 does not ask what the caller of a global function holds. */
SEC("tc") int bad_leak_of_caller_of_global(struct __sk_buff *skb) {
	struct plain *p = bpf_obj_new_impl(bpf_core_type_id_local(struct plain), NULL);
	if (!p) return 0;
	throws(skb->len);
	bpf_obj_drop_impl(p, NULL);
	return 0;
}

static long each(__u32 i, void *ctx) {
	if (i == 3) bpf_throw(0);
	return 0;
}

SEC("tc") int bad_in_loop(struct __sk_buff *skb) {
	return bpf_loop(5, each, NULL, 0);
}

static __noinline long inner(__u32 i) {
	if (i == 3) bpf_throw(0);
	return 0;
}

static long each_inner(__u32 i, void *ctx) {
	return inner(i);
}

SEC("tc") int bad_below_loop(struct __sk_buff *skb) {
	return bpf_loop(5, each_inner, NULL, 0) + inner(skb->len);
}

static int late(void *map, int *key, struct value *v) {
	if (v->x) bpf_throw(0);
	return 0;
}

static int late_one(void *map, int *key, struct value *v) {
	if (v->x) bpf_throw(1);
	return 0;
}

SEC("tc") int bad_in_timer(struct __sk_buff *skb) {
	struct value *v = value(0);
	return v ? bpf_timer_set_callback(&v->timer, late) : 0;
}

SEC("tc") int bad_in_timer_one(struct __sk_buff *skb) {
	struct value *v = value(0);
	return v ? bpf_timer_set_callback(&v->timer, late_one) : 0;
}

char LICENSE[] SEC("license") = "GPL";
