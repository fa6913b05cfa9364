// The JIT's passes for computation: rotations, joined loads, choices instead of jumps, parts of stack slots, offsets
// before an address. Each shape runs on both engines (every byte is compared), and the module shows that the pass took it,
// or that it had to leave it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpWat } from '../jit/dump.ts';
import type { Kernel } from '../src/index.ts';
import { loadText, runBoth, testKernel } from './harness.ts';

let kernel: Kernel;
beforeAll(async () => {
  kernel = await testKernel();
});
afterAll(() => kernel.close());

const DATA = Uint8Array.from({ length: 64 }, (_, i) => (i * 73 + 29) & 0xff);

/** r0 on both engines, and the functions of the module. `body`: r2 = 64 readable and writable bytes. */
function run(body: string, data = DATA): { r0: bigint; wat: string } {
  const text = `
    r2 = *(u32 *)(r1 +0)
    r3 = *(u32 *)(r1 +4)
    r4 = r2
    r4 += 64
    r0 = 0
    if r4 > r3 goto out
    ${body}
  out:
    exit`;
  const optimized = loadText(kernel, { type: 'xdp', text, jit: 'optimized' });
  runBoth(kernel, optimized, { data });
  optimized.close();
  const program = loadText(kernel, { type: 'xdp', text });
  const r0 = runBoth(kernel, program, { data }).retval;
  const wat = dumpWat(program.loaded, { validate: true });
  program.close();
  return { r0, wat: wat.slice(wat.indexOf('(func $f0 (param'), wat.indexOf('(func $run32 (param')) };
}

const count = (wat: string, what: RegExp) => (wat.match(new RegExp(what, 'g')) ?? []).length;
const word = (data: Uint8Array, off: number, size: number) =>
  BigInt.asUintN(8 * size, new DataView(data.buffer).getBigUint64(off, true));

describe('rotations', () => {
  const x = word(DATA, 0, 8);
  const rotated = (by: number) => BigInt.asUintN(64, (x << BigInt(by)) | (x >> BigInt(64 - by)));

  it.each([1, 13, 32, 51, 63])('left by %i, whichever half comes first and however they meet', (by) => {
    for (const meet of ['|=', '^=', '+=']) {
      const shapes = [
        `r0 = *(u64 *)(r2 +0)\nr3 = r0\nr3 >>= ${64 - by}\nr0 <<= ${by}\nr0 ${meet} r3`,
        `r3 = *(u64 *)(r2 +0)\nr0 = r3\nr0 <<= ${by}\nr3 >>= ${64 - by}\nr0 ${meet} r3`,
        `r3 = *(u64 *)(r2 +0)\nr0 = r3\nr0 >>= ${64 - by}\nr3 <<= ${by}\n*(u64 *)(r10 -8) = r3\nr3 = 5\nr4 = *(u64 *)(r10 -8)\nr0 ${meet} r4`,
      ];
      for (const shape of shapes) {
        const { r0, wat } = run(`${shape}`);
        expect(r0).toBe(BigInt.asUintN(64, rotated(by)));
        expect([count(wat, /i64\.rotl/), count(wat, /i64\.shl/)]).toEqual([1, 0]);
      }
    }
  });

  it('no rotation: other amounts, other values, one direction, half of the width, another operation', () => {
    const halves = (first: string, second: string, meet = '|=') =>
      run(`r0 = *(u64 *)(r2 +0)\nr3 = r0\nr0 ${first}\nr3 ${second}\nr0 ${meet} r3`);
    const left = (by: number) => BigInt.asUintN(64, x << BigInt(by));
    const right = (by: number) => x >> BigInt(by);
    const none = [
      { ...halves('<<= 13', '>>= 50'), is: left(13) | right(50) },
      { ...halves('<<= 32', '<<= 32'), is: left(32) },
      { ...halves('<<= 13', 's>>= 51'), is: left(13) | BigInt.asUintN(64, BigInt.asIntN(64, x) >> 51n) },
      { ...halves('<<= 13', '>>= 51', '&='), is: left(13) & right(51) },
      { ...halves('<<= 13', '>>= 19'), is: left(13) | right(19) },
      {
        ...run(`r0 = *(u64 *)(r2 +0)\nr3 = r0\nr0 <<= 13\nr3 += 1\nr3 >>= 51\nr0 |= r3`),
        is: left(13) | ((x + 1n) >> 51n),
      },
    ];
    for (const { r0, wat, is } of none) {
      expect(r0).toBe(BigInt.asUintN(64, is));
      expect(wat).not.toContain('rotl');
    }
  });

  it('not across blocks, where the value may be another one', () => {
    const { r0, wat } = run(`
      r0 = *(u64 *)(r2 +0)
      r3 = r0
      r0 <<= 13
      r4 = *(u8 *)(r2 +8)
      if r4 == 1 goto skip
      *(u8 *)(r2 +9) = r4
      r3 = r4
    skip:
      r3 >>= 51
      r0 |= r3`);
    expect(r0).toBe(BigInt.asUintN(64, x << 13n));
    expect(wat).not.toContain('rotl');
  });
});

describe('loads of bytes that are put together', () => {
  const byte = (reg: number, off: number, shift: number) =>
    `r${reg} = *(u8 *)(r2 +${off})\n${shift === 0 ? '' : `r${reg} <<= ${shift}\n`}`;

  it('are one load', () => {
    const two = run(`${byte(3, 12, 0)}${byte(0, 13, 8)}r0 |= r3`);
    expect(two.r0).toBe(word(DATA, 12, 2));
    expect([count(two.wat, /load16_u/), count(two.wat, /load8_u/)]).toEqual([1, 0]);
    const four = run(`r3 = *(u8 *)(r2 +5)\nw0 = w3\nr3 = *(u8 *)(r2 +6)\nw3 <<= 8\nw0 |= w3
      r3 = *(u8 *)(r2 +8)\nw3 <<= 8\nr4 = *(u8 *)(r2 +7)\nw3 += w4\nw3 <<= 16\nw0 ^= w3`);
    expect(four.r0).toBe(word(DATA, 5, 4));
    expect([count(four.wat, /i32\.load offset=5/), count(four.wat, /load8_u/)]).toEqual([1, 0]);
    const shifts = [0, 8, 16, 24, 32, 40, 48, 56];
    const all = shifts.map((s, i) => (i === 0 ? byte(0, 3, 0) : `${byte(3, 3 + i, s)}r0 |= r3\n`)).join('');
    const eight = run(`${all}`);
    expect(eight.r0).toBe(BigInt.asUintN(64, word(DATA, 3, 8)));
    expect([count(eight.wat, /i64\.load offset=3/), count(eight.wat, /load8_u/)]).toEqual([1, 0]);
  });

  it('of 32 bits into 64 without a sign, at both levels', () => {
    const data = new Uint8Array(64).fill(0xfe);
    expect(run('r0 = *(u16 *)(r2 +8)\nr0 <<= 16\nr3 = *(u16 *)(r2 +6)\nr0 += r3', data).r0).toBe(0xfefe_fefen);
  });

  it('also when the address is gone by then', () => {
    const { r0, wat } = run(`r5 = r2\nr3 = *(u8 *)(r2 +1)\nr2 = *(u8 *)(r5 +2)\nr5 = 7\nr2 <<= 8\nr2 |= r3\nr0 = r2`);
    expect(r0).toBe(word(DATA, 1, 2));
    expect(count(wat, /load16_u offset=1/)).toBe(1);
  });

  it.each([
    ['a store in between', 'r3 = *(u8 *)(r2 +1)\n*(u8 *)(r2 +1) = 7\nr0 = *(u8 *)(r2 +2)\nr0 <<= 8\nr0 |= r3', 1, 2],
    ['the other order', 'r3 = *(u8 *)(r2 +2)\nr0 = *(u8 *)(r2 +1)\nr0 <<= 8\nr0 |= r3', null, null],
    ['a gap', 'r3 = *(u8 *)(r2 +1)\nr0 = *(u8 *)(r2 +3)\nr0 <<= 8\nr0 |= r3', null, null],
    ['another shift', 'r3 = *(u8 *)(r2 +1)\nr0 = *(u8 *)(r2 +2)\nr0 <<= 16\nr0 |= r3', null, null],
    ['another address', 'r3 = *(u8 *)(r2 +1)\nr2 += 1\nr0 = *(u8 *)(r2 +2)\nr0 <<= 8\nr0 |= r3', null, null],
    ['a sign', 'r3 = *(s8 *)(r2 +1)\nr0 = *(u8 *)(r2 +2)\nr0 <<= 8\nr0 |= r3', null, null],
  ])('not with %s', (_, body, off, size) => {
    const { r0, wat } = run(body);
    if (off !== null) expect(r0).toBe(word(DATA, off, size!));
    expect(wat).not.toContain('load16_u');
  });
});

describe('a jump over a few instructions', () => {
  // r3 = 1 or 2 by the packet; r4 wide, r5 narrow.
  const setUp = 'r3 = *(u8 *)(r2 +0)\nr4 = *(u64 *)(r2 +8)\nr5 = *(u32 *)(r2 +16)\nr0 = 0\n';
  const both = (body: string, end: string) =>
    [1, 2].map((first) => run(`${setUp}${body}\n${end}`, DATA.with(0, first)));
  const wide = word(DATA, 8, 8);
  const narrow = word(DATA, 16, 4);

  it.each([
    ['a move', 'r0 = r4\nif r3 == 1 goto s\nr0 = r5\ns:', wide, narrow],
    ['a constant', 'r0 = r4\nif r3 != 2 goto s\nr0 = -1\ns:', wide, 2n ** 64n - 1n],
    ['a narrow value', 'w0 = w5\nif w3 < 2 goto s\nw0 += 1\ns:', narrow, narrow + 1n],
    [
      'a wide one that was narrow',
      'r0 = r5\nif r3 == 1 goto s\nr0 <<= 20\nr0 += r4\ns:',
      narrow,
      (narrow << 20n) + wide,
    ],
    ['two values', 'r0 = 1\nif r3 == 1 goto s\nr0 = r4\nr4 = r5\ns:\nr0 ^= r4', 1n ^ wide, wide ^ narrow],
    ['a swap', 'if r3 == 1 goto s\nr0 = r4\nr4 = r5\nr5 = r0\ns:\nr0 = r4\nr0 -= r5', wide - narrow, narrow - wide],
    [
      'a spill',
      '*(u64 *)(r10 -8) = r4\nif r3 == 1 goto s\n*(u64 *)(r10 -8) = r5\ns:\nr0 = *(u64 *)(r10 -8)',
      wide,
      narrow,
    ],
    ['the jump that is not taken', 'r0 = r4\nif r3 == 2 goto t\ns:\ngoto out\nt:\nr0 = r5\ngoto s', wide, narrow],
  ])('chooses: %s', (_, body, first, second) => {
    const runs = both(body, '');
    expect(runs.map(({ r0 }) => r0)).toEqual([first, second].map((x) => BigInt.asUintN(64, BigInt.asUintN(64, x))));
    // One jump is left: the check of the packet's end.
    expect([count(runs[0].wat, /\(select/) > 0, count(runs[0].wat, /br_if|\(if/)]).toEqual([true, 1]);
  });

  it('chooses inside of loops, around their ends', () => {
    const { r0, wat } = run(`
      r3 = 0
    head:
      r4 = r2
      r4 += r3
      r5 = *(u8 *)(r4 +0)
      if r5 s> 100 goto next
      r0 += r5
    next:
      r3 += 1
      if r3 != 64 goto head`);
    expect(r0).toBe(BigInt(DATA.reduce((sum, x) => (x > 100 ? sum : sum + x), 0)));
    expect(count(wat, /\(select/)).toBe(1);
  });

  it.each([
    ['loads', 'if r3 == 1 goto s\nr0 = *(u32 *)(r2 +16)\ns:'],
    ['stores', 'if r3 == 1 goto s\n*(u32 *)(r2 +16) = r3\ns:\nr0 = r5'],
    ['divides', 'r0 = r5\nif r3 == 1 goto s\nr0 /= r3\ns:'],
    ['does more', 'r0 = r4\nif r3 == 1 goto s\nr0 += 1\nr0 *= 3\nr0 ^= r5\nr0 <<= 1\ns:'],
    ['is entered elsewhere too', 'if r5 == 1 goto t\nr0 = r4\nif r3 == 1 goto s\nt:\nr0 += r5\ns:'],
  ])('stays where what it goes around %s', (_, body) => {
    for (const { wat } of both(body, '')) expect(wat).not.toContain('(select');
  });
});

describe('parts of a stack slot', () => {
  const x = word(DATA, 0, 8);
  const parts = [1, 2, 4].flatMap((size) =>
    Array.from({ length: 8 / size }, (_, i) => ({ size, at: i * size, mask: (1n << BigInt(8 * size)) - 1n })),
  );

  it('are read and replaced without memory', () => {
    for (const { size, at, mask } of parts) {
      const type = `*(u${8 * size} *)(r10 -${8 - at})`;
      const shift = BigInt(8 * at);
      const read = run(`r4 = *(u64 *)(r2 +0)\n*(u64 *)(r10 -8) = r4\nr0 = ${type}`);
      expect(read.r0).toBe(BigInt.asUintN(64, (x >> shift) & mask));
      const rest = (x & ~(mask << shift)) | ((word(DATA, 8, 8) & mask) << shift);
      const store = `r4 = *(u64 *)(r2 +0)\nr3 = *(u64 *)(r2 +8)\n*(u64 *)(r10 -8) = r4\n${type} = r3`;
      const whole = run(`${store}\nr0 = *(u64 *)(r10 -8)`);
      expect(whole.r0).toBe(BigInt.asUintN(64, BigInt.asUintN(64, rest)));
      const low = run(`${store}\nr0 = *(u32 *)(r10 -8)`);
      expect(low.r0).toBe(rest & 0xffff_ffffn);
      const high = run(`${store}\nr0 = *(u16 *)(r10 -2)`);
      expect(high.r0).toBe(BigInt.asUintN(16, rest >> 48n));
      const constant = run(`r4 = *(u64 *)(r2 +0)\n*(u64 *)(r10 -8) = r4\n${type} = -3\nr0 = *(u64 *)(r10 -8)`);
      expect(constant.r0).toBe(
        BigInt.asUintN(64, BigInt.asUintN(64, (x & ~(mask << shift)) | ((-3n & mask) << shift))),
      );
      for (const { wat } of [read, whole, low, high, constant]) expect(wat).not.toMatch(/store/);
    }
  });
});

it('offsets before an address share one base', () => {
  const { r0, wat } = run(
    'r2 += 40\nr0 = *(u8 *)(r2 -24)\nr3 = *(u8 *)(r2 -20)\nr4 = *(u8 *)(r2 -1)\nr0 += r3\nr0 += r4',
  );
  expect(r0).toBe(BigInt(DATA[16] + DATA[20] + DATA[39]));
  expect([count(wat, /i32\.const -24/), count(wat, /i32\.const -/)]).toEqual([3, 3]);
});
