// SPDX-License-Identifier: Apache-2.0
// Bench: a ChaCha20 block (RFC 8439) keyed by the packet, unrolled: thousands of instructions without a branch, sixteen
// words that do not fit into ten registers.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define ROTATE(x, by) (((x) << (by)) | ((x) >> (32 - (by))))
#define QUARTER(a, b, c, d)                                                                                            \
	do {                                                                                                           \
		a += b, d ^= a, d = ROTATE(d, 16);                                                                     \
		c += d, b ^= c, b = ROTATE(b, 12);                                                                     \
		a += b, d ^= a, d = ROTATE(d, 8);                                                                      \
		c += d, b ^= c, b = ROTATE(b, 7);                                                                      \
	} while (0)
#define DOUBLE_ROUND                                                                                                   \
	do {                                                                                                           \
		QUARTER(x0, x4, x8, x12);                                                                              \
		QUARTER(x1, x5, x9, x13);                                                                              \
		QUARTER(x2, x6, x10, x14);                                                                             \
		QUARTER(x3, x7, x11, x15);                                                                             \
		QUARTER(x0, x5, x10, x15);                                                                             \
		QUARTER(x1, x6, x11, x12);                                                                             \
		QUARTER(x2, x7, x8, x13);                                                                              \
		QUARTER(x3, x4, x9, x14);                                                                              \
	} while (0)

SEC("xdp")
int chacha20(struct xdp_md *ctx)
{
	__u32 *k = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	if ((void *)(k + 12) > end)
		return 0;
	__u32 x0 = 0x61707865, x1 = 0x3320646e, x2 = 0x79622d32, x3 = 0x6b206574;
	__u32 x4 = k[0], x5 = k[1], x6 = k[2], x7 = k[3], x8 = k[4], x9 = k[5], x10 = k[6], x11 = k[7];
	__u32 x12 = k[8], x13 = k[9], x14 = k[10], x15 = k[11];

	DOUBLE_ROUND;
	DOUBLE_ROUND;
	DOUBLE_ROUND;
	DOUBLE_ROUND;
	DOUBLE_ROUND;
	DOUBLE_ROUND;
	DOUBLE_ROUND;
	DOUBLE_ROUND;
	DOUBLE_ROUND;
	DOUBLE_ROUND;
	x0 += 0x61707865, x1 += 0x3320646e, x2 += 0x79622d32, x3 += 0x6b206574;
	x4 += k[0], x5 += k[1], x6 += k[2], x7 += k[3], x8 += k[4], x9 += k[5], x10 += k[6], x11 += k[7];
	x12 += k[8], x13 += k[9], x14 += k[10], x15 += k[11];
	return x0 ^ x1 ^ x2 ^ x3 ^ x4 ^ x5 ^ x6 ^ x7 ^ x8 ^ x9 ^ x10 ^ x11 ^ x12 ^ x13 ^ x14 ^ x15;
}
