// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Programs with functions that others replace (replace.bpf.c): global ones and such that can't be.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

__noinline int length(struct __sk_buff *skb)
{
	return skb->len;
}

__noinline int grows(struct __sk_buff *skb)
{
	return bpf_skb_change_tail(skb, skb->len + 1, 0);
}

__noinline int sum(int a, struct __sk_buff *skb)
{
	return a + skb->mark;
}

#define TAG(name) __attribute__((btf_decl_tag("arg:" #name)))

struct args {
	int first;
	int second;
};

__noinline int takes(struct args *args)
{
	return args ? args->first : 0;
}

struct more {
	int first;
};

__noinline int takes_more(struct more *more TAG(nonnull))
{
	return more->first;
}

struct bpf_map {
	int at;
};

__noinline int looks(struct bpf_map *map TAG(untrusted))
{
	return map->at;
}

static __noinline int hidden(struct __sk_buff *skb, int n)
{
	return skb->mark * n;
}

SEC("tc")
int main_tc(struct __sk_buff *skb)
{
	struct args args = { 1, 2 };
	struct more more = { 1 };
	int n = length(skb) + grows(skb) + sum(1, skb) + hidden(skb, skb->len);

	return n + takes(&args) + takes_more(&more) + looks(0);
}

__noinline int allows(struct bpf_sock_addr *ctx)
{
	return ctx->user_port != 0;
}

SEC("cgroup/connect4")
int main_connect(struct bpf_sock_addr *ctx)
{
	return allows(ctx) ? 1 : 0;
}

char _license[] SEC("license") = "GPL";
