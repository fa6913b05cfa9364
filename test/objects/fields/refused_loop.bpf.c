// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Linux refuses these types: an object could be in its own list.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct bpf_list_head {
	__u64 opaque[2];
};
struct bpf_list_node {
	__u64 opaque[3];
};

struct object {
	struct bpf_spin_lock lock;
	struct bpf_list_head children __attribute__((btf_decl_tag("contains:object:siblings")));
	struct bpf_list_node siblings;
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
