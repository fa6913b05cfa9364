// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Replacements of the functions of target.bpf.c: each as it should be, beside others that differ in one thing.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("freplace/length")
int new_length(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	return data + 4 <= end ? *(int *)data : 0;
}

SEC("freplace/length")
int reads_too_far(struct __sk_buff *skb)
{
	return *(int *)(long)skb->data;
}

SEC("freplace/length")
int other_ctx(struct xdp_md *xdp)
{
	return xdp->ingress_ifindex;
}

SEC("freplace/length")
int more_arguments(struct __sk_buff *skb, int n)
{
	return skb->len + n;
}

SEC("freplace/length")
int changes(struct __sk_buff *skb)
{
	return bpf_skb_change_tail(skb, skb->len + 1, 0);
}

SEC("freplace/grows")
int may_change(struct __sk_buff *skb)
{
	return bpf_skb_change_tail(skb, skb->len + 2, 0);
}

SEC("freplace/sum")
int new_sum(int a, struct __sk_buff *skb)
{
	return a - skb->mark;
}

SEC("freplace/sum")
int wide_sum(long a, struct __sk_buff *skb)
{
	return a - skb->mark;
}

SEC("freplace/sum")
int turned_sum(struct __sk_buff *skb, int a)
{
	return a - skb->mark;
}

SEC("freplace/hidden")
int new_hidden(struct __sk_buff *skb, int n)
{
	return n;
}

SEC("freplace/nothing")
int new_nothing(struct __sk_buff *skb)
{
	return 0;
}

SEC("freplace/main_tc")
int new_main(struct __sk_buff *skb)
{
	return 7;
}

SEC("freplace/allows")
int new_allows(struct bpf_sock_addr *ctx)
{
	return 0;
}

SEC("freplace/allows")
int allows_all(struct bpf_sock_addr *ctx)
{
	return ctx->user_port;
}

SEC("freplace/allows")
void returns_nothing(struct bpf_sock_addr *ctx)
{
}

SEC("cgroup_skb/egress")
int of_another_section(struct __sk_buff *skb)
{
	return 7;
}

#define TAG(name) __attribute__((btf_decl_tag("arg:" #name)))

struct args {
	int first;
};

struct more {
	int first;
	int second;
};

SEC("freplace/takes")
int new_takes(struct args *args)
{
	return args ? args->first : 0;
}

SEC("freplace/takes_more")
int takes_too_much(struct more *more TAG(nonnull))
{
	return more->second;
}

SEC("freplace/takes")
int takes_some(struct args *args TAG(nonnull))
{
	return args->first;
}

struct bpf_map {
	int at;
};

SEC("freplace/looks")
int new_looks(struct bpf_map *map TAG(untrusted))
{
	return map->at;
}

SEC("freplace/looks")
int trusts(struct bpf_map *map TAG(trusted))
{
	return map->at;
}

SEC("freplace/looks")
int writes(struct bpf_map *map TAG(nonnull))
{
	return map->at = 1;
}

char _license[] SEC("license") = "GPL";
