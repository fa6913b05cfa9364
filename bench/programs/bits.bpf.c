// SPDX-License-Identifier: Apache-2.0
// Bench: bit tricks on 64-bit words of the packet: population count, rotation, xorshift, byte swap.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __always_inline __u64 rotate(__u64 x, int by)
{
	return (x << by) | (x >> (64 - by));
}

static __always_inline __u64 popcount(__u64 x)
{
	x -= (x >> 1) & 0x5555555555555555;
	x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (x * 0x0101010101010101) >> 56;
}

SEC("xdp")
int bits(struct xdp_md *ctx)
{
	__u64 *pos = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 mix = 88172645463325252ull;

	for (int i = 0; i < 180; i++, pos++) {
		if ((void *)(pos + 1) > end)
			break;
		mix ^= *pos;
		mix ^= mix << 13;
		mix ^= mix >> 7;
		mix ^= mix << 17;
		mix = rotate(mix, 23) + popcount(mix);
		mix ^= __builtin_bswap64(mix) >> 3;
	}
	return mix ^ (mix >> 32);
}
