// SPDX-License-Identifier: Apache-2.0
// Bench: FNV-1a (64 bit) over every byte of the packet: byte loads, 64-bit multiply, a packet bound per byte.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int fnv(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u64 hash = 0xcbf29ce484222325;

	for (int i = 0; i < 1500; i++, pos++) {
		if (pos + 1 > end)
			break;
		hash = (hash ^ *pos) * 0x100000001b3;
	}
	return hash ^ (hash >> 32);
}
