// The four ranges of a scalar as lines of numbers 0 .. n-1: signed ones are moved up, so that every line starts at 0.
// Operations of the domain on such a range are compared with the same operation on the line's numbers.

import type { Bounds } from '../../src/verifier/scalars.ts';
import type { Word } from '../../src/verifier/word.ts';
import type { World } from './world.ts';

/** A class, and one switch: what runs a hundred million times is inlined. */
export class Line {
  readonly name: 'u64' | 's64' | 'u32' | 's32';
  readonly signed: boolean;
  readonly whole: boolean;
  readonly n: number;
  readonly #up: number;
  readonly #words: readonly Word[];
  readonly #halfBits: number;
  readonly #halfMask: number;

  constructor(world: World, name: Line['name']) {
    this.name = name;
    this.signed = name.startsWith('s');
    this.whole = name.endsWith('64');
    this.n = this.whole ? world.n : world.half;
    this.#up = this.n / 2;
    this.#words = world.words;
    this.#halfBits = world.w.half;
    this.#halfMask = world.half - 1;
  }
  set(b: Bounds, lo: number, hi: number): void {
    const up = this.#up;
    if (this.whole) {
      const words = this.#words;
      if (this.signed) {
        b.sMin = words[lo ^ up];
        b.sMax = words[hi ^ up];
      } else {
        b.uMin = words[lo];
        b.uMax = words[hi];
      }
    } else if (this.signed) {
      b.s32_min = lo - up;
      b.s32_max = hi - up;
    } else {
      b.u32_min = lo;
      b.u32_max = hi;
    }
  }
  lo(b: Bounds): number {
    if (this.whole) return this.signed ? this.#number(b.sMin) ^ this.#up : this.#number(b.uMin);
    return this.signed ? b.s32_min + this.#up : b.u32_min;
  }
  hi(b: Bounds): number {
    if (this.whole) return this.signed ? this.#number(b.sMax) ^ this.#up : this.#number(b.uMax);
    return this.signed ? b.s32_max + this.#up : b.u32_max;
  }
  /** The number of a word, without a call of the domain. */
  #number({ hi, lo }: Word): number {
    return ((hi << this.#halfBits) | (lo & this.#halfMask)) & (this.n - 1);
  }
}

export interface Range {
  readonly lo: number;
  readonly hi: number;
}

/** All ranges of 0 .. n-1, by their lower end. */
export function ranges(n: number): Range[] {
  const out: Range[] = [];
  for (let lo = 0; lo < n; lo++) for (let hi = lo; hi < n; hi++) out.push({ lo, hi });
  return out;
}

const WHOLE = ['u64', 's64'] as const;
const LOW = ['u32', 's32'] as const;

export interface Placed {
  readonly world: World;
  readonly line: Line;
}

/** Each line with as many numbers as the world has: those of low halves are of a world twice as wide. */
export function fullLines(world: World): readonly Placed[] {
  const { wide } = world;
  return [
    ...WHOLE.map((name) => ({ world, line: new Line(world, name) })),
    ...LOW.map((name) => ({ world: wide, line: new Line(wide, name) })),
  ];
}

/** The four lines of one world. */
export function lines(world: World): readonly Line[] {
  return [...WHOLE, ...LOW].map((name) => new Line(world, name));
}
