// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Programs by section and symbol: two in one section, one that is not loaded by default, one of another type, one of a
// type beewasm does not know; functions of .text that call each other, and the address of one.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __noinline int leaf(int x)
{
	return x * 3;
}

static __noinline int middle(int x)
{
	return leaf(x) + leaf(x + 1);
}

__noinline int shared(int x)
{
	return middle(x) ^ 5;
}

static __noinline int step(__u32 index, void *ctx)
{
	return index > 2;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return shared(ctx->ingress_ifindex) + leaf(2);
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("?xdp")
int manual(struct xdp_md *ctx)
{
	return bpf_loop(4, step, NULL, 0);
}

SEC("xdp.frags/devmap")
int frags(struct xdp_md *ctx)
{
	return leaf(ctx->rx_queue_index);
}

SEC("socket")
int filter(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("made_up/thing")
int unknown(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
