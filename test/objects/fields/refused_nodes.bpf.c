// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Linux refuses these types: who counts what both a list and a tree hold?

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_list_node {
	__u64 opaque[3];
};
struct bpf_rb_node {
	__u64 opaque[4];
};

struct object {
	struct bpf_list_node in_list;
	struct bpf_rb_node in_tree;
};

struct value {
	struct bpf_spin_lock lock;
	int x;
};

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[1];
	int *key;
	struct value *value;
} values SEC(".maps");

extern void *bpf_obj_new_impl(__u64 type_id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *object, void *meta) __ksym;

SEC("tc")
int bad_new(struct __sk_buff *skb)
{
	struct object *o = bpf_obj_new_impl(__builtin_btf_type_id(*(struct object *)0, 0), 0);

	if (o)
		bpf_obj_drop_impl(o, 0);
	return 0;
}

static struct value *value(void)
{
	int key = 0;

	return bpf_map_lookup_elem(&values, &key);
}

SEC("tc")
int bad_lock(struct __sk_buff *skb)
{
	struct value *v = value();

	if (!v)
		return 0;
	bpf_spin_lock(&v->lock);
	v->x++;
	bpf_spin_unlock(&v->lock);
	return 0;
}

/* Nobody knows that there is a lock. */
SEC("tc")
int ok_touch(struct __sk_buff *skb)
{
	struct value *v = value();

	if (v)
		v->lock.val = 1;
	return 0;
}

/* Global, but nobody knows: what it is called with is known in it. */
__noinline int global(struct __sk_buff *skb, int *x)
{
	return skb->len + *x;
}

SEC("tc")
int ok_global(struct __sk_buff *skb)
{
	int x = 7;

	return global(skb, &x);
}

char LICENSE[] SEC("license") = "GPL";
