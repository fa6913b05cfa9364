// The abstract value of a register: what 64-bit numbers it may hold, as a tnum and four ranges (64 and 32 bits, signed
// and unsigned) that all hold at once. Immutable; 64-bit bounds are bigints, 32-bit ones JS numbers.
//
//   u64:  0 .......... umin [======] umax .......... 2^64-1
//   s64:  -2^63 ... smin [====|=====] smax ... 2^63-1           (| = 0)
//   u32, s32: the same for the low half
//
// `sync` lets each description sharpen the others (kernel reg_bounds_sync).

import {
  TNUM_UNKNOWN,
  type Tnum,
  tnumCast,
  tnumClearSubreg,
  tnumConst,
  tnumIntersect,
  tnumOnlyMember,
  tnumOr,
  tnumRange,
  tnumSubreg,
  U64_MAX,
} from './tnum.ts';

export interface Scalar {
  readonly var_off: Tnum;
  readonly smin: bigint;
  readonly smax: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
  readonly s32_min: number;
  readonly s32_max: number;
  readonly u32_min: number;
  readonly u32_max: number;
}

/** A scalar under construction. */
export type Bounds = { -readonly [K in keyof Scalar]: Scalar[K] };

export const S64_MIN = -(1n << 63n);
export const S64_MAX = (1n << 63n) - 1n;
export const S32_MIN = -0x80000000;
export const S32_MAX = 0x7fffffff;
export const U32_MAX = 0xffffffff;
const S32_MIN_N = BigInt(S32_MIN);
const S32_MAX_N = BigInt(S32_MAX);
const U32_N = 0xffffffffn;

export const UNKNOWN: Scalar = {
  var_off: TNUM_UNKNOWN,
  smin: S64_MIN,
  smax: S64_MAX,
  umin: 0n,
  umax: U64_MAX,
  s32_min: S32_MIN,
  s32_max: S32_MAX,
  u32_min: 0,
  u32_max: U32_MAX,
};

export function lo32u(x: bigint): number {
  return Number(x & U32_N);
}
export function lo32s(x: bigint): number {
  return Number(x & U32_N) | 0;
}
export function maxN(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
export function minN(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Exactly `value` (unsigned 64-bit). */
export function constant(value: bigint): Scalar {
  const s = BigInt.asIntN(64, value);
  const u32 = lo32u(value);
  return {
    var_off: tnumConst(value),
    smin: s,
    smax: s,
    umin: value,
    umax: value,
    s32_min: u32 | 0,
    s32_max: u32 | 0,
    u32_min: u32,
    u32_max: u32,
  };
}

export const ZERO = constant(0n);

export function isConst(s: Scalar): boolean {
  return s.var_off.mask === 0n;
}

export function sameScalar(a: Scalar, b: Scalar): boolean {
  return (
    a === b ||
    (a.var_off.value === b.var_off.value &&
      a.var_off.mask === b.var_off.mask &&
      a.smin === b.smin &&
      a.smax === b.smax &&
      a.umin === b.umin &&
      a.umax === b.umax &&
      a.s32_min === b.s32_min &&
      a.s32_max === b.s32_max &&
      a.u32_min === b.u32_min &&
      a.u32_max === b.u32_max)
  );
}

export function setUnbounded64(b: Bounds): void {
  b.smin = S64_MIN;
  b.smax = S64_MAX;
  b.umin = 0n;
  b.umax = U64_MAX;
}

export function setUnbounded32(b: Bounds): void {
  b.s32_min = S32_MIN;
  b.s32_max = S32_MAX;
  b.u32_min = 0;
  b.u32_max = U32_MAX;
}

/** What the known bits say about the 32-bit ranges. */
export function boundsFromTnum32(b: Bounds): void {
  const value = lo32u(b.var_off.value);
  const mask = lo32u(b.var_off.mask);
  b.s32_min = Math.max(b.s32_min, value | (mask & S32_MIN));
  b.s32_max = Math.min(b.s32_max, value | (mask & S32_MAX) | 0);
  b.u32_min = Math.max(b.u32_min, value);
  b.u32_max = Math.min(b.u32_max, (value | mask) >>> 0);
}

/** What the known bits say about the 64-bit ranges. */
export function boundsFromTnum64(b: Bounds): void {
  const { value, mask } = b.var_off;
  b.smin = maxN(b.smin, BigInt.asIntN(64, value | (mask & (1n << 63n))));
  b.smax = minN(b.smax, BigInt.asIntN(64, value | (mask & S64_MAX)));
  b.umin = maxN(b.umin, value);
  b.umax = minN(b.umax, value | mask);
  const only = tnumOnlyMember(b.var_off, b.umin, b.umax);
  if (only !== undefined) Object.assign(b, constant(only));
}

/** 32-bit ranges from 64-bit ones, and signed against unsigned (kernel __reg32_deduce_bounds). */
function deduce32(b: Bounds): void {
  // The upper half does not change over the whole 64-bit range: the lower halves are ordered.
  if (b.umin >> 32n === b.umax >> 32n) {
    const lo = lo32u(b.umin);
    const hi = lo32u(b.umax);
    b.u32_min = Math.max(b.u32_min, lo);
    b.u32_max = Math.min(b.u32_max, hi);
    narrowSigned32(b, lo | 0, hi | 0);
  }
  if (b.smin >> 32n === b.smax >> 32n) {
    const lo = lo32u(b.smin);
    const hi = lo32u(b.smax);
    if (lo <= hi) {
      b.u32_min = Math.max(b.u32_min, lo);
      b.u32_max = Math.min(b.u32_max, hi);
    }
    narrowSigned32(b, lo | 0, hi | 0);
  }
  // The upper half changes by one, and the lower half goes from negative to positive through the change.
  if ((((b.umin >> 32n) + 1n) & U32_N) === b.umax >> 32n) narrowThroughZero(b, lo32s(b.umin), lo32s(b.umax));
  if ((((b.smin >> 32n) + 1n) & U32_N) === ((b.smax >> 32n) & U32_N))
    narrowThroughZero(b, lo32s(b.smin), lo32s(b.smax));
  // Unsigned range within one half of the circle: the signed one is the same, and the other way round.
  if ((b.u32_min | 0) <= (b.u32_max | 0)) {
    b.s32_min = Math.max(b.s32_min, b.u32_min | 0);
    b.s32_max = Math.min(b.s32_max, b.u32_max | 0);
  }
  const smin = b.s32_min >>> 0;
  const smax = b.s32_max >>> 0;
  if (smin <= smax) {
    b.u32_min = Math.max(b.u32_min, smin);
    b.u32_max = Math.min(b.u32_max, smax);
  } else if (b.u32_max < smin) {
    // As for 64 bits: the signed range is split, and the unsigned one meets only its part from 0 up,
    b.s32_min = b.u32_min | 0;
    b.u32_max = Math.min(b.u32_max, smax);
  } else if (smax < b.u32_min) {
    // or only its part from S32_MIN to -1.
    b.s32_max = b.u32_max | 0;
    b.u32_min = Math.max(b.u32_min, smin);
  }
}

function narrowSigned32(b: Bounds, lo: number, hi: number): void {
  if (lo > hi) return;
  b.s32_min = Math.max(b.s32_min, lo);
  b.s32_max = Math.min(b.s32_max, hi);
}

function narrowThroughZero(b: Bounds, lo: number, hi: number): void {
  if (lo < 0 && hi >= 0) narrowSigned32(b, lo, hi);
}

/** 64-bit signed against unsigned (kernel __reg64_deduce_bounds). */
function deduce64(b: Bounds): void {
  if (BigInt.asIntN(64, b.umin) <= BigInt.asIntN(64, b.umax)) {
    b.smin = maxN(b.smin, BigInt.asIntN(64, b.umin));
    b.smax = minN(b.smax, BigInt.asIntN(64, b.umax));
  }
  const smin = BigInt.asUintN(64, b.smin);
  const smax = BigInt.asUintN(64, b.smax);
  if (smin <= smax) {
    b.umin = maxN(b.umin, smin);
    b.umax = minN(b.umax, smax);
  } else if (b.umax < smin) {
    // The signed range is split over both ends of the unsigned line; the unsigned one meets only the low end.
    b.smin = BigInt.asIntN(64, b.umin);
    b.umax = minN(b.umax, smax);
  } else if (smax < b.umin) {
    b.smax = BigInt.asIntN(64, b.umax);
    b.umin = maxN(b.umin, smin);
  }
}

/** 64-bit ranges from 32-bit ones (kernel __reg_deduce_mixed_bounds). */
function deduceMixed(b: Bounds): void {
  const u32min = BigInt(b.u32_min);
  const u32max = BigInt(b.u32_max);
  b.umin = maxN(b.umin, (b.umin & ~U32_N) | u32min);
  b.umax = minN(b.umax, (b.umax & ~U32_N) | u32max);
  b.smin = maxN(b.smin, (b.smin & ~U32_N) | u32min);
  b.smax = minN(b.smax, (b.smax & ~U32_N) | u32max);
  // A 64-bit value that fits in s32 equals its sign-extended low half.
  if (b.s32_min >= 0 && b.smin >= S32_MIN_N && b.smax <= S32_MAX_N) {
    b.smin = maxN(b.smin, BigInt(b.s32_min));
    b.smax = minN(b.smax, BigInt(b.s32_max));
    b.umin = maxN(b.umin, BigInt(b.s32_min));
    b.umax = minN(b.umax, BigInt(b.s32_max));
    b.var_off = tnumIntersect(b.var_off, tnumRange(BigInt.asUintN(64, b.smin), BigInt.asUintN(64, b.smax)));
  } else if (b.smin >= S32_MIN_N && b.smax <= S32_MAX_N) {
    b.smin = maxN(b.smin, BigInt(b.s32_min));
    b.smax = minN(b.smax, BigInt(b.s32_max));
  }
}

/** Known bits from the unsigned ranges (kernel __reg_bound_offset). */
function tnumFromBounds(b: Bounds): void {
  const var64 = tnumIntersect(b.var_off, tnumRange(b.umin, b.umax));
  const var32 = tnumIntersect(tnumSubreg(var64), tnumRange(BigInt(b.u32_min), BigInt(b.u32_max)));
  b.var_off = tnumOr(tnumClearSubreg(var64), var32);
}

/** Lets every description sharpen the others. Mutates and returns its argument. */
export function sync(b: Bounds): Scalar {
  if (b.var_off.mask === 0n && b.umin === b.umax && b.umin === b.var_off.value) return constant(b.umin);
  boundsFromTnum32(b);
  boundsFromTnum64(b);
  // Three rounds, as in the kernel; one that finds nothing new is the last.
  for (let i = 0; i < 3; i++) {
    const before = { ...b };
    deduce32(b);
    deduce64(b);
    deduceMixed(b);
    if (sameScalar(b, before)) break;
  }
  tnumFromBounds(b);
  boundsFromTnum32(b);
  boundsFromTnum64(b);
  return b;
}

/** Whether no number satisfies all descriptions at once as far as ranges can tell (a path that cannot happen). */
export function isEmpty(s: Scalar): boolean {
  return s.smin > s.smax || s.umin > s.umax || s.s32_min > s.s32_max || s.u32_min > s.u32_max;
}

/** The 64-bit description of a zero-extended 32-bit value (kernel zext_32_to_64). */
export function zext32(s: Scalar): Scalar {
  const b: Bounds = { ...s, var_off: tnumSubreg(s.var_off) };
  b.umin = BigInt(s.u32_min);
  b.umax = BigInt(s.u32_max);
  if (s.s32_min >= 0 && s.s32_min <= s.s32_max) {
    b.smin = BigInt(s.s32_min);
    b.smax = BigInt(s.s32_max);
  } else {
    b.smin = 0n;
    b.smax = U32_N;
  }
  return sync(b);
}

/** The same value with its low half known (kernel __mark_reg32_known). */
export function withLow(s: Scalar, low: bigint): Scalar {
  const c = constant(BigInt.asUintN(32, low));
  const { s32_min, s32_max, u32_min, u32_max } = c;
  return sync({ ...s, var_off: tnumOr(tnumClearSubreg(s.var_off), c.var_off), s32_min, s32_max, u32_min, u32_max });
}

/** The low `size` bytes, zero-extended (kernel coerce_reg_to_size). */
export function truncate(s: Scalar, size: number): Scalar {
  if (size >= 8) return s;
  const mask = (1n << BigInt(size * 8)) - 1n;
  const b: Bounds = { ...s, var_off: tnumCast(s.var_off, size) };
  if ((s.umin & ~mask) === (s.umax & ~mask)) {
    b.umin = s.umin & mask;
    b.umax = s.umax & mask;
  } else {
    b.umin = 0n;
    b.umax = mask;
  }
  b.smin = b.umin;
  b.smax = b.umax;
  // A 32-bit truncation keeps what the 32-bit ranges say; a narrower one starts them anew.
  if (size < 4) setUnbounded32(b);
  return sync(b);
}

/** The low `size` bytes, sign-extended to 64 bits, or to 32 bits with the upper half zero (movsx, ldxs). */
export function signExtend(s: Scalar, size: 1 | 2 | 4, width: 32 | 64): Scalar {
  const bits = size * 8;
  if (isConst(s)) return constant(BigInt.asUintN(width, BigInt.asIntN(bits, s.var_off.value)));
  const lim = 1n << BigInt(bits - 1);
  const b: Bounds = { ...UNKNOWN };
  if (width === 64) {
    const lo = BigInt.asIntN(bits, BigInt.asUintN(64, s.smin));
    const hi = BigInt.asIntN(bits, BigInt.asUintN(64, s.smax));
    // Same bits above the truncation at both ends, and no sign change inside: order is kept.
    const ordered = s.smin >> BigInt(bits) === s.smax >> BigInt(bits) && lo <= hi;
    const sameSign = ordered && lo >= 0n === hi >= 0n;
    b.smin = sameSign ? lo : -lim;
    b.smax = sameSign ? hi : lim - 1n;
    if (size === 4 && !sameSign) {
      b.smin = BigInt(s.s32_min);
      b.smax = BigInt(s.s32_max);
    }
    const sign = (s.var_off.mask >> BigInt(bits - 1)) & 1n;
    if (sign === 0n) {
      b.var_off = {
        value: BigInt.asUintN(64, BigInt.asIntN(bits, s.var_off.value)),
        mask: BigInt.asUintN(bits, s.var_off.mask),
      };
    }
    return sync(b);
  }
  const shift = 32 - bits;
  const lo = (s.s32_min << shift) >> shift;
  const hi = (s.s32_max << shift) >> shift;
  const keeps = s.s32_min >> bits === s.s32_max >> bits && lo <= hi && lo >= 0 === hi >= 0;
  b.s32_min = keeps ? lo : Number(-lim);
  b.s32_max = keeps ? hi : Number(lim - 1n);
  const v32 = tnumSubreg(s.var_off);
  const signKnown = ((v32.mask >> BigInt(bits - 1)) & 1n) === 0n;
  b.var_off = signKnown
    ? {
        value: BigInt.asUintN(32, BigInt.asIntN(bits, v32.value)),
        mask: BigInt.asUintN(bits, v32.mask),
      }
    : { value: 0n, mask: U32_N };
  b.umin = 0n;
  b.umax = U32_N;
  b.smin = 0n;
  b.smax = U32_N;
  const low: Scalar = sync(b);
  return zext32(low);
}
