// SPDX-License-Identifier: Apache-2.0
// Bench: adds up LEB128 numbers: a byte loop with a data-dependent branch per byte.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int varint(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u64 sum = 0, value = 0;
	__u32 shift = 0;

	for (int i = 0; i < 512; i++, pos++) {
		if (pos + 1 > end)
			break;
		value |= (__u64)(*pos & 0x7f) << (shift & 63);
		shift += 7;
		if (!(*pos & 0x80)) {
			sum += value;
			value = 0;
			shift = 0;
		}
	}
	return sum ^ (sum >> 32);
}
