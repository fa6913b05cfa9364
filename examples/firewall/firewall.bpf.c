// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A small stateless firewall for XDP: it sees every frame before the network stack does and answers with a verdict.
//
//   frame -- parse() --> struct packet -- blocked source? -- rules for TCP, UDP, ICMP --> finish(): count, return verdict
//                                                        |
//                                                        +-- DNS: tail call into xdp_fw_dns, which reads the query
//
// User space owns the policy and reads the counters; both are maps:
//   blocked       source address        -> counted, always dropped
//   rules         protocol + port/type  -> verdict: XDP_PASS, XDP_DROP, or XDP_TX (answer a ping from right here)
//   blocked_names hash of a DNS name    -> queries for it are dropped
//   sources       source address        -> packets, bytes, drops (one copy per CPU: no locks, no atomics)
//   verdicts      XDP action            -> packets, bytes
//   reasons       enum reason           -> packets, bytes: why the verdict was given
//
// The verifier has to prove that no load leaves the packet. That is why every header is compared with data_end right
// before it is read, and why every loop has a constant bound.
//
// Rebuild: npm run objects (clang 16).

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define MAX_VLAN_TAGS 2
#define MAX_EXT_HEADERS 6
#define MAX_DNS_NAME 255
#define DNS_PORT 53

// ---------------------------------------------------------------------------------------------------- configuration
// `const volatile` lands in .rodata. User space may change the values before the program is loaded; the loaded map is
// frozen, so the verifier knows them and never even walks the branches that they rule out.

/** The verdict when no rule matches. */
const volatile __u32 default_action = XDP_PASS;
/** Later fragments carry no ports. Without the first one they are useless, so by default they may pass. */
const volatile __u8 drop_fragments = 0;
/** Write every drop to the trace pipe. */
const volatile __u8 debug = 0;

/** Not const: lives in .bss, can be read and written while the program runs. */
__u64 dns_queries;

// ------------------------------------------------------------------------------------------------------------- maps

enum reason {
	REASON_DEFAULT,
	REASON_RULE,
	REASON_BLOCKED_SOURCE,
	REASON_ESTABLISHED,
	REASON_NOT_IP,
	REASON_FRAGMENT,
	REASON_MALFORMED,
	REASON_BAD_TCP_FLAGS,
	REASON_PING_ANSWERED,
	REASON_DNS_OK,
	REASON_DNS_NAME,
	REASON_DNS_ANY,
	REASON_DNS_MALFORMED,
	REASON_MAX,
};

struct counter {
	__u64 packets;
	__u64 bytes;
};

struct source_stats {
	__u64 packets;
	__u64 bytes;
	__u64 dropped;
};

/** What a rule is about. Compared byte by byte, so there is no padding: 4 bytes. */
struct rule_key {
	__u8 proto; // IPPROTO_*
	__u8 zero;
	__u16 port; // destination port or ICMP type, host order; 0 = every port without a rule of its own
};

struct rule {
	__u32 action; // XDP_*
	__u32 zero;
	__u64 hits;
};

/** A frame taken apart. Offsets count from the start of the frame; 16 bits because a frame is shorter than that. */
struct packet {
	struct in6_addr saddr;
	__u16 l3_off;
	__u16 l4_off;
	__u16 sport; // host order, 0 where the protocol has no ports
	__u16 dport; // ICMP: the type
	__u8 version; // 4, 6, or 0: not IP
	__u8 proto; // IPPROTO_*
	__u8 tcp_flags;
	__u8 later_fragment;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct in6_addr); // IPv4 as ::ffff:a.b.c.d
	__type(value, struct rule);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct rule_key);
	__type(value, struct rule);
} rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u64); // fnv1a() of the lower-case name, see dns_name_hash()
	__type(value, struct rule);
} blocked_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct in6_addr);
	__type(value, struct source_stats);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 5); // XDP_ABORTED .. XDP_REDIRECT
	__type(key, __u32);
	__type(value, struct counter);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, REASON_MAX);
	__type(key, __u32);
	__type(value, struct counter);
} reasons SEC(".maps");

/** What parse() found out. Only ctx and maps survive a tail call, so this is how the second program gets to know it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct packet);
} scratch SEC(".maps");

int xdp_fw_dns(struct xdp_md *ctx);

/** Tail call targets. The loader fills slot 0 when it loads the object. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct xdp_md *));
} inspectors SEC(".maps") = {
	.values = { [0] = (void *)&xdp_fw_dns },
};

// ---------------------------------------------------------------------------------------------------------- parsing

struct vlan_header {
	__be16 tci;
	__be16 encapsulated_proto;
};

enum { ICMP_ECHO_REPLY = 0, ICMP_ECHO = 8 };

/** Fragment, hop-by-hop, routing and destination headers all start like this. */
struct ext_header {
	__u8 nexthdr;
	__u8 hdrlen;
	__be16 frag_off; // fragment header only
};

/** ICMP and ICMPv6 start alike. (<linux/icmp.h> would drag in the C library's headers.) */
struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be32 rest;
};

struct dns_header {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additionals;
};

enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_PSH = 0x08, TCP_ACK = 0x10, TCP_URG = 0x20 };

/** Walks IPv6 extension headers until a header that is none; *proto says what stands at the returned position. */
static __always_inline void *skip_ext_headers(void *pos, void *data_end, __u8 *proto, __u8 *later_fragment)
{
	for (int i = 0; i < MAX_EXT_HEADERS; i++) {
		struct ext_header *ext = pos;

		switch (*proto) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			if ((void *)(ext + 1) > data_end)
				return NULL;
			*proto = ext->nexthdr;
			pos += 8 + ext->hdrlen * 8;
			break;
		case IPPROTO_FRAGMENT:
			if ((void *)(ext + 1) > data_end)
				return NULL;
			*proto = ext->nexthdr;
			if (ext->frag_off & bpf_htons(0xfff8)) {
				*later_fragment = 1;
				return pos;
			}
			pos += 8;
			break;
		case IPPROTO_AH: // the one whose length counts in 4-byte words
			if ((void *)(ext + 1) > data_end)
				return NULL;
			*proto = ext->nexthdr;
			pos += 8 + ext->hdrlen * 4;
			break;
		default:
			return pos;
		}
	}
	return NULL; // a longer chain has no honest use
}

/**
 * Takes the frame apart. 0, or -1 for a frame that is cut off or contradicts itself. A function of its own (a bpf-to-bpf
 * call), like finish() and answer_ping(): the verifier follows such calls, so a pointer argument keeps its meaning.
 */
static __noinline int parse(struct xdp_md *ctx, struct packet *pkt)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	void *pos = eth + 1;
	__be16 eth_proto;

	__builtin_memset(pkt, 0, sizeof(*pkt));
	if (pos > data_end)
		return -1;
	eth_proto = eth->h_proto;

#pragma unroll
	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		struct vlan_header *tag = pos;

		if (eth_proto != bpf_htons(ETH_P_8021Q) && eth_proto != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > data_end)
			return -1;
		eth_proto = tag->encapsulated_proto;
		pos = tag + 1;
	}
	pkt->l3_off = pos - data;

	if (eth_proto == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = pos;

		if ((void *)(ip + 1) > data_end)
			return -1;
		if (ip->version != 4 || ip->ihl < 5)
			return -1;
		pkt->version = 4;
		pkt->proto = ip->protocol;
		pkt->saddr.s6_addr16[5] = 0xffff;
		pkt->saddr.s6_addr32[3] = ip->saddr;
		pkt->later_fragment = (ip->frag_off & bpf_htons(0x1fff)) != 0;
		pos += ip->ihl * 4; // options included
	} else if (eth_proto == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip6 = pos;

		if ((void *)(ip6 + 1) > data_end)
			return -1;
		if (ip6->version != 6)
			return -1;
		pkt->version = 6;
		pkt->proto = ip6->nexthdr;
		pkt->saddr = ip6->saddr;
		pos = skip_ext_headers(ip6 + 1, data_end, &pkt->proto, &pkt->later_fragment);
		if (!pos)
			return -1;
	} else {
		return 0;
	}
	pkt->l4_off = pos - data;
	if (pkt->later_fragment)
		return 0;

	switch (pkt->proto) {
	case IPPROTO_TCP: {
		struct tcphdr *tcp = pos;

		if ((void *)(tcp + 1) > data_end || tcp->doff < 5)
			return -1;
		pkt->sport = bpf_ntohs(tcp->source);
		pkt->dport = bpf_ntohs(tcp->dest);
		pkt->tcp_flags = ((__u8 *)tcp)[13];
		break;
	}
	case IPPROTO_UDP: {
		struct udphdr *udp = pos;

		if ((void *)(udp + 1) > data_end || bpf_ntohs(udp->len) < sizeof(*udp))
			return -1;
		pkt->sport = bpf_ntohs(udp->source);
		pkt->dport = bpf_ntohs(udp->dest);
		break;
	}
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6: {
		struct icmp_header *icmp = pos;

		if ((void *)(icmp + 1) > data_end)
			return -1;
		pkt->dport = icmp->type;
		break;
	}
	}
	return 0;
}

// --------------------------------------------------------------------------------------------------------- counting

static __always_inline void count(struct counter *c, __u64 bytes)
{
	if (!c) // can not happen for an array and a good index, but only a null check tells the verifier
		return;
	c->packets++;
	c->bytes += bytes;
}

/** The one exit of both programs: books the packet under its source, verdict and reason, and returns the verdict. */
static __noinline int finish(struct xdp_md *ctx, const struct packet *pkt, __u32 action, __u32 reason)
{
	__u64 bytes = ctx->data_end - ctx->data;

	count(bpf_map_lookup_elem(&verdicts, &action), bytes);
	count(bpf_map_lookup_elem(&reasons, &reason), bytes);
	if (pkt->version) {
		struct source_stats *s = bpf_map_lookup_elem(&sources, &pkt->saddr);

		if (!s) {
			struct source_stats zero = {};

			// fails when the table is full: such a source is just not counted
			bpf_map_update_elem(&sources, &pkt->saddr, &zero, BPF_NOEXIST);
			s = bpf_map_lookup_elem(&sources, &pkt->saddr);
		}
		if (s) {
			s->packets++;
			s->bytes += bytes;
			s->dropped += action == XDP_DROP;
		}
	}
	if (debug && action == XDP_DROP)
		bpf_printk("drop: protocol %d port %d reason %d", pkt->proto, pkt->dport, reason);
	return action;
}

// ------------------------------------------------------------------------------------------------------------ rules

/** The rule for this protocol and port, or for the protocol as a whole, or none. */
static __always_inline struct rule *find_rule(__u8 proto, __u16 port)
{
	struct rule_key key = { .proto = proto, .port = port };
	struct rule *rule = bpf_map_lookup_elem(&rules, &key);

	if (!rule && port) {
		key.port = 0;
		rule = bpf_map_lookup_elem(&rules, &key);
	}
	return rule;
}

/** Turns an IPv4 echo request into its reply, in place. -1: it is none. */
static __noinline int answer_ping(struct xdp_md *ctx, const struct packet *pkt)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	// Read back from memory the offsets are "some 16-bit number" to the verifier, and it gives up on packet offsets
	// beyond 64 KiB. The masks keep the sums below that; no header starts so late.
	struct ethhdr *eth = data;
	struct iphdr *ip = data + (pkt->l3_off & 0x3f);
	struct icmp_header *icmp = data + (pkt->l4_off & 0x7f);
	__u8 mac[ETH_ALEN];
	__be32 addr;
	__u32 sum;

	if ((void *)(eth + 1) > data_end || (void *)(ip + 1) > data_end || (void *)(icmp + 1) > data_end)
		return -1;
	if (pkt->version != 4 || pkt->proto != IPPROTO_ICMP || icmp->type != ICMP_ECHO)
		return -1;

	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
	addr = ip->saddr;
	ip->saddr = ip->daddr; // swapping two words leaves the IP checksum as it is
	ip->daddr = addr;
	// The type goes from 8 to 0 in the upper byte of a 16-bit word: the checksum grows by 0x0800 (RFC 1624).
	icmp->type = ICMP_ECHO_REPLY;
	sum = bpf_ntohs(icmp->checksum) + (ICMP_ECHO << 8);
	icmp->checksum = bpf_htons(sum + (sum >> 16));
	return 0;
}

// --------------------------------------------------------------------------------------------------------- programs

SEC("xdp")
int xdp_fw(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct packet *pkt = bpf_map_lookup_elem(&scratch, &zero);
	struct rule *rule;

	if (!pkt)
		return XDP_ABORTED;
	if (parse(ctx, pkt) < 0)
		return finish(ctx, pkt, XDP_DROP, REASON_MALFORMED);
	if (!pkt->version) // ARP and its kind: without it nobody finds anybody
		return finish(ctx, pkt, XDP_PASS, REASON_NOT_IP);

	rule = bpf_map_lookup_elem(&blocked, &pkt->saddr);
	if (rule) {
		__sync_fetch_and_add(&rule->hits, 1); // shared by all CPUs, so this one has to be atomic
		return finish(ctx, pkt, XDP_DROP, REASON_BLOCKED_SOURCE);
	}

	if (pkt->later_fragment)
		return finish(ctx, pkt, drop_fragments ? XDP_DROP : XDP_PASS, REASON_FRAGMENT);

	if (pkt->proto == IPPROTO_TCP) {
		__u8 flags = pkt->tcp_flags;

		// No flags at all, or opening and closing at once: only port scanners send this.
		if (!flags || (flags & (TCP_SYN | TCP_FIN)) == (TCP_SYN | TCP_FIN) ||
		    (flags & (TCP_FIN | TCP_PSH | TCP_URG | TCP_ACK)) == (TCP_FIN | TCP_PSH | TCP_URG))
			return finish(ctx, pkt, XDP_DROP, REASON_BAD_TCP_FLAGS);
		// The rules decide who may open a connection. What follows carries ACK or RST and means nothing to a
		// host without that connection.
		if (flags & (TCP_ACK | TCP_RST))
			return finish(ctx, pkt, XDP_PASS, REASON_ESTABLISHED);
	}

	if (pkt->proto == IPPROTO_UDP && (pkt->dport == DNS_PORT || pkt->sport == DNS_PORT)) {
		bpf_tail_call(ctx, &inspectors, 0);
		// Still here: nobody sits in slot 0. Then DNS is judged by the rules, as any other protocol.
	}

	rule = find_rule(pkt->proto, pkt->dport);
	if (!rule)
		return finish(ctx, pkt, default_action, REASON_DEFAULT);
	__sync_fetch_and_add(&rule->hits, 1);

	switch (rule->action) {
	case XDP_TX:
		if (answer_ping(ctx, pkt) == 0)
			return finish(ctx, pkt, XDP_TX, REASON_PING_ANSWERED);
		return finish(ctx, pkt, XDP_PASS, REASON_RULE);
	case XDP_PASS:
		return finish(ctx, pkt, XDP_PASS, REASON_RULE);
	default:
		return finish(ctx, pkt, XDP_DROP, REASON_RULE);
	}
}

/**
 * FNV-1a (64 bit) over the name of the first question in lower case, labels joined with dots: "ads.example". 0: the name
 * does not end inside the packet or is compressed, which a question never is. *rest points behind the name.
 */
static __always_inline __u64 dns_name_hash(__u8 *pos, void *data_end, __u8 **rest)
{
	__u64 hash = 0xcbf29ce484222325;
	__u8 left = 0; // bytes that the current label still has

	for (int i = 0; i < MAX_DNS_NAME; i++) {
		__u8 c;

		if ((void *)(pos + 1) > data_end)
			return 0;
		c = *pos++;
		if (left == 0) { // a length byte
			if (c == 0) {
				*rest = pos;
				return hash;
			}
			if (c > 63)
				return 0;
			left = c;
			if (i == 0)
				continue;
			c = '.';
		} else {
			left--;
			if (c >= 'A' && c <= 'Z')
				c += 'a' - 'A';
		}
		hash = (hash ^ c) * 0x100000001b3;
	}
	return 0;
}

/** Reached by a tail call only: judges DNS over UDP by what it asks. */
SEC("xdp")
int xdp_fw_dns(struct xdp_md *ctx)
{
	void *data_end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	struct packet *pkt = bpf_map_lookup_elem(&scratch, &zero);
	struct dns_header *dns;
	struct rule *rule;
	__u8 *rest = NULL;
	__u64 hash;

	if (!pkt)
		return XDP_ABORTED;
	// Read back from memory the offset is "some 16-bit number" to the verifier; see answer_ping().
	dns = (void *)(long)ctx->data + (pkt->l4_off & 0x3fff) + sizeof(struct udphdr);
	if ((void *)(dns + 1) > data_end)
		return finish(ctx, pkt, XDP_DROP, REASON_DNS_MALFORMED);
	if (dns->flags & bpf_htons(0x8000)) // an answer: whoever asked was allowed to
		return finish(ctx, pkt, XDP_PASS, REASON_DNS_OK);

	// A question: opcode QUERY, exactly one name, nothing answered yet.
	if ((dns->flags & bpf_htons(0x7800)) || dns->questions != bpf_htons(1) || dns->answers)
		return finish(ctx, pkt, XDP_DROP, REASON_DNS_MALFORMED);
	__sync_fetch_and_add(&dns_queries, 1);

	hash = dns_name_hash((__u8 *)(dns + 1), data_end, &rest);
	if (!hash || !rest || (void *)(rest + 4) > data_end)
		return finish(ctx, pkt, XDP_DROP, REASON_DNS_MALFORMED);
	if (rest[0] == 0 && rest[1] == 255) // type ANY: how amplification attacks ask
		return finish(ctx, pkt, XDP_DROP, REASON_DNS_ANY);

	rule = bpf_map_lookup_elem(&blocked_names, &hash);
	if (rule) {
		__sync_fetch_and_add(&rule->hits, 1);
		return finish(ctx, pkt, XDP_DROP, REASON_DNS_NAME);
	}
	return finish(ctx, pkt, XDP_PASS, REASON_DNS_OK);
}

char LICENSE[] SEC("license") = "GPL";
