// Scalars as the verifier uses them: numbers of 64 bits, with bigints and JS numbers at the edges. The domain itself
// (scalars.ts, scalar_alu.ts, branch.ts over tnum.ts and word.ts) knows nothing of how wide numbers are.

import { copyOf, isConst, type Scalar, Scalars } from './scalars.ts';
import { WORDS } from './word.ts';

export { isConst, isEmpty, rangesContain, Scalar, sameScalar } from './scalars.ts';

export const S64_MIN = -(1n << 63n);
export const S64_MAX = (1n << 63n) - 1n;
export const S32_MIN = -0x80000000;
export const S32_MAX = 0x7fffffff;
export const U32_MAX = 0xffffffff;

/** Of the verifier's 64-bit numbers. */
export const SCALARS = new Scalars(WORDS);

export const UNKNOWN = SCALARS.unknown;
export const ZERO = SCALARS.zero;

/** Exactly `value` (unsigned 64-bit). */
export function constant(value: bigint): Scalar {
  return SCALARS.constant(WORDS.of(value));
}
/** Between two numbers of 32 bits, as a signed 64-bit number whose low half says so too. */
export function between32(min: number, max: number): Scalar {
  const b = copyOf(UNKNOWN);
  b.sMin = WORDS.sext(min);
  b.sMax = WORDS.sext(max);
  b.s32_min = min;
  b.s32_max = max;
  return SCALARS.sync(b);
}
/** Pointers do not carry ranges of their low half. */
export function without32(s: Scalar): Scalar {
  if (isConst(s)) return s;
  const b = copyOf(s);
  SCALARS.setUnbounded32(b);
  return SCALARS.sync(b);
}
/** Only the known bits: ranges that contradict each other are given up. */
export function onlyKnownBits(s: Scalar): Scalar {
  const b = copyOf(UNKNOWN);
  b.var_off = s.var_off;
  return b;
}
export function zext32(s: Scalar): Scalar {
  return SCALARS.zext32(s);
}
/** The same value with its low half known. */
export function withLow(s: Scalar, low: bigint): Scalar {
  return SCALARS.withLow(s, WORDS.of(low));
}
/** The low `size` bytes, zero-extended. */
export function truncate(s: Scalar, size: number): Scalar {
  return SCALARS.truncate(s, 8 * size);
}
/** The low `size` bytes, sign-extended to 64 bits, or to 32 bits with the upper half zero. */
export function signExtend(s: Scalar, size: 1 | 2 | 4, width: 32 | 64): Scalar {
  return width === 64 ? SCALARS.signExtend(s, 8 * size) : SCALARS.signExtend32(s, 8 * size);
}

/** What a constant holds, the ends of the signed range, the upper end of the unsigned one: rounded where they are large. */
export function numberIn(s: Scalar): number {
  return WORDS.toSigned(s.var_off.v);
}
export function lowest(s: Scalar): number {
  return WORDS.toSigned(s.sMin);
}
export function highest(s: Scalar): number {
  return WORDS.toSigned(s.sMax);
}
export function largest(s: Scalar): number {
  return WORDS.toUnsigned(s.uMax);
}
/** Bits needed for the value as an unsigned number. */
export function widthOf(s: Scalar): number {
  return WORDS.length(s.uMax);
}
/** The number 0. */
export function isZero(s: Scalar): boolean {
  return isConst(s) && (s.var_off.v.lo | s.var_off.v.hi) === 0;
}
