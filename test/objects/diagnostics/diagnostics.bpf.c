// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Mistakes that people make when they start with BPF, one program each. Linux refuses them (root may read stack);
// test/diagnostics.test.ts holds what beewasm says about each (the .txt files of this folder).

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "parse.h"

struct stats {
	__u64 packets;
	__u64 bytes;
	__u32 by_port[8];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct stats);
} stats SEC(".maps");

struct flow {
	__u32 saddr;
	__u16 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct flow);
	__type(value, __u64);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct locked {
	struct bpf_spin_lock lock;
	__u32 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct locked);
} shared SEC(".maps");

struct event {
	__u32 protocol;
	__u32 length;
};

/* The header is checked, its options are not. */
SEC("xdp")
int reads_behind_the_header(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(ip + 1) > data_end)
		return XDP_PASS;
	return tcp->dest == bpf_htons(80) ? XDP_DROP : XDP_PASS;
}

/* ihl moves the pointer by a variable amount: what was proven before does not count for the new place. */
SEC("xdp")
int options_move_the_header(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct udphdr *udp;

	if ((void *)(ip + 1) + sizeof(*udp) > data_end)
		return XDP_PASS;
	udp = (void *)ip + ip->ihl * 4;
	return udp->dest == bpf_htons(53) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int forgets_null(struct xdp_md *ctx)
{
	__u32 key = ctx->rx_queue_index;
	struct stats *s = bpf_map_lookup_elem(&stats, &key);

	s->packets++;
	return XDP_PASS;
}

SEC("xdp")
int index_from_the_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 key = 1;
	struct stats *s = bpf_map_lookup_elem(&stats, &key);
	__u8 port;

	if (!s || data + ETH_LEN > data_end)
		return XDP_PASS;
	port = *(__u8 *)data;
	s->by_port[port]++;
	return XDP_PASS;
}

SEC("xdp")
int header_of_another_file(struct xdp_md *ctx)
{
	struct cursor c = { (void *)(long)ctx->data, (void *)(long)ctx->data_end };

	if (!next_header(&c, ETH_LEN))
		return XDP_PASS;
	return first_byte(&c) == 4 ? XDP_DROP : XDP_PASS;
}

static __noinline int sum(__u8 *from, void *end)
{
	int total = 0;

	for (int i = 0; i < 4; i++)
		total += from[i];
	return total;
}

/* The check is in the caller, but for fewer bytes. */
SEC("xdp")
int function_reads_too_far(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;

	if (data + 2 > data_end)
		return XDP_PASS;
	return sum(data, data_end) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int pointer_from_before(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;

	if ((void *)(eth + 1) > data_end)
		return XDP_PASS;
	if (bpf_xdp_adjust_head(ctx, -4))
		return XDP_DROP;
	eth->h_proto = 0;
	return XDP_TX;
}

/* struct flow has two bytes of padding that nobody writes: refused with --strict-stack. */
SEC("xdp")
int padding_in_the_key(struct xdp_md *ctx)
{
	struct flow key;
	__u64 *count;

	key.saddr = ctx->rx_queue_index;
	key.port = 80;
	count = bpf_map_lookup_elem(&flows, &key);
	return count ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int loop_over_the_packet(struct xdp_md *ctx)
{
	__u8 *pos = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	__u32 sum = 0;

	while ((void *)(pos + 64) <= data_end) {
		sum += *pos;
		pos += 64;
	}
	return sum & 1 ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int tc_helper_in_xdp(struct xdp_md *ctx)
{
	return bpf_skb_change_type((void *)ctx, 0) ? XDP_DROP : XDP_PASS;
}

SEC("tc")
int leaks_a_socket(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk = bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), -1, 0);

	if (!sk)
		return TC_ACT_OK;
	if (sk->family != 2)
		return TC_ACT_SHOT;
	bpf_sk_release(sk);
	return TC_ACT_OK;
}

SEC("xdp")
int loses_a_record(struct xdp_md *ctx)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e)
		return XDP_PASS;
	e->length = ctx->data_end - ctx->data;
	if (e->length > 1500)
		return XDP_DROP;
	bpf_ringbuf_submit(e, 0);
	return XDP_PASS;
}

SEC("tc")
int size_from_the_packet(struct __sk_buff *skb)
{
	char copy[64];
	__u32 length = skb->len;

	bpf_skb_load_bytes(skb, 0, copy, length);
	return copy[0] ? TC_ACT_OK : TC_ACT_SHOT;
}

SEC("cgroup_skb/ingress")
int returns_too_much(struct __sk_buff *skb)
{
	return skb->len;
}

SEC("cgroup_skb/ingress")
int writes_the_context(struct __sk_buff *skb)
{
	skb->protocol = bpf_htons(ETH_P_IP);
	return 1;
}

SEC("xdp")
int helper_under_a_lock(struct xdp_md *ctx)
{
	__u32 key = 0;
	struct locked *l = bpf_map_lookup_elem(&shared, &key);

	if (!l)
		return XDP_PASS;
	bpf_spin_lock(&l->lock);
	l->value = bpf_get_prandom_u32();
	bpf_spin_unlock(&l->lock);
	return XDP_PASS;
}

SEC("xdp")
int cuts_a_pointer(struct xdp_md *ctx)
{
	__u32 start = ctx->data;
	__u32 key = 0;
	struct stats *s = bpf_map_lookup_elem(&stats, &key);

	if (!s)
		return XDP_PASS;
	return *(__u8 *)(long)(start + (__u32)s->packets) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int number_as_key(struct xdp_md *ctx)
{
	__u32 key = ctx->ingress_ifindex;

	return bpf_map_lookup_elem(&stats, (void *)(long)key) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int not_ascii(struct xdp_md *ctx)
{
	/* 文字と	tab */ __u8 *größe = (void *)(long)ctx->data; return	größe[3];
}

char LICENSE[] SEC("license") = "GPL";
