// SPDX-License-Identifier: Apache-2.0
// Bench: 64-bit division and remainder by values from the packet, which may be zero: the cases of RFC 9669 (x / 0 = 0,
// x % 0 = x) in C, since division by zero is undefined there.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int divmod(struct xdp_md *ctx)
{
	__u32 *pos = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u64 x = 0x9e3779b97f4a7c15, sum = 0;

	for (int i = 0; i < 200; i++, pos++) {
		if ((void *)(pos + 1) > end)
			break;
		__u64 divisor = *pos ^ (x & 0xffff);
		if (divisor) {
			sum += x / divisor;
			x ^= x % divisor;
		}
		x = x * 6364136223846793005ull + 1442695040888963407ull;
	}
	return sum ^ (sum >> 32) ^ x;
}
