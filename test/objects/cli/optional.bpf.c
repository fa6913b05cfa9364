// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Programs that wait to be asked for.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("?xdp")
int passes(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("?xdp")
int drops(struct xdp_md *ctx)
{
	return XDP_DROP;
}
