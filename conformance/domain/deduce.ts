// What descriptions of one scalar say to each other: each step of `sync` by itself, and all of it, on every pair of two
// descriptions; the questions about scalars as sets.

import { type Bounds, copyOf, isConst, isEmpty, rangesContain, sameScalar } from '../../src/verifier/scalars.ts';
import { families } from './families.ts';
import { lines, ranges } from './lines.ts';
import { Concretisation, memberSets } from './sets.ts';
import { fail, type Part, type World } from './world.ts';

/** Steps of `sync`. */
export const STEPS = [
  'deduce32',
  'deduce64',
  'deduceMixed',
  'boundsFromTnum32',
  'boundsFromTnum64',
  'tnumFromBounds',
] as const;

export function checkDeductions(world: World, { at, of }: Part): number {
  const { scalars } = world;
  const all = families(world);
  const sets = all.map((family) => memberSets(world, family));
  const meaning = new Concretisation(world);
  const common = new Int32Array(sets[0].words);
  // All of `sync` on pairs takes long; its parts are what can go wrong, and the operators are tried with it.
  const steps = world.bits > 4 ? STEPS : ([...STEPS, 'sync'] as const);
  let cases = 0;
  for (let p = 0; p < all.length; p++) {
    for (let q = p + 1; q < all.length; q++) {
      const [P, Q] = [sets[p].bits, sets[q].bits];
      const { words } = sets[p];
      for (let i = at; i < all[p].size; i += of) {
        for (let j = 0; j < all[q].size; j++) {
          let any = 0;
          for (let k = 0; k < words; k++) any |= common[k] = P[i * words + k] & Q[j * words + k];
          if (any === 0) continue;
          for (const step of steps) {
            const b = world.bounds();
            all[p].set(b, i);
            all[q].set(b, j);
            scalars[step](b);
            if (!meaning.holdsAll(common, b)) loses(world, step, all[p].set, i, all[q].set, j, b);
          }
          cases += steps.length;
        }
      }
    }
  }
  return cases;
}

type Set = (b: Bounds, i: number) => void;

function loses(world: World, step: string, p: Set, i: number, q: Set, j: number, after: Bounds): never {
  const before = world.bounds();
  p(before, i);
  q(before, j);
  fail(`${step} of ${world.text(before)} loses a number: ${world.text(after)}`);
}

/** Free functions of scalars.ts about what scalars hold. */
export const SCALAR_QUESTIONS = ['isConst', 'isEmpty', 'sameScalar', 'rangesContain', 'copyOf'] as const;
/** Methods that make or widen one. */
export const SCALAR_MAKERS = ['constant', 'setUnbounded64', 'setUnbounded32'] as const;

export function checkQuestions(world: World, { at, of }: Part): number {
  const { scalars, n } = world;
  let cases = 0;
  const expect = (name: string, got: boolean, want: boolean, a: Bounds, b: Bounds) => {
    cases++;
    if (got !== want) fail(`${name} of ${world.text(a)} and ${world.text(b)}: ${got}`);
  };
  const [a, b] = [world.bounds(), world.bounds()];
  for (const line of lines(world)) {
    const all = ranges(line.n);
    for (let i = at; i < all.length; i += of) {
      line.set(a, all[i].lo, all[i].hi);
      expect('isEmpty', isEmpty(a), false, a, a);
      const copy = copyOf(a);
      expect('sameScalar', sameScalar(a, copy) && a !== copy, true, a, copy);
      for (let j = 0; j < all.length; j++) {
        line.set(b, all[j].lo, all[j].hi);
        expect('rangesContain', rangesContain(a, b), all[i].lo <= all[j].lo && all[j].hi <= all[i].hi, a, b);
        expect('sameScalar', sameScalar(a, b), i === j, a, b);
      }
      if (all[i].lo === all[i].hi) continue;
      line.set(a, all[i].hi, all[i].lo);
      expect('isEmpty', isEmpty(a), true, a, a);
    }
    for (const x of [a, b]) line.set(x, 0, line.n - 1);
  }
  for (let x = at; x < n; x += of) cases += checkMakers(world, x);
  if (at === 0) expect('isConst', isConst(scalars.unknown), false, scalars.unknown, scalars.unknown);
  return cases;
}

function checkMakers(world: World, x: number): number {
  const { scalars, n, half } = world;
  const c = copyOf(scalars.constant(world.words[x]));
  const low = world.toSigned32(x % half);
  const text = (u: number, s: number, u32: number, s32: number) =>
    `(${x}; 0) u ${u}..${u} s ${s}..${s} u32 ${u32}..${u32} s32 ${s32}..${s32}`;
  if (world.text(c) !== text(x, world.toSigned(x), x % half, low) || !isConst(c)) fail(`constant ${x}`);
  const open = world.bounds();
  const [wide, narrow] = [copyOf(c), copyOf(c)];
  scalars.setUnbounded64(wide);
  scalars.setUnbounded32(narrow);
  const ends = (b: Bounds) => [world.number(b.uMin), world.number(b.uMax), world.signed(b.sMin), world.signed(b.sMax)];
  const lows = (b: Bounds) => [b.u32_min, b.u32_max, b.s32_min, b.s32_max];
  const same = (p: number[], q: number[]) => p.join() === q.join();
  if (!same(ends(wide), ends(open)) || !same(lows(wide), lows(c))) fail(`setUnbounded64 of ${x}`);
  if (!same(lows(narrow), lows(open)) || !same(ends(narrow), ends(c))) fail(`setUnbounded32 of ${x}`);
  if (!same(ends(open), [0, n - 1, -n / 2, n / 2 - 1])) fail('unknown');
  return 3;
}
