// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// clang: -g0
//
// No BTF: programs and global data still load, variables come from the symbol table.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 limit = 7;
__u64 total;

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	total++;
	return limit;
}
