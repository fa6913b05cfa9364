// The best scalar around a set of numbers, as ten integers in a typed array: what all and any of its members have for
// bits, and the ends of its four ranges. The hull of a union is the join of the hulls, so that the exact result of an
// operator on every tnum and every range comes from its halves, without listing members.

import type { Bounds } from '../../src/verifier/scalars.ts';
import type { World } from './world.ts';

/** Integers per hull. */
export const FIELDS = 10;

export class Hulls {
  readonly world: World;
  readonly at: Int32Array;

  constructor(world: World, count: number) {
    this.world = world;
    this.at = new Int32Array(count * FIELDS);
  }
  /** Entry i is the empty set. */
  clear(i: number): void {
    const { at } = this;
    const o = i * FIELDS;
    at[o] = this.world.n - 1;
    at[o + 1] = 0;
    for (let k = 2; k < FIELDS; k += 2) {
      at[o + k] = 0x7fffffff;
      at[o + k + 1] = -0x80000000;
    }
  }
  isEmpty(i: number): boolean {
    return this.at[i * FIELDS + 2] > this.at[i * FIELDS + 3];
  }
  add(i: number, x: number): void {
    const { at, world } = this;
    const o = i * FIELDS;
    const low = x & (world.half - 1);
    at[o] &= x;
    at[o + 1] |= x;
    this.#widen(o + 2, x, x);
    const signed = world.toSigned(x);
    this.#widen(o + 4, signed, signed);
    this.#widen(o + 6, low, low);
    const signed32 = world.toSigned32(low);
    this.#widen(o + 8, signed32, signed32);
  }
  /** Entry i also holds what entry j of `from` holds. */
  join(i: number, from: Hulls, j: number): void {
    const { at } = this;
    const o = i * FIELDS;
    const p = j * FIELDS;
    at[o] &= from.at[p];
    at[o + 1] |= from.at[p + 1];
    for (let k = 2; k < FIELDS; k += 2) this.#widen(o + k, from.at[p + k], from.at[p + k + 1]);
  }
  #widen(o: number, lo: number, hi: number): void {
    const { at } = this;
    if (lo < at[o]) at[o] = lo;
    if (hi > at[o + 1]) at[o + 1] = hi;
  }

  /** Whether entry i lies in every description of b. */
  within(i: number, b: Bounds): boolean {
    const { at, world } = this;
    const o = i * FIELDS;
    if (at[o + 2] > at[o + 3]) return true;
    const v = world.number(b.var_off.v);
    const m = world.number(b.var_off.m);
    return (
      (v & m) === 0 &&
      (at[o] & ~m) === v &&
      (at[o + 1] & ~m) === v &&
      world.number(b.uMin) <= at[o + 2] &&
      at[o + 3] <= world.number(b.uMax) &&
      world.signed(b.sMin) <= at[o + 4] &&
      at[o + 5] <= world.signed(b.sMax) &&
      b.u32_min <= at[o + 6] &&
      at[o + 7] <= b.u32_max &&
      b.s32_min <= at[o + 8] &&
      at[o + 9] <= b.s32_max
    );
  }
  text(i: number): string {
    const [all, any, ...ends] = this.at.subarray(i * FIELDS, (i + 1) * FIELDS);
    return `(${all}; ${all ^ any}) u ${ends[0]}..${ends[1]} s ${ends[2]}..${ends[3]} u32 ${ends[4]}..${ends[5]} s32 ${ends[6]}..${ends[7]}`;
  }
}
