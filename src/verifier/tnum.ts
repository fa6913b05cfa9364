// Tracked numbers (kernel tnum.c): a number of which some bits are known. A bit set in the mask is unknown and is 0 in the
// value. All operations are total and pure; each result contains every number that the operation can give for members of
// its operands (test/domain.test.ts tries all of them on small widths).

import {
  ALL_ONES,
  and,
  below,
  isZero,
  ONE_WORD,
  or,
  same,
  WORDS,
  type Word,
  type Words,
  without,
  xor,
  ZERO_WORD,
} from './word.ts';

export class Tnum {
  /** Value and mask. */
  readonly v: Word;
  readonly m: Word;
  constructor(v: Word, m: Word) {
    this.v = v;
    this.m = m;
  }
  /** The same of the verifier's 64-bit numbers, for those outside the domain. */
  get value(): bigint {
    return WORDS.toBigint(this.v);
  }
  get mask(): bigint {
    return WORDS.toBigint(this.m);
  }
}

export const U64_MAX = (1n << 64n) - 1n;
export const TNUM_UNKNOWN = new Tnum(ZERO_WORD, ALL_ONES);

const tnum = (v: Word, m: Word) => new Tnum(v, m);

export function tnumAnd(a: Tnum, b: Tnum): Tnum {
  const v = and(a.v, b.v);
  return tnum(v, without(and(or(a.v, a.m), or(b.v, b.m)), v));
}

export function tnumOr(a: Tnum, b: Tnum): Tnum {
  const v = or(a.v, b.v);
  return tnum(v, without(or(a.m, b.m), v));
}

export function tnumXor(a: Tnum, b: Tnum): Tnum {
  const mu = or(a.m, b.m);
  return tnum(without(xor(a.v, b.v), mu), mu);
}

/** What is in either: bits that differ or are unknown in one become unknown. */
export function tnumUnion(a: Tnum, b: Tnum): Tnum {
  const mu = or(or(xor(a.v, b.v), a.m), b.m);
  return tnum(without(and(a.v, b.v), mu), mu);
}

/** Numbers that are in both; when the operands contradict each other the result is arbitrary. */
export function tnumIntersect(a: Tnum, b: Tnum): Tnum {
  const mu = and(a.m, b.m);
  return tnum(without(or(a.v, b.v), mu), mu);
}

/** Whether some number may be in both. */
export function tnumOverlap(a: Tnum, b: Tnum): boolean {
  return isZero(without(without(xor(a.v, b.v), a.m), b.m));
}

/** The low half alone, zero-extended. */
export function tnumSubreg({ v, m }: Tnum): Tnum {
  return v.hi === 0 && m.hi === 0 ? tnum(v, m) : tnum({ hi: 0, lo: v.lo }, { hi: 0, lo: m.lo });
}

/** `a` with the low half of `low`. */
export function tnumWithSubreg(a: Tnum, low: Tnum): Tnum {
  return tnum({ hi: a.v.hi, lo: low.v.lo }, { hi: a.m.hi, lo: low.m.lo });
}

export function tnumIsConst(a: Tnum): boolean {
  return isZero(a.m);
}

export function tnumSubregIsConst(a: Tnum): boolean {
  return a.m.lo === 0;
}

/** Whether every member is a multiple of `size` (a power of two, at most half a number). */
export function tnumIsAligned(a: Tnum, size: number): boolean {
  return ((a.v.lo | a.m.lo) & (size - 1)) === 0;
}

/** Whether every member of `b` is a member of `a`. */
export function tnumIn(a: Tnum, b: Tnum): boolean {
  return isZero(without(b.m, a.m)) && same(a.v, without(b.v, a.m));
}

export function tnumEqual(a: Tnum, b: Tnum): boolean {
  return same(a.v, b.v) && same(a.m, b.m);
}

/** Operations that carry between bits, on numbers of one width. */
export class Tnums {
  readonly w: Words;
  constructor(w: Words) {
    this.w = w;
  }

  /** The smallest tnum around [min, max]: the common prefix is known, everything below is not. */
  range(min: Word, max: Word): Tnum {
    const delta = this.w.ones(this.w.length(xor(min, max)));
    return tnum(without(min, delta), delta);
  }

  lsh(a: Tnum, k: number): Tnum {
    return tnum(this.w.lsh(a.v, k), this.w.lsh(a.m, k));
  }
  rsh(a: Tnum, k: number): Tnum {
    return tnum(this.w.rsh(a.v, k), this.w.rsh(a.m, k));
  }
  arsh(a: Tnum, k: number): Tnum {
    return tnum(this.w.arsh(a.v, k), this.w.arsh(a.m, k));
  }
  /** Of the low half; the upper half of the result is zero. */
  arsh32(a: Tnum, k: number): Tnum {
    return tnum({ hi: 0, lo: a.v.lo >> k }, { hi: 0, lo: a.m.lo >> k });
  }

  add(a: Tnum, b: Tnum): Tnum {
    const { w } = this;
    const sv = w.add(a.v, b.v);
    const sigma = w.add(w.add(a.m, b.m), sv);
    const mu = or(or(xor(sigma, sv), a.m), b.m);
    return tnum(without(sv, mu), mu);
  }
  sub(a: Tnum, b: Tnum): Tnum {
    const { w } = this;
    const dv = w.sub(a.v, b.v);
    const mu = or(or(xor(w.add(dv, a.m), w.sub(dv, b.m)), a.m), b.m);
    return tnum(without(dv, mu), mu);
  }

  /** Long multiplication: a known bit of `x` adds y shifted, an unknown one adds either nothing or that. */
  mul(x: Tnum, y: Tnum): Tnum {
    let a = x;
    let b = y;
    let acc = tnum(ZERO_WORD, ZERO_WORD);
    while (!isZero(a.v) || !isZero(a.m)) {
      if ((a.v.lo & 1) !== 0) acc = this.add(acc, b);
      else if ((a.m.lo & 1) !== 0) acc = tnumUnion(acc, this.add(acc, b));
      a = this.rsh(a, 1);
      b = this.lsh(b, 1);
    }
    return acc;
  }

  /** The smallest member that is at least `min`, or undefined. */
  atLeast(a: Tnum, min: Word): Word | undefined {
    const { w } = this;
    if (!below(a.v, min)) return a.v;
    if (below(or(a.v, a.m), min)) return undefined;
    // A member is value plus a part of mask, so a part of mask is wanted that is at least `need`.
    const need = w.sub(min, a.v);
    const outside = without(need, a.m);
    if (isZero(outside)) return min;
    // Below the highest bit that mask can't have nothing stays; adding one there carries to the next free bit of mask.
    const under = w.ones(w.length(outside));
    const filled = or(or(need, xor(a.m, ALL_ONES)), under);
    return w.add(a.v, and(w.add(filled, ONE_WORD), a.m));
  }

  /** The one member within [min, max], or undefined if there is none or more than one. */
  onlyMember(a: Tnum, min: Word, max: Word): Word | undefined {
    // Usually the range holds the whole tnum.
    if (!below(a.v, min) && !below(max, or(a.v, a.m))) return isZero(a.m) ? a.v : undefined;
    const first = this.atLeast(a, min);
    if (first === undefined || below(max, first)) return undefined;
    if (same(first, ALL_ONES)) return first;
    const second = this.atLeast(a, this.w.add(first, ONE_WORD));
    return second === undefined || below(max, second) ? first : undefined;
  }

  /** The low `bits` bits, zero-extended. */
  cast(a: Tnum, bits: number): Tnum {
    const mask = this.w.ones(bits);
    return tnum(and(a.v, mask), and(a.m, mask));
  }

  /** The low `bytes` bytes (eighths of a number) in the other order, zero-extended (kernel tnum_bswap16/32/64). */
  bswap(a: Tnum, bytes: number): Tnum {
    return tnum(this.#bswap(a.v, bytes), this.#bswap(a.m, bytes));
  }
  #bswap(x: Word, bytes: number): Word {
    const { w } = this;
    const byte = w.bits / 8;
    let out = ZERO_WORD;
    for (let i = 0; i < bytes; i++) out = or(w.lsh(out, byte), and(w.rsh(x, byte * i), w.ones(byte)));
    return out;
  }
}

/** On the verifier's 64-bit numbers. */
export const TNUMS = new Tnums(WORDS);

export function tnumConst(value: bigint): Tnum {
  return tnum(WORDS.of(value), ZERO_WORD);
}
export function tnumAdd(a: Tnum, b: Tnum): Tnum {
  return TNUMS.add(a, b);
}

/** As the kernel's log prints it. */
export function tnumText({ value, mask }: Tnum): string {
  if (mask === 0n) return value <= 0xffffn ? value.toString() : `0x${value.toString(16)}`;
  return `(0x${value.toString(16)}; 0x${mask.toString(16)})`;
}
