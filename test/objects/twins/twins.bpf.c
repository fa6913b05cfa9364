// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// A compact firewall (Ethernet, IPv4, TCP/UDP; a table of blocked ports, counters) and its twins: each program but
// `sound` is the same firewall with exactly one safety check missing or one rule broken, named after it. Linux accepts
// `sound` and rejects every twin; test/twins.test.ts holds the messages.
//
// The firewall is one always-inlined function of a constant, so a twin differs from `sound` in the one place that its
// number selects. What no C compiler would write (unreachable code, a missing return value) is in naked functions.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum twin {
	SOUND,
	NO_PACKET_BOUND,
	OFF_BY_ONE_BOUND,
	BOUND_OF_OTHER_HEADER,
	STALE_PACKET_POINTER,
	PACKET_END_ARITHMETIC,
	NO_NULL_CHECK,
	ARITHMETIC_BEFORE_NULL_CHECK,
	UNINIT_REGISTER,
	STACK_INDEX_UNMASKED,
	STACK_BELOW_FRAME,
	ENDLESS_LOOP,
	UNBOUNDED_LOOP,
	TOO_LONG_LOOP,
	MAP_VALUE_NEXT_FIELD,
	MAP_VALUE_INDEX_UNMASKED,
	MAP_VALUE_NEGATIVE,
	WRITE_READ_ONLY_CTX,
	WRITE_RODATA,
	CTX_ARITHMETIC,
	CTX_OUT_OF_BOUNDS,
	CTX_HALF_FIELD,
	CTX_ATOMIC,
	HELPER_WRONG_MAP,
	HELPER_KEY_IS_SCALAR,
	HELPER_KEY_TOO_SHORT,
	HELPER_SIZE_UNBOUNDED,
	HELPER_OTHER_TYPE,
	HELPER_UNKNOWN,
	STACK_OF_TWO_TOO_LARGE,
};

#define SLOTS 16

const volatile __u32 default_action = XDP_PASS;

struct flow_key {
	__u32 saddr;
	__u16 dport;
	__u16 zero;
};

struct port_stats {
	__u64 packets;
	__u64 bytes;
	__u32 by_length[SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct flow_key);
	__type(value, __u64);
} blocked SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct port_stats);
} stats SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} jumps SEC(".maps");

/** Keeps the compiler from knowing (and so from folding away) a value. */
#define hide(x) asm volatile("" : "+r"(x))
/** A variable that nobody set: helpers destroy r1-r5, and r5 is not used after the last one. */
#define unset(x) asm volatile("%0 = r5" : "=r"(x))

static __noinline int deep(__u32 x)
{
	__u8 buffer[480], *start = buffer;

	hide(start);
	*start = x;
	return *start + 1;
}

static __always_inline int firewall(struct xdp_md *ctx, const enum twin twin)
{
	void *data = (void *)(long)ctx->data;
	void *data_end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);
	struct udphdr *l4 = data + sizeof(*eth) + sizeof(*ip);
	volatile __u8 recent[8] = {};
	struct flow_key key;
	struct port_stats *s;
	__u32 index = 0;
	__u32 action;
	__u32 length;
	__u64 *hits;

	if (twin == PACKET_END_ARITHMETIC) {
		data_end -= 2;
		hide(data_end);
	}
	if (twin == NO_PACKET_BOUND)
		;
	else if (twin == OFF_BY_ONE_BOUND) {
		if ((void *)(l4 + 1) - 1 > data_end)
			return XDP_DROP;
	} else if (twin == BOUND_OF_OTHER_HEADER) {
		if ((void *)(ip + 1) > data_end)
			return XDP_DROP;
	} else if ((void *)(l4 + 1) > data_end)
		return XDP_DROP;

	if (eth->h_proto != bpf_htons(ETH_P_IP))
		return default_action;
	if (twin == STALE_PACKET_POINTER && bpf_xdp_adjust_head(ctx, 0))
		return XDP_DROP;
	if (ip->ihl != 5 || (ip->protocol != IPPROTO_UDP && ip->protocol != IPPROTO_TCP))
		return XDP_PASS;

	key.zero = 0;
	key.saddr = ip->saddr;
	key.dport = l4->dest;
	length = bpf_ntohs(ip->tot_len);

	// The last few lengths, by the low bits of the checksum (the last field of the header).
	{
		__u64 slot = bpf_ntohs(l4->check);

		hide(slot);
		if (twin != STACK_INDEX_UNMASKED)
			slot &= 7;
		hide(slot); // else clang makes the sum with the address an `or`, which no verifier takes
		recent[slot] = length;
	}
	if (twin == STACK_BELOW_FRAME) {
		void *frame;

		asm volatile("%0 = r10" : "=r"(frame));
		*(volatile __u64 *)(frame - 520) = length;
	}

	if (twin == WRITE_READ_ONLY_CTX)
		*(volatile __u32 *)&ctx->ingress_ifindex = 1;
	if (twin == WRITE_RODATA)
		*(volatile __u32 *)&default_action = XDP_DROP;
	if (twin == CTX_ARITHMETIC) {
		void *moved = (void *)ctx + (length & 4);

		hide(moved);
		index = *(volatile __u32 *)(moved + 8);
	}
	if (twin == CTX_OUT_OF_BOUNDS)
		index = *(volatile __u32 *)((void *)ctx + sizeof(*ctx));
	if (twin == CTX_HALF_FIELD)
		index = *(volatile __u16 *)((void *)ctx + 2);
	if (twin == CTX_ATOMIC)
		__sync_fetch_and_add((__u32 *)&ctx->rx_queue_index, 1);

	if (twin == HELPER_WRONG_MAP)
		hits = bpf_map_lookup_elem(&jumps, &key);
	else if (twin == HELPER_KEY_IS_SCALAR)
		hits = bpf_map_lookup_elem(&blocked, (void *)(long)length);
	else if (twin == HELPER_KEY_TOO_SHORT)
		hits = bpf_map_lookup_elem(&stats, (void *)&recent[6]);
	else
		hits = bpf_map_lookup_elem(&blocked, &key);
	if (hits) {
		*hits += 1;
		return XDP_DROP;
	}

	if (twin == HELPER_SIZE_UNBOUNDED)
		bpf_trace_printk((void *)recent, length);
	if (twin == HELPER_OTHER_TYPE)
		bpf_skb_load_bytes(ctx, 0, (void *)recent, sizeof(recent));
	if (twin == HELPER_UNKNOWN)
		((long (*)(void))4095)();

	// A random slot that is not the first one: a few tries are enough.
	if (twin == ENDLESS_LOOP) {
		while (index == 0)
			index = bpf_get_prandom_u32() & 3;
	} else if (twin == TOO_LONG_LOOP) {
		for (__u64 i = 0; i < (__u64)length << 20; i++)
			hide(i);
	} else {
		for (__u64 i = 0; i < (twin == UNBOUNDED_LOOP ? (__u64)length << 20 : 3) && index == 0; i++)
			index = bpf_get_prandom_u32() & 3;
	}

	s = bpf_map_lookup_elem(&stats, &index);
	if (twin == ARITHMETIC_BEFORE_NULL_CHECK) {
		s = (void *)s + 8;
		hide(s);
		if (!s)
			return XDP_ABORTED;
		s = (void *)s - 8;
	} else if (twin != NO_NULL_CHECK && !s)
		return XDP_ABORTED;
	s->packets++;
	if (twin == MAP_VALUE_NEXT_FIELD)
		*(volatile __u64 *)(s + 1) += length;
	else if (twin == MAP_VALUE_NEGATIVE)
		*((volatile __u64 *)s - 1) += length;
	else
		s->bytes += length;
	{
		__u64 bucket = length >> 6;

		hide(bucket);
		if (twin != MAP_VALUE_INDEX_UNMASKED)
			bucket &= SLOTS - 1;
		s->by_length[bucket]++;
	}

	if (twin == STACK_OF_TWO_TOO_LARGE) {
		__u8 large[64], *start = large;

		hide(start);
		*start = length;
		return deep(*start);
	}
	if (twin == UNINIT_REGISTER)
		unset(action);
	else
		action = default_action;
	return action;
}

#define PROGRAM(name, twin)                                                                                            \
	SEC("xdp") int name(struct xdp_md *ctx)                                                                        \
	{                                                                                                              \
		return firewall(ctx, twin);                                                                            \
	}

PROGRAM(sound, SOUND)
PROGRAM(no_packet_bound, NO_PACKET_BOUND)
PROGRAM(off_by_one_bound, OFF_BY_ONE_BOUND)
PROGRAM(bound_of_other_header, BOUND_OF_OTHER_HEADER)
PROGRAM(stale_packet_pointer, STALE_PACKET_POINTER)
PROGRAM(packet_end_arithmetic, PACKET_END_ARITHMETIC)
PROGRAM(no_null_check, NO_NULL_CHECK)
PROGRAM(arithmetic_before_null_check, ARITHMETIC_BEFORE_NULL_CHECK)
PROGRAM(uninit_register, UNINIT_REGISTER)
PROGRAM(stack_index_unmasked, STACK_INDEX_UNMASKED)
PROGRAM(stack_below_frame, STACK_BELOW_FRAME)
PROGRAM(endless_loop, ENDLESS_LOOP)
PROGRAM(unbounded_loop, UNBOUNDED_LOOP)
PROGRAM(too_long_loop, TOO_LONG_LOOP)
PROGRAM(map_value_next_field, MAP_VALUE_NEXT_FIELD)
PROGRAM(map_value_index_unmasked, MAP_VALUE_INDEX_UNMASKED)
PROGRAM(map_value_negative, MAP_VALUE_NEGATIVE)
PROGRAM(write_read_only_ctx, WRITE_READ_ONLY_CTX)
PROGRAM(write_rodata, WRITE_RODATA)
PROGRAM(ctx_arithmetic, CTX_ARITHMETIC)
PROGRAM(ctx_out_of_bounds, CTX_OUT_OF_BOUNDS)
PROGRAM(ctx_half_field, CTX_HALF_FIELD)
PROGRAM(ctx_atomic, CTX_ATOMIC)
PROGRAM(helper_wrong_map, HELPER_WRONG_MAP)
PROGRAM(helper_key_is_scalar, HELPER_KEY_IS_SCALAR)
PROGRAM(helper_key_too_short, HELPER_KEY_TOO_SHORT)
PROGRAM(helper_size_unbounded, HELPER_SIZE_UNBOUNDED)
PROGRAM(helper_other_type, HELPER_OTHER_TYPE)
PROGRAM(helper_unknown, HELPER_UNKNOWN)
PROGRAM(stack_of_two_too_large, STACK_OF_TWO_TOO_LARGE)

// What follows is the end of the firewall only: data_end - data decides between pass and drop.

#define NAKED(name) SEC("xdp") __attribute__((naked)) int name(void)

NAKED(no_return_value)
{
	asm volatile("r2 = *(u32 *)(r1 + 0)\n"
		     "r3 = *(u32 *)(r1 + 4)\n"
		     "r2 += 34\n"
		     "if r2 > r3 goto +1\n"
		     "r0 = 2\n"
		     "exit\n");
}

NAKED(unreachable_code)
{
	asm volatile("r0 = 2\n"
		     "goto +1\n"
		     "r0 = 1\n"
		     "exit\n");
}

NAKED(falls_off_the_end)
{
	asm volatile("r2 = *(u32 *)(r1 + 0)\n"
		     "r3 = *(u32 *)(r1 + 4)\n"
		     "r0 = 1\n"
		     "if r2 > r3 goto +1\n"
		     "exit\n"
		     "r0 = 2\n");
}

NAKED(jump_out_of_range)
{
	asm volatile("r0 = 2\n"
		     "if r0 == 2 goto +9\n"
		     "exit\n");
}

NAKED(frame_pointer_write)
{
	asm volatile("r0 = 2\n"
		     "r10 += -8\n"
		     "exit\n");
}

NAKED(clobbered_argument)
{
	// Helpers destroy r1-r5: the context has to be kept in r6-r9.
	asm volatile("call 7\n"
		     "r0 = *(u32 *)(r1 + 0)\n"
		     "exit\n");
}

char LICENSE[] SEC("license") = "GPL";
