// Arithmetic of ranges (Alu.rows): every pair of ranges of every line, and every pair of tnums through whole operations
// (Alu.compute), without the `sync` behind them. The smallest and largest exact result of a pair of ranges comes from that
// of one row less.

import type { AluOp } from '../../src/isa/op.ts';
import type { Tnum } from '../../src/verifier/tnum.ts';
import { type TnumFamily, tnumFamily } from './families.ts';
import { Hulls } from './hull.ts';
import { fullLines, type Placed } from './lines.ts';
import { fail, type Part, type World } from './world.ts';

type Concrete = (x: number, y: number) => number;

/** `exact`: the ends are the best ones wherever the result is not given up. */
const ARITHMETIC: Partial<Record<AluOp, { readonly f: Concrete; readonly exact: boolean }>> = {
  add: { f: (x, y) => x + y, exact: true },
  sub: { f: (x, y) => x - y, exact: true },
  mul: { f: (x, y) => x * y, exact: true },
  and: { f: (x, y) => x & y, exact: false },
  or: { f: (x, y) => x | y, exact: false },
  xor: { f: (x, y) => x ^ y, exact: false },
};

/** One operation on all pairs of ranges of one line whose first range starts in the part. */
function checkRangePairs({ world, line }: Placed, op: AluOp, f: Concrete, exact: boolean, { at, of }: Part): number {
  const { n } = line;
  const row = world.alu.rows[op]!;
  const combine = line.whole ? row.full : row.low;
  const up = line.signed ? n / 2 : 0;
  const { tnums } = world.scalars;
  const knownOf = (lo: number, hi: number): Tnum => tnums.range(world.words[lo], world.words[hi]);
  const [a, b] = [world.bounds(), world.bounds()];
  const least = new Int32Array(n);
  const most = new Int32Array(n);
  let cases = 0;
  for (let i = at; i < n; i += of) {
    least.fill(n);
    most.fill(-1);
    for (let j = i; j < n; j++) {
      for (let y = 0; y < n; y++) {
        // Where the result lies on the line.
        const r = (((f(j - up, y - up) + up) % n) + n) % n;
        if (r < least[y]) least[y] = r;
        if (r > most[y]) most[y] = r;
      }
      const first = exact ? null : knownOf(i, j);
      for (let k = 0; k < n; k++) {
        let lo = n;
        let hi = -1;
        for (let l = k; l < n; l++) {
          if (least[l] < lo) lo = least[l];
          if (most[l] > hi) hi = most[l];
          line.set(a, i, j);
          line.set(b, k, l);
          // The bitwise operations start from known bits: those that the ranges give.
          if (first !== null) a.var_off = row.tnum(first, knownOf(k, l));
          combine(a, b);
          const min = line.lo(a);
          const max = line.hi(a);
          const unbounded = min === 0 && max === n - 1;
          if (min > lo || max < hi || (exact && !unbounded && (min !== lo || max !== hi))) {
            fail(
              `${line.name} ${i - up}..${j - up} ${op} ${k - up}..${l - up} = ${min - up}..${max - up}, results ${lo - up}..${hi - up}`,
            );
          }
        }
        cases += n - k;
      }
    }
  }
  return cases;
}

export function checkRanges(world: World, part: Part): number {
  let cases = 0;
  for (const placed of fullLines(world)) {
    for (const [op, { f, exact }] of Object.entries(ARITHMETIC)) {
      // Signed ranges of bitwise results are taken from unsigned ones.
      if (exact || !placed.line.signed) cases += checkRangePairs(placed, op as AluOp, f, exact, part);
    }
  }
  return cases;
}

/** What an operation does to two numbers of n, as RFC 9669 has it: unsigned in, any integer out. */
export const CONCRETE: Record<AluOp, (world: World, x: number, y: number, whole: boolean) => number> = {
  add: (_, x, y) => x + y,
  sub: (_, x, y) => x - y,
  mul: (_, x, y) => x * y,
  div: (_, x, y) => (y === 0 ? 0 : Math.floor(x / y)),
  mod: (_, x, y) => (y === 0 ? x : x % y),
  sdiv: (w, x, y, whole) => (y === 0 ? 0 : Math.trunc(signed(w, x, whole) / signed(w, y, whole))),
  smod: (w, x, y, whole) => (y === 0 ? x : signed(w, x, whole) % signed(w, y, whole)),
  and: (_, x, y) => x & y,
  or: (_, x, y) => x | y,
  xor: (_, x, y) => x ^ y,
  mov: (_, _x, y) => y,
  // Widths that are no power of two mask no count: those of the whole width are left to `unknown`.
  lsh: (w, x, y, whole) => x * 2 ** (y % width(w, whole)),
  rsh: (w, x, y, whole) => x >> (y % width(w, whole)),
  arsh: (w, x, y, whole) => signed(w, x, whole) >> (y % width(w, whole)),
};

const width = ({ w }: World, whole: boolean) => (whole ? w.bits : w.half);
const signed = (world: World, x: number, whole: boolean) => (whole ? world.toSigned(x) : world.toSigned32(x));

/** The number that the machine leaves in a register: 32-bit operations compute on low halves and zero-extend. */
export function concrete(world: World, op: AluOp, whole: boolean, x: number, y: number): number {
  if (whole) return world.wrap(CONCRETE[op](world, x, y, true));
  return world.wrap32(CONCRETE[op](world, x % world.half, y % world.half, false));
}

function checkOperation(world: World, family: TnumFamily, op: AluOp, whole: boolean, { at, of }: Part): number {
  const { n } = world;
  const { tnums, left, right, values, masks, size } = family;
  const of1 = new Hulls(world, n);
  const results = new Hulls(world, size);
  const table = Int32Array.from({ length: n * n }, (_, i) => concrete(world, op, whole, Math.floor(i / n), i % n));
  const [a, b] = [world.bounds(), world.bounds()];
  for (let i = at; i < size; i += of) {
    for (let y = 0; y < n; y++) {
      of1.clear(y);
      for (let part = masks[i]; ; part = (part - 1) & masks[i]) {
        of1.add(y, table[(values[i] | part) * n + y]);
        if (part === 0) break;
      }
    }
    a.var_off = tnums[i];
    for (let j = 0; j < size; j++) {
      results.clear(j);
      if (left[j] < 0) results.join(j, of1, values[j]);
      else {
        results.join(j, results, left[j]);
        results.join(j, results, right[j]);
      }
      b.var_off = tnums[j];
      const got = world.alu.compute(op, whole, a, b);
      if (!results.within(j, got)) {
        const [x, y] = [i, j].map((k) => `(${values[k]}; ${masks[k]})`);
        fail(`${x} ${op}${whole ? '' : '32'} ${y} = ${world.text(got)}, results ${results.text(j)}`);
      }
    }
  }
  return Math.ceil((size - at) / of) * size;
}

export const ALU_OPS = Object.keys(CONCRETE) as AluOp[];

export function checkOperations(world: World, part: Part): number {
  const family = tnumFamily(world);
  let cases = 0;
  world.withoutSync(() => {
    for (const op of ALU_OPS) {
      for (const whole of [true, false]) cases += checkOperation(world, family, op, whole, part);
    }
  });
  return cases;
}
