// SPDX-License-Identifier: Apache-2.0
// Bench: 16 rounds of atomic operations on shared variables: fetch-and-add, or, exchange, compare-and-exchange.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

static __u64 cells[16];

SEC("xdp")
int atomics(struct xdp_md *ctx)
{
	unsigned char *pos = (void *)(long)ctx->data;
	unsigned char *end = (void *)(long)ctx->data_end;
	__u64 sum = 0;

	if (pos + 32 > end)
		return 0;
	for (int i = 0; i < 16; i++) {
		__u64 *cell = &cells[pos[i + 16] & 15];

		sum += __sync_fetch_and_add(cell, pos[i]);
		sum ^= __sync_fetch_and_or(cell, 1ull << (i + 8));
		sum += __sync_lock_test_and_set(cell, sum);
		sum ^= __sync_val_compare_and_swap(cell, sum, sum + i);
	}
	return sum ^ (sum >> 32);
}
