// Byte swaps in the verifier: what is known of a scalar after be/le/bswap, as the log of Linux 6.18 prints it.

import { expect, it } from 'vitest';
import { asm } from '../src/isa/asm.ts';
import { verify } from '../src/verifier/index.ts';

const BITS = 'call 7\nr0 <<= 8\nr0 &= 0xff00f00\nr0 |= 1\n';

it.each([
  [BITS, 'be16 r0', 'scalar(smin=umin=smin32=umin32=256,smax=umax=smax32=umax32=271,var_off=(0x100; 0xf))'],
  [
    BITS,
    'be32 r0',
    'scalar(smin=umin=smin32=umin32=0x1000000,smax=umax=smax32=umax32=0x10ff00f,var_off=(0x1000000; 0xff00f))',
  ],
  [
    BITS,
    'bswap64 r0',
    'scalar(smin=umin=0x100000000000000,smax=umax=0x10ff00f00000000,smin32=0,smax32=umax32=0,var_off=(0x100000000000000; 0xff00f00000000))',
  ],
  [BITS, 'le16 r0', 'scalar(smin=umin=smin32=umin32=1,smax=umax=smax32=umax32=3841,var_off=(0x1; 0xf00))'],
  ['r0 = 0xfedcba9812345678 ll\n', 'be64 r0', '0x7856341298badcfe'],
  ['r0 = 0xfedcba9812345678 ll\n', 'be16 r0', '30806'],
  ['call 5\n', 'be16 r0', 'scalar(smin=smin32=0,smax=umax=smax32=umax32=0xffff,var_off=(0x0; 0xffff))'],
  ['call 5\nr0 s>>= 60\n', 'be64 r0', 'scalar()'],
  [
    'call 5\nr0 s>>= 60\n',
    'le32 r0',
    'scalar(smin=0,smax=umax=0xffffffff,smin32=-8,smax32=7,var_off=(0x0; 0xffffffff))',
  ],
])('%j: %s -> %s', (before, swap, expected) => {
  const { insns } = asm(`${before}r0 = ${swap}\nr1 = r0\nexit\n`);
  const input = {
    name: 't',
    type: 1,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns,
    maps: [],
    mapRefs: new Map(),
  };
  const line = verify(input, { logLevel: 2 })
    .log.split('\n')
    .find((l) => l.includes(`r0 = ${swap}`) && l.includes('; R0='));
  expect(line?.split('; R0=')[1]).toBe(expected);
});
