// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Locks, lists and trees in sections of variables. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))
#define __kptr __attribute__((btf_type_tag("kptr")))

/* Of Linux 6.x: older headers lack them. */
struct bpf_list_head {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_list_node {
	__u64 opaque[3];
} __attribute__((aligned(8)));
struct bpf_rb_root {
	__u64 opaque[2];
} __attribute__((aligned(8)));
struct bpf_rb_node {
	__u64 opaque[4];
} __attribute__((aligned(8)));

extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;

#define new(type) ((type *)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define drop(p) bpf_obj_drop_impl(p, NULL)

struct item {
	struct bpf_list_node link;
	__u64 key;
};

struct leaf {
	struct bpf_rb_node node;
	__u64 key;
};

#define in(name) SEC(".data." #name) __hidden __attribute__((aligned(8)))

in(A) struct bpf_spin_lock lock_a;
in(A) struct bpf_list_head items __contains(item, link);
in(A) struct bpf_rb_root tree __contains(leaf, node);
in(B) struct bpf_spin_lock lock_b;
in(B) struct bpf_list_head more[2] __contains(item, link);
in(C) struct item __kptr *kept;
__u64 count;

SEC("tc") int ok_push(struct __sk_buff *skb) {
	struct item *i = new(struct item);
	if (!i) return 0;
	count++;
	bpf_spin_lock(&lock_a);
	bpf_list_push_front_impl(&items, &i->link, NULL, 0);
	bpf_spin_unlock(&lock_a);
	return 0;
}

SEC("tc") int ok_pop(struct __sk_buff *skb) {
	struct bpf_list_node *n;
	bpf_spin_lock(&lock_b);
	n = bpf_list_pop_front(&more[1]);
	bpf_spin_unlock(&lock_b);
	if (n) drop((struct item *)n);
	return 0;
}

SEC("tc") int bad_lock_of_other_section(struct __sk_buff *skb) {
	struct bpf_list_node *n;
	bpf_spin_lock(&lock_b);
	n = bpf_list_pop_front(&items);
	bpf_spin_unlock(&lock_b);
	if (n) drop((struct item *)n);
	return 0;
}

SEC("tc") int ok_tree(struct __sk_buff *skb) {
	struct bpf_rb_node *n;
	struct leaf *l = new(struct leaf);
	int r = 0;
	if (!l) return 0;
	drop(l);
	bpf_spin_lock(&lock_a);
	n = bpf_rbtree_first(&tree);
	if (n) r = ((struct leaf *)n)->key;
	bpf_spin_unlock(&lock_a);
	return r;
}

SEC("tc") int bad_reads_lock(struct __sk_buff *skb) {
	return *(volatile int *)&lock_a;
}

SEC("tc") int bad_writes_list(struct __sk_buff *skb) {
	*(volatile char *)&more[1] = 1;
	return 0;
}

SEC("tc") int ok_kept(struct __sk_buff *skb) {
	struct item *i = new(struct item);
	if (!i) return 0;
	i = bpf_kptr_xchg(&kept, i);
	if (i) drop(i);
	return 0;
}

SEC("raw_tp/x") int bad_tracing(void *ctx) {
	return *(volatile int *)((void *)&tree + 16);
}

SEC("socket") int bad_socket(struct __sk_buff *skb) {
	bpf_spin_lock(&lock_a);
	bpf_spin_unlock(&lock_a);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
