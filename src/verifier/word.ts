// Numbers of two halves, for the value domain: the verifier's are 64 bits wide, made of two of 32; tests use the same code
// with halves of 3 or 4 bits, where every case can be tried. Immutable.
//
// A half is a JS integer, sign-extended from its width: so bitwise operations and comparisons of the signed order need no
// mask at any width, `>>> 0` gives the unsigned order, and all fit V8's small integers. Only what can carry out of a half
// (Words) must know how wide it is.

export interface Word {
  readonly hi: number;
  readonly lo: number;
}

export const ZERO_WORD: Word = { hi: 0, lo: 0 };
export const ONE_WORD: Word = { hi: 0, lo: 1 };
export const ALL_ONES: Word = { hi: -1, lo: -1 };

export function same(a: Word, b: Word): boolean {
  return a.lo === b.lo && a.hi === b.hi;
}
export function isZero(a: Word): boolean {
  return (a.lo | a.hi) === 0;
}
export function and(a: Word, b: Word): Word {
  return { hi: a.hi & b.hi, lo: a.lo & b.lo };
}
export function or(a: Word, b: Word): Word {
  return { hi: a.hi | b.hi, lo: a.lo | b.lo };
}
export function xor(a: Word, b: Word): Word {
  return { hi: a.hi ^ b.hi, lo: a.lo ^ b.lo };
}
/** a without the bits of b. */
export function without(a: Word, b: Word): Word {
  return { hi: a.hi & ~b.hi, lo: a.lo & ~b.lo };
}
/** Unsigned a < b. */
export function below(a: Word, b: Word): boolean {
  return a.hi === b.hi ? a.lo >>> 0 < b.lo >>> 0 : a.hi >>> 0 < b.hi >>> 0;
}
/** Signed a < b. */
export function less(a: Word, b: Word): boolean {
  return a.hi === b.hi ? a.lo >>> 0 < b.lo >>> 0 : a.hi < b.hi;
}
export function minU(a: Word, b: Word): Word {
  return below(b, a) ? b : a;
}
export function maxU(a: Word, b: Word): Word {
  return below(a, b) ? b : a;
}
export function minS(a: Word, b: Word): Word {
  return less(b, a) ? b : a;
}
export function maxS(a: Word, b: Word): Word {
  return less(a, b) ? b : a;
}

/** Words whose halves have `half` bits (1 to 32). */
export class Words {
  readonly half: number;
  readonly bits: number;
  /** Bits of a JS integer above a half. */
  readonly #gap: number;
  /** Smallest and largest signed number. */
  readonly min: Word;
  readonly max: Word;

  constructor(half: number) {
    this.half = half;
    this.bits = 2 * half;
    this.#gap = 32 - half;
    this.min = { hi: -1 << (half - 1), lo: 0 };
    this.max = { hi: ~this.min.hi, lo: -1 };
  }

  /** The half that an integer leaves, sign-extended; and as an unsigned number. */
  s(x: number): number {
    return (x << this.#gap) >> this.#gap;
  }
  u(x: number): number {
    return (x << this.#gap) >>> this.#gap;
  }

  /** Low half of a word: zero- and sign-extended to a word. */
  zext(low: number): Word {
    return { hi: 0, lo: this.s(low) };
  }
  sext(low: number): Word {
    return { hi: low >> 31, lo: low };
  }

  add(a: Word, b: Word): Word {
    const lo = this.s(a.lo + b.lo);
    const carry = lo >>> 0 < a.lo >>> 0 ? 1 : 0;
    return { hi: this.s(a.hi + b.hi + carry), lo };
  }
  sub(a: Word, b: Word): Word {
    const borrow = a.lo >>> 0 < b.lo >>> 0 ? 1 : 0;
    return { hi: this.s(a.hi - b.hi - borrow), lo: this.s(a.lo - b.lo) };
  }
  /** Shifts by 0 to bits - 1. */
  lsh(a: Word, k: number): Word {
    const { half } = this;
    if (k === 0) return a;
    if (k >= half) return { hi: this.s(a.lo << (k - half)), lo: 0 };
    return { hi: this.s((a.hi << k) | (this.u(a.lo) >>> (half - k))), lo: this.s(a.lo << k) };
  }
  rsh(a: Word, k: number): Word {
    const { half } = this;
    if (k === 0) return a;
    if (k >= half) return { hi: 0, lo: this.s(this.u(a.hi) >>> (k - half)) };
    return { hi: this.s(this.u(a.hi) >>> k), lo: this.s((this.u(a.lo) >>> k) | (a.hi << (half - k))) };
  }
  arsh(a: Word, k: number): Word {
    const { half } = this;
    if (k === 0) return a;
    if (k >= half) return { hi: a.hi >> 31, lo: a.hi >> (k - half) };
    return { hi: a.hi >> k, lo: this.s((this.u(a.lo) >>> k) | (a.hi << (half - k))) };
  }

  /** Bits needed for a as an unsigned number: 0 for 0. */
  length(a: Word): number {
    return a.hi !== 0 ? this.bits - Math.clz32(this.u(a.hi)) + 32 - this.half : 32 - Math.clz32(this.u(a.lo));
  }
  /** The lowest k bits set. */
  ones(k: number): Word {
    const { half } = this;
    if (k >= this.bits) return ALL_ONES;
    if (k >= half) return { hi: (1 << (k - half)) - 1, lo: -1 };
    return { hi: 0, lo: (1 << k) - 1 };
  }
  /** The lowest k bits, sign-extended. */
  signExtend(a: Word, k: number): Word {
    return this.arsh(this.lsh(a, this.bits - k), this.bits - k);
  }

  /** As JS numbers, rounded where they are too large: right for comparing with small ones. */
  toUnsigned(a: Word): number {
    return this.u(a.hi) * 2 ** this.half + this.u(a.lo);
  }
  toSigned(a: Word): number {
    return a.hi * 2 ** this.half + this.u(a.lo);
  }
  toBigint(a: Word): bigint {
    return (BigInt(this.u(a.hi)) << BigInt(this.half)) | BigInt(this.u(a.lo));
  }
  toSignedBigint(a: Word): bigint {
    return BigInt.asIntN(this.bits, this.toBigint(a));
  }
  of(x: bigint): Word {
    const lo = Number(BigInt.asUintN(32, x));
    return { hi: this.s(Number(BigInt.asUintN(32, x >> BigInt(this.half)))), lo: this.s(lo) };
  }
  /** A JS integer that is exact. */
  ofNumber(x: number): Word {
    return { hi: this.s(Math.floor(x / 2 ** this.half)), lo: this.s(x) };
  }

  /** a * b as the mathematical number, when it is a word of this signedness; null when it is too large. */
  product(a: Word, b: Word, signed: boolean): Word | null {
    const [x, y] = signed ? [this.toSigned(a), this.toSigned(b)] : [this.toUnsigned(a), this.toUnsigned(b)];
    const p = x * y;
    const limit = 2 ** (signed ? this.bits - 1 : this.bits);
    if (Math.abs(p) < Number.MAX_SAFE_INTEGER) return p < limit && p >= (signed ? -limit : 0) ? this.ofNumber(p) : null;
    if (Math.abs(p) > 2 * limit) return null;
    const exact = signed ? this.toSignedBigint(a) * this.toSignedBigint(b) : this.toBigint(a) * this.toBigint(b);
    const wrapped = this.of(exact);
    return exact === (signed ? this.toSignedBigint(wrapped) : this.toBigint(wrapped)) ? wrapped : null;
  }
}

/** The verifier's numbers. */
export const WORDS = new Words(32);
