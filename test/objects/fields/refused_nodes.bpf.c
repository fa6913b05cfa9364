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

char LICENSE[] SEC("license") = "GPL";
