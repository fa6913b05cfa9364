// Every operator of the value domain on every case of small numbers, each by itself (nothing is put right by a later
// sync): the result holds what the concrete operation gives, and where Linux's is the best possible one, so is ours.
// In: a world (a width, and the domain's code for it); out: how many cases were tried. A wrong one throws.

import type { AluOp, JmpOp } from '../../src/isa/op.ts';
import type { Bounds } from '../../src/verifier/scalars.ts';
import { type Tnum, tnumAnd, tnumIntersect, tnumOr, tnumUnion, tnumXor } from '../../src/verifier/tnum.ts';
import { holds, type Line, lines, ranges, type World } from './world.ts';

function fail(what: string): never {
  throw new Error(`value domain: ${what}`);
}

const text = (world: World, t: Tnum) => `(${world.number(t.v)}; ${world.number(t.m)})`;

// ------------------------------------------------------------------------------------------------------- tnums

/** Best and sound results against `all` and `any` bits of the concrete ones. */
function checkTnum(world: World, what: () => string, t: Tnum, all: number, any: number, best: boolean): void {
  const v = world.number(t.v);
  const m = world.number(t.m);
  if ((v & m) !== 0) fail(`${what()} = ${text(world, t)} is no tnum`);
  const exact = v === all && m === (all ^ any);
  const sound = (all & ~m) === v && (any & ~m) === v;
  if (best ? !exact : !sound) fail(`${what()} = ${text(world, t)}, the results are (${all}; ${all ^ any})`);
}

export function checkTnumPairs(world: World): number {
  const { tnums } = world.scalars;
  const top = world.n - 1;
  const all = world.tnums();
  const ops: readonly [string, (a: Tnum, b: Tnum) => Tnum, (x: number, y: number) => number, boolean][] = [
    ['+', (a, b) => tnums.add(a, b), (x, y) => (x + y) & top, true],
    ['-', (a, b) => tnums.sub(a, b), (x, y) => (x - y) & top, true],
    ['&', tnumAnd, (x, y) => x & y, true],
    ['|', tnumOr, (x, y) => x | y, true],
    ['^', tnumXor, (x, y) => x ^ y, true],
    ['*', (a, b) => tnums.mul(a, b), (x, y) => (x * y) & top, false],
  ];
  for (const [name, f, g, best] of ops) {
    for (const a of all) {
      for (const b of all) {
        let every = top;
        let any = 0;
        for (const x of a.members) {
          for (const y of b.members) {
            const r = g(x, y);
            every &= r;
            any |= r;
          }
        }
        checkTnum(world, () => `${text(world, a.t)} ${name} ${text(world, b.t)}`, f(a.t, b.t), every, any, best);
      }
    }
  }
  return ops.length * all.length ** 2;
}

export function checkTnumSets(world: World): number {
  const all = world.tnums();
  const bitsOf = (set: readonly number[]) => [set.reduce((a, b) => a & b), set.reduce((a, b) => a | b)] as const;
  for (const a of all) {
    for (const b of all) {
      const what = (op: string) => () => `${text(world, a.t)} ${op} ${text(world, b.t)}`;
      const inB = new Set(b.members);
      checkTnum(world, what('or'), tnumUnion(a.t, b.t), ...bitsOf([...a.members, ...b.members]), true);
      const both = a.members.filter((x) => inB.has(x));
      if (both.length > 0) checkTnum(world, what('and also'), tnumIntersect(a.t, b.t), ...bitsOf(both), true);
    }
  }
  return 2 * all.length ** 2;
}

export function checkTnumUnary(world: World): number {
  const { w, tnums } = world.scalars;
  const { bits, n } = world;
  const signed = (x: number) => (x >= n / 2 ? x - n : x);
  let cases = 0;
  for (const a of world.tnums()) {
    const check = (name: string, t: Tnum, f: (x: number) => number) => {
      const results = a.members.map((x) => f(x) & (n - 1));
      const [every, any] = [results.reduce((x, y) => x & y), results.reduce((x, y) => x | y)];
      checkTnum(world, () => `${text(world, a.t)} ${name}`, t, every, any, true);
      cases++;
    };
    for (let k = 0; k < bits; k++) {
      check(`<< ${k}`, tnums.lsh(a.t, k), (x) => x << k);
      check(`>> ${k}`, tnums.rsh(a.t, k), (x) => x >> k);
      check(`s>> ${k}`, tnums.arsh(a.t, k), (x) => signed(x) >> k);
      check(`cut to ${k}`, tnums.cast(a.t, k), (x) => x % 2 ** k);
    }
    for (let k = 0; k < w.half; k++) {
      check(`low s>> ${k}`, tnums.arsh32(a.t, k), (x) => w.u(w.s(x) >> k));
    }
    for (let min = 0; min < n; min++) {
      const above = a.members.filter((x) => x >= min).sort((x, y) => x - y);
      const least = tnums.atLeast(a.t, world.words[min]);
      if ((least && world.number(least)) !== above[0]) fail(`least of ${text(world, a.t)} from ${min}`);
      for (let max = min; max < n; max++) {
        const only = tnums.onlyMember(a.t, world.words[min], world.words[max]);
        const one = above.length > 0 && above[0] <= max && !(above[1] <= max) ? above[0] : undefined;
        if ((only && world.number(only)) !== one) fail(`only one of ${text(world, a.t)} in ${min}..${max}`);
        cases++;
      }
    }
  }
  for (const { lo, hi } of ranges(n)) {
    // The smallest tnum around a range knows the bits that both ends share from the top.
    const free = lo === hi ? 0 : 2 ** (32 - Math.clz32(lo ^ hi)) - 1;
    const t = tnums.range(world.words[lo], world.words[hi]);
    if (world.number(t.v) !== (lo & ~free) || world.number(t.m) !== free) fail(`tnum around ${lo}..${hi}`);
    cases++;
  }
  return cases;
}

// --------------------------------------------------------------------------------------------------- arithmetic

type Concrete = (x: number, y: number) => number;
const ARITHMETIC: Partial<Record<AluOp, { readonly f: Concrete; readonly exact: boolean }>> = {
  add: { f: (x, y) => x + y, exact: true },
  sub: { f: (x, y) => x - y, exact: true },
  mul: { f: (x, y) => x * y, exact: true },
  and: { f: (x, y) => x & y, exact: false },
  or: { f: (x, y) => x | y, exact: false },
  xor: { f: (x, y) => x ^ y, exact: false },
};

/** One operation on all pairs of ranges of one line. */
function checkRangePairs(world: World, line: Line, op: AluOp, f: Concrete, exact: boolean): number {
  const { n } = line;
  const row = world.alu.rows[op]!;
  const combine = line.whole ? row.full : row.low;
  const up = line.signed ? n / 2 : 0;
  // Where the result lies on the line.
  const at = (x: number, y: number) => (((f(x - up, y - up) + up) % n) + n) % n;
  const { tnums } = world.scalars;
  const [a, b] = [world.bounds(), world.bounds()];
  const least = new Int32Array(n);
  const most = new Int32Array(n);
  let cases = 0;
  for (let i = 0; i < n; i++) {
    least.fill(n);
    most.fill(-1);
    for (let j = i; j < n; j++) {
      for (let y = 0; y < n; y++) {
        const r = at(j, y);
        least[y] = Math.min(least[y], r);
        most[y] = Math.max(most[y], r);
      }
      for (let k = 0; k < n; k++) {
        let lo = n;
        let hi = -1;
        for (let l = k; l < n; l++) {
          lo = Math.min(lo, least[l]);
          hi = Math.max(hi, most[l]);
          line.set(a, i, j);
          line.set(b, k, l);
          // The bitwise operations start from known bits: those that the ranges give.
          if (!exact) a.var_off = row.tnum(known(world, line, tnums, i, j), known(world, line, tnums, k, l));
          combine(a, b);
          cases++;
          const [min, max] = [line.lo(a), line.hi(a)];
          const unbounded = min === 0 && max === n - 1;
          if (min > lo || max < hi || (exact && !unbounded && (min !== lo || max !== hi))) {
            fail(
              `${line.name} ${i - up}..${j - up} ${op} ${k - up}..${l - up} = ${min - up}..${max - up}, results ${lo - up}..${hi - up}`,
            );
          }
        }
      }
    }
  }
  return cases;
}

/** Bits known of a range; nothing of one that crosses zero. */
function known(world: World, line: Line, tnums: World['scalars']['tnums'], lo: number, hi: number): Tnum {
  if (!line.signed) return tnums.range(world.words[lo], world.words[hi]);
  return world.scalars.unknown.var_off;
}

export function checkArithmetic(world: World): number {
  let cases = 0;
  for (const line of lines(world)) {
    for (const [op, { f, exact }] of Object.entries(ARITHMETIC)) {
      // Signed ranges of bitwise results are taken from unsigned ones.
      if (exact || !line.signed) cases += checkRangePairs(world, line, op as AluOp, f, exact);
    }
  }
  return cases;
}

// -------------------------------------------------------------------------------------------------- comparisons

const HOLDS: Record<Exclude<JmpOp, 'jset'>, Concrete> = {
  jeq: (x, y) => Number(x === y),
  jne: (x, y) => Number(x !== y),
  jlt: (x, y) => Number(x < y),
  jle: (x, y) => Number(x <= y),
  jgt: (x, y) => Number(x > y),
  jge: (x, y) => Number(x >= y),
  jslt: (x, y) => Number(x < y),
  jsle: (x, y) => Number(x <= y),
  jsgt: (x, y) => Number(x > y),
  jsge: (x, y) => Number(x >= y),
};

/** For each range R and number x: the nearest number from x up (and down) that stands in the relation to one of R. */
function partners(n: number, related: (x: number, r: number) => boolean) {
  return ranges(n).map(({ lo, hi }) => {
    const next = new Int16Array(n);
    const last = new Int16Array(n);
    const ok = Array.from({ length: n }, (_, x) => {
      for (let r = lo; r <= hi; r++) if (related(x, r)) return true;
      return false;
    });
    for (let x = n - 1, at = n; x >= 0; x--) next[x] = ok[x] ? (at = x) : at;
    for (let x = 0, at = -1; x < n; x++) last[x] = ok[x] ? (at = x) : at;
    return { next, last };
  });
}

/** One condition with one outcome, on all pairs of ranges of a line: what is left of both operands, and `taken`. */
function checkCondition(world: World, line: Line, op: Exclude<JmpOp, 'jset'>, outcome: boolean): number {
  const { n } = line;
  const all = ranges(n);
  const holdsFor = (x: number, y: number) => (HOLDS[op](x, y) === 1) === outcome;
  const left = partners(n, holdsFor);
  const right = partners(n, (y, x) => holdsFor(x, y));
  const exact = op !== 'jeq' && op !== 'jne';
  const [a, b] = [world.bounds(), world.bounds()];
  const { unknown } = world.scalars;
  all.forEach((A, ai) => {
    all.forEach((B, bi) => {
      line.set(a, A.lo, A.hi);
      line.set(b, B.lo, B.hi);
      a.var_off = A.lo === A.hi && op === 'jne' ? constantOf(world, line, A.lo) : unknown.var_off;
      b.var_off = B.lo === B.hi && op === 'jne' ? constantOf(world, line, B.lo) : unknown.var_off;
      const possible = left[bi].next[A.lo] <= A.hi;
      const taken = world.branches.taken(op, line.whole, a, b);
      const say = () => `${line.name} ${A.lo}..${A.hi} ${op} ${B.lo}..${B.hi} (${outcome})`;
      if (taken === !outcome && possible) fail(`${say()} is said to be impossible`);
      if (exact && !possible && taken !== !outcome) fail(`${say()} is impossible`);
      world.branches.narrow(op, line.whole, outcome, a, b);
      if (possible) {
        side(line, a, left[bi].next[A.lo], left[bi].last[A.hi], exact, say);
        side(line, b, right[ai].next[B.lo], right[ai].last[B.hi], exact, say);
      }
    });
  });
  return all.length ** 2;
}

function constantOf(world: World, line: Line, x: number): Tnum {
  const up = line.signed ? line.n / 2 : 0;
  return world.tnum((x - up + line.n) % line.n, line.whole ? 0 : world.n - world.half);
}

function side(line: Line, b: Bounds, lo: number, hi: number, exact: boolean, say: () => string): void {
  const [min, max] = [line.lo(b), line.hi(b)];
  if (exact ? min !== lo || max !== hi : min > lo || max < hi) fail(`${say()} leaves ${min}..${max}, not ${lo}..${hi}`);
}

/** Every condition, both outcomes, whole numbers and low halves. */
export function checkConditions(world: World): number {
  let cases = 0;
  for (const line of lines(world)) {
    for (const op of Object.keys(HOLDS) as Exclude<JmpOp, 'jset'>[]) {
      const both = op === 'jeq' || op === 'jne';
      if (!both && op.startsWith('js') !== line.signed) continue;
      for (const outcome of [true, false]) cases += checkCondition(world, line, op, outcome);
    }
  }
  return cases;
}

/** `&` with a constant, on all tnums; equal tnums. */
export function checkBitTests(world: World): number {
  let cases = 0;
  for (const { t, members } of world.tnums()) {
    for (let c = 0; c < world.n; c++) {
      for (const whole of [true, false]) {
        const bits = whole ? c : c % world.half;
        for (const outcome of [true, false]) {
          const [a, b] = [world.bounds(), world.bounds()];
          a.var_off = t;
          b.var_off = world.tnum(c, 0);
          const taken = world.branches.taken('jset', whole, a, b);
          world.branches.narrow('jset', whole, outcome, a, b);
          const left = members.filter((x) => ((x & bits) !== 0) === outcome);
          const say = `${text(world, t)} & ${c} (${outcome}, ${whole ? 'whole' : 'low'})`;
          if (taken === !outcome && left.length > 0) fail(`${say} is said to be impossible`);
          for (const x of left) if (!holds(world, a, x)) fail(`${say} leaves ${text(world, a.var_off)} without ${x}`);
          cases++;
        }
      }
    }
  }
  return cases;
}

// ---------------------------------------------------------------------------- what descriptions say to each other

/** Each part of `sync`, on all pairs of two descriptions. */
export function checkDeductions(world: World): number {
  const { scalars } = world;
  const parts = [
    'deduce32',
    'deduce64',
    'deduceMixed',
    'boundsFromTnum32',
    'boundsFromTnum64',
    'tnumFromBounds',
  ] as const;
  const all = lines(world).map((line) => ranges(line.n).map((r) => (b: Bounds) => line.set(b, r.lo, r.hi)));
  all.push(
    world.tnums().map(
      ({ t }) =>
        (b: Bounds) =>
          void (b.var_off = t),
    ),
  );
  let cases = 0;
  for (let i = 0; i < all.length; i++) {
    for (let j = i + 1; j < all.length; j++) {
      for (const one of all[i]) {
        for (const other of all[j]) {
          const start = world.bounds();
          one(start);
          other(start);
          const members: number[] = [];
          for (let x = 0; x < world.n; x++) if (holds(world, start, x)) members.push(x);
          if (members.length === 0) continue;
          for (const part of parts) {
            const b = world.bounds();
            one(b);
            other(b);
            scalars[part](b);
            cases++;
            for (const x of members) if (!holds(world, b, x)) fail(`${part} loses ${x} of ${members}`);
          }
        }
      }
    }
  }
  return cases;
}
