// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// clang: -g0
//
// `.maps` means nothing without the BTF that describes it.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, int);
	__type(value, long);
} map SEC(".maps");

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	int key = 0;

	return bpf_map_lookup_elem(&map, &key) != NULL;
}
