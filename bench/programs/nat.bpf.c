// SPDX-License-Identifier: Apache-2.0
// Bench: source NAT: another source address and port, with checksums updated as RFC 1624 does it. The rewrite is an
// exclusive or, so that every run finds work to do.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

static __always_inline __u16 fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/** HC' = ~(~HC + ~m + m') for a 32-bit and a 16-bit field. */
static __always_inline __u16 updated(__u16 check, __u32 old, __u32 new, __u16 old_port, __u16 new_port)
{
	__u32 sum = (__u16)~check;

	sum += (__u16)~old + (__u16)~(old >> 16) + (__u16)new + (__u16)(new >> 16);
	sum += (__u16)~old_port + (__u32)new_port;
	return ~fold(sum);
}

SEC("xdp")
int nat(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl < 5)
		return 0;
	void *transport = (void *)ip + ip->ihl * 4;
	__be16 *port = transport, *check;

	if (ip->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = transport;

		if ((void *)(tcp + 1) > end)
			return 0;
		check = &tcp->check;
	} else if (ip->protocol == IPPROTO_UDP) {
		struct udphdr *udp = transport;

		if ((void *)(udp + 1) > end)
			return 0;
		check = &udp->check;
	} else {
		return 1;
	}
	__u32 old = ip->saddr, new = old ^ bpf_htonl(0x0a5a0301);
	__u16 old_port = *port, new_port = old_port ^ bpf_htons(0x4a31);

	ip->check = updated(ip->check, old, new, 0, 0);
	*check = updated(*check, old, new, old_port, new_port);
	ip->saddr = new;
	*port = new_port;
	ip->ttl ^= 1;
	return ip->check << 16 | *check;
}
