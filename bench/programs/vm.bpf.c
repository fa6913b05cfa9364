// SPDX-License-Identifier: Apache-2.0
// Bench: the packet's bytes are the code of a little machine with 16 operations: a large switch in a loop.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int vm(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u32 a = 1, b = 2, c = 3, t;

	for (int i = 0; i < 256; i++, pos++) {
		if (pos + 1 > end)
			break;
		t = *pos >> 4;
		switch (*pos & 15) {
		case 0: a += b; break;
		case 1: a -= c; break;
		case 2: b ^= a; break;
		case 3: c = a * 5 + t; break;
		case 4: a <<= t & 7; break;
		case 5: b >>= t & 7; break;
		case 6: t = a; a = b; b = t; break;
		case 7: t = b; b = c; c = t; break;
		case 8: c |= a; break;
		case 9: a &= b | 0xff; break;
		case 10: b += t; break;
		case 11: c ^= b << 3; break;
		case 12: a = ~a; break;
		case 13: b = -b; break;
		case 14: c = (c << 9) | (c >> 23); break;
		default: a ^= c + i; break;
		}
	}
	return a ^ (b << 1) ^ (c << 2);
}
