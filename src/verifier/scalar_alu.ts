// Abstract arithmetic on scalars (kernel adjust_scalar_min_max_vals): for each ALU operation and width, what the result
// may be given what the operands may be. Pure. A 32-bit operation computes on the low halves and zero-extends.
// Division and modulo give an unknown result, as in Linux 6.18.
//
// Operations change `d`, which starts as a copy of the first operand: its ranges of the low half (add32) or the whole ones
// (add64). The bitwise ones find the new known bits already in d.var_off.

import type { AluOp, Width } from '../isa/op.ts';
import { SCALARS } from './scalar.ts';
import { type Bounds, copyOf, isConst, isEmpty, type Scalar, type Scalars } from './scalars.ts';
import { type Tnum, tnumAnd, tnumOr, tnumSubreg, tnumSubregIsConst, tnumXor } from './tnum.ts';
import { ALL_ONES, below, less, maxS, maxU, minS, minU, ONE_WORD, or, type Word, ZERO_WORD } from './word.ts';

type Combine = (d: Bounds, s: Scalar) => void;

interface LinearRow {
  readonly tnum: (a: Tnum, b: Tnum) => Tnum;
  readonly low: Combine;
  readonly full: Combine;
}

export class Alu {
  readonly #scalars: Scalars;
  /** Operations whose ranges of the low half follow from such ranges, and whole ones from whole ones. */
  readonly rows: Partial<Record<AluOp, LinearRow>>;

  constructor(scalars: Scalars) {
    this.#scalars = scalars;
    const { tnums } = scalars;
    this.rows = {
      add: { tnum: (a, b) => tnums.add(a, b), low: (d, s) => this.add32(d, s), full: (d, s) => this.add64(d, s) },
      sub: { tnum: (a, b) => tnums.sub(a, b), low: (d, s) => this.sub32(d, s), full: (d, s) => this.sub64(d, s) },
      mul: { tnum: (a, b) => tnums.mul(a, b), low: (d, s) => this.mul32(d, s), full: (d, s) => this.mul64(d, s) },
      and: { tnum: tnumAnd, low: (d, s) => this.and32(d, s), full: (d, s) => this.and64(d, s) },
      or: { tnum: tnumOr, low: (d, s) => this.or32(d, s), full: (d, s) => this.or64(d, s) },
      xor: { tnum: tnumXor, low: (d) => this.xor32(d), full: (d) => this.xor64(d) },
    };
  }

  setSigned32(d: Bounds, lo: number, hi: number): void {
    const { s32Min, s32Max } = this.#scalars;
    const ok = Math.min(lo, hi) >= s32Min && Math.max(lo, hi) <= s32Max;
    d.s32_min = ok ? lo : s32Min;
    d.s32_max = ok ? hi : s32Max;
  }
  /** Unsigned results: fine while both ends wrap the same number of times. */
  setUnsigned32(d: Bounds, lo: number, hi: number): void {
    const { w, u32Max } = this.#scalars;
    const ok = Math.floor(lo / 2 ** w.half) === Math.floor(hi / 2 ** w.half);
    d.u32_min = ok ? w.u(lo) : 0;
    d.u32_max = ok ? w.u(hi) : u32Max;
  }
  /** `ok`: neither end is too large for a signed word. */
  setSigned64(d: Bounds, lo: Word, hi: Word, ok: boolean): void {
    const { min, max } = this.#scalars.w;
    d.sMin = ok ? lo : min;
    d.sMax = ok ? hi : max;
  }
  /** `ok`: both ends wrap, or none. */
  setUnsigned64(d: Bounds, lo: Word, hi: Word, ok: boolean): void {
    d.uMin = ok ? lo : ZERO_WORD;
    d.uMax = ok ? hi : ALL_ONES;
  }

  add32(d: Bounds, s: Scalar): void {
    this.setSigned32(d, d.s32_min + s.s32_min, d.s32_max + s.s32_max);
    this.setUnsigned32(d, d.u32_min + s.u32_min, d.u32_max + s.u32_max);
  }
  add64(d: Bounds, s: Scalar): void {
    const { w } = this.#scalars;
    const smin = w.add(d.sMin, s.sMin);
    const smax = w.add(d.sMax, s.sMax);
    // A sum that fits has the sign of one of its parts.
    const fits = (a: Word, b: Word, sum: Word) => ((a.hi ^ sum.hi) & (b.hi ^ sum.hi)) >= 0;
    this.setSigned64(d, smin, smax, fits(d.sMin, s.sMin, smin) && fits(d.sMax, s.sMax, smax));
    const umin = w.add(d.uMin, s.uMin);
    const umax = w.add(d.uMax, s.uMax);
    this.setUnsigned64(d, umin, umax, below(umin, d.uMin) === below(umax, d.uMax));
  }
  sub32(d: Bounds, s: Scalar): void {
    this.setSigned32(d, d.s32_min - s.s32_max, d.s32_max - s.s32_min);
    this.setUnsigned32(d, d.u32_min - s.u32_max, d.u32_max - s.u32_min);
  }
  sub64(d: Bounds, s: Scalar): void {
    const { w } = this.#scalars;
    const smin = w.sub(d.sMin, s.sMax);
    const smax = w.sub(d.sMax, s.sMin);
    // A difference that is too large has the sign of what was subtracted, and not that of the first.
    const fits = (a: Word, b: Word, diff: Word) => ((a.hi ^ b.hi) & (a.hi ^ diff.hi)) >= 0;
    this.setSigned64(d, smin, smax, fits(d.sMin, s.sMax, smin) && fits(d.sMax, s.sMin, smax));
    const wraps = below(d.uMin, s.uMax) === below(d.uMax, s.uMin);
    this.setUnsigned64(d, w.sub(d.uMin, s.uMax), w.sub(d.uMax, s.uMin), wraps);
  }

  mul32(d: Bounds, s: Scalar): void {
    const { u32Max } = this.#scalars;
    const products = [d.s32_min * s.s32_min, d.s32_min * s.s32_max, d.s32_max * s.s32_min, d.s32_max * s.s32_max];
    const hi = d.u32_max * s.u32_max;
    // A product of two halves may be inexact as a double, but never so that it crosses the limit of a half.
    d.u32_min = hi > u32Max ? 0 : d.u32_min * s.u32_min;
    d.u32_max = hi > u32Max ? u32Max : hi;
    this.setSigned32(d, Math.min(...products), Math.max(...products));
    // No -0.
    d.s32_min |= 0;
    d.s32_max |= 0;
  }
  mul64(d: Bounds, s: Scalar): void {
    const { w } = this.#scalars;
    let [smin, smax] = [w.max, w.min];
    let fits = true;
    for (const a of [d.sMin, d.sMax]) {
      for (const b of [s.sMin, s.sMax]) {
        const p = w.product(a, b, true);
        if (p === null) fits = false;
        else [smin, smax] = [minS(smin, p), maxS(smax, p)];
      }
    }
    this.setSigned64(d, smin, smax, fits);
    const hi = w.product(d.uMax, s.uMax, false);
    const lo = w.product(d.uMin, s.uMin, false);
    this.setUnsigned64(d, lo ?? ZERO_WORD, hi ?? ALL_ONES, hi !== null);
  }

  /** After a bitwise operation on unsigned bounds: signed ones are the same when no member changes sign. */
  signedFromUnsigned32(d: Bounds): void {
    const { w, s32Min, s32Max } = this.#scalars;
    const [lo, hi] = [w.s(d.u32_min), w.s(d.u32_max)];
    d.s32_min = lo <= hi ? lo : s32Min;
    d.s32_max = lo <= hi ? hi : s32Max;
  }
  signedFromUnsigned64(d: Bounds): void {
    this.setSigned64(d, d.uMin, d.uMax, !less(d.uMax, d.uMin));
  }
  and32(d: Bounds, s: Scalar): void {
    d.u32_min = this.#scalars.w.u(d.var_off.v.lo);
    d.u32_max = Math.min(d.u32_max, s.u32_max);
    this.signedFromUnsigned32(d);
  }
  and64(d: Bounds, s: Scalar): void {
    d.uMin = d.var_off.v;
    d.uMax = minU(d.uMax, s.uMax);
    this.signedFromUnsigned64(d);
  }
  or32(d: Bounds, s: Scalar): void {
    d.u32_min = Math.max(d.u32_min, s.u32_min);
    d.u32_max = this.#scalars.w.u(d.var_off.v.lo | d.var_off.m.lo);
    this.signedFromUnsigned32(d);
  }
  or64(d: Bounds, s: Scalar): void {
    d.uMin = maxU(d.uMin, s.uMin);
    d.uMax = or(d.var_off.v, d.var_off.m);
    this.signedFromUnsigned64(d);
  }
  xor32(d: Bounds): void {
    d.u32_min = this.#scalars.w.u(d.var_off.v.lo);
    d.u32_max = this.#scalars.w.u(d.var_off.v.lo | d.var_off.m.lo);
    this.signedFromUnsigned32(d);
  }
  xor64(d: Bounds): void {
    d.uMin = d.var_off.v;
    d.uMax = or(d.var_off.v, d.var_off.m);
    this.signedFromUnsigned64(d);
  }

  lsh32(d: Bounds, k: number): void {
    const { w, s32Min, s32Max, u32Max } = this.#scalars;
    this.setSigned32(d, s32Min, s32Max);
    const lost = d.u32_max > 2 ** (w.half - 1 - k);
    d.u32_min = lost ? 0 : w.u(d.u32_min << k);
    d.u32_max = lost ? u32Max : w.u(d.u32_max << k);
  }
  lsh64(d: Bounds, k: number): void {
    const { w } = this.#scalars;
    // << 32 followed by s>> 32 is how compilers sign-extend.
    const half = k === w.half;
    this.setSigned64(d, { hi: d.s32_min, lo: 0 }, { hi: d.s32_max, lo: 0 }, half);
    const lost = below(w.lsh(ONE_WORD, w.bits - 1 - k), d.uMax);
    this.setUnsigned64(d, w.lsh(d.uMin, k), w.lsh(d.uMax, k), !lost);
  }

  /** Shifts by a constant below the width: of low halves, */
  shift32(op: 'lsh' | 'rsh' | 'arsh', a: Scalar, k: number): Scalar {
    const { tnums, s32Min, s32Max, u32Max } = this.#scalars;
    const d = copyOf(a);
    const low = tnumSubreg(a.var_off);
    if (op === 'lsh') {
      this.lsh32(d, k);
      d.var_off = tnumSubreg(tnums.lsh(low, k));
    } else if (op === 'rsh') {
      d.u32_min >>>= k;
      d.u32_max >>>= k;
      this.setSigned32(d, s32Min, s32Max);
      d.var_off = tnums.rsh(low, k);
    } else {
      d.s32_min >>= k;
      d.s32_max >>= k;
      d.u32_min = 0;
      d.u32_max = u32Max;
      d.var_off = tnums.arsh32(low, k);
    }
    this.#scalars.setUnbounded64(d);
    this.#scalars.boundsFromTnum32(d);
    return this.#scalars.zext32(d);
  }
  /** and of whole numbers. */
  shift64(op: 'lsh' | 'rsh' | 'arsh', a: Scalar, k: number): Scalar {
    const { w, tnums } = this.#scalars;
    const d = copyOf(a);
    if (op === 'lsh') {
      this.lsh64(d, k);
      d.var_off = tnums.lsh(a.var_off, k);
    } else if (op === 'rsh') {
      this.setSigned64(d, w.min, w.max, false);
      d.uMin = w.rsh(d.uMin, k);
      d.uMax = w.rsh(d.uMax, k);
      d.var_off = tnums.rsh(a.var_off, k);
    } else {
      d.sMin = w.arsh(d.sMin, k);
      d.sMax = w.arsh(d.sMax, k);
      this.setUnsigned64(d, ZERO_WORD, ALL_ONES, false);
      d.var_off = tnums.arsh(a.var_off, k);
    }
    if (op === 'lsh' && k < w.half) this.lsh32(d, k);
    else this.#scalars.setUnbounded32(d);
    return this.#scalars.sync(d);
  }

  /** The result of `a op b`; `whole` numbers or their low halves. */
  compute(op: AluOp, whole: boolean, a: Scalar, b: Scalar): Scalar {
    const { w, unknown } = this.#scalars;
    if (op === 'mov') return whole ? b : this.#scalars.zext32(b);
    const constB = whole ? isConst(b) : lowIsConst(b);
    // Operands that contradict themselves can't happen at run time; nothing is claimed about the result.
    if (isEmpty(b)) return unknown;
    if (op === 'lsh' || op === 'rsh' || op === 'arsh') {
      // Linux asks the whole number how far it shifts, also where only the low half counts.
      const k = w.toUnsigned(b.uMax);
      if (!constB || k >= (whole ? w.bits : w.half)) return unknown;
      return whole ? this.shift64(op, a, k) : this.shift32(op, a, k);
    }
    const row = this.rows[op];
    // As in Linux, nothing is known of the result then, not even that a 32-bit one is zero-extended.
    if (row === undefined) return unknown;
    if (whole && constB && isConst(a)) return this.#scalars.constant(row.tnum(a.var_off, b.var_off).v);
    const d = copyOf(a);
    if (!whole) {
      d.var_off = tnumSubreg(row.tnum(tnumSubreg(a.var_off), tnumSubreg(b.var_off)));
      row.low(d, b);
      return this.#scalars.zext32(d);
    }
    d.var_off = row.tnum(a.var_off, b.var_off);
    row.low(d, b);
    row.full(d, b);
    return this.#scalars.sync(d);
  }

  /**
   * Byte swap, or plain truncation, to `bytes` eighths of a number (kernel scalar_byte_swap). Known bits move with their
   * bytes; ranges say nothing about swapped bytes and start anew from those bits.
   */
  end(bytes: number, swaps: boolean, a: Scalar): Scalar {
    const bits = (this.#scalars.w.bits / 8) * bytes;
    if (!swaps) return this.#scalars.truncate(a, bits);
    const d = copyOf(this.#scalars.unknown);
    d.var_off = this.#scalars.tnums.bswap(a.var_off, bytes);
    return this.#scalars.truncate(this.#scalars.sync(d), bits);
  }
}

function lowIsConst(s: Scalar): boolean {
  return tnumSubregIsConst(s.var_off) && s.s32_min === s.s32_max && s.u32_min === s.u32_max;
}

const ALU = new Alu(SCALARS);

/** The result of `a op b`. */
export function aluScalar(op: AluOp, width: Width, a: Scalar, b: Scalar): Scalar {
  return ALU.compute(op, width === 64, a, b);
}

/** -a. */
export function negScalar(width: Width, a: Scalar): Scalar {
  return ALU.compute('sub', width === 64, SCALARS.zero, a);
}

/** Byte swap, or plain truncation, to `bits`. */
export function endScalar(bits: 16 | 32 | 64, swaps: boolean, a: Scalar): Scalar {
  return ALU.end(bits / 8, swaps, a);
}
