// SPDX-License-Identifier: Apache-2.0
// Bench: sorts 32 bytes on the stack: loads and stores at computed stack addresses, unpredictable branches. Odd-even
// transposition, because its loops do not depend on the data: a verifier walks insertion sort's inner loop once per length.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define N 32

SEC("xdp")
int sort(struct xdp_md *ctx)
{
	__u8 *pos = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u8 a[N];
	__u32 hash = 0;

	if ((void *)(pos + N) > end)
		return 0;
	for (int i = 0; i < N; i++)
		a[i] = pos[i];
	for (int round = 0; round < N; round++) {
		for (int i = round & 1; i + 1 < N; i += 2) {
			__u8 x = a[i], y = a[i + 1];

			if (x > y) {
				a[i] = y;
				a[i + 1] = x;
			}
		}
	}
	for (int i = 0; i < N; i++)
		hash = hash * 31 + a[i];
	return hash;
}
