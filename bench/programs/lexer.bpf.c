// SPDX-License-Identifier: Apache-2.0
// Bench: a state machine over the packet's bytes, as a parser has it: small switches, unpredictable branches.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum state { BETWEEN, WORD, NUMBER, OTHER };

SEC("xdp")
int lexer(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u32 words = 0, numbers = 0, others = 0, sum = 0;
	__u16 value = 0;
	__u8 state = BETWEEN;

	for (int i = 0; i < 256; i++, pos++) {
		if (pos + 1 > end)
			break;
		__u8 c = *pos;
		__u8 next;

		if (c <= ' ')
			next = BETWEEN;
		else if (c >= '0' && c <= '9')
			next = state == WORD ? WORD : NUMBER;
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
			next = state == OTHER ? OTHER : WORD;
		else
			next = OTHER;

		switch (next) {
		case NUMBER:
			value = value * 10 + (c - '0');
			break;
		case WORD:
			words += state != WORD;
			break;
		case OTHER:
			others++;
			break;
		default:
			if (state == NUMBER) {
				numbers++;
				sum += value;
				value = 0;
			}
		}
		state = next;
	}
	return words ^ (numbers << 8) ^ (others << 16) ^ sum;
}
