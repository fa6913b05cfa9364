// SPDX-License-Identifier: Apache-2.0
// Bench: calls between functions of the program: 64 calls, each of which calls another one.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __noinline __u32 mix(__u32 a, __u32 b)
{
	a ^= b >> 7;
	return a * 0x9e3779b1 + b;
}

static __noinline __u32 fold(__u32 hash, __u32 byte, __u32 i)
{
	if (byte & 1)
		return mix(hash, byte) + i;
	return mix(byte + i, hash);
}

SEC("xdp")
int calls(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u32 hash = 1;

	for (int i = 0; i < 64; i++, pos++) {
		if (pos + 1 > end)
			break;
		hash = fold(hash, *pos, i);
	}
	return hash;
}
