// The abstract value of a register: what numbers it may hold, as a tnum and four ranges (whole and low half, signed and
// unsigned) that all hold at once. Immutable. Ranges of whole numbers are words (word.ts), those of the low half JS
// numbers; `umin` and its like are the same words as bigints, for those outside the domain.
//
//   u64:  0 .......... umin [======] umax .......... 2^64-1
//   s64:  -2^63 ... smin [====|=====] smax ... 2^63-1           (| = 0)
//   u32, s32: the same for the low half
//
// `sync` lets each description sharpen the others (kernel reg_bounds_sync).

import { TNUM_UNKNOWN, Tnum, Tnums, tnumIntersect, tnumSubreg, tnumWithSubreg } from './tnum.ts';
import {
  ALL_ONES,
  and,
  below,
  isZero,
  less,
  maxS,
  maxU,
  minS,
  minU,
  or,
  same,
  WORDS,
  type Word,
  type Words,
  without,
  ZERO_WORD,
} from './word.ts';

export class Scalar {
  readonly var_off: Tnum;
  readonly sMin: Word;
  readonly sMax: Word;
  readonly uMin: Word;
  readonly uMax: Word;
  readonly s32_min: number;
  readonly s32_max: number;
  readonly u32_min: number;
  readonly u32_max: number;

  constructor(
    var_off: Tnum,
    sMin: Word,
    sMax: Word,
    uMin: Word,
    uMax: Word,
    s32_min: number,
    s32_max: number,
    u32_min: number,
    u32_max: number,
  ) {
    this.var_off = var_off;
    this.sMin = sMin;
    this.sMax = sMax;
    this.uMin = uMin;
    this.uMax = uMax;
    this.s32_min = s32_min;
    this.s32_max = s32_max;
    this.u32_min = u32_min;
    this.u32_max = u32_max;
  }
  get smin(): bigint {
    return WORDS.toSignedBigint(this.sMin);
  }
  get smax(): bigint {
    return WORDS.toSignedBigint(this.sMax);
  }
  get umin(): bigint {
    return WORDS.toBigint(this.uMin);
  }
  get umax(): bigint {
    return WORDS.toBigint(this.uMax);
  }
}

/** A scalar under construction. */
export type Bounds = { -readonly [K in keyof Scalar]: Scalar[K] };

/** A copy to be changed. */
export function copyOf(s: Scalar): Bounds {
  return new Scalar(s.var_off, s.sMin, s.sMax, s.uMin, s.uMax, s.s32_min, s.s32_max, s.u32_min, s.u32_max);
}

export function isConst(s: Scalar): boolean {
  return isZero(s.var_off.m);
}

export function sameScalar(a: Scalar, b: Scalar): boolean {
  return (
    a === b ||
    (same(a.var_off.v, b.var_off.v) &&
      same(a.var_off.m, b.var_off.m) &&
      same(a.sMin, b.sMin) &&
      same(a.sMax, b.sMax) &&
      same(a.uMin, b.uMin) &&
      same(a.uMax, b.uMax) &&
      a.s32_min === b.s32_min &&
      a.s32_max === b.s32_max &&
      a.u32_min === b.u32_min &&
      a.u32_max === b.u32_max)
  );
}

/** Whether the ranges of `b` lie in those of `a`. */
export function rangesContain(a: Scalar, b: Scalar): boolean {
  return (
    !below(b.uMin, a.uMin) &&
    !below(a.uMax, b.uMax) &&
    !less(b.sMin, a.sMin) &&
    !less(a.sMax, b.sMax) &&
    a.u32_min <= b.u32_min &&
    a.u32_max >= b.u32_max &&
    a.s32_min <= b.s32_min &&
    a.s32_max >= b.s32_max
  );
}

/** Whether no number satisfies all descriptions at once as far as ranges can tell (a path that cannot happen). */
export function isEmpty(s: Scalar): boolean {
  return less(s.sMax, s.sMin) || below(s.uMax, s.uMin) || s.s32_min > s.s32_max || s.u32_min > s.u32_max;
}

function narrowSigned(b: Bounds, lo: Word, hi: Word): void {
  b.sMin = maxS(b.sMin, lo);
  b.sMax = minS(b.sMax, hi);
}
function narrowUnsigned(b: Bounds, lo: Word, hi: Word): void {
  b.uMin = maxU(b.uMin, lo);
  b.uMax = minU(b.uMax, hi);
}
function narrowSigned32(b: Bounds, lo: number, hi: number): void {
  b.s32_min = Math.max(b.s32_min, lo);
  b.s32_max = Math.min(b.s32_max, hi);
}
function narrowUnsigned32(b: Bounds, lo: number, hi: number): void {
  b.u32_min = Math.max(b.u32_min, lo);
  b.u32_max = Math.min(b.u32_max, hi);
}

/** Scalars of numbers of one width. */
export class Scalars {
  readonly w: Words;
  readonly tnums: Tnums;
  /** Limits of the low half. */
  readonly s32Min: number;
  readonly s32Max: number;
  readonly u32Max: number;
  /** The same as words. */
  readonly #lowest32: Word;
  readonly #highest32: Word;
  readonly #low: Word;
  readonly unknown: Scalar;
  readonly zero: Scalar;

  constructor(w: Words) {
    this.w = w;
    this.tnums = new Tnums(w);
    this.s32Min = w.min.hi;
    this.s32Max = w.max.hi;
    this.u32Max = w.u(-1);
    this.#lowest32 = w.sext(this.s32Min);
    this.#highest32 = w.sext(this.s32Max);
    this.#low = { hi: 0, lo: -1 };
    const { min, max } = w;
    this.unknown = new Scalar(TNUM_UNKNOWN, min, max, ZERO_WORD, ALL_ONES, this.s32Min, this.s32Max, 0, this.u32Max);
    this.zero = this.constant(ZERO_WORD);
  }

  /** Exactly `value`. */
  constant(value: Word): Scalar {
    const { lo } = value;
    const u32 = this.w.u(lo);
    return new Scalar(new Tnum(value, ZERO_WORD), value, value, value, value, lo, lo, u32, u32);
  }

  setUnbounded64(b: Bounds): void {
    b.sMin = this.w.min;
    b.sMax = this.w.max;
    b.uMin = ZERO_WORD;
    b.uMax = ALL_ONES;
  }
  setUnbounded32(b: Bounds): void {
    b.s32_min = this.s32Min;
    b.s32_max = this.s32Max;
    b.u32_min = 0;
    b.u32_max = this.u32Max;
  }

  /** What the known bits say about the ranges of the low half. */
  boundsFromTnum32(b: Bounds): void {
    const { v, m } = b.var_off;
    narrowSigned32(b, v.lo | (m.lo & this.s32Min), v.lo | (m.lo & this.s32Max));
    narrowUnsigned32(b, this.w.u(v.lo), this.w.u(v.lo | m.lo));
  }

  /** What the known bits say about the whole ranges. */
  boundsFromTnum64(b: Bounds): void {
    const { v, m } = b.var_off;
    narrowSigned(b, or(v, and(m, this.w.min)), or(v, and(m, this.w.max)));
    narrowUnsigned(b, v, or(v, m));
    const only = this.tnums.onlyMember(b.var_off, b.uMin, b.uMax);
    if (only !== undefined) Object.assign(b, this.constant(only));
  }

  /** Ranges of the low half from whole ones, and signed against unsigned (kernel __reg32_deduce_bounds). */
  deduce32(b: Bounds): void {
    this.#halvesUnder(b, b.uMin, b.uMax, true);
    this.#halvesUnder(b, b.sMin, b.sMax, false);
    this.#throughZero(b, b.uMin, b.uMax);
    this.#throughZero(b, b.sMin, b.sMax);
    const { w } = this;
    // Unsigned range within one half of the circle: the signed one is the same, and the other way round.
    const lo = w.s(b.u32_min);
    const hi = w.s(b.u32_max);
    if (lo <= hi) narrowSigned32(b, lo, hi);
    const smin = w.u(b.s32_min);
    const smax = w.u(b.s32_max);
    if (smin <= smax) {
      narrowUnsigned32(b, smin, smax);
    } else if (b.u32_max < smin) {
      // As for 64 bits: the signed range is split, and the unsigned one meets only its part from 0 up,
      b.s32_min = w.s(b.u32_min);
      b.u32_max = Math.min(b.u32_max, smax);
    } else if (smax < b.u32_min) {
      // or only its part from S32_MIN to -1.
      b.s32_max = w.s(b.u32_max);
      b.u32_min = Math.max(b.u32_min, smin);
    }
  }
  /** The upper half does not change over the range: the lower halves are ordered. */
  #halvesUnder(b: Bounds, min: Word, max: Word, ordered: boolean): void {
    if (min.hi !== max.hi) return;
    const lo = this.w.u(min.lo);
    const hi = this.w.u(max.lo);
    if (ordered || lo <= hi) narrowUnsigned32(b, lo, hi);
    if (min.lo <= max.lo) narrowSigned32(b, min.lo, max.lo);
  }
  /** The upper half changes by one, and the lower half goes from negative to positive through the change. */
  #throughZero(b: Bounds, min: Word, max: Word): void {
    if (this.w.s(min.hi + 1) === max.hi && min.lo < 0 && max.lo >= 0) narrowSigned32(b, min.lo, max.lo);
  }

  /** Whole ranges, signed against unsigned (kernel __reg64_deduce_bounds). */
  deduce64(b: Bounds): void {
    if (!less(b.uMax, b.uMin)) narrowSigned(b, b.uMin, b.uMax);
    const { sMin, sMax } = b;
    if (!below(sMax, sMin)) {
      narrowUnsigned(b, sMin, sMax);
    } else if (below(b.uMax, sMin)) {
      // The signed range is split over both ends of the unsigned line; the unsigned one meets only the low end.
      b.sMin = b.uMin;
      b.uMax = minU(b.uMax, sMax);
    } else if (below(sMax, b.uMin)) {
      b.sMax = b.uMax;
      b.uMin = maxU(b.uMin, sMin);
    }
  }

  /** Whole ranges from those of the low half (kernel __reg_deduce_mixed_bounds). */
  deduceMixed(b: Bounds): void {
    const { w } = this;
    const lo = w.s(b.u32_min);
    const hi = w.s(b.u32_max);
    narrowUnsigned(b, { hi: b.uMin.hi, lo }, { hi: b.uMax.hi, lo: hi });
    narrowSigned(b, { hi: b.sMin.hi, lo }, { hi: b.sMax.hi, lo: hi });
    // A number that fits in s32 equals its sign-extended low half; Linux 6.18 looks only where that is not negative.
    if (b.s32_min < 0 || less(b.sMin, this.#lowest32) || less(this.#highest32, b.sMax)) return;
    const smin = w.sext(b.s32_min);
    const smax = w.sext(b.s32_max);
    narrowSigned(b, smin, smax);
    narrowUnsigned(b, smin, smax);
    b.var_off = tnumIntersect(b.var_off, this.tnums.range(b.sMin, b.sMax));
  }

  /** Known bits from the unsigned ranges (kernel __reg_bound_offset). */
  tnumFromBounds(b: Bounds): void {
    const { w, tnums } = this;
    const whole = tnumIntersect(b.var_off, tnums.range(b.uMin, b.uMax));
    const low = tnumIntersect(tnumSubreg(whole), tnums.range(w.zext(b.u32_min), w.zext(b.u32_max)));
    b.var_off = tnumWithSubreg(whole, low);
  }

  /** Lets every description sharpen the others. Mutates and returns its argument. */
  sync(b: Bounds): Scalar {
    if (isZero(b.var_off.m) && same(b.uMin, b.uMax) && same(b.uMin, b.var_off.v)) return this.constant(b.uMin);
    this.boundsFromTnum32(b);
    this.boundsFromTnum64(b);
    // Three rounds, as in the kernel; one that finds nothing new is the last.
    for (let i = 0; i < 3; i++) {
      const before = copyOf(b);
      this.deduce32(b);
      this.deduce64(b);
      this.deduceMixed(b);
      if (sameScalar(b, before)) break;
    }
    this.tnumFromBounds(b);
    this.boundsFromTnum32(b);
    this.boundsFromTnum64(b);
    return b;
  }

  /** The whole description of a zero-extended low half (kernel zext_32_to_64). */
  zext32(s: Scalar): Scalar {
    const { w } = this;
    const b = copyOf(s);
    b.var_off = tnumSubreg(s.var_off);
    b.uMin = w.zext(s.u32_min);
    b.uMax = w.zext(s.u32_max);
    const positive = s.s32_min >= 0 && s.s32_min <= s.s32_max;
    b.sMin = positive ? w.sext(s.s32_min) : ZERO_WORD;
    b.sMax = positive ? w.sext(s.s32_max) : this.#low;
    return this.sync(b);
  }

  /** The same value with its low half known (kernel __mark_reg32_known). */
  withLow(s: Scalar, low: Word): Scalar {
    const b = copyOf(s);
    b.var_off = tnumWithSubreg(s.var_off, new Tnum(low, ZERO_WORD));
    b.s32_min = b.s32_max = low.lo;
    b.u32_min = b.u32_max = this.w.u(low.lo);
    return this.sync(b);
  }

  /** The low `bits` bits, zero-extended (kernel coerce_reg_to_size). */
  truncate(s: Scalar, bits: number): Scalar {
    if (bits >= this.w.bits) return s;
    const mask = this.w.ones(bits);
    const b = copyOf(s);
    b.var_off = this.tnums.cast(s.var_off, bits);
    const sameAbove = same(without(s.uMin, mask), without(s.uMax, mask));
    b.uMin = b.sMin = sameAbove ? and(s.uMin, mask) : ZERO_WORD;
    b.uMax = b.sMax = sameAbove ? and(s.uMax, mask) : mask;
    // A truncation to the low half keeps what its ranges say; a narrower one starts them anew.
    if (bits < this.w.half) this.setUnbounded32(b);
    return this.sync(b);
  }

  /**
   * The low `bits` bits, sign-extended (movsx, ldxs; kernel coerce_reg_to_size_sx). Like Linux this knows nothing but the
   * limits of so many bits where the sign may change, and of single bits only what the range says.
   */
  signExtend(s: Scalar, bits: number): Scalar {
    const { w } = this;
    if (isConst(s)) return this.constant(w.signExtend(s.var_off.v, bits));
    const b = copyOf(this.unknown);
    const lo = w.signExtend(s.sMin, bits);
    const hi = w.signExtend(s.sMax, bits);
    // Same bits above the truncation at both ends, and no sign change inside: order is kept.
    if (same(w.arsh(s.sMin, bits), w.arsh(s.sMax, bits)) && lo.hi >= 0 === hi.hi >= 0) {
      b.sMin = b.uMin = lo;
      b.sMax = b.uMax = hi;
      b.var_off = this.tnums.range(lo, hi);
    } else {
      b.s32_min = -(2 ** (bits - 1));
      b.s32_max = 2 ** (bits - 1) - 1;
      b.sMin = w.sext(b.s32_min);
      b.sMax = w.sext(b.s32_max);
    }
    return this.sync(b);
  }

  /** The low `bits` bits, sign-extended to the low half, with the upper half zero (32-bit movsx; kernel coerce_subreg_to_size_sx). */
  signExtend32(s: Scalar, bits: number): Scalar {
    const { w } = this;
    const extend = (x: number) => (x << (32 - bits)) >> (32 - bits);
    if (isConst(s)) return this.constant(w.zext(extend(s.var_off.v.lo)));
    const b = copyOf(this.unknown);
    const lo = extend(s.s32_min);
    const hi = extend(s.s32_max);
    const keeps = s.s32_min >> bits === s.s32_max >> bits && lo >= 0 === hi >= 0;
    b.s32_min = keeps ? lo : -(2 ** (bits - 1));
    b.s32_max = keeps ? hi : 2 ** (bits - 1) - 1;
    b.var_off = keeps ? tnumSubreg(this.tnums.range(w.sext(lo), w.sext(hi))) : new Tnum(ZERO_WORD, this.#low);
    b.uMin = b.sMin = ZERO_WORD;
    b.uMax = b.sMax = this.#low;
    return this.zext32(this.sync(b));
  }
}
