// The descriptions a scalar is made of, each as the list of all it can say: every tnum, every range of each line. An entry
// is a single number (or, of a low half, all numbers with that half), or the union of two earlier entries.

import type { Bounds } from '../../src/verifier/scalars.ts';
import type { Tnum } from '../../src/verifier/tnum.ts';
import { Hulls } from './hull.ts';
import { type Line, lines, ranges } from './lines.ts';
import type { World } from './world.ts';

export interface Family {
  readonly name: string;
  readonly size: number;
  /** The two entries that make up entry i; -1: a single one. */
  readonly left: Int32Array;
  readonly right: Int32Array;
  /** What a single entry holds. */
  single(i: number): readonly number[];
  /** Makes b say entry i. */
  set(b: Bounds, i: number): void;
}

/** Every tnum of `digits` bits in the order of its digits 0, 1 and 2 (unknown), with what is above them unknown. */
export interface TnumFamily extends Family {
  readonly tnums: readonly Tnum[];
  readonly values: Int32Array;
  readonly masks: Int32Array;
}

export function tnumFamily(world: World, digits = world.bits): TnumFamily {
  const size = 3 ** digits;
  const values = new Int32Array(size);
  const masks = new Int32Array(size);
  const left = new Int32Array(size).fill(-1);
  const right = new Int32Array(size).fill(-1);
  for (let i = 1; i < size; i++) {
    let power = 1;
    let bit = 1;
    while (power * 3 <= i) [power, bit] = [power * 3, bit * 2];
    const below = i % power;
    const unknown = i - below === 2 * power;
    values[i] = values[below] | (unknown ? 0 : bit);
    masks[i] = masks[below] | (unknown ? bit : 0);
    if (unknown) [left[i], right[i]] = [below, below + power];
    else if (left[below] >= 0) [left[i], right[i]] = [left[below] + power, right[below] + power];
  }
  const above = world.n - 2 ** digits;
  const tnums = Array.from({ length: size }, (_, i) => world.tnum(values[i], masks[i] | above));
  return {
    name: digits === world.bits ? 'tnum' : 'tnum32',
    size,
    left,
    right,
    tnums,
    values,
    masks,
    single: (i) => underneath(world, values[i], digits),
    set: (b, i) => {
      b.var_off = tnums[i];
    },
  };
}

/** All numbers whose low `digits` bits are x. */
function underneath(world: World, x: number, digits: number): readonly number[] {
  const step = 2 ** digits;
  return Array.from({ length: world.n / step }, (_, i) => x + i * step);
}

export function lineFamily(world: World, line: Line): Family {
  const { n } = line;
  const up = line.signed ? n / 2 : 0;
  const all = ranges(n);
  const indexOf = (lo: number, hi: number) => lo * n - (lo * (lo - 1)) / 2 + (hi - lo);
  const ends = (f: (lo: number, hi: number) => number) =>
    Int32Array.from(all, ({ lo, hi }) => (lo === hi ? -1 : f(lo, hi)));
  return {
    name: line.name,
    size: all.length,
    left: ends((lo, hi) => indexOf(lo, hi - 1)),
    right: ends((_, hi) => indexOf(hi, hi)),
    single: (i) => underneath(world, all[i].lo ^ up, line.whole ? world.bits : world.w.half),
    set: (b, i) => line.set(b, all[i].lo, all[i].hi),
  };
}

/** All five of a world. */
export function families(world: World): readonly Family[] {
  return [...lines(world).map((line) => lineFamily(world, line)), tnumFamily(world)];
}

/** Those of the low half alone. */
export function lowFamilies(world: World): readonly Family[] {
  const low = lines(world).filter((line) => !line.whole);
  return [...low.map((line) => lineFamily(world, line)), tnumFamily(world, world.w.half)];
}

/** For each entry the results that `f` has for its members; `f` answers null where there is none. */
export function images(world: World, family: Family, f: (x: number) => number | null): Hulls {
  const hulls = new Hulls(world, family.size);
  // The right half of a range comes after it.
  for (let i = 0; i < family.size; i++) {
    hulls.clear(i);
    if (family.left[i] >= 0) continue;
    for (const x of family.single(i)) {
      const y = f(x);
      if (y !== null) hulls.add(i, y);
    }
  }
  for (let i = 0; i < family.size; i++) {
    if (family.left[i] < 0) continue;
    hulls.join(i, hulls, family.left[i]);
    hulls.join(i, hulls, family.right[i]);
  }
  return hulls;
}
