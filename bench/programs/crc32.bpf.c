// SPDX-License-Identifier: Apache-2.0
// Bench: CRC-32 bit by bit over the first 128 bytes: 32-bit shifts and a data-dependent choice per bit.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int crc32(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u32 crc = ~0u;

	for (int i = 0; i < 128; i++, pos++) {
		if (pos + 1 > end)
			break;
		crc ^= *pos;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
	}
	return ~crc;
}
