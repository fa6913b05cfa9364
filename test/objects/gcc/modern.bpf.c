// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// What GCC makes of the usual things: named and static maps, a PROG_ARRAY that is filled by the object, global data of all
// sections, static and global functions. Built by bpf-gcc 14 with binutils 2.44 (npm run objects leaves it alone):
// bpf-gcc -O2 -gbtf -mcpu=v3 -idirafter /usr/include -c modern.bpf.c

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} lengths SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} verdicts SEC(".maps");

int next(struct xdp_md *ctx);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} jumps SEC(".maps") = { .values = { [1] = (void *)&next } };

__u64 total;
__u32 start = 7;
const volatile __u32 factor = 3;

static __attribute__((noinline)) __u32 scaled(__u32 n)
{
	return n * factor + start;
}

__attribute__((noinline)) int bounded(__u32 n)
{
	return n > 100 ? 100 : scaled(n);
}

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
	__u32 length = ctx->data_end - ctx->data;
	__u64 value = bounded(length);

	total += length;
	bpf_map_update_elem(&lengths, &length, &value, BPF_ANY);
	bpf_tail_call(ctx, &jumps, 1);
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
