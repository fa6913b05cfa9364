// SPDX-License-Identifier: Apache-2.0
// Bench: SipHash-2-4 over the packet's 64-bit words: adds, rotations and xors that depend on each other.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __always_inline __u64 rotate(__u64 x, int by)
{
	return (x << by) | (x >> (64 - by));
}

#define ROUND                                                                                                          \
	do {                                                                                                           \
		v0 += v1, v1 = rotate(v1, 13) ^ v0, v0 = rotate(v0, 32);                                               \
		v2 += v3, v3 = rotate(v3, 16) ^ v2;                                                                    \
		v0 += v3, v3 = rotate(v3, 21) ^ v0;                                                                    \
		v2 += v1, v1 = rotate(v1, 17) ^ v2, v2 = rotate(v2, 32);                                               \
	} while (0)

SEC("xdp")
int siphash(struct xdp_md *ctx)
{
	__u64 *pos = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 k0 = 0x0706050403020100, k1 = 0x0f0e0d0c0b0a0908;
	__u64 v0 = k0 ^ 0x736f6d6570736575, v1 = k1 ^ 0x646f72616e646f6d;
	__u64 v2 = k0 ^ 0x6c7967656e657261, v3 = k1 ^ 0x7465646279746573;

	for (int i = 0; i < 128; i++, pos++) {
		if ((void *)(pos + 1) > end)
			break;
		v3 ^= *pos;
		ROUND;
		ROUND;
		v0 ^= *pos;
	}
	v2 ^= 0xff;
	ROUND;
	ROUND;
	ROUND;
	ROUND;
	v0 ^= v1 ^ v2 ^ v3;
	return v0 ^ (v0 >> 32);
}
