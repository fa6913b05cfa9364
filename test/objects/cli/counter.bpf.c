// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A program quick to verify that does one of everything `prog run` shows: counts per CPU and in .bss, changes the packet
// and writes a trace line; its verdict is the length in 64ths.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5);
	__type(key, __u32);
	__type(value, struct counter);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u64);
} lengths SEC(".maps");

__u64 total;

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	__u8 *data = (void *)(long)ctx->data;
	__u32 length = data_end - (void *)data;
	__u32 verdict = 2;
	__u64 one = 1;
	struct counter *c;

	if ((void *)(data + 1) > data_end)
		return XDP_ABORTED;
	*data += 1;
	total++;
	bpf_map_update_elem(&lengths, &length, &one, BPF_ANY);
	c = bpf_map_lookup_elem(&verdicts, &verdict);
	if (!c)
		return XDP_ABORTED;
	c->packets++;
	c->bytes += length;
	bpf_printk("packet of %d bytes", length);
	return length / 64;
}

char LICENSE[] SEC("license") = "GPL";
