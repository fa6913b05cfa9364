// Concrete numbers against the verifier's value domain: sets of 64-bit numbers that like to sit at the edges where
// ranges wrap, abstract scalars around such sets (as tight as can be, or loosened at random), and the question whether
// a scalar holds a number. Everything comes from one seeded generator, so a failure repeats.

import { S32_MAX, S32_MIN, S64_MAX, S64_MIN, Scalar, U32_MAX } from '../src/verifier/scalar.ts';
import { Tnum, U64_MAX } from '../src/verifier/tnum.ts';
import { WORDS } from '../src/verifier/word.ts';

const LOW = 0xffffffffn;
const lo32u = (x: bigint) => Number(x & LOW);
const lo32s = (x: bigint) => Number(x & LOW) | 0;

/** The descriptions of a scalar as numbers. */
export interface Fields {
  value: bigint;
  mask: bigint;
  smin: bigint;
  smax: bigint;
  umin: bigint;
  umax: bigint;
  s32_min: number;
  s32_max: number;
  u32_min: number;
  u32_max: number;
}

export function tnumOf(value: bigint, mask: bigint): Tnum {
  return new Tnum(WORDS.of(value), WORDS.of(mask));
}
export function scalarOf(f: Fields): Scalar {
  const [smin, smax, umin, umax] = [f.smin, f.smax, f.umin, f.umax].map((x) => WORDS.of(x));
  return new Scalar(tnumOf(f.value, f.mask), smin, smax, umin, umax, f.s32_min, f.s32_max, f.u32_min, f.u32_max);
}
export function fieldsOf(s: Scalar): Fields {
  const { smin, smax, umin, umax, s32_min, s32_max, u32_min, u32_max } = s;
  const { value, mask } = s.var_off;
  return { value, mask, smin, smax, umin, umax, s32_min, s32_max, u32_min, u32_max };
}

export interface Random {
  /** 0 .. n-1 */
  below(n: number): number;
  pick<T>(from: readonly T[]): T;
  u64(): bigint;
  chance(p: number): boolean;
}

/** mulberry32: small, fast, and good enough to choose test cases. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const u32 = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return {
    below: (n) => Math.floor((u32() / 2 ** 32) * n),
    pick: (from) => from[Math.floor((u32() / 2 ** 32) * from.length)],
    u64: () => (BigInt(u32()) << 32n) | BigInt(u32()),
    chance: (p) => u32() / 2 ** 32 < p,
  };
}

export const u64 = (x: bigint) => BigInt.asUintN(64, x);
export const s64 = (x: bigint) => BigInt.asIntN(64, x);

/** Where signs change and halves overflow. */
export const CORNERS: readonly bigint[] = [
  0n,
  1n,
  -1n,
  0x7fn,
  0x80n,
  -0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  -0x8000n,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  -0x80000000n,
  0xffffffffn,
  0x100000000n,
  -0x100000000n,
  S64_MAX,
  S64_MIN,
].map(u64);

export function randomNumber(r: Random): bigint {
  switch (r.below(6)) {
    case 0:
      return r.pick(CORNERS);
    case 1:
      return u64(r.pick(CORNERS) + BigInt(r.below(9) - 4));
    case 2:
      return 1n << BigInt(r.below(64));
    case 3: // corners in both halves
      return u64((r.pick(CORNERS) << 32n) | (r.pick(CORNERS) & 0xffffffffn));
    case 4: // any magnitude, either sign
      return u64((r.chance(0.5) ? 1n : -1n) * (r.u64() >> BigInt(r.below(64))));
    default:
      return r.u64();
  }
}

/** Up to `most` numbers: neighbours, a few low halves under one upper half, one pattern of free bits, or anything. */
export function randomSet(r: Random, most: number): bigint[] {
  const size = 1 + r.below(most);
  const base = randomNumber(r);
  const members = Array.from({ length: size }, (_, i) => {
    if (i === 0) return base;
    return [
      () => u64(base + BigInt(r.below(17) - 8)),
      () => u64(base + BigInt(r.below(2 ** 31)) * (r.chance(0.5) ? 1n : -1n)),
      () => (base & ~0xffffffffn) | (randomNumber(r) & 0xffffffffn),
      () => (base & 0xffffffffn) | (u64(randomNumber(r) << 32n) & U64_MAX),
      () => base ^ (1n << BigInt(r.below(64))),
      () => randomNumber(r),
    ];
  });
  const shape = r.below(7);
  return [...new Set(members.map((m) => (typeof m === 'bigint' ? m : (m[shape] ?? r.pick(m))())))];
}

const least = <T>(xs: readonly T[]) => xs.reduce((a, b) => (a < b ? a : b));
const most = <T>(xs: readonly T[]) => xs.reduce((a, b) => (a > b ? a : b));

/** The best tnum for a set. */
export function tnumAround(set: readonly bigint[]): Tnum {
  const all = set.reduce((a, b) => a & b);
  const any = set.reduce((a, b) => a | b);
  return tnumOf(all, all ^ any);
}

/** The tightest scalar, each description by itself. */
export function around(set: readonly bigint[]): Scalar {
  const { value, mask } = tnumAround(set);
  return scalarOf({
    value,
    mask,
    smin: least(set.map(s64)),
    smax: most(set.map(s64)),
    umin: least(set),
    umax: most(set),
    s32_min: least(set.map(lo32s)),
    s32_max: most(set.map(lo32s)),
    u32_min: least(set.map(lo32u)),
    u32_max: most(set.map(lo32u)),
  });
}

/** Some of the descriptions say less than before: a little less, or nothing. */
export function loosen(r: Random, s: Scalar): Scalar {
  const b = fieldsOf(s);
  const slack = () => (r.chance(0.4) ? S64_MAX : r.u64() >> BigInt(r.below(64)));
  const slack32 = () => Number(slack() & 0xffffffffn);
  const down = (x: bigint, limit: bigint) => most([limit, x - slack()]);
  const up = (x: bigint, limit: bigint) => least([limit, x + slack()]);
  if (r.chance(0.4)) b.smin = down(b.smin, S64_MIN);
  if (r.chance(0.4)) b.smax = up(b.smax, S64_MAX);
  if (r.chance(0.4)) b.umin = down(b.umin, 0n);
  if (r.chance(0.4)) b.umax = up(b.umax, U64_MAX);
  if (r.chance(0.4)) b.s32_min = Math.max(S32_MIN, b.s32_min - slack32());
  if (r.chance(0.4)) b.s32_max = Math.min(S32_MAX, b.s32_max + slack32());
  if (r.chance(0.4)) b.u32_min = Math.max(0, b.u32_min - slack32());
  if (r.chance(0.4)) b.u32_max = Math.min(U32_MAX, b.u32_max + slack32());
  if (r.chance(0.6)) {
    const free = r.chance(0.5) ? U64_MAX : r.u64() & r.u64();
    b.value &= ~free;
    b.mask |= free;
  }
  return scalarOf(b);
}

export function holds(s: Scalar, x: bigint): boolean {
  const lo = x & 0xffffffffn;
  const u = Number(lo);
  const i = u | 0;
  const signed = s64(x);
  return (
    (x & ~s.var_off.mask) === s.var_off.value &&
    s.umin <= x &&
    x <= s.umax &&
    s.smin <= signed &&
    signed <= s.smax &&
    s.u32_min <= u &&
    u <= s.u32_max &&
    s.s32_min <= i &&
    i <= s.s32_max
  );
}

/** Every field is a number of its kind, within the limits of its kind. */
export function wellFormed(s: Scalar): boolean {
  const { value, mask } = s.var_off;
  const inS64 = (x: bigint) => x >= S64_MIN && x <= S64_MAX;
  const inU64 = (x: bigint) => x >= 0n && x <= U64_MAX;
  return (
    (value & mask) === 0n &&
    [value, mask, s.umin, s.umax].every(inU64) &&
    [s.smin, s.smax].every(inS64) &&
    [s.s32_min, s.s32_max].every((x) => x === (x | 0)) &&
    [s.u32_min, s.u32_max].every((x) => x === x >>> 0)
  );
}

/** Whether `a` says at least as much as `b` in each description. */
export function asPrecise(a: Scalar, b: Scalar): boolean {
  return (
    (a.var_off.mask & ~b.var_off.mask) === 0n &&
    (a.var_off.value & ~b.var_off.mask) === b.var_off.value &&
    a.smin >= b.smin &&
    a.smax <= b.smax &&
    a.umin >= b.umin &&
    a.umax <= b.umax &&
    a.s32_min >= b.s32_min &&
    a.s32_max <= b.s32_max &&
    a.u32_min >= b.u32_min &&
    a.u32_max <= b.u32_max
  );
}

const hex = (x: bigint) => `${x < 0n ? '-' : ''}0x${(x < 0n ? -x : x).toString(16)}`;
const hex32 = (x: number) => hex(BigInt(x));

/** For failure messages. */
export function show(s: Scalar): string {
  return [
    `s64 ${hex(s.smin)}..${hex(s.smax)}`,
    `u64 ${hex(s.umin)}..${hex(s.umax)}`,
    `s32 ${hex32(s.s32_min)}..${hex32(s.s32_max)}`,
    `u32 ${hex32(s.u32_min)}..${hex32(s.u32_max)}`,
    `bits ${hex(s.var_off.value)}/${hex(s.var_off.mask)}`,
  ].join('  ');
}
