// SPDX-License-Identifier: Apache-2.0
// Bench: SHA-256 (FIPS 180-4) of the packet's first 64 bytes, one block without padding, unrolled: thousands of
// instructions without a branch.

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define ROTATE(x, by) (((x) >> (by)) | ((x) << (32 - (by))))
#define STEP(a, b, c, d, e, f, g, h, i, k)                                                                             \
	do {                                                                                                           \
		h += (ROTATE(e, 6) ^ ROTATE(e, 11) ^ ROTATE(e, 25)) + ((e & f) ^ (~e & g)) + k + w[(i) & 15];          \
		d += h;                                                                                                \
		h += (ROTATE(a, 2) ^ ROTATE(a, 13) ^ ROTATE(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));                   \
	} while (0)
#define NEXT(i)                                                                                                        \
	do {                                                                                                           \
		__u32 x = w[((i) + 1) & 15], y = w[((i) + 14) & 15];                                                   \
		w[(i) & 15] += w[((i) + 9) & 15] + (ROTATE(x, 7) ^ ROTATE(x, 18) ^ (x >> 3)) +                         \
			       (ROTATE(y, 17) ^ ROTATE(y, 19) ^ (y >> 10));                                            \
	} while (0)

SEC("xdp")
int sha256(struct xdp_md *ctx)
{
	__u32 *block = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	__u32 w[16];

	if ((void *)(block + 16) > end)
		return 0;
#pragma unroll
	for (int i = 0; i < 16; i++)
		w[i] = bpf_ntohl(block[i]);
	__u32 a = 0x6a09e667, b = 0xbb67ae85, c = 0x3c6ef372, d = 0xa54ff53a;
	__u32 e = 0x510e527f, f = 0x9b05688c, g = 0x1f83d9ab, h = 0x5be0cd19;

	STEP(a, b, c, d, e, f, g, h, 0, 0x428a2f98);
	STEP(h, a, b, c, d, e, f, g, 1, 0x71374491);
	STEP(g, h, a, b, c, d, e, f, 2, 0xb5c0fbcf);
	STEP(f, g, h, a, b, c, d, e, 3, 0xe9b5dba5);
	STEP(e, f, g, h, a, b, c, d, 4, 0x3956c25b);
	STEP(d, e, f, g, h, a, b, c, 5, 0x59f111f1);
	STEP(c, d, e, f, g, h, a, b, 6, 0x923f82a4);
	STEP(b, c, d, e, f, g, h, a, 7, 0xab1c5ed5);
	STEP(a, b, c, d, e, f, g, h, 8, 0xd807aa98);
	STEP(h, a, b, c, d, e, f, g, 9, 0x12835b01);
	STEP(g, h, a, b, c, d, e, f, 10, 0x243185be);
	STEP(f, g, h, a, b, c, d, e, 11, 0x550c7dc3);
	STEP(e, f, g, h, a, b, c, d, 12, 0x72be5d74);
	STEP(d, e, f, g, h, a, b, c, 13, 0x80deb1fe);
	STEP(c, d, e, f, g, h, a, b, 14, 0x9bdc06a7);
	STEP(b, c, d, e, f, g, h, a, 15, 0xc19bf174);
	NEXT(16);
	STEP(a, b, c, d, e, f, g, h, 16, 0xe49b69c1);
	NEXT(17);
	STEP(h, a, b, c, d, e, f, g, 17, 0xefbe4786);
	NEXT(18);
	STEP(g, h, a, b, c, d, e, f, 18, 0x0fc19dc6);
	NEXT(19);
	STEP(f, g, h, a, b, c, d, e, 19, 0x240ca1cc);
	NEXT(20);
	STEP(e, f, g, h, a, b, c, d, 20, 0x2de92c6f);
	NEXT(21);
	STEP(d, e, f, g, h, a, b, c, 21, 0x4a7484aa);
	NEXT(22);
	STEP(c, d, e, f, g, h, a, b, 22, 0x5cb0a9dc);
	NEXT(23);
	STEP(b, c, d, e, f, g, h, a, 23, 0x76f988da);
	NEXT(24);
	STEP(a, b, c, d, e, f, g, h, 24, 0x983e5152);
	NEXT(25);
	STEP(h, a, b, c, d, e, f, g, 25, 0xa831c66d);
	NEXT(26);
	STEP(g, h, a, b, c, d, e, f, 26, 0xb00327c8);
	NEXT(27);
	STEP(f, g, h, a, b, c, d, e, 27, 0xbf597fc7);
	NEXT(28);
	STEP(e, f, g, h, a, b, c, d, 28, 0xc6e00bf3);
	NEXT(29);
	STEP(d, e, f, g, h, a, b, c, 29, 0xd5a79147);
	NEXT(30);
	STEP(c, d, e, f, g, h, a, b, 30, 0x06ca6351);
	NEXT(31);
	STEP(b, c, d, e, f, g, h, a, 31, 0x14292967);
	NEXT(32);
	STEP(a, b, c, d, e, f, g, h, 32, 0x27b70a85);
	NEXT(33);
	STEP(h, a, b, c, d, e, f, g, 33, 0x2e1b2138);
	NEXT(34);
	STEP(g, h, a, b, c, d, e, f, 34, 0x4d2c6dfc);
	NEXT(35);
	STEP(f, g, h, a, b, c, d, e, 35, 0x53380d13);
	NEXT(36);
	STEP(e, f, g, h, a, b, c, d, 36, 0x650a7354);
	NEXT(37);
	STEP(d, e, f, g, h, a, b, c, 37, 0x766a0abb);
	NEXT(38);
	STEP(c, d, e, f, g, h, a, b, 38, 0x81c2c92e);
	NEXT(39);
	STEP(b, c, d, e, f, g, h, a, 39, 0x92722c85);
	NEXT(40);
	STEP(a, b, c, d, e, f, g, h, 40, 0xa2bfe8a1);
	NEXT(41);
	STEP(h, a, b, c, d, e, f, g, 41, 0xa81a664b);
	NEXT(42);
	STEP(g, h, a, b, c, d, e, f, 42, 0xc24b8b70);
	NEXT(43);
	STEP(f, g, h, a, b, c, d, e, 43, 0xc76c51a3);
	NEXT(44);
	STEP(e, f, g, h, a, b, c, d, 44, 0xd192e819);
	NEXT(45);
	STEP(d, e, f, g, h, a, b, c, 45, 0xd6990624);
	NEXT(46);
	STEP(c, d, e, f, g, h, a, b, 46, 0xf40e3585);
	NEXT(47);
	STEP(b, c, d, e, f, g, h, a, 47, 0x106aa070);
	NEXT(48);
	STEP(a, b, c, d, e, f, g, h, 48, 0x19a4c116);
	NEXT(49);
	STEP(h, a, b, c, d, e, f, g, 49, 0x1e376c08);
	NEXT(50);
	STEP(g, h, a, b, c, d, e, f, 50, 0x2748774c);
	NEXT(51);
	STEP(f, g, h, a, b, c, d, e, 51, 0x34b0bcb5);
	NEXT(52);
	STEP(e, f, g, h, a, b, c, d, 52, 0x391c0cb3);
	NEXT(53);
	STEP(d, e, f, g, h, a, b, c, 53, 0x4ed8aa4a);
	NEXT(54);
	STEP(c, d, e, f, g, h, a, b, 54, 0x5b9cca4f);
	NEXT(55);
	STEP(b, c, d, e, f, g, h, a, 55, 0x682e6ff3);
	NEXT(56);
	STEP(a, b, c, d, e, f, g, h, 56, 0x748f82ee);
	NEXT(57);
	STEP(h, a, b, c, d, e, f, g, 57, 0x78a5636f);
	NEXT(58);
	STEP(g, h, a, b, c, d, e, f, 58, 0x84c87814);
	NEXT(59);
	STEP(f, g, h, a, b, c, d, e, 59, 0x8cc70208);
	NEXT(60);
	STEP(e, f, g, h, a, b, c, d, 60, 0x90befffa);
	NEXT(61);
	STEP(d, e, f, g, h, a, b, c, 61, 0xa4506ceb);
	NEXT(62);
	STEP(c, d, e, f, g, h, a, b, 62, 0xbef9a3f7);
	NEXT(63);
	STEP(b, c, d, e, f, g, h, a, 63, 0xc67178f2);
	a += 0x6a09e667; b += 0xbb67ae85; c += 0x3c6ef372; d += 0xa54ff53a;
	e += 0x510e527f; f += 0x9b05688c; g += 0x1f83d9ab; h += 0x5be0cd19;
	return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h;
}
