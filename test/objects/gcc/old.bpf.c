// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// GCC 12 with binutils 2.40: where a map lies in its section stands in the instruction as well as in the symbol, and
// addresses in data have a relocation type of their own. This GCC knows helpers by an attribute. Built by
// bpf-gcc -O2 -gbtf -idirafter /usr/include -c old.bpf.c

#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define __array(name, val) typeof(val) *name[]

void *bpf_map_lookup_elem(void *map, const void *key) __attribute__((kernel_helper(1)));
long bpf_tail_call(void *ctx, void *map, __u32 index) __attribute__((kernel_helper(12)));

int next(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} jumps SEC(".maps") = { .values = { [1] = (void *)&next } };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} before SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

SEC("xdp")
int next(struct xdp_md *ctx)
{
	__u32 key = 1;
	__u64 *hits = bpf_map_lookup_elem(&verdicts, &key);

	if (hits)
		(*hits)++;
	return XDP_TX;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	__u32 key = 0;
	__u64 *one = bpf_map_lookup_elem(&before, &key);

	if (one)
		*one = 5;
	bpf_tail_call(ctx, &jumps, 1);
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
