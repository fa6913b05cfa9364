// The loop in front of a loop that adds up memory (reductions.ts):
//
//   rounds = the least of (high - low) / step over the tests      as many are certain to be followed by one more
//   if rounds / numbers per 16 bytes > 0
//     lanes = 0; do lanes += 16 bytes, widened; while not at the end
//     sum += all lanes; the other registers are moved on by so many rounds

import type { FnLowering } from './function.ts';
import type { Affine, Reduction, Test } from './reductions.ts';
import type { I32, I64, V128 } from './wasm.ts';

const BYTES = 16;

/** At the head of the loop, before it is entered. */
export function lowerReduction(l: FnLowering, head: number, r: Reduction): void {
  const { b } = l;
  l.enterBlock(head);
  const vectors = l.local('vectors', 'i64');
  const least = leastRounds(l, r.tests);
  l.push(b.set(vectors, b.i64.shr_u(least, b.i64.const(BigInt(Math.log2(BYTES / r.size))))));
  const outer = l.out;
  l.out = [];
  addUp(l, head, r, () => b.get64(vectors));
  const body = l.out;
  l.out = outer;
  l.push(b.if(b.i64.ne(b.get64(vectors), b.i64.const(0n)), body));
}

function leastRounds(l: FnLowering, tests: readonly Test[]): I64 {
  const { b } = l;
  const [least, other] = [l.local('least', 'i64'), l.local('other', 'i64')];
  for (const [i, test] of tests.entries()) {
    l.push(b.set(i === 0 ? least : other, rounds(l, test)));
    const less = b.i64.lt_u(b.get64(other), b.get64(least));
    if (i > 0) l.push(b.set(least, b.select64(less, b.get64(other), b.get64(least))));
  }
  return b.get64(least);
}

/** Of a test: low + k * step is below high for all k < (high - low) / step; where it only has to differ it may wrap. */
function rounds(l: FnLowering, { low, high, step, ordered, width }: Test): I64 {
  const { b } = l;
  const [from, to] = [l.local('low', 'i64'), l.local('high', 'i64')];
  const value = (a: Affine) => (width === 32 ? b.i64.extend_u(affine32(l, a)) : affine64(l, a));
  l.push(b.set(from, value(low)), b.set(to, value(high)));
  const gap = b.i64.sub(b.get64(to), b.get64(from));
  const all = width === 32 ? b.i64.extend_u(b.i32.wrap(gap)) : gap;
  const some = ordered ? b.select64(b.i64.le_u(b.get64(from), b.get64(to)), all, b.i64.const(0n)) : all;
  return step === 1 ? some : b.i64.div_u(some, b.i64.const(BigInt(step)));
}

/** Low half; right also where a narrow local holds nothing else. */
function affine32(l: FnLowering, { vregs, plus }: Affine): I32 {
  const { i32 } = l.b;
  return vregs.reduce<I32>((sum, v) => i32.add(sum, l.low(v)), i32.const(plus | 0));
}

function affine64(l: FnLowering, { vregs, plus }: Affine): I64 {
  const { i64 } = l.b;
  return vregs.reduce<I64>((sum, v) => i64.add(sum, l.whole(v)), i64.const(BigInt(plus)));
}

function addUp(l: FnLowering, head: number, r: Reduction, vectors: () => I64): void {
  const { b } = l;
  const [at, end] = [l.local('at', 'i32'), l.local('end', 'i32')];
  const lanes = l.local('lanes', 'v128');
  // Lanes of 32 bits are enough for the low half of the sum.
  const wide = r.width === 64 && !l.isNarrow(r.sum);
  const label = l.label(`R${head}`);
  const next = b.i32.add(b.get32(at), b.i32.const(BYTES));
  l.push(
    b.set(at, affine32(l, r.from)),
    b.set(end, b.i32.add(b.get32(at), b.i32.mul(b.i32.wrap(vectors()), b.i32.const(BYTES)))),
    b.set(lanes, b.v128.const(new Uint8Array(BYTES))),
    b.loop(label, [
      b.set(lanes, add(l, b.get128(lanes), widened(l, r.size, b.v128.load(0, 1, b.get32(at))), wide)),
      b.brIf(label, b.i32.ne(b.tee32(at, next), b.get32(end))),
    ]),
  );
  const total32 = () => [1, 2, 3].reduce<I32>((sum, i) => b.i32.add(sum, lane32(i)), lane32(0));
  const lane32 = (i: number) => b.i32x4.extract_lane(b.get128(lanes), i);
  const total64 = () => b.i64.add(lane64(0), lane64(1));
  const lane64 = (i: number) => b.i64x2.extract_lane(b.get128(lanes), i);
  const low = () => b.i32.add(l.low(r.sum), total32());
  l.refresh(r.sum, low, () => (wide ? b.i64.add(l.whole(r.sum), total64()) : b.i64.extend_u(low())));
  for (const { vreg, step, cut } of r.steps) {
    const far = () => b.i64.mul(vectors(), b.i64.const(BigInt((BYTES / r.size) * step)));
    const moved = () => b.i32.add(l.low(vreg), b.i32.wrap(far()));
    l.refresh(vreg, moved, () => (cut ? b.i64.extend_u(moved()) : b.i64.add(l.whole(vreg), far())));
  }
}

/** The numbers of 16 bytes as four of 32 bits: neighbours are added until they are as wide. */
function widened({ b }: FnLowering, size: 1 | 2 | 4, bytes: V128): V128 {
  if (size === 4) return bytes;
  return b.i32x4.extadd_pairwise_i16x8_u(size === 2 ? bytes : b.i16x8.extadd_pairwise_i8x16_u(bytes));
}

function add(l: FnLowering, lanes: V128, four: V128, wide: boolean): V128 {
  const { b } = l;
  if (!wide) return b.i32x4.add(lanes, four);
  const both = l.local('four', 'v128');
  const low = b.i64x2.extend_low_i32x4_u(b.tee128(both, four));
  return b.i64x2.add(lanes, b.i64x2.add(low, b.i64x2.extend_high_i32x4_u(b.get128(both))));
}
