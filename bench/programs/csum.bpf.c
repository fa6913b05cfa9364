// SPDX-License-Identifier: Apache-2.0
// Bench: the internet checksum (RFC 1071) over the packet: 16-bit loads and additions.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int csum(struct xdp_md *ctx)
{
	__u16 *pos = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 sum = 0;

	for (int i = 0; i < 750; i++, pos++) {
		if ((void *)(pos + 1) > end)
			break;
		sum += *pos;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}
