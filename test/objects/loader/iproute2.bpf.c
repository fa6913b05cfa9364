// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Maps and tail calls by the conventions of iproute2 (struct bpf_elf_map; section ID/KEY).

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct elf_map {
	unsigned int type, size_key, size_value, max_elem, flags, id, pinning, inner_id, inner_idx;
};

struct elf_map jumps SEC("maps") = { BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 8, 0, 2, 2 };
struct elf_map inner SEC("maps") = { BPF_MAP_TYPE_HASH, 4, 8, 10, BPF_F_NO_PREALLOC, 5, 0, 0, 3 };
struct elf_map outer SEC("maps") = { BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 16, 0, 6, 0, 5, 0 };

SEC("2/1")
int second(struct xdp_md *ctx)
{
	int key = 3;
	void *map = bpf_map_lookup_elem(&outer, &key);

	return map ? bpf_map_lookup_elem(map, &key) != NULL : XDP_DROP;
}

SEC("xdp_first")
int first(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &jumps, 1);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
