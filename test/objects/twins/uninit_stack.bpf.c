// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A table lookup, and twins that leave one byte of its key, or the whole word, unset. Linux takes what is on the stack
// from a loader with CAP_PERFMON (allow_uninit_stack) and rejects the twins for one that has CAP_BPF alone. They stand
// apart from twins.bpf.c, because such a loader may not index the stack by a variable either.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

struct flow_key {
	__u32 saddr;
	__u8 proto;
	__u8 zero[3];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow_key);
	__type(value, __u64);
} blocked SEC(".maps");

static __always_inline int firewall(struct xdp_md *ctx, int bytes)
{
	void *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = (void *)(long)ctx->data + sizeof(struct ethhdr);
	struct flow_key key;

	if ((void *)(ip + 1) > data_end)
		return XDP_DROP;
	key.saddr = ip->saddr;
	key.proto = ip->protocol;
	for (int i = 0; i < bytes; i++)
		*(volatile __u8 *)&key.zero[i] = 0;
	return bpf_map_lookup_elem(&blocked, &key) ? XDP_DROP : XDP_PASS;
}

SEC("xdp") int sound(struct xdp_md *ctx)
{
	return firewall(ctx, 3);
}

SEC("xdp") int uninit_key_byte(struct xdp_md *ctx)
{
	return firewall(ctx, 2);
}

SEC("xdp") __attribute__((naked)) int uninit_word(void)
{
	asm volatile("r2 = 1\n"
		     "*(u32 *)(r10 - 8) = r2\n"
		     "r0 = *(u64 *)(r10 - 8)\n"
		     "exit\n");
}

SEC("xdp") __attribute__((naked)) int uninit_half_spill(void)
{
	asm volatile("r2 = *(u32 *)(r1 + 12)\n"
		     "*(u32 *)(r10 - 16) = r2\n"
		     "r0 = *(u64 *)(r10 - 16)\n"
		     "exit\n");
}

/** The path that writes is walked first; the other one must not be taken for covered by it. */
SEC("xdp") __attribute__((naked)) int uninit_on_one_path(void)
{
	asm volatile("r2 = *(u32 *)(r1 + 12)\n"
		     "r0 = 0\n"
		     "if r2 != 0 goto +2\n"
		     "r3 = *(u32 *)(r1 + 16)\n"
		     "*(u64 *)(r10 - 8) = r3\n"
		     "r2 = 0\n"
		     "r3 = 0\n"
		     "r0 = *(u64 *)(r10 - 8)\n"
		     "exit\n");
}

char LICENSE[] SEC("license") = "GPL";
