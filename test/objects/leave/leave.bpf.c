// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Functions that may be left before their exit (tail calls, legacy packet loads), stacks that add up along calls, and
// lookups of constant keys, sockets. What Linux answers is in test/leave.test.ts.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

unsigned long long load_byte(void *skb, unsigned long long off) asm("llvm.bpf.load.byte");

struct {
	int (*type)[BPF_MAP_TYPE_PROG_ARRAY];
	int (*max_entries)[2];
	int (*key_size)[4];
	int (*value_size)[4];
} targets SEC(".maps");

struct numbers {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[4];
	int (*map_flags)[BPF_F_INNER_MAP];
	int *key;
	int *value;
} four SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY_OF_MAPS];
	int (*max_entries)[1];
	int *key;
	struct numbers *values[];
} outer SEC(".maps") = {.values = {&four}};

static __noinline int first_byte(struct __sk_buff *skb) {
	return load_byte(skb, 0) + 1;
}

/* A load that fails makes the function return 0. */
SEC("socket")
int load_in_function(struct __sk_buff *skb) {
	return first_byte(skb) == 0;
}

static __noinline void looks(struct __sk_buff *skb, int *out) {
	*out = load_byte(skb, 0);
}

SEC("socket")
int load_in_void_function(struct __sk_buff *skb) {
	int byte = 0;
	looks(skb, &byte);
	return byte;
}

static __noinline int tail(struct __sk_buff *skb) {
	bpf_tail_call(skb, &targets, 0);
	return bpf_get_prandom_u32() & 7;
}

/* Whatever the other program returns comes back. */
SEC("socket")
int result_of_tail_call(struct __sk_buff *skb) {
	char bytes[8];
	asm volatile("" : : "r"(bytes) : "memory");
	char *at = bytes + tail(skb);
	asm volatile("" : "+r"(at));
	return *at;
}

SEC("tc")
int packet_after_tail_call(struct __sk_buff *skb) {
	char *data = (void *)(long)skb->data;
	if (data + 1 > (char *)(long)skb->data_end) return 0;
	tail(skb);
	return *data;
}

static __noinline void goes(struct __sk_buff *skb) {
	bpf_tail_call(skb, &targets, 0);
}

SEC("socket")
int tail_call_of_void_function(struct __sk_buff *skb) {
	goes(skb);
	return 0;
}

static __noinline int fill(int seed) {
	char bytes[320];
	asm volatile("" : : "r"(bytes) : "memory");
	bytes[0] = seed;
	asm volatile("" : : "r"(bytes) : "memory");
	return bytes[0];
}

#define FILL_TWICE                                     \
	char bytes[320];                                   \
	asm volatile("" : : "r"(bytes) : "memory");        \
	bytes[0] = fill(bpf_get_prandom_u32());            \
	asm volatile("" : : "r"(bytes) : "memory");        \
	return bytes[0];

SEC("socket")
int stacks_add_up(void *ctx) {
	FILL_TWICE
}

/* Programs that trace get a stack for each function of 64 bytes and more. */
SEC("kprobe")
int private_stacks(void *ctx) {
	FILL_TWICE
}

SEC("raw_tp")
int private_stacks_and_tail_call(void *ctx) {
	bpf_tail_call(ctx, &targets, 0);
	FILL_TWICE
}

SEC("socket")
int constant_key(struct __sk_buff *skb) {
	int key = 0;
	struct numbers *map = bpf_map_lookup_elem(&outer, &key);
	if (!map) return 0;
	key = 1;
	int *value = bpf_map_lookup_elem(map, &key);
	/* Another map may be shorter. */
	return *value;
}

struct {
	int (*type)[BPF_MAP_TYPE_PERCPU_ARRAY];
	int (*max_entries)[1];
	int *key;
	int *value;
} per_cpu SEC(".maps");

/* There may be no such CPU. */
SEC("socket")
int constant_key_on_a_cpu(struct __sk_buff *skb) {
	int key = 0;
	int *value = bpf_map_lookup_percpu_elem(&per_cpu, &key, skb->len);
	return *value;
}

struct {
	int (*type)[BPF_MAP_TYPE_SOCKMAP];
	int (*max_entries)[4];
	int *key;
	long long *value;
} sockets SEC(".maps");

/* Sockets of a map and others are not the same to Linux when it compares states. */
SEC("tc")
int two_kinds_of_sockets(struct __sk_buff *skb) {
	struct bpf_sock_tuple tuple = {};
	int key = 0;
	struct bpf_sock *sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	if (!sk) sk = bpf_map_lookup_elem(&sockets, &key);
	if (!sk) return 0;
	int result = bpf_sk_assign(skb, sk, 0);
	bpf_sk_release(sk);
	return result;
}

static int too_much(int i, int *sum) {
	*sum += i;
	return (unsigned int)i % 7 + 2;
}

static int at_least_two(int i, void *ctx) {
	long r = bpf_get_prandom_u32();
	return r < 2 ? 2 : r;
}

SEC("socket")
int callback_with_a_minimum(struct __sk_buff *skb) {
	return bpf_loop(4, at_least_two, 0, 0);
}

static int counts(int i, long *sum) {
	*sum += 3;
	return 0;
}

/* What decided nothing may be anything in the next round; the log says so where that round starts. */
SEC("socket")
int callback_with_a_sum(struct __sk_buff *skb) {
	long sum = 0;
	bpf_loop(1, counts, &sum, 0);
	return sum;
}

SEC("socket")
int callback_with_a_range(struct __sk_buff *skb) {
	int sum = 0;
	bpf_loop(4, too_much, &sum, 0);
	return sum;
}

char _license[] SEC("license") = "GPL";
