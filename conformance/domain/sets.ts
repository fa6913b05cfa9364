// Sets of small numbers as bit masks: what each entry of a family holds, and what a description of a scalar holds, looked
// up. For worlds of at most 8 bits.

import type { Bounds } from '../../src/verifier/scalars.ts';
import type { Family } from './families.ts';
import type { World } from './world.ts';

/** One set per entry, of `words` 32-bit integers each. */
export class Sets {
  readonly words: number;
  readonly bits: Int32Array;
  readonly #n: number;

  constructor(n: number, count: number) {
    this.#n = n;
    this.words = Math.max(1, n / 32);
    this.bits = new Int32Array(count * this.words);
  }
  add(i: number, x: number): void {
    this.bits[i * this.words + (x >> 5)] |= 1 << (x & 31);
  }
  has(i: number, x: number): boolean {
    return ((this.bits[i * this.words + (x >> 5)] >>> (x & 31)) & 1) === 1;
  }
  /** The numbers in entry i here and entry j of the other. */
  common(i: number, other: Sets, j: number): number[] {
    const out: number[] = [];
    for (let x = 0; x < this.#n; x++) if (this.has(i, x) && other.has(j, x)) out.push(x);
    return out;
  }
}

export function memberSets(world: World, family: Family): Sets {
  const sets = new Sets(world.n, family.size);
  for (let i = 0; i < family.size; i++) {
    if (family.left[i] < 0) for (const x of family.single(i)) sets.add(i, x);
  }
  for (let i = 0; i < family.size; i++) {
    if (family.left[i] < 0) continue;
    for (let k = 0; k < sets.words; k++) {
      const at = (j: number) => sets.bits[j * sets.words + k];
      sets.bits[i * sets.words + k] = at(family.left[i]) | at(family.right[i]);
    }
  }
  return sets;
}

/** What the descriptions of a scalar hold: tables by their two numbers. */
export class Concretisation {
  readonly #world: World;
  /** Of the numbers lo .. hi (empty where lo > hi), of signed ones, of low halves, and of value and mask. */
  readonly #unsigned: Sets;
  readonly #signed: Sets;
  readonly #low: Sets;
  readonly #lowSigned: Sets;
  readonly #tnum: Sets;

  constructor(world: World) {
    const { n, half } = world;
    this.#world = world;
    const table = (size: number, holds: (a: number, b: number, x: number) => boolean) => {
      const sets = new Sets(n, size * size);
      for (let a = 0; a < size; a++) {
        for (let b = 0; b < size; b++) {
          for (let x = 0; x < n; x++) if (holds(a, b, x)) sets.add(a * size + b, x);
        }
      }
      return sets;
    };
    this.#unsigned = table(n, (lo, hi, x) => lo <= x && x <= hi);
    this.#signed = table(n, (lo, hi, x) => world.toSigned(x) >= lo - n / 2 && world.toSigned(x) <= hi - n / 2);
    this.#low = table(half, (lo, hi, x) => lo <= x % half && x % half <= hi);
    this.#lowSigned = table(half, (lo, hi, x) => {
      const low = world.toSigned32(x % half) + half / 2;
      return lo <= low && low <= hi;
    });
    this.#tnum = table(n, (v, m, x) => (v & m) === 0 && (x & ~m) === v);
  }

  /** Whether every description of b holds all of `set`. */
  holdsAll(set: Int32Array, b: Bounds): boolean {
    const { n, half, w } = this.#world;
    const at = (x: { readonly hi: number; readonly lo: number }) => w.u(x.hi) * half + w.u(x.lo);
    const up = n / 2;
    const u = at(b.uMin) * n + at(b.uMax);
    const s = (at(b.sMin) ^ up) * n + (at(b.sMax) ^ up);
    const l = b.u32_min * half + b.u32_max;
    const ls = (b.s32_min + half / 2) * half + b.s32_max + half / 2;
    const t = at(b.var_off.v) * n + at(b.var_off.m);
    const words = set.length;
    for (let k = 0; k < words; k++) {
      const held =
        this.#unsigned.bits[u * words + k] &
        this.#signed.bits[s * words + k] &
        this.#low.bits[l * words + k] &
        this.#lowSigned.bits[ls * words + k] &
        this.#tnum.bits[t * words + k];
      if ((set[k] & ~held) !== 0) return false;
    }
    return true;
  }
}
