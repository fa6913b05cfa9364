// SPDX-License-Identifier: Apache-2.0
// Bench: 16 tail calls one after the other; every program on the way looks at a byte of the packet.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)

#define DECLARE(n) int hop##n(struct xdp_md *ctx);
EACH(DECLARE)
int last(struct xdp_md *ctx);

#define SLOT(n) [n] = (void *)&hop##n,
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 16);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} hops SEC(".maps") = {.values = {EACH(SLOT)[15] = (void *)&last}};

#define HOP(n)                                                                                                         \
	SEC("xdp")                                                                                                     \
	int hop##n(struct xdp_md *ctx)                                                                                 \
	{                                                                                                              \
		unsigned char *data = (void *)(long)ctx->data;                                                         \
                                                                                                                       \
		if (data + 64 + n > (unsigned char *)(long)ctx->data_end || data[48 + n] == 0xee)                      \
			return n;                                                                                      \
		bpf_tail_call(ctx, &hops, n + 1);                                                                      \
		return 1000;                                                                                           \
	}
EACH(HOP)

SEC("xdp")
int last(struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data;
}

SEC("xdp")
int tail(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &hops, 0);
	return 1000;
}
