// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
//
// Kfuncs as C programs use them: loops over numbers, and packets read through dynptrs. Installed headers may be older than
// bpf_for and bpf_repeat: a loop like theirs is written out here.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct bpf_iter_num {
	__u64 opaque;
};

struct numbers {
	__u64 opaque[1];
} __attribute__((aligned(8)));

int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
int bpf_dynptr_from_xdp(struct xdp_md *x, __u64 flags, struct bpf_dynptr *ptr) __ksym;
void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u32 offset, void *buffer, __u32 size) __ksym;
void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, __u32 offset, void *buffer, __u32 size) __ksym;
__u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;

#define each_number(it, at, from, to)                                                  \
	for (bpf_iter_num_new((struct bpf_iter_num *)&(it), from, to);                 \
	     ((at) = bpf_iter_num_next((struct bpf_iter_num *)&(it)));)
#define end_of(it) bpf_iter_num_destroy((struct bpf_iter_num *)&(it))

char sums[256];

/* The bytes of the packet added up, and how often each came. */
SEC("xdp")
int bytes(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct numbers it;
	__u32 sum = 0;
	int *i;

	each_number(it, i, 0, 1500) {
		__u32 n = *i;
		__u8 *at = data + n;

		if (n >= 1500 || (void *)(at + 1) > end)
			break;
		sum += *at;
		sums[*at & 255]++;
	}
	end_of(it);
	return sum;
}

/* Ethernet addresses change places; another protocol than IPv4 is dropped. */
SEC("xdp")
int swap(struct xdp_md *ctx)
{
	struct bpf_dynptr packet;
	struct ethhdr buffer, *eth;
	struct numbers it;
	int *i;

	bpf_dynptr_from_xdp(ctx, 0, &packet);
	if (bpf_dynptr_size(&packet) < 34)
		return XDP_ABORTED;
	eth = bpf_dynptr_slice_rdwr(&packet, 0, &buffer, sizeof(buffer));
	if (!eth || eth->h_proto != bpf_htons(ETH_P_IP))
		return XDP_DROP;
	each_number(it, i, 0, ETH_ALEN) {
		__u32 n = *i;
		__u8 byte;

		if (n >= ETH_ALEN)
			break;
		byte = eth->h_dest[n];
		eth->h_dest[n] = eth->h_source[n];
		eth->h_source[n] = byte;
	}
	end_of(it);
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
