// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A map as objects defined it before BTF.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	unsigned int type, key_size, value_size, max_entries, map_flags;
} old SEC("maps") = { BPF_MAP_TYPE_HASH, 4, 8, 10, 0 };

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	int key = 0;

	return bpf_map_lookup_elem(&old, &key) != NULL;
}
