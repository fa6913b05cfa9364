// Tracked numbers (src/verifier/tnum.ts): every operator on every tnum, or pair of tnums. The exact result of a pair comes
// from those of its halves: an unknown bit is 0 or 1.

import type { Tnum } from '../../src/verifier/tnum.ts';
import * as tnum from '../../src/verifier/tnum.ts';
import { type TnumFamily, tnumFamily } from './families.ts';
import { ranges } from './lines.ts';
import { fail, type Part, type World } from './world.ts';

const text = (world: World, t: Tnum) => `(${world.number(t.v)}; ${world.number(t.m)})`;

/** Against what all and any of the exact results have for bits: the best tnum, or one that holds them all. */
function expectTnum(world: World, t: Tnum, all: number, any: number, best: boolean, say: () => string): void {
  const v = world.number(t.v);
  const m = world.number(t.m);
  if ((v & m) !== 0) fail(`${say()} = ${text(world, t)} is no tnum`);
  const exact = v === all && m === (all ^ any);
  const sound = (all & ~m) === v && (any & ~m) === v;
  if (best ? !exact : !sound) fail(`${say()} = ${text(world, t)}, the results are (${all}; ${all ^ any})`);
}

interface Binary {
  readonly got: (world: World, a: Tnum, b: Tnum) => Tnum;
  readonly want: (world: World, x: number, y: number) => number;
  /** The result is the best there is. */
  readonly best: boolean;
}

/** Operators that give a result for every pair of members. */
export const TNUM_BINARY = {
  tnumAnd: { got: (_, a, b) => tnum.tnumAnd(a, b), want: (_, x, y) => x & y, best: true },
  tnumOr: { got: (_, a, b) => tnum.tnumOr(a, b), want: (_, x, y) => x | y, best: true },
  tnumXor: { got: (_, a, b) => tnum.tnumXor(a, b), want: (_, x, y) => x ^ y, best: true },
  tnumWithSubreg: {
    got: (_, a, b) => tnum.tnumWithSubreg(a, b),
    want: ({ half }, x, y) => (x & ~(half - 1)) | (y & (half - 1)),
    best: true,
  },
} satisfies Record<string, Binary>;

/** The same as methods of Tnums. */
export const TNUMS_BINARY = {
  add: { got: ({ scalars: { tnums } }, a, b) => tnums.add(a, b), want: (w, x, y) => (x + y) & (w.n - 1), best: true },
  sub: { got: ({ scalars: { tnums } }, a, b) => tnums.sub(a, b), want: (w, x, y) => (x - y) & (w.n - 1), best: true },
  mul: { got: ({ scalars: { tnums } }, a, b) => tnums.mul(a, b), want: (w, x, y) => (x * y) & (w.n - 1), best: false },
} satisfies Record<string, Binary>;

function checkBinary(
  world: World,
  { tnums, left, right, values, size }: TnumFamily,
  row: Binary,
  name: string,
  { at, of }: Part,
) {
  const { n } = world;
  const all = new Int32Array(size);
  const any = new Int32Array(size);
  // Of a first operand: the results of all its members with each number.
  const allOf = new Int32Array(n);
  const anyOf = new Int32Array(n);
  for (let i = at; i < size; i += of) {
    const a = tnums[i];
    const mask = world.number(a.m);
    allOf.fill(n - 1);
    anyOf.fill(0);
    for (let part = mask; ; part = (part - 1) & mask) {
      const x = values[i] | part;
      for (let y = 0; y < n; y++) {
        const r = row.want(world, x, y);
        allOf[y] &= r;
        anyOf[y] |= r;
      }
      if (part === 0) break;
    }
    for (let j = 0; j < size; j++) {
      const [l, r] = [left[j], right[j]];
      all[j] = l < 0 ? allOf[values[j]] : all[l] & all[r];
      any[j] = l < 0 ? anyOf[values[j]] : any[l] | any[r];
      const b = tnums[j];
      const got = row.got(world, a, b);
      expectTnum(world, got, all[j], any[j], row.best, () => `${name} ${text(world, a)} ${text(world, b)}`);
    }
  }
  return Math.ceil((size - at) / of) * size;
}

export function checkTnumPairs(world: World, part: Part): number {
  const family = tnumFamily(world);
  let cases = 0;
  for (const [name, row] of Object.entries<Binary>({ ...TNUM_BINARY, ...TNUMS_BINARY })) {
    cases += checkBinary(world, family, row, name, part);
  }
  return cases;
}

/** What two tnums are to each other as sets: named operators, all answered from values and masks. */
export const TNUM_SETS = ['tnumUnion', 'tnumIntersect', 'tnumOverlap', 'tnumIn', 'tnumEqual'] as const;

export function checkTnumSets(world: World, { at, of }: Part): number {
  const { tnums, values, masks, size } = tnumFamily(world);
  for (let i = at; i < size; i += of) {
    const a = tnums[i];
    for (let j = 0; j < size; j++) {
      const b = tnums[j];
      const say = (what: string) => () => `${text(world, a)} ${what} ${text(world, b)}`;
      // Bits that all members have, and those that any has.
      const [x, y] = [values[i], values[j]];
      const [X, Y] = [x | masks[i], y | masks[j]];
      expectTnum(world, tnum.tnumUnion(a, b), x & y, X | Y, true, say('or'));
      const overlap = ((x & ~Y) | (y & ~X)) === 0;
      if (tnum.tnumOverlap(a, b) !== overlap) fail(`${say('meets')()}: ${!overlap}`);
      if (overlap) expectTnum(world, tnum.tnumIntersect(a, b), x | y, X & Y, true, say('and also'));
      const inside = (y & x) === x && (Y & ~X) === 0;
      if (tnum.tnumIn(a, b) !== inside) fail(`${say('holds all of')()}: ${!inside}`);
      if (tnum.tnumEqual(a, b) !== (i === j)) fail(`${say('is')()}: ${i !== j}`);
    }
  }
  return TNUM_SETS.length * Math.ceil((size - at) / of) * size;
}

/** One tnum and a count. */
interface Unary {
  readonly counts: (world: World) => readonly number[];
  readonly got: (world: World, t: Tnum, k: number) => Tnum;
  readonly want: (world: World, x: number, k: number) => number;
}

const upTo = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const wholeCounts = ({ bits }: World) => upTo(0, bits - 1);

export const TNUMS_UNARY = {
  lsh: {
    counts: wholeCounts,
    got: ({ scalars: { tnums } }, t, k) => tnums.lsh(t, k),
    want: (w, x, k) => (x << k) & (w.n - 1),
  },
  rsh: { counts: wholeCounts, got: ({ scalars: { tnums } }, t, k) => tnums.rsh(t, k), want: (_, x, k) => x >> k },
  arsh: {
    counts: wholeCounts,
    got: ({ scalars: { tnums } }, t, k) => tnums.arsh(t, k),
    want: (w, x, k) => (w.toSigned(x) >> k) & (w.n - 1),
  },
  arsh32: {
    counts: ({ w }) => upTo(0, w.half - 1),
    got: ({ scalars: { tnums } }, t, k) => tnums.arsh32(t, k),
    want: (w, x, k) => (w.toSigned32(x & (w.half - 1)) >> k) & (w.half - 1),
  },
  cast: {
    counts: ({ bits }) => upTo(0, bits),
    got: ({ scalars: { tnums } }, t, k) => tnums.cast(t, k),
    want: (_, x, k) => x & (2 ** k - 1),
  },
} satisfies Record<string, Unary>;

export const TNUM_UNARY = {
  tnumSubreg: { counts: () => [0], got: (_, t) => tnum.tnumSubreg(t), want: (w, x) => x & (w.half - 1) },
} satisfies Record<string, Unary>;

/** The lowest `count` bytes of `size` bits in the other order. */
export function swapped(x: number, size: number, count: number): number {
  const byte = 2 ** size - 1;
  let out = 0;
  for (let i = 0; i < count; i++) out |= ((x >> (size * i)) & byte) << (size * (count - 1 - i));
  return out;
}

/** What a tnum is, asked of its members. */
export const TNUM_QUESTIONS = ['tnumIsConst', 'tnumSubregIsConst', 'tnumIsAligned'] as const;
/** Against the list of members: least, only and around. */
export const TNUMS_MEMBERS = ['atLeast', 'onlyMember', 'range'] as const;

export function checkTnumUnary(world: World, { at, of }: Part): number {
  const { tnums, left, right, values, masks, size } = tnumFamily(world);
  let cases = 0;
  const all = new Int32Array(size);
  const any = new Int32Array(size);
  for (const [name, { counts, got, want }] of Object.entries<Unary>({ ...TNUMS_UNARY, ...TNUM_UNARY })) {
    for (const k of counts(world)) {
      for (let i = 0; i < size; i++) {
        const [l, r] = [left[i], right[i]];
        all[i] = l < 0 ? want(world, values[i], k) : all[l] & all[r];
        any[i] = l < 0 ? all[i] : any[l] | any[r];
        if (i % of !== at) continue;
        expectTnum(world, got(world, tnums[i], k), all[i], any[i], true, () => `${name} ${text(world, tnums[i])} ${k}`);
        cases++;
      }
    }
  }
  for (let i = at; i < size; i += of) cases += checkMembers(world, tnums[i], values[i], masks[i]);
  return cases + (at === 0 ? checkAround(world) : 0);
}

function checkMembers(world: World, t: Tnum, value: number, mask: number): number {
  const { n, words, half } = world;
  const { tnums } = world.scalars;
  const members: number[] = [];
  for (let part = mask; ; part = (part - 1) & mask) {
    members.push(value | part);
    if (part === 0) break;
  }
  members.reverse();
  const answers = {
    tnumIsConst: [tnum.tnumIsConst(t), members.length === 1],
    tnumSubregIsConst: [tnum.tnumSubregIsConst(t), members.every((x) => x % half === members[0] % half)],
  };
  for (const [name, [got, want]] of Object.entries(answers))
    if (got !== want) fail(`${name} ${text(world, t)}: ${got}`);
  for (let unit = 1; unit <= half; unit *= 2) {
    const want = members.every((x) => x % unit === 0);
    if (tnum.tnumIsAligned(t, unit) !== want) fail(`${text(world, t)} is aligned to ${unit}: ${!want}`);
  }
  let cases = 2 + world.w.half;
  for (let min = 0, k = 0; min < n; min++) {
    while (members[k] < min) k++;
    const least = tnums.atLeast(t, words[min]);
    if ((least && world.number(least)) !== members[k]) fail(`least of ${text(world, t)} from ${min}`);
    for (let max = min; max < n; max++) {
      const only = tnums.onlyMember(t, words[min], words[max]);
      const one = members[k] <= max && !(members[k + 1] <= max) ? members[k] : undefined;
      if ((only && world.number(only)) !== one) fail(`only one of ${text(world, t)} in ${min}..${max}`);
      cases++;
    }
  }
  return cases;
}

/** The smallest tnum around a range knows the bits that both ends share from the top. */
function checkAround(world: World): number {
  const all = ranges(world.n);
  for (const { lo, hi } of all) {
    const free = lo === hi ? 0 : 2 ** (32 - Math.clz32(lo ^ hi)) - 1;
    const t = world.scalars.tnums.range(world.words[lo], world.words[hi]);
    expectTnum(world, t, lo & ~free, lo | free, true, () => `tnum around ${lo}..${hi}`);
  }
  return all.length;
}

/** Byte swaps need bytes: of one bit, and for numbers of 8 bits also of two. */
export function checkSwaps(world: World, { at, of }: Part): number {
  const wide = world.of(world.bits >= 8 ? 16 : 8);
  const { n, bits } = wide;
  let cases = 0;
  for (const bytes of [1, 2, 4, 8]) {
    const want = Int32Array.from({ length: n }, (_, x) => swapped(x, bits / 8, bytes));
    for (let mask = at; mask < n; mask += of) {
      for (let value = n - 1 - mask; ; value = (value - 1) & ~mask) {
        const got = wide.scalars.tnums.bswap(wide.tnum(value, mask), bytes);
        const say = () => `bswap of ${bytes} bytes of (${value}; ${mask})`;
        expectTnum(wide, got, want[value], want[value | mask], true, say);
        cases++;
        if (value === 0) break;
      }
    }
  }
  return cases;
}
