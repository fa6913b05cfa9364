// Small numbers for checking the value domain: every number of some bits, and the domain's own code for that width.
// Concrete numbers are JS integers 0 .. n-1. What fails throws DomainError with the operands in its message.

import { Branches } from '../../src/verifier/branch.ts';
import { Alu } from '../../src/verifier/scalar_alu.ts';
import { type Bounds, copyOf, Scalars } from '../../src/verifier/scalars.ts';
import { Tnum } from '../../src/verifier/tnum.ts';
import { type Word, Words } from '../../src/verifier/word.ts';

export class DomainError extends Error {
  override name = 'DomainError';
}

export function fail(what: string): never {
  throw new DomainError(`value domain: ${what}`);
}

/** Part `at` of `of` equal parts of a check's cases; parts together are all cases. */
export interface Part {
  readonly at: number;
  readonly of: number;
}
export const ALL: Part = { at: 0, of: 1 };

export class World {
  readonly bits: number;
  /** Numbers of the width, and of its low half. */
  readonly n: number;
  readonly half: number;
  readonly w: Words;
  readonly scalars: Scalars;
  readonly alu: Alu;
  readonly branches: Branches;
  readonly words: readonly Word[];
  readonly #change: (world: World) => void;
  readonly #others = new Map<number, World>();

  /** `change`: done to this world's own copy of the domain, and to that of other widths. */
  constructor(bits: number, change: (world: World) => void = () => {}) {
    this.bits = bits;
    this.n = 2 ** bits;
    this.half = 2 ** (bits / 2);
    this.w = new Words(bits / 2);
    this.scalars = new Scalars(this.w);
    this.alu = new Alu(this.scalars);
    this.branches = new Branches(this.scalars);
    this.words = Array.from({ length: this.n }, (_, x) => ({
      hi: this.w.s(x >>> (bits / 2)),
      lo: this.w.s(x),
    }));
    this.#change = change;
    change(this);
  }
  /** The same with numbers of other bits. */
  of(bits: number): World {
    if (bits === this.bits) return this;
    let other = this.#others.get(bits);
    if (other === undefined) this.#others.set(bits, (other = new World(bits, this.#change)));
    return other;
  }
  /** Numbers whose low half is as wide as this world's whole. */
  get wide(): World {
    return this.of(2 * this.bits);
  }

  /** What an operator finds by itself: `use` runs without the `sync` that comes after it. */
  withoutSync<T>(use: () => T): T {
    const { scalars } = this;
    const own = Object.getOwnPropertyDescriptor(scalars, 'sync');
    Object.defineProperty(scalars, 'sync', { value: (b: Bounds) => b, configurable: true, writable: true });
    try {
      return use();
    } finally {
      if (own === undefined) Reflect.deleteProperty(scalars, 'sync');
      else Object.defineProperty(scalars, 'sync', own);
    }
  }

  /** The number of a word, unsigned and signed. */
  number(x: Word): number {
    return this.w.u(x.hi) * this.half + this.w.u(x.lo);
  }
  signed(x: Word): number {
    return x.hi * this.half + this.w.u(x.lo);
  }
  /** The signed number of 0 .. n-1, whole and as a low half. */
  toSigned(x: number): number {
    return x >= this.n / 2 ? x - this.n : x;
  }
  toSigned32(x: number): number {
    return x >= this.half / 2 ? x - this.half : x;
  }
  /** The number 0 .. n-1 of any integer. */
  wrap(x: number): number {
    return ((x % this.n) + this.n) % this.n;
  }
  wrap32(x: number): number {
    return ((x % this.half) + this.half) % this.half;
  }
  bounds(): Bounds {
    return copyOf(this.scalars.unknown);
  }
  tnum(value: number, mask: number): Tnum {
    return new Tnum(this.words[value], this.words[mask]);
  }
  text(b: Bounds): string {
    const { var_off: t } = b;
    const s = `${this.signed(b.sMin)}..${this.signed(b.sMax)}`;
    const u = `${this.number(b.uMin)}..${this.number(b.uMax)}`;
    return `(${this.number(t.v)}; ${this.number(t.m)}) u ${u} s ${s} u32 ${b.u32_min}..${b.u32_max} s32 ${b.s32_min}..${b.s32_max}`;
  }
}
