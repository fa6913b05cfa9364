// Conditional jumps (src/verifier/branch.ts): what is decided, and what is left of both operands behind each outcome, on
// every pair of ranges of every line and every pair of tnums. What must be left: each number that has a partner.

import type { CompareOp } from '../../src/isa/conditions.ts';
import type { JmpOp } from '../../src/isa/op.ts';
import type { Bounds } from '../../src/verifier/scalars.ts';
import type { Tnum } from '../../src/verifier/tnum.ts';
import { families, tnumFamily } from './families.ts';
import { fullLines, type Line, type Placed, type Range, ranges } from './lines.ts';
import { memberSets } from './sets.ts';
import { fail, type Part, type World } from './world.ts';

type Relation = (x: number, y: number) => boolean;

/** On one line, so signed ones compare as unsigned ones do. */
const HOLDS: Record<JmpOp, Relation> = {
  jeq: (x, y) => x === y,
  jne: (x, y) => x !== y,
  jlt: (x, y) => x < y,
  jle: (x, y) => x <= y,
  jgt: (x, y) => x > y,
  jge: (x, y) => x >= y,
  jslt: (x, y) => x < y,
  jsle: (x, y) => x <= y,
  jsgt: (x, y) => x > y,
  jsge: (x, y) => x >= y,
  jset: (x, y) => (x & y) !== 0,
};
export const CONDITIONS = Object.keys(HOLDS) as JmpOp[];
const COMPARE = CONDITIONS.filter((op) => op !== 'jset') as CompareOp[];
const EQUALITIES: readonly JmpOp[] = ['jeq', 'jne'];
const OUTCOMES = [true, false];

/** Whether b holds x, by each of its descriptions. */
export function holds(world: World, b: Bounds, x: number): boolean {
  const low = x % world.half;
  const [s, s32] = [world.toSigned(x), world.toSigned32(low)];
  return (
    (x & ~world.number(b.var_off.m)) === world.number(b.var_off.v) &&
    world.number(b.uMin) <= x &&
    x <= world.number(b.uMax) &&
    world.signed(b.sMin) <= s &&
    s <= world.signed(b.sMax) &&
    b.u32_min <= low &&
    low <= b.u32_max &&
    b.s32_min <= s32 &&
    s32 <= b.s32_max
  );
}

// ------------------------------------------------------------------------------------------------ pairs of ranges

/** For each number x and range R: the nearest number from x up (and down) that stands in the relation to one of R. */
interface Partners {
  readonly next: Int16Array;
  readonly last: Int16Array;
}

function partners(n: number, all: readonly Range[], related: Relation): Partners {
  const count = all.length;
  const [next, last] = [new Int16Array(n * count), new Int16Array(n * count)];
  const ok = new Uint8Array(n);
  all.forEach(({ lo, hi }, i) => {
    if (lo === hi) ok.fill(0);
    for (let x = 0; x < n; x++) if (related(x, hi)) ok[x] = 1;
    for (let x = n - 1, at = n; x >= 0; x--) next[x * count + i] = ok[x] ? (at = x) : at;
    for (let x = 0, at = -1; x < n; x++) last[x * count + i] = ok[x] ? (at = x) : at;
  });
  return { next, last };
}

/** One condition on all pairs of ranges of a line: `taken`, and what is left of both operands behind each outcome. */
function checkCondition({ world, line }: Placed, op: CompareOp, { at, of }: Part): number {
  const { n, whole } = line;
  const all = ranges(n);
  const count = all.length;
  const los = Int32Array.from(all, ({ lo }) => lo);
  const his = Int32Array.from(all, ({ hi }) => hi);
  const relation = HOLDS[op];
  const sides = OUTCOMES.map((outcome) => ({
    outcome,
    left: partners(n, all, (x, y) => relation(x, y) === outcome),
    right: partners(n, all, (y, x) => relation(x, y) === outcome),
  }));
  const equality = EQUALITIES.includes(op);
  const { unknown } = world.scalars;
  const open = unknown.var_off;
  const consts = Array.from({ length: n }, (_, x) => constantOf(world, line, x));
  const [a, b] = [world.bounds(), world.bounds()];
  const { branches } = world;
  for (let i = at; i < count; i += of) {
    const aLo = los[i];
    const aHi = his[i];
    // Only a known number can be excluded.
    const knownA = equality && aLo === aHi ? consts[aLo] : open;
    for (let j = 0; j < count; j++) {
      const bLo = los[j];
      const bHi = his[j];
      const knownB = equality && bLo === bHi ? consts[bLo] : open;
      line.set(a, aLo, aHi);
      line.set(b, bLo, bHi);
      a.var_off = knownA;
      b.var_off = knownB;
      const taken = branches.taken(op, whole, a, b);
      for (const { outcome, left, right } of sides) {
        const lo = left.next[aLo * count + j];
        const possible = lo <= aHi;
        const decided = taken === !outcome;
        if (possible ? decided : !equality && !decided) {
          fail(
            `${line.name} ${aLo}..${aHi} ${op} ${bLo}..${bHi} (${outcome}) is ${decided ? 'said to be ' : ''}impossible`,
          );
        }
        line.set(a, aLo, aHi);
        line.set(b, bLo, bHi);
        a.var_off = knownA;
        b.var_off = knownB;
        branches.narrow(op, whole, outcome, a, b);
        if (possible) {
          const wrong =
            leavesWrong(world, line, a, lo, left.last[aHi * count + j], equality) ??
            leavesWrong(world, line, b, right.next[bLo * count + i], right.last[bHi * count + i], equality);
          if (wrong !== null) fail(`${line.name} ${aLo}..${aHi} ${op} ${bLo}..${bHi} (${outcome}) leaves ${wrong}`);
        }
        if (!equality) continue;
        copyTo(a, unknown);
        copyTo(b, unknown);
      }
    }
  }
  return 2 * Math.ceil((all.length - at) / of) * all.length;
}

function copyTo(b: Bounds, s: Bounds): void {
  b.var_off = s.var_off;
  b.uMin = s.uMin;
  b.uMax = s.uMax;
  b.sMin = s.sMin;
  b.sMax = s.sMax;
  b.u32_min = s.u32_min;
  b.u32_max = s.u32_max;
  b.s32_min = s.s32_min;
  b.s32_max = s.s32_max;
}

/** Number x of a line as known bits; of a low half, the upper ones are not known. */
function constantOf(world: World, line: Line, x: number): Tnum {
  return world.tnum(line.signed ? x ^ (line.n / 2) : x, line.whole ? 0 : world.n - world.half);
}

/** What is wrong about b, of which lo and hi are to be left; null: nothing. */
function leavesWrong(world: World, line: Line, b: Bounds, lo: number, hi: number, equality: boolean): string | null {
  const min = line.lo(b);
  const max = line.hi(b);
  const wrong = equality ? min > lo || max < hi : min !== lo || max !== hi;
  if (wrong) return `${min}..${max}, not ${lo}..${hi}`;
  // What is said of other lines, and of bits, must hold the ends at least; nearly always nothing is.
  if (isOpen(world, line, b)) return null;
  for (const x of [lo, hi]) {
    const number = line.signed ? x ^ (line.n / 2) : x;
    const held = line.whole ? holds(world, b, number) : lowHolds(world, b, number);
    if (!held) return `${world.text(b)} without ${number}`;
  }
  return null;
}

function isOpen({ scalars: { unknown } }: World, line: Line, b: Bounds): boolean {
  if (b.var_off !== unknown.var_off) return false;
  const u = (line.whole && !line.signed) || (b.uMin === unknown.uMin && b.uMax === unknown.uMax);
  const s = (line.whole && line.signed) || (b.sMin === unknown.sMin && b.sMax === unknown.sMax);
  const u32 = (!line.whole && !line.signed) || (b.u32_min === unknown.u32_min && b.u32_max === unknown.u32_max);
  const s32 = (!line.whole && line.signed) || (b.s32_min === unknown.s32_min && b.s32_max === unknown.s32_max);
  return u && s && u32 && s32;
}

/** Whether any number with that low half is held. */
function lowHolds(world: World, b: Bounds, low: number): boolean {
  for (let x = low; x < world.n; x += world.half) if (holds(world, b, x)) return true;
  return false;
}

export function checkConditions(world: World, part: Part): number {
  let cases = 0;
  for (const placed of fullLines(world)) {
    for (const op of COMPARE) {
      if (!EQUALITIES.includes(op) && op.startsWith('js') !== placed.line.signed) continue;
      cases += checkCondition(placed, op, part);
    }
  }
  return cases;
}

// -------------------------------------------------------------------------------------------------- pairs of tnums

/** What is left of (v; m) when it is `outcome` compared with the other: whether x of it has a partner. */
function tnumPartner(
  op: JmpOp,
  outcome: boolean,
  otherV: number,
  otherM: number,
  mask: number,
): (x: number) => boolean {
  const [v, m] = [otherV & mask, otherM & mask];
  const equal = (op === 'jeq') === outcome;
  if (op === 'jset') return outcome ? (x) => (x & (v | m)) !== 0 : (x) => (x & v) === 0;
  // Unequal: any x has a partner, unless the other is x alone.
  return equal ? (x) => ((x & mask & ~m) ^ v) === 0 : (x) => m !== 0 || (x & mask) !== v;
}

/** Equality and common bits, on all pairs of tnums: the conditions that bits decide and sharpen. */
export function checkBitTests(world: World, { at, of }: Part): number {
  const { tnums, values, masks, size } = tnumFamily(world);
  const { unknown } = world.scalars;
  const { branches } = world;
  const [a, b] = [world.bounds(), world.bounds()];
  let cases = 0;
  const reset = (i: number, j: number) => {
    copyTo(a, unknown);
    copyTo(b, unknown);
    a.var_off = tnums[i];
    b.var_off = tnums[j];
  };
  for (let i = at; i < size; i += of) {
    for (let j = 0; j < size; j++) {
      for (const op of ['jeq', 'jne', 'jset'] as const) {
        for (const whole of OUTCOMES) {
          const mask = (whole ? world.n : world.half) - 1;
          reset(i, j);
          const taken = branches.taken(op, whole, a, b);
          for (const outcome of OUTCOMES) {
            cases++;
            reset(i, j);
            branches.narrow(op, whole, outcome, a, b);
            const changed = isChanged(a, tnums[i], unknown) || isChanged(b, tnums[j], unknown);
            if (taken !== !outcome && !changed) continue;
            const say = `(${values[i]}; ${masks[i]}) ${op}${whole ? '' : '32'} (${values[j]}; ${masks[j]}) (${outcome})`;
            const left = tnumPartner(op, outcome, values[j], masks[j], mask);
            const right = tnumPartner(op, outcome, values[i], masks[i], mask);
            expectHeld(world, a, values[i], masks[i], left, taken === !outcome, say);
            expectHeld(world, b, values[j], masks[j], right, taken === !outcome, say);
          }
        }
      }
    }
  }
  return cases;
}

function isChanged(b: Bounds, t: Tnum, open: Bounds): boolean {
  return (
    b.var_off !== t ||
    b.uMin !== open.uMin ||
    b.uMax !== open.uMax ||
    b.sMin !== open.sMin ||
    b.sMax !== open.sMax ||
    b.u32_min !== open.u32_min ||
    b.u32_max !== open.u32_max ||
    b.s32_min !== open.s32_min ||
    b.s32_max !== open.s32_max
  );
}

function expectHeld(
  world: World,
  b: Bounds,
  value: number,
  mask: number,
  remains: (x: number) => boolean,
  impossible: boolean,
  say: string,
) {
  for (let part = mask; ; part = (part - 1) & mask) {
    const x = value | part;
    if (remains(x)) {
      if (impossible) fail(`${say} is said to be impossible`);
      if (!holds(world, b, x)) fail(`${say} leaves ${world.text(b)} without ${x}`);
    }
    if (part === 0) return;
  }
}

/** A scalar compared with itself: both sides narrow the one scalar. */
export function checkSelf(world: World, { at, of }: Part): number {
  let cases = 0;
  const reflexive = (op: JmpOp) => op === 'jset' || HOLDS[op](0, 0);
  for (const family of families(world)) {
    const sets = memberSets(world, family);
    for (let i = at; i < family.size; i += of) {
      for (const op of CONDITIONS) {
        for (const whole of OUTCOMES) {
          for (const outcome of OUTCOMES) {
            const s = world.bounds();
            family.set(s, i);
            world.branches.narrow(op, whole, outcome, s, s);
            cases++;
            for (let x = 0; x < world.n; x++) {
              if (!sets.has(i, x)) continue;
              const isTrue = op === 'jset' ? (whole ? x : x % world.half) !== 0 : reflexive(op);
              if (isTrue === outcome && !holds(world, s, x)) {
                fail(`${family.name} entry ${i} ${op} itself (${outcome}) leaves ${world.text(s)} without ${x}`);
              }
            }
          }
        }
      }
    }
  }
  return cases;
}
