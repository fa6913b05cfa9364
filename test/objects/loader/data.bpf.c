// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Global data: .rodata, .data, .bss, a section of its own, static and global variables, a string, and a section that
// is no global data (as libxdp puts into its objects).

#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 limit = 7;
const volatile bool enabled = true;
const volatile __s8 shift = -2;
static const volatile __u64 seed = 0x1122334455667788;

int counter = 5;
__u16 ports[4] = { 80, 443, 53, 22 };
static volatile int hidden = 9;

__u64 total;
static volatile __u8 table[100];

__u32 special SEC(".data.special") = 0xabcd;
__u32 version SEC("my_metadata") = 3;

SEC("xdp")
int prog(struct xdp_md *ctx)
{
	if (enabled)
		total += ports[ctx->rx_queue_index & 3] + (seed >> 1);
	table[limit & 63] = shift;
	hidden += special;
	bpf_printk("text %d", counter);
	return hidden + table[50];
}

char LICENSE[] SEC("license") = "GPL";
