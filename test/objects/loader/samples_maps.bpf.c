// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Maps as the kernel's samples defined them before BTF: a section each, the inner map by its position among all maps.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct map_def {
	unsigned int type, key_size, value_size, max_entries, map_flags, inner_map_idx, numa_node;
};

struct map_def outer SEC("maps/outer") = { BPF_MAP_TYPE_HASH_OF_MAPS, 4, 4, 16, 0, 1, 0 };
struct map_def inner SEC("maps/inner") = { BPF_MAP_TYPE_HASH, 4, 8, 10, 4, 0, 1 };

SEC("socket1")
int prog(struct __sk_buff *skb)
{
	int key = 0;

	return bpf_map_lookup_elem(&outer, &key) != NULL;
}
