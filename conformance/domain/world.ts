// Small numbers for checking the value domain: every number of some bits, every range and tnum of them, and the domain's
// own code for that width. Concrete numbers are JS integers 0 .. n-1; what fails throws with the operands in its message.

import { Branches } from '../../src/verifier/branch.ts';
import { Alu } from '../../src/verifier/scalar_alu.ts';
import { type Bounds, copyOf, Scalars } from '../../src/verifier/scalars.ts';
import { Tnum } from '../../src/verifier/tnum.ts';
import { type Word, Words } from '../../src/verifier/word.ts';

export interface Range {
  readonly lo: number;
  readonly hi: number;
}

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

  constructor(bits: number) {
    this.bits = bits;
    this.n = 2 ** bits;
    this.half = 2 ** (bits / 2);
    this.w = new Words(bits / 2);
    this.scalars = new Scalars(this.w);
    this.alu = new Alu(this.scalars);
    this.branches = new Branches(this.scalars);
    this.words = Array.from({ length: this.n }, (_, x) => this.w.ofNumber(x));
  }
  /** The number of a word, unsigned and signed. */
  number(x: Word): number {
    return this.w.toUnsigned(x);
  }
  signed(x: Word): number {
    return this.w.toSigned(x);
  }
  bounds(): Bounds {
    return copyOf(this.scalars.unknown);
  }
  tnum(value: number, mask: number): Tnum {
    return new Tnum(this.words[value], this.words[mask]);
  }
  /** All tnums, with their members. */
  tnums(): { readonly t: Tnum; readonly members: readonly number[] }[] {
    const out: { t: Tnum; members: number[] }[] = [];
    for (let mask = 0; mask < this.n; mask++) {
      for (let value = 0; value < this.n; value++) {
        if ((value & mask) !== 0) continue;
        const members: number[] = [];
        for (let part = mask; ; part = (part - 1) & mask) {
          members.push(value | part);
          if (part === 0) break;
        }
        out.push({ t: this.tnum(value, mask), members });
      }
    }
    return out;
  }
}

/** All ranges of 0 .. n-1. */
export function ranges(n: number): Range[] {
  const out: Range[] = [];
  for (let lo = 0; lo < n; lo++) for (let hi = lo; hi < n; hi++) out.push({ lo, hi });
  return out;
}

/**
 * One of the four ranges of a scalar as a line of numbers 0 .. n-1: signed ones are moved up, so that every line starts
 * at 0. Operations of the domain on such a range are compared with the same operation on the line's numbers.
 */
export interface Line {
  readonly name: 'u64' | 's64' | 'u32' | 's32';
  readonly signed: boolean;
  readonly whole: boolean;
  readonly n: number;
  set(b: Bounds, lo: number, hi: number): void;
  lo(b: Bounds): number;
  hi(b: Bounds): number;
}

export function lines(world: World): readonly Line[] {
  const { n, half, words } = world;
  const up = n / 2;
  const up32 = half / 2;
  return [
    {
      name: 'u64',
      signed: false,
      whole: true,
      n,
      set: (b, lo, hi) => ([b.uMin, b.uMax] = [words[lo], words[hi]]),
      lo: (b) => world.number(b.uMin),
      hi: (b) => world.number(b.uMax),
    },
    {
      name: 's64',
      signed: true,
      whole: true,
      n,
      set: (b, lo, hi) => ([b.sMin, b.sMax] = [words[(lo + up) % n], words[(hi + up) % n]]),
      lo: (b) => world.signed(b.sMin) + up,
      hi: (b) => world.signed(b.sMax) + up,
    },
    {
      name: 'u32',
      signed: false,
      whole: false,
      n: half,
      set: (b, lo, hi) => ([b.u32_min, b.u32_max] = [lo, hi]),
      lo: (b) => b.u32_min,
      hi: (b) => b.u32_max,
    },
    {
      name: 's32',
      signed: true,
      whole: false,
      n: half,
      set: (b, lo, hi) => ([b.s32_min, b.s32_max] = [lo - up32, hi - up32]),
      lo: (b) => b.s32_min + up32,
      hi: (b) => b.s32_max + up32,
    },
  ];
}

/** Whether a scalar under construction holds number x, by each of its descriptions. */
export function holds(world: World, b: Bounds, x: number): boolean {
  const low = x % world.half;
  const lowSigned = low >= world.half / 2 ? low - world.half : low;
  const signed = x >= world.n / 2 ? x - world.n : x;
  return (
    (x & ~world.number(b.var_off.m)) === world.number(b.var_off.v) &&
    world.number(b.uMin) <= x &&
    x <= world.number(b.uMax) &&
    world.signed(b.sMin) <= signed &&
    signed <= world.signed(b.sMax) &&
    b.u32_min <= low &&
    low <= b.u32_max &&
    b.s32_min <= lowSigned &&
    lowSigned <= b.s32_max
  );
}
