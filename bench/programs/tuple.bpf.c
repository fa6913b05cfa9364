// SPDX-License-Identifier: Apache-2.0
// Bench: a 5-tuple filter: parses Ethernet, IPv4 and ports, then compares with rules one after the other.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

struct rule {
	__u32 source, source_mask, target, target_mask;
	__u16 first_port, last_port;
	__u32 protocol;
};

#define NET(a, b, c, d, bits) ((a) << 24 | (b) << 16 | (c) << 8 | (d)), (__u32)(~0ull << (32 - (bits)))
#define ANY 0, 0

static const struct rule rules[] = {
	{NET(203u, 0, 113, 0, 24), ANY, 0, 65535, IPPROTO_TCP},
	{ANY, NET(198u, 51, 100, 7, 32), 25, 25, IPPROTO_TCP},
	{NET(172u, 16, 0, 0, 12), NET(192u, 0, 2, 0, 24), 1, 1023, IPPROTO_UDP},
	{ANY, ANY, 135, 139, IPPROTO_UDP},
	{ANY, ANY, 445, 445, IPPROTO_TCP},
	{NET(100u, 64, 0, 0, 10), ANY, 0, 65535, IPPROTO_UDP},
	{ANY, NET(203u, 0, 113, 128, 25), 3306, 3307, IPPROTO_TCP},
	{NET(198u, 18, 0, 0, 15), ANY, 5000, 6000, IPPROTO_TCP},
	{ANY, NET(224u, 0, 0, 0, 4), 0, 65535, IPPROTO_UDP},
	{NET(127u, 0, 0, 0, 8), ANY, 0, 65535, IPPROTO_TCP},
	{ANY, ANY, 11211, 11211, IPPROTO_UDP},
	{NET(192u, 168, 0, 0, 16), NET(192u, 168, 0, 0, 16), 8000, 9000, IPPROTO_TCP},
	{NET(10u, 0, 0, 0, 8), NET(10u, 0, 0, 0, 8), 40000, 65535, IPPROTO_TCP},
	{ANY, ANY, 53, 53, IPPROTO_UDP},
	{ANY, ANY, 443, 443, IPPROTO_TCP},
	{ANY, ANY, 80, 80, IPPROTO_TCP},
};

SEC("xdp")
int tuple(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl < 5)
		return 0;
	__be16 *ports = (void *)ip + ip->ihl * 4;
	if ((void *)(ports + 2) > end)
		return 0;
	__u32 source = bpf_ntohl(ip->saddr), target = bpf_ntohl(ip->daddr), protocol = ip->protocol;
	__u16 port = bpf_ntohs(ports[1]);

	for (unsigned int i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const struct rule *r = &rules[i];

		if (protocol == r->protocol && (source & r->source_mask) == r->source &&
		    (target & r->target_mask) == r->target && port >= r->first_port && port <= r->last_port)
			return 0x100 + i;
	}
	return port;
}
