// Programs of the corpus that compute, and that load and store on the stack.

import type { TestProgram } from './test_program.ts';

const DIVISION = `
  r6 = 0x8000000000000000 ll
  r7 = -1
  r0 = r6
  r0 s/= r7          ; overflows to itself
  r8 = r6
  r8 s%= r7          ; 0
  r0 ^= r8
  r1 = 0
  r8 = 7
  r8 /= r1           ; by zero: 0
  r0 += r8
  r8 = 7
  r8 %= r1           ; by zero: unchanged
  r0 += r8
  w8 = -7
  w7 = 2
  w8 s/= w7          ; -3
  r0 += r8
  w8 = -7
  w8 s%= w7          ; -1
  r0 += r8
  w8 = w6
  w8 %= w1
  r0 += r8
  exit`;

export const NUMBER_PROGRAMS: readonly TestProgram[] = [
  { name: 'division corner cases', text: DIVISION, expect: 0x8000000000000000n + 7n + 0xfffffffdn + 0xffffffffn },
  {
    name: '32-bit operations zero the upper half',
    text: `
      r0 = -1
      w0 += 0
      r1 = -1
      w1 = w1
      r0 += r1
      r2 = -1
      w2 s>>= 4
      r0 += r2
      r3 = -1
      w3 = -w3
      r0 += r3
      exit`,
    expect: 3n * 0xffffffffn + 1n,
  },
  {
    name: 'shifts by register use the low bits',
    text: `
      r1 = 65
      r0 = 3
      r0 <<= r1
      r2 = -16
      r2 s>>= r1
      r0 += r2
      w3 = 33
      w4 = 6
      w4 >>= w3
      r0 += r4
      r5 = -1
      r5 >>= r1
      r0 ^= r5
      exit`,
    expect: 0x7ffffffffffffffen,
  },
  {
    name: 'sign extension',
    text: `
      r1 = 0x1234567880ff8180 ll
      r0 = (s8)r1
      r2 = (s16)r1
      r0 ^= r2
      r2 = (s32)r1
      r0 ^= r2
      w2 = (s8)w1
      r0 ^= r2
      w2 = (s16)w1
      r0 ^= r2
      exit`,
    expect: 0xffffffff80ff8180n,
  },
  {
    name: 'byte order',
    text: `
      r1 = 0x0102030405060708 ll
      r0 = r1
      r0 = be16 r0
      r2 = r1
      r2 = be32 r2
      r0 += r2
      r2 = r1
      r2 = bswap64 r2
      r0 += r2
      r2 = r1
      r2 = le16 r2
      r0 += r2
      r2 = r1
      r2 = bswap32 r2
      r0 ^= r2
      exit`,
    expect: 0x0807060500000000n + ((0x0807n + 0x08070605n + 0x04030201n + 0x0708n) ^ 0x08070605n),
  },
  {
    name: 'every comparison, 64 and 32 bits',
    text: `
      r1 = -1
      r2 = 1
      r0 = 0
      if r1 == r2 goto +1
      r0 |= 1
      if r1 != r2 goto +1
      r0 |= 2
      if r1 > r2 goto +1
      r0 |= 4
      if r1 s> r2 goto +1
      r0 |= 8
      if r1 < r2 goto +1
      r0 |= 16
      if r1 s< r2 goto +1
      r0 |= 32
      if r1 & r2 goto +1
      r0 |= 64
      w3 = 0x7fffffff
      w4 = 0x80000000
      if w3 > w4 goto +1
      r0 |= 128
      if w3 s> w4 goto +1
      r0 |= 256
      if w3 <= w4 goto +1
      r0 |= 512
      if w3 s<= w4 goto +1
      r0 |= 1024
      if w3 >= 0x7fffffff goto +1
      r0 |= 2048
      if w4 s>= -1 goto +1
      r0 |= 4096
      exit`,
    expect: 1n + 8n + 16n + 128n + 1024n + 4096n,
  },
  {
    name: 'memory of every size, signed and not',
    text: `
      r0 = *(u8 *)(r1 +0)
      r2 = *(u16 *)(r1 +2)
      r0 += r2
      r2 = *(u32 *)(r1 +4)
      r0 += r2
      r2 = *(u64 *)(r1 +8)
      r0 += r2
      r2 = -2
      *(u64 *)(r1 +0) = r2
      r2 = *(s8 *)(r1 +0)
      r0 += r2
      r2 = *(s16 *)(r1 +0)
      r0 += r2
      r2 = *(s32 *)(r1 +0)
      r0 += r2
      *(u8 *)(r1 +16) = 255
      *(u16 *)(r1 +18) = -2
      *(u32 *)(r1 +20) = -3
      *(u64 *)(r1 +24) = -4
      exit`,
    expect: 1n + 0x0403n + 0x08070605n + 0x100f0e0d0c0b0a09n - 6n,
  },
  {
    name: 'a stack slot written in parts',
    text: `
      *(u64 *)(r10 -8) = -1
      *(u8 *)(r10 -7) = 2
      *(u16 *)(r10 -4) = 3
      r0 = *(u64 *)(r10 -8)
      r1 = *(u32 *)(r10 -4)
      r0 += r1
      r1 = *(u16 *)(r10 -8)
      r0 += r1
      exit`,
    expect: 0xffff0003ffff02ffn + 0xffff0003n + 0x02ffn,
  },
  {
    name: 'immediate division by zero and shifts out of range',
    text: 'r0 = 7\nr0 /= 0\nr1 = 5\nr1 %= 0\nr0 += r1\nr2 = 1\nr2 <<= 65\nr0 += r2\nw3 = 1\nw3 <<= 33\nr0 += r3\nexit',
    expect: 9n,
    unverified: 'Linux refuses these immediates',
  },
  {
    name: 'stack that nobody wrote reads as 0, in slots of every kind',
    text: `
      r6 = *(u64 *)(r10 -8)
      r0 = *(u32 *)(r10 -16)
      r0 += r6
      r1 = *(u8 *)(r10 -17)
      r0 += r1
      r2 = 5
      *(u8 *)(r10 -24) = r2
      r1 = *(u64 *)(r10 -24)
      r0 += r1
      r3 = r10
      r3 += -512
      r1 = *(u16 *)(r3 +0)
      r0 += r1
      exit`,
    expect: 5n,
  },
  {
    name: 'a slot that is written on one way only',
    text: `
      r2 = *(u8 *)(r1 +0)
      r0 = 0
      r3 = 7
      r4 = 3
    next:
      if r4 == r2 goto skip
      *(u64 *)(r10 -8) = r3
    skip:
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      r4 -= 1
      if r4 != 0 goto next
      exit`,
    expect: 21n,
  },
];
