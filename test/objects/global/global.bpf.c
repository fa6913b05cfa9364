// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Global functions: Linux verifies each on its own, by its prototype. The names of the programs say what Linux answers.

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TAG(name) __attribute__((btf_decl_tag("arg:" name)))

struct pair {
	int a;
	int b;
};

struct incomplete;

struct {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[4];
	int *key;
	struct pair *value;
} pairs SEC(".maps");

__noinline int number(int x) {
	return x * 3 + 1;
}

__noinline int sum(struct pair *p) {
	if (!p) return -1;
	return p->a + p->b;
}

__noinline int sum_nonnull(struct pair *p TAG("nonnull")) {
	return p->a + p->b;
}

__noinline int unchecked(struct pair *p) {
	return p->a;
}

__noinline int store(struct pair *p, int x) {
	if (!p) return 0;
	p->a = x;
	return number(x);
}

__noinline int length(struct xdp_md *ctx) {
	return ctx->data_end - ctx->data;
}

struct bpf_user_pt_regs_t {};

/* The name alone says that it is the context. */
__noinline int user_regs(struct bpf_user_pt_regs_t *ctx) {
	char frames[8];
	return bpf_get_stack(ctx, frames, sizeof(frames), 0);
}

SEC("kprobe") int ok_user_regs(void *ctx) {
	return user_regs(ctx);
}

__noinline int tagged(void *ctx TAG("ctx")) {
	struct xdp_md *md = ctx;
	return md->ingress_ifindex;
}

__noinline int move(struct xdp_md *ctx) {
	return bpf_xdp_adjust_head(ctx, 0);
}

__noinline struct pair *pointer(struct pair *p) {
	asm volatile("" : "+r"(p));
	return p;
}

__noinline void nothing(int x) {
	*(volatile int *)&x = 1;
}

__noinline int opaque(struct incomplete *p) {
	return p != NULL;
}

__noinline int wrong_tag(int x TAG("nonnull")) {
	return x + 1;
}

__noinline int limited(unsigned long i, char *table) {
	return i;
}

__hidden __noinline int hidden(struct pair *p) {
	return p->a;
}

static __noinline int local(struct pair *p) {
	return p->a;
}

static int step(unsigned i, void *ctx) {
	return number(i) == 7;
}

__noinline int global_step(unsigned i, void *ctx) {
	return 0;
}

SEC("xdp") int ok_number(struct xdp_md *ctx) {
	return number(ctx->ingress_ifindex) & 1;
}

SEC("xdp") int ok_result_is_unknown(struct xdp_md *ctx) {
	return number(1) == 4 ? 2 : 1;
}

SEC("xdp") int ok_stack(struct xdp_md *ctx) {
	struct pair p = {1, ctx->ingress_ifindex};
	return sum(&p) & 1;
}

SEC("xdp") int ok_null(struct xdp_md *ctx) {
	return sum(NULL) & 1;
}

SEC("xdp") int ok_map_value_or_null(struct xdp_md *ctx) {
	int key = 1;
	return sum(bpf_map_lookup_elem(&pairs, &key)) & 1;
}

SEC("xdp") int ok_nested(struct xdp_md *ctx) {
	struct pair p = {1, 2};
	return store(&p, ctx->rx_queue_index) & p.a & 1;
}

SEC("xdp") int ok_nonnull(struct xdp_md *ctx) {
	struct pair p = {1, 2};
	return sum_nonnull(&p) & 1;
}

SEC("xdp") int ok_ctx(struct xdp_md *ctx) {
	return (length(ctx) + tagged(ctx)) & 1;
}

SEC("xdp") int ok_hidden(struct xdp_md *ctx) {
	struct pair p = {1, 2};
	return (hidden(&p) + local(&p)) & 1;
}

SEC("xdp") int ok_packet(struct xdp_md *ctx) {
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	if (data + sizeof(struct pair) > end) return 1;
	return sum(data) & 1;
}

SEC("xdp") int ok_dead(struct xdp_md *ctx) {
	struct pair p = {1, 2};
	int zero = 0;
	asm volatile("" : "+r"(p.a));
	if (number(0) > 5 && ctx->ingress_ifindex == 77) return 1;
	return zero;
}

SEC("xdp") int ok_callback(struct xdp_md *ctx) {
	return bpf_loop(10, step, NULL, 0) & 1;
}

SEC("xdp") int bad_unchecked(struct xdp_md *ctx) {
	struct pair p = {1, 2};
	return unchecked(&p) & 1;
}

SEC("xdp") int bad_nonnull(struct xdp_md *ctx) {
	int key = 1;
	return sum_nonnull(bpf_map_lookup_elem(&pairs, &key)) & 1;
}

SEC("xdp") int null_for_nonnull(struct xdp_md *ctx) {
	struct pair *p = NULL;
	asm volatile("" : "+r"(p));
	return sum_nonnull(p) & 1;
}

SEC("xdp") int bad_size(struct xdp_md *ctx) {
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	if (data + 4 > end) return 1;
	return sum(data) & 1;
}

SEC("xdp") int bad_ctx(struct xdp_md *ctx) {
	struct pair p = {1, 2};
	return length((void *)&p) & 1;
}

SEC("xdp") int bad_number(struct xdp_md *ctx) {
	return number((long)ctx) & 1;
}

SEC("xdp") int bad_moved(struct xdp_md *ctx) {
	char *data = (void *)(long)ctx->data;
	char *end = (void *)(long)ctx->data_end;
	if (data + 1 > end) return 1;
	move(ctx);
	return *data & 1;
}

SEC("xdp") int bad_range(struct xdp_md *ctx) {
	char table[8] = {};
	int i = number(1) & 15;
	asm volatile("" : "+r"(i));
	return table[i] & 1;
}

SEC("xdp") int bad_returns_pointer(struct xdp_md *ctx) {
	struct pair p = {1, 2};
	return pointer(&p) != &p;
}

SEC("xdp") int bad_returns_nothing(struct xdp_md *ctx) {
	nothing(1);
	return 1;
}

SEC("xdp") int bad_opaque(struct xdp_md *ctx) {
	return opaque((void *)ctx) & 1;
}

SEC("xdp") int bad_tag(struct xdp_md *ctx) {
	return wrong_tag(2) & 1;
}

SEC("xdp") int bad_callback(struct xdp_md *ctx) {
	return bpf_loop(10, global_step, NULL, 0) & 1;
}

char LICENSE[] SEC("license") = "GPL";
