// What can't be exhausted: scalars of which all five descriptions say something. Sampled, always the same ones. An operand
// is a set of one to four numbers, its five best descriptions, each loosened or not; operators run with `sync`, as in the
// verifier, on operands that went through it.

import { NEGATED } from '../../src/isa/conditions.ts';
import { copyOf, type Scalar } from '../../src/verifier/scalars.ts';
import { ALU_OPS, concrete } from './arithmetic.ts';
import { CONDITIONS, holds } from './conditions.ts';
import { Hulls } from './hull.ts';
import { type Line, lines } from './lines.ts';
import { type Unary, unaries } from './unary.ts';
import { fail, type Part, type World } from './world.ts';

/** Operands per world. */
export const SAMPLES = 2048;

type Random = (n: number) => number;

/** mulberry32 */
function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % n;
  };
}

interface Operand {
  readonly s: Scalar;
  readonly members: readonly number[];
}

function operand(world: World, all: readonly Line[], random: Random): Operand {
  const chosen = Array.from({ length: 1 + random(4) }, () => random(world.n));
  const hull = new Hulls(world, 1);
  hull.clear(0);
  for (const x of chosen) hull.add(0, x);
  const [every, any, ...ends] = hull.at;
  const b = copyOf(world.scalars.unknown);
  all.forEach((line, i) => {
    const up = line.signed ? line.n / 2 : 0;
    const [lo, hi] = [ends[2 * i] + up, ends[2 * i + 1] + up];
    if (random(3) > 0) line.set(b, lo - random(lo + 1) * random(2), hi + random(line.n - hi) * random(2));
  });
  if (random(3) > 0) b.var_off = world.tnum(every, every ^ any);
  // Of known bits alone the ranges must be known too: a shift looks for its count there.
  const s = world.scalars.sync(b);
  const members: number[] = [];
  for (let x = 0; x < world.n; x++) if (holds(world, s, x)) members.push(x);
  if (chosen.some((x) => !members.includes(x))) fail(`sync of ${world.text(s)} loses one of ${chosen}`);
  return { s, members };
}

export function checkMixed(world: World, { at, of }: Part): number {
  const random = seeded(world.bits);
  const all = lines(world);
  const operands = Array.from({ length: SAMPLES }, () => operand(world, all, random));
  const ops = unaries(world);
  let cases = 0;
  for (let i = at; i < SAMPLES; i += of) {
    const [a, b] = [operands[i], operands[(i + 1) % SAMPLES]];
    for (const op of ops) checkOne(world, op, a);
    for (const op of ALU_OPS) {
      for (const whole of [true, false]) checkTwo(world, op, whole, a, b);
    }
    for (const op of CONDITIONS) {
      for (const whole of [true, false]) checkCondition(world, op, whole, a, b);
    }
    cases += ops.length + 2 * ALU_OPS.length + 2 * CONDITIONS.length;
  }
  return cases;
}

function expectResults(
  world: World,
  name: string,
  got: Scalar,
  results: Iterable<number>,
  operands: readonly Operand[],
) {
  for (const y of results) {
    if (!holds(world, got, y)) {
      fail(`${name} of ${operands.map(({ s }) => world.text(s)).join(' and ')} = ${world.text(got)} loses ${y}`);
    }
  }
}

function checkOne(world: World, { name, run, f }: Unary, a: Operand): void {
  const results = a.members.map(f).filter((y): y is number => y !== null);
  expectResults(world, name, run(a.s), results, [a]);
}

function checkTwo(world: World, op: (typeof ALU_OPS)[number], whole: boolean, a: Operand, b: Operand): void {
  const results = new Set<number>();
  for (const x of a.members) for (const y of b.members) results.add(concrete(world, op, whole, x, y));
  expectResults(world, `${op}${whole ? '' : '32'}`, world.alu.compute(op, whole, a.s, b.s), results, [a, b]);
}

function checkCondition(world: World, op: (typeof CONDITIONS)[number], whole: boolean, a: Operand, b: Operand): void {
  const { branches, scalars } = world;
  const taken = branches.taken(op, whole, a.s, b.s);
  for (const outcome of [true, false]) {
    const [left, right] = [new Set<number>(), new Set<number>()];
    for (const x of a.members) {
      for (const y of b.members) {
        if (isTrue(world, op, whole, x, y) !== outcome) continue;
        left.add(x);
        right.add(y);
      }
    }
    const name = `${op}${whole ? '' : '32'} (${outcome})`;
    if (left.size > 0 && taken === !outcome)
      fail(`${name} of ${world.text(a.s)} and ${world.text(b.s)} is said to be impossible`);
    const [p, q] = [copyOf(a.s), copyOf(b.s)];
    branches.narrow(op, whole, outcome, p, q);
    expectResults(world, name, scalars.sync(p), left, [a, b]);
    expectResults(world, name, scalars.sync(q), right, [a, b]);
  }
}

function isTrue(world: World, op: (typeof CONDITIONS)[number], whole: boolean, x: number, y: number): boolean {
  if (op === 'jset') return (x & y & (whole ? world.n - 1 : world.half - 1)) !== 0;
  const signed = op.startsWith('js');
  const number = (z: number) =>
    whole ? (signed ? world.toSigned(z) : z) : signed ? world.toSigned32(z % world.half) : z % world.half;
  const [p, q] = [number(x), number(y)];
  switch (op) {
    case 'jeq':
      return p === q;
    case 'jlt':
    case 'jslt':
      return p < q;
    case 'jle':
    case 'jsle':
      return p <= q;
    default:
      return !isTrue(world, NEGATED[op], whole, x, y);
  }
}
