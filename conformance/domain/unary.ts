// Operators of one scalar: casts, byte swaps, negation, shifts by a constant, a low half that becomes known. Each description
// of the result comes from one description of the operand (few from two): so every entry of every family is tried by
// itself, with and without the `sync` behind the operator, and pairs of families where a range of the low half is one of them.

import type { Scalar } from '../../src/verifier/scalars.ts';
import { type Family, families, images, lowFamilies } from './families.ts';
import { Hulls } from './hull.ts';
import { memberSets } from './sets.ts';
import { swapped } from './tnums.ts';
import { fail, type Part, type World } from './world.ts';

export interface Unary {
  readonly name: string;
  readonly run: (s: Scalar) => Scalar;
  /** null: this number is not in the result (it was excluded). */
  readonly f: (x: number) => number | null;
}

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Casts and assembly: `scalars` by name. */
export const CASTS: Readonly<Record<string, (world: World) => Unary[]>> = {
  zext32: (world) => [{ name: 'zext32', run: (s) => world.scalars.zext32(s), f: (x) => x & (world.half - 1) }],
  truncate: (world) =>
    upTo(1, world.bits).map((k) => ({
      name: `truncate ${k}`,
      run: (s) => world.scalars.truncate(s, k),
      f: (x) => x & (2 ** k - 1),
    })),
  signExtend: (world) =>
    upTo(1, world.w.half).map((k) => ({
      name: `signExtend ${k}`,
      run: (s) => world.scalars.signExtend(s, k),
      f: (x) => ((x << (32 - k)) >> (32 - k)) & (world.n - 1),
    })),
  signExtend32: (world) =>
    upTo(1, world.w.half).map((k) => ({
      name: `signExtend32 ${k}`,
      run: (s) => world.scalars.signExtend32(s, k),
      f: (x) => ((x << (32 - k)) >> (32 - k)) & (world.half - 1),
    })),
  withLow: (world) =>
    upTo(0, world.half - 1).map((low) => ({
      name: `withLow ${low}`,
      run: (s) => world.scalars.withLow(s, world.words[low]),
      f: (x) => (x % world.half === low ? x : null),
    })),
};

/** Methods of Alu of one operand. */
export const ALU_UNARY: Readonly<Record<string, (world: World) => Unary[]>> = {
  end: (world) =>
    (world.bits % 8 === 0 ? [1, 2, 4, 8] : []).flatMap((bytes) => [
      {
        name: `bswap ${bytes}`,
        run: (s: Scalar) => world.alu.end(bytes, true, s),
        f: (x: number) => swapped(x, world.bits / 8, bytes),
      },
      {
        name: `cut to ${bytes} bytes`,
        run: (s: Scalar) => world.alu.end(bytes, false, s),
        f: (x: number) => x & (2 ** (bytes * (world.bits / 8)) - 1),
      },
    ]),
  /** Negation, as in negScalar. */
  compute: (world) =>
    [true, false].map((whole) => ({
      name: `neg${whole ? '' : '32'}`,
      run: (s) => world.alu.compute('sub', whole, world.scalars.zero, s),
      f: (x) => (whole ? -x & (world.n - 1) : -x & (world.half - 1)),
    })),
  shift64: (world) =>
    upTo(0, world.bits - 1).flatMap((k) => [
      {
        name: `<< ${k}`,
        run: (s: Scalar) => world.alu.shift64('lsh', s, k),
        f: (x: number) => (x << k) & (world.n - 1),
      },
      { name: `>> ${k}`, run: (s: Scalar) => world.alu.shift64('rsh', s, k), f: (x: number) => x >> k },
      {
        name: `s>> ${k}`,
        run: (s: Scalar) => world.alu.shift64('arsh', s, k),
        f: (x: number) => (world.toSigned(x) >> k) & (world.n - 1),
      },
    ]),
  shift32: (world) =>
    upTo(0, world.w.half - 1).flatMap((k) => {
      const low = (x: number) => x & (world.half - 1);
      return [
        { name: `low << ${k}`, run: (s: Scalar) => world.alu.shift32('lsh', s, k), f: (x: number) => low(low(x) << k) },
        { name: `low >> ${k}`, run: (s: Scalar) => world.alu.shift32('rsh', s, k), f: (x: number) => low(x) >> k },
        {
          name: `low s>> ${k}`,
          run: (s: Scalar) => world.alu.shift32('arsh', s, k),
          f: (x: number) => low(world.toSigned32(low(x)) >> k),
        },
      ];
    }),
};

export const unaries = (world: World) => Object.values({ ...CASTS, ...ALU_UNARY }).flatMap((make) => make(world));

function checkFamily(world: World, family: Family, op: Unary): number {
  const results = images(world, family, op.f);
  const check = () => {
    for (let i = 0; i < family.size; i++) {
      const s = world.bounds();
      family.set(s, i);
      const got = op.run(s);
      if (!results.within(i, got)) {
        fail(`${op.name} of ${family.name} ${world.text(s)} = ${world.text(got)}, results ${results.text(i)}`);
      }
    }
  };
  world.withoutSync(check);
  check();
  return 2 * family.size;
}

/** A part is some of the operators: what their exact results are takes longest. */
function checkFamilies(world: World, from: readonly Family[], ops: readonly Unary[], { at, of }: Part): number {
  let cases = 0;
  for (let i = at; i < ops.length; i += of) {
    for (const family of from) cases += checkFamily(world, family, ops[i]);
  }
  return cases;
}

/** One description, the others unknown; low halves as wide as the world's whole numbers in a world of their own. */
export function checkUnary(world: World, part: Part): number {
  const { wide } = world;
  return (
    checkFamilies(world, families(world), unaries(world), part) +
    checkFamilies(wide, lowFamilies(wide), unaries(wide), part)
  );
}

/** Bytes are eighths of a number: of narrower ones than 8 bits there are none. */
export function checkBytes(world: World, part: Part): number {
  const bytes = world.of(8);
  return checkFamilies(bytes, families(bytes), ALU_UNARY.end(bytes), part);
}

/** Two descriptions, one of them a range of the low half (of 4 bits: any two). */
export function checkUnaryPairs(world: World, { at, of }: Part): number {
  const all = families(world);
  const sets = all.map((family) => memberSets(world, family));
  const isLow = (i: number) => all[i].name === 'u32' || all[i].name === 's32';
  const ops = Object.entries(CASTS).flatMap(([name, make]) => (name === 'withLow' ? [] : make(world)));
  const tables = ops.map(({ f }) => Int32Array.from({ length: world.n }, (_, x) => f(x)!));
  const results = new Hulls(world, 1);
  let cases = 0;
  world.withoutSync(() => {
    for (let p = 0; p < all.length; p++) {
      for (let q = p + 1; q < all.length; q++) {
        if (world.bits > 4 && !isLow(p) && !isLow(q)) continue;
        for (let i = at; i < all[p].size; i += of) {
          for (let j = 0; j < all[q].size; j++) {
            const members = sets[p].common(i, sets[q], j);
            if (members.length === 0) continue;
            const s = world.bounds();
            all[p].set(s, i);
            all[q].set(s, j);
            ops.forEach((op, o) => {
              results.clear(0);
              for (const x of members) results.add(0, tables[o][x]);
              const got = op.run(s);
              cases++;
              if (results.within(0, got)) return;
              fail(`${op.name} of ${world.text(s)} = ${world.text(got)}, results ${results.text(0)}`);
            });
          }
        }
      }
    }
  });
  return cases;
}
