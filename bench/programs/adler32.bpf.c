// SPDX-License-Identifier: Apache-2.0
// Bench: Adler-32 over the packet: a byte loop with two sums and a remainder now and then.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int adler32(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u32 a = 1, b = 0;

	for (int i = 0; i < 1024; i++, pos++) {
		if (pos + 1 > end)
			break;
		a += *pos;
		b += a;
		if ((i & 15) == 15) {
			a %= 65521;
			b %= 65521;
		}
	}
	return b % 65521 << 16 | a % 65521;
}
