// SPDX-License-Identifier: Apache-2.0
// Bench: the product of two 8x8 matrices of 32-bit numbers from the packet, row by row on the stack.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define N 8

SEC("xdp")
int matrix(struct xdp_md *ctx)
{
	__u32 *a = (void *)(long)ctx->data, *b = a + N * N;
	void *end = (void *)(long)ctx->data_end;
	__u32 row[N], hash = 0;

	if ((void *)(b + N * N) > end)
		return 0;
	for (int i = 0; i < N; i++) {
		for (int j = 0; j < N; j++) {
			__u32 sum = 0;

			for (int k = 0; k < N; k++)
				sum += a[i * N + k] * b[k * N + j];
			row[j] = sum;
		}
		for (int j = 0; j < N; j++)
			hash = hash * 31 + row[(j * 3) & (N - 1)];
	}
	return hash;
}
