// SPDX-License-Identifier: Apache-2.0
// Bench: how often "page" and "e 1" occur in the first 512 bytes: a comparison that mostly fails at its first byte.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __always_inline int starts(const unsigned char *pos, const char *needle, int length)
{
	for (int i = 0; i < length; i++)
		if (pos[i] != (unsigned char)needle[i])
			return 0;
	return 1;
}

SEC("xdp")
int strsearch(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u32 found = 0, last = 0;

	for (int i = 0; i < 512; i++, pos++) {
		if (pos + 4 > end)
			break;
		if (starts(pos, "page", 4))
			found += 0x10000;
		if (starts(pos, "e 1", 3)) {
			found++;
			last = i;
		}
	}
	return found * 31 + last;
}
