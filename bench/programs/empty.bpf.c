// SPDX-License-Identifier: Apache-2.0
// Bench: returns at once. What a run costs apart from the program.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}
