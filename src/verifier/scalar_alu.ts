// Abstract arithmetic on scalars (kernel adjust_scalar_min_max_vals): for each ALU operation and width, what the result
// may be given what the operands may be. Pure. A 32-bit operation computes on the low halves and zero-extends.
// Division and modulo give an unknown result, as in Linux 6.18.

import type { AluOp, Width } from '../isa/op.ts';
import {
  type Bounds,
  boundsFromTnum32,
  constant,
  isConst,
  isEmpty,
  S32_MAX,
  S32_MIN,
  S64_MAX,
  S64_MIN,
  type Scalar,
  setUnbounded32,
  setUnbounded64,
  sync,
  truncate,
  U32_MAX,
  UNKNOWN,
  ZERO,
  zext32,
} from './scalar.ts';
import {
  tnumAdd,
  tnumAnd,
  tnumArsh,
  tnumBswap,
  tnumLsh,
  tnumMul,
  tnumOr,
  tnumRsh,
  tnumSub,
  tnumSubreg,
  tnumSubregIsConst,
  tnumXor,
  U64_MAX,
} from './tnum.ts';

type Combine = (d: Bounds, s: Scalar) => void;

const inS64 = (x: bigint) => x >= S64_MIN && x <= S64_MAX;
const inS32 = (x: number) => x >= S32_MIN && x <= S32_MAX;

function setSigned64(d: Bounds, lo: bigint, hi: bigint): void {
  const ok = inS64(lo) && inS64(hi);
  d.smin = ok ? lo : S64_MIN;
  d.smax = ok ? hi : S64_MAX;
}
function setSigned32(d: Bounds, lo: number, hi: number): void {
  const ok = inS32(lo) && inS32(hi);
  d.s32_min = ok ? lo : S32_MIN;
  d.s32_max = ok ? hi : S32_MAX;
}
/** Unsigned results: fine while both ends wrap the same number of times. */
function setUnsigned64(d: Bounds, lo: bigint, hi: bigint): void {
  const ok = lo >> 64n === hi >> 64n;
  d.umin = ok ? BigInt.asUintN(64, lo) : 0n;
  d.umax = ok ? BigInt.asUintN(64, hi) : U64_MAX;
}
function setUnsigned32(d: Bounds, lo: number, hi: number): void {
  const ok = Math.floor(lo / 2 ** 32) === Math.floor(hi / 2 ** 32);
  d.u32_min = ok ? lo >>> 0 : 0;
  d.u32_max = ok ? hi >>> 0 : U32_MAX;
}

function add32(d: Bounds, s: Scalar): void {
  setSigned32(d, d.s32_min + s.s32_min, d.s32_max + s.s32_max);
  setUnsigned32(d, d.u32_min + s.u32_min, d.u32_max + s.u32_max);
}
function add64(d: Bounds, s: Scalar): void {
  setSigned64(d, d.smin + s.smin, d.smax + s.smax);
  setUnsigned64(d, d.umin + s.umin, d.umax + s.umax);
}
function sub32(d: Bounds, s: Scalar): void {
  setSigned32(d, d.s32_min - s.s32_max, d.s32_max - s.s32_min);
  setUnsigned32(d, d.u32_min - s.u32_max, d.u32_max - s.u32_min);
}
function sub64(d: Bounds, s: Scalar): void {
  setSigned64(d, d.smin - s.smax, d.smax - s.smin);
  setUnsigned64(d, d.umin - s.umax, d.umax - s.umin);
}

function mul32(d: Bounds, s: Scalar): void {
  const products = [d.s32_min * s.s32_min, d.s32_min * s.s32_max, d.s32_max * s.s32_min, d.s32_max * s.s32_max];
  const hi = d.u32_max * s.u32_max;
  // A product of two 32-bit numbers may be inexact as a double, but never so that it crosses 2^32.
  d.u32_min = hi > U32_MAX ? 0 : d.u32_min * s.u32_min;
  d.u32_max = hi > U32_MAX ? U32_MAX : hi;
  setSigned32(d, Math.min(...products), Math.max(...products));
  d.s32_min |= 0;
  d.s32_max |= 0;
}
function mul64(d: Bounds, s: Scalar): void {
  const products = [d.smin * s.smin, d.smin * s.smax, d.smax * s.smin, d.smax * s.smax];
  const hi = d.umax * s.umax;
  d.umin = hi > U64_MAX ? 0n : d.umin * s.umin;
  d.umax = hi > U64_MAX ? U64_MAX : hi;
  setSigned64(
    d,
    products.reduce((a, b) => (a < b ? a : b)),
    products.reduce((a, b) => (a > b ? a : b)),
  );
}

/** After a bitwise operation on unsigned bounds: signed ones are the same when no member changes sign. */
function signedFromUnsigned32(d: Bounds): void {
  const same = (d.u32_min | 0) <= (d.u32_max | 0);
  d.s32_min = same ? d.u32_min | 0 : S32_MIN;
  d.s32_max = same ? d.u32_max | 0 : S32_MAX;
}
function signedFromUnsigned64(d: Bounds): void {
  const lo = BigInt.asIntN(64, d.umin);
  const hi = BigInt.asIntN(64, d.umax);
  d.smin = lo <= hi ? lo : S64_MIN;
  d.smax = lo <= hi ? hi : S64_MAX;
}

// The bitwise operations find the new known bits already in d.var_off.
function known32(d: Bounds): { value: number; mask: number } {
  return { value: Number(BigInt.asUintN(32, d.var_off.value)), mask: Number(BigInt.asUintN(32, d.var_off.mask)) };
}
function and32(d: Bounds, s: Scalar): void {
  d.u32_min = known32(d).value;
  d.u32_max = Math.min(d.u32_max, s.u32_max);
  signedFromUnsigned32(d);
}
function and64(d: Bounds, s: Scalar): void {
  d.umin = d.var_off.value;
  d.umax = d.umax < s.umax ? d.umax : s.umax;
  signedFromUnsigned64(d);
}
function or32(d: Bounds, s: Scalar): void {
  const { value, mask } = known32(d);
  d.u32_min = Math.max(d.u32_min, s.u32_min);
  d.u32_max = (value | mask) >>> 0;
  signedFromUnsigned32(d);
}
function or64(d: Bounds, s: Scalar): void {
  d.umin = d.umin > s.umin ? d.umin : s.umin;
  d.umax = d.var_off.value | d.var_off.mask;
  signedFromUnsigned64(d);
}
function xor32(d: Bounds): void {
  const { value, mask } = known32(d);
  d.u32_min = value;
  d.u32_max = (value | mask) >>> 0;
  signedFromUnsigned32(d);
}
function xor64(d: Bounds): void {
  d.umin = d.var_off.value;
  d.umax = d.var_off.value | d.var_off.mask;
  signedFromUnsigned64(d);
}

interface LinearRow {
  readonly tnum: typeof tnumAdd;
  readonly low: Combine;
  readonly full: Combine;
}

/** Operations whose 32-bit ranges follow from 32-bit ranges and whose 64-bit ranges follow from 64-bit ones. */
const LINEAR: Partial<Record<AluOp, LinearRow>> = {
  add: { tnum: tnumAdd, low: add32, full: add64 },
  sub: { tnum: tnumSub, low: sub32, full: sub64 },
  mul: { tnum: tnumMul, low: mul32, full: mul64 },
  and: { tnum: tnumAnd, low: and32, full: and64 },
  or: { tnum: tnumOr, low: or32, full: or64 },
  xor: { tnum: tnumXor, low: xor32, full: xor64 },
};

function lsh32(d: Bounds, k: number): void {
  setSigned32(d, S32_MIN, S32_MAX);
  if (d.u32_max > 2 ** (31 - k)) {
    d.u32_min = 0;
    d.u32_max = U32_MAX;
  } else {
    d.u32_min = (d.u32_min << k) >>> 0;
    d.u32_max = (d.u32_max << k) >>> 0;
  }
}
function lsh64(d: Bounds, k: number): void {
  // << 32 followed by s>> 32 is how compilers sign-extend.
  d.smin = k === 32 ? BigInt(d.s32_min) << 32n : S64_MIN;
  d.smax = k === 32 ? BigInt(d.s32_max) << 32n : S64_MAX;
  const n = BigInt(k);
  if (d.umax > 1n << (63n - n)) {
    d.umin = 0n;
    d.umax = U64_MAX;
  } else {
    d.umin <<= n;
    d.umax <<= n;
  }
}

/** Shifts by a constant below the width. */
function shift(op: 'lsh' | 'rsh' | 'arsh', width: Width, a: Scalar, k: number): Scalar {
  const d: Bounds = { ...a };
  const n = BigInt(k);
  if (width === 32) {
    const low = tnumSubreg(a.var_off);
    if (op === 'lsh') {
      lsh32(d, k);
      d.var_off = tnumSubreg(tnumLsh(low, k));
    } else if (op === 'rsh') {
      d.u32_min >>>= k;
      d.u32_max >>>= k;
      setSigned32(d, S32_MIN, S32_MAX);
      d.var_off = tnumRsh(low, k);
    } else {
      d.s32_min >>= k;
      d.s32_max >>= k;
      d.u32_min = 0;
      d.u32_max = U32_MAX;
      d.var_off = tnumArsh(low, k, 32);
    }
    setUnbounded64(d);
    boundsFromTnum32(d);
    return zext32(d);
  }
  if (op === 'lsh') {
    lsh64(d, k);
    d.var_off = tnumLsh(a.var_off, k);
  } else if (op === 'rsh') {
    d.smin = S64_MIN;
    d.smax = S64_MAX;
    d.umin >>= n;
    d.umax >>= n;
    d.var_off = tnumRsh(a.var_off, k);
  } else {
    d.smin >>= n;
    d.smax >>= n;
    d.umin = 0n;
    d.umax = U64_MAX;
    d.var_off = tnumArsh(a.var_off, k, 64);
  }
  if (op === 'lsh' && k < 32) lsh32(d, k);
  else setUnbounded32(d);
  return sync(d);
}

function lowIsConst(s: Scalar): boolean {
  return tnumSubregIsConst(s.var_off) && s.s32_min === s.s32_max && s.u32_min === s.u32_max;
}

/** The result of `a op b`. */
export function aluScalar(op: AluOp, width: Width, a: Scalar, b: Scalar): Scalar {
  if (op === 'mov') return width === 64 ? b : zext32(b);
  const constB = width === 64 ? isConst(b) : lowIsConst(b);
  // Operands that contradict themselves can't happen at run time; nothing is claimed about the result.
  if (isEmpty(b)) return UNKNOWN;
  if (op === 'lsh' || op === 'rsh' || op === 'arsh') {
    const k = width === 64 ? b.umax : BigInt(b.u32_max);
    if (!constB || k >= BigInt(width)) return UNKNOWN;
    return shift(op, width, a, Number(k));
  }
  const row = LINEAR[op];
  // As in Linux, nothing is known of the result then, not even that a 32-bit one is zero-extended.
  if (row === undefined) return UNKNOWN;
  if (width === 64 && constB && isConst(a)) return constant(row.tnum(a.var_off, b.var_off).value);
  const d: Bounds = { ...a };
  if (width === 32) {
    d.var_off = tnumSubreg(row.tnum(tnumSubreg(a.var_off), tnumSubreg(b.var_off)));
    row.low(d, b);
    return zext32(d);
  }
  d.var_off = row.tnum(a.var_off, b.var_off);
  row.low(d, b);
  row.full(d, b);
  return sync(d);
}

/** -a. */
export function negScalar(width: Width, a: Scalar): Scalar {
  return aluScalar('sub', width, ZERO, a);
}

/**
 * Byte swap, or plain truncation, to `bits` (kernel scalar_byte_swap). Known bits move with their bytes; ranges say
 * nothing about swapped bytes and start anew from those bits.
 */
export function endScalar(bits: 16 | 32 | 64, swaps: boolean, a: Scalar): Scalar {
  const size = (bits / 8) as 2 | 4 | 8;
  if (!swaps) return truncate(a, size);
  const d: Bounds = { ...a, var_off: tnumBswap(a.var_off, size) };
  setUnbounded64(d);
  setUnbounded32(d);
  return truncate(sync(d), size);
}
