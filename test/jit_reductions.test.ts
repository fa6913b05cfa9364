// Loops that add up memory: sixteen bytes at a time in front of the loop (jit/reductions.ts). Each runs on both engines
// over many lengths, around multiples of what a vector holds; the module shows whether the pass took it.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpPass, dumpWat } from '../jit/dump.ts';
import type { Kernel } from '../src/index.ts';
import { loadText, runBoth, testKernel } from './harness.ts';

let kernel: Kernel;
beforeAll(async () => {
  kernel = await testKernel();
});
afterAll(() => kernel.close());

const LENGTHS = [14, 15, 16, 17, 18, 30, 31, 32, 33, 34, 46, 47, 48, 49, 50, 63, 64, 65, 66, 67, 128, 200];
/** Large numbers: sums of all widths overflow. */
const packet = (length: number) => Uint8Array.from({ length }, (_, i) => 255 - ((i * 37) & 0x4f));

/** r0 by length on both engines, and whether the loop got another one in front. */
function run(text: string): { r0: Map<number, bigint>; taken: boolean } {
  const program = loadText(kernel, { type: 'xdp', text });
  const r0 = new Map(LENGTHS.map((n) => [n, runBoth(kernel, program, { data: packet(n) }).retval]));
  const taken = dumpWat(program.loaded, { validate: true }).includes('v128.load');
  const pass = dumpPass(program.loaded, 'reductions');
  expect(pass.includes('adds numbers')).toBe(taken);
  program.close();
  return { r0, taken };
}

/** Sum of the numbers of `size` bytes that lie in the packet, at most `most`, from `from` on. */
function total(length: number, size: 1 | 2 | 4, most: number, width: number, from = 0): bigint {
  const view = new DataView(packet(length).buffer);
  let sum = 0n;
  for (let i = 0, at = from; i < most && at + size <= length; i++, at += size) {
    sum += BigInt(size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at, true) : view.getUint32(at, true));
  }
  return BigInt.asUintN(width, sum);
}

const expectTotals = (text: string, size: 1 | 2 | 4, most: number, width: number, from = 0) => {
  const { r0, taken } = run(text);
  for (const [length, sum] of r0) expect([length, sum]).toEqual([length, total(length, size, most, width, from)]);
  expect(taken).toBe(true);
};

/** As clang makes it: the pointer is compared in front, the counter behind the load. */
const loop = (size: number, add: string, start = 'r0 = 0') => `
  r3 = *(u32 *)(r1 +4)
  r4 = *(u32 *)(r1 +0)
  ${start}
  r5 = r4
  r5 += ${size}
  r1 = 0
  if r5 > r3 goto out
head:
  r2 = *(u${8 * size} *)(r5 -${size})
  ${add}
  if w1 > 98 goto out
  r1 += 1
  r5 += ${size}
  if r5 <= r3 goto head
out:
  exit`;

/** The pointer is compared in front of the load. */
const counting = (start: string, before: string, end: string) => `
  r3 = *(u32 *)(r1 +4)
  r5 = *(u32 *)(r1 +0)
  r0 = 0
  ${start}
head:
  ${before}
  r2 = r5
  r2 += 2
  if r2 > r3 goto out
  r2 = *(u16 *)(r5 +0)
  w0 += w2
  r5 += 2
  ${end}
out:
  exit`;

describe('loops that add up memory', () => {
  it.each([1, 2, 4] as const)('numbers of %i bytes, on 32 and 64 bits', (size) => {
    expectTotals(loop(size, 'w0 += w2'), size, 100, 32);
    expectTotals(loop(size, 'r0 += r2'), size, 100, 64);
  });

  it('to a sum that is not zero, of which only half is used, and that is kept on the stack', () => {
    const start = 'r0 = 0xffffffff00000000 ll';
    const { r0 } = run(loop(4, 'r0 += r2', start));
    for (const [n, sum] of r0) expect(sum).toBe(BigInt.asUintN(64, 0xffff_ffff_0000_0000n + total(n, 4, 100, 64)));
    expectTotals(loop(2, 'r0 += r2').replace('exit', 'w0 = w0\nexit'), 2, 100, 32);
    // An upper half in front of a 32-bit sum is there only until the first number.
    const cut = run(loop(2, 'w0 += w2', start));
    for (const [n, sum] of cut.r0) expect(sum).toBe(total(n, 2, 100, 32));
  });

  it.each([
    ['not equal, down', 'r1 = 40', '', 'r1 -= 1\nif r1 != 0 goto head'],
    ['not equal, to a constant', 'r1 = 3', '', 'r1 += 1\nif r1 != 43 goto head'],
    ['below', 'r1 = 0', '', 'r1 += 1\nif r1 < 40 goto head'],
    ['below, on 32 bits', 'w1 = 0', '', 'w1 += 1\nif w1 < 40 goto head'],
    ['at most, in front', 'w1 = 0', 'if w1 >= 40 goto out', 'w1 += 1\ngoto head'],
    ['above, down', 'r1 = 40', '', 'r1 -= 1\nif r1 > 0 goto head'],
    ['in steps of three', 'r1 = 0', '', 'r1 += 3\nif r1 < 118 goto head'],
    ['by a register', 'r1 = 0\nr6 = 40', '', 'r1 += 1\nif r1 < r6 goto head'],
  ])('while a counter is %s', (_, start, before, end) => expectTotals(counting(start, before, end), 2, 40, 32));

  it('in a function that is inlined twice', () => {
    const text = `
      r7 = *(u32 *)(r1 +4)
      r6 = *(u32 *)(r1 +0)
      r1 = r6
      r2 = r7
      call sum
      r8 = r0
      r1 = r6
      r2 = r7
      call sum
      r0 += r8
      exit
    sum:
      r0 = 0
      r3 = 0
    head:
      r5 = r1
      r5 += 4
      if r5 > r2 goto out
      r4 = *(u32 *)(r1 +0)
      r0 += r4
      r1 += 4
      r3 += 1
      if r3 < 30 goto head
    out:
      exit`;
    const { r0, taken } = run(text);
    for (const [n, sum] of r0) expect(sum).toBe(2n * total(n, 4, 30, 64));
    expect(taken).toBe(true);
  });

  it('while a counter of 32 bits wraps, if it is compared on 32 bits', () => {
    expectTotals(counting('w1 = -8', '', 'w1 += 1\nif r1 != 5 goto head'), 2, 13, 32);
    const { r0, taken } = run(counting('w1 = -8\nr6 = 5', '', 'w1 += 1\nif r1 != r6 goto head'));
    for (const [n, sum] of r0) expect(sum).toBe(total(n, 2, 13, 32));
    expect(taken).toBe(false);
  });

  it('that begin behind the end', () => {
    const text = counting('r1 = 0\nr5 += 60', '', 'r1 += 1\nif r1 != 40 goto head');
    expectTotals(text, 2, 40, 32, 60);
  });

  it('behind an address that is a sum, and inside of another loop', () => {
    const text = `
      r3 = *(u32 *)(r1 +4)
      r4 = *(u32 *)(r1 +0)
      r0 = 0
      r6 = 3
    outer:
      r1 = 0
    head:
      r5 = r4
      r5 += r1
      r2 = r5
      r2 += 3
      if r2 > r3 goto next
      r2 = *(u8 *)(r5 +2)
      w0 += w2
      r1 += 1
      if r1 != 70 goto head
    next:
      r6 -= 1
      if r6 != 0 goto outer
      exit`;
    const { r0, taken } = run(text);
    for (const [n, sum] of r0) expect(sum).toBe(3n * total(n, 1, 70, 32, 2));
    expect(taken).toBe(true);
  });

  it.each([
    ['writes', 'w0 += w2\n*(u8 *)(r5 -2) = 1'],
    ['adds what has a sign', 'r2 = *(s16 *)(r5 -2)\nr0 += r2'],
    ['does something else with the numbers', 'w0 ^= w2'],
    ['adds twice', 'w0 += w2\nw0 += w2'],
    ['adds a constant too', 'w0 += 1\nw0 += w2'],
    ['adds something else', 'w0 += w1'],
    ['changes the sum', 'w0 += w2\nr0 <<= 1'],
    ['looks at the sum', 'w0 += w2\nif w0 == 700 goto out'],
    ['looks at the sum first', 'if r0 > 60000 goto out\nw0 += w2'],
    ['looks at the number', 'w0 += w2\nif w2 == 700 goto out'],
    ['keeps the number', 'w0 += w2\nr6 ^= r2'],
    ['leaves bytes out', 'w0 += w2\nr5 += 2'],
    ['has a test of another kind', 'w0 += w2\nif r1 s> 60 goto out'],
    ['has two ways', 'if r1 & 1 goto odd\nw0 += 1\nodd:\nw0 += w2'],
  ])('stay as they are where the loop %s', (_, add) => {
    expect(run(loop(2, add, 'r0 = 0\nr6 = 0').replace('out:', 'out:\nr0 ^= r6')).taken).toBe(false);
  });
});
