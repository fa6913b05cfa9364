// The verifier's value domain loses no number: whatever the concrete operation gives for members of the operands is a
// member of the abstract result. Tnums exhaustively on small widths at several places of the word (where the kernel's
// operation is the best possible one, ours has to be it); scalars on random sets of numbers with a taste for edges.
// More rounds: BEEWASM_DOMAIN_ROUNDS=100000, another start: BEEWASM_DOMAIN_SEED=7.

import { describe, expect, it } from 'vitest';
import { alu32, alu64, jmp32, jmp64, movsx32, movsx64 } from '../src/isa/alu.ts';
import type { AluOp, JmpOp, Width } from '../src/isa/op.ts';
import { isBranchTaken, refine } from '../src/verifier/branch.ts';
import {
  constant,
  isEmpty,
  type Scalar,
  sameScalar,
  signExtend,
  sync,
  truncate,
  UNKNOWN,
  ZERO,
  zext32,
} from '../src/verifier/scalar.ts';
import { aluScalar, negScalar } from '../src/verifier/scalar_alu.ts';
import {
  TNUM_UNKNOWN,
  type Tnum,
  tnumAdd,
  tnumAnd,
  tnumArsh,
  tnumAtLeast,
  tnumCast,
  tnumClearSubreg,
  tnumConst,
  tnumEqual,
  tnumIn,
  tnumIntersect,
  tnumIsAligned,
  tnumIsConst,
  tnumLsh,
  tnumMul,
  tnumNeg,
  tnumOnlyMember,
  tnumOr,
  tnumOverlap,
  tnumRange,
  tnumRsh,
  tnumSub,
  tnumSubreg,
  tnumSubregIsConst,
  tnumText,
  tnumUnion,
  tnumWithSubreg,
  tnumXor,
  U64_MAX,
} from '../src/verifier/tnum.ts';
import {
  around,
  asPrecise,
  holds,
  loosen,
  type Random,
  randomNumber,
  randomSet,
  s64,
  seeded,
  show,
  tnumAround,
  u64,
  wellFormed,
} from './scalar_world.ts';

const ROUNDS = Number(process.env.BEEWASM_DOMAIN_ROUNDS ?? 600);
const SEED = Number(process.env.BEEWASM_DOMAIN_SEED ?? 1);
console.log(`value domain: seed ${SEED}, ${ROUNDS} rounds (BEEWASM_DOMAIN_SEED, BEEWASM_DOMAIN_ROUNDS)`);

const ALU_OPS = [
  'add',
  'sub',
  'mul',
  'div',
  'sdiv',
  'or',
  'and',
  'lsh',
  'rsh',
  'mod',
  'smod',
  'xor',
  'mov',
  'arsh',
] as const satisfies readonly AluOp[];
const JMP_OPS = [
  'jeq',
  'jne',
  'jgt',
  'jge',
  'jlt',
  'jle',
  'jset',
  'jsgt',
  'jsge',
  'jslt',
  'jsle',
] as const satisfies readonly JmpOp[];
const WIDTHS = [32, 64] as const satisfies readonly Width[];

// ------------------------------------------------------------------------------------------------------- tnums

/** A tnum with all of its members. */
interface Sample {
  readonly t: Tnum;
  readonly members: readonly bigint[];
}

/** All 3^bits tnums of `bits` bits at bit `at`; the bits around them are 0, or 1. */
function samples(bits: number, at: number, ones: boolean): Sample[] {
  const window = ((1n << BigInt(bits)) - 1n) << BigInt(at);
  const rest = ones ? U64_MAX & ~window : 0n;
  const out: Sample[] = [];
  for (let mask = 0; mask < 1 << bits; mask++) {
    for (let value = 0; value < 1 << bits; value++) {
      if ((value & mask) !== 0) continue;
      const members: bigint[] = [];
      // Counts through the subsets of mask.
      for (let sub = mask; ; sub = (sub - 1) & mask) {
        members.push((BigInt(value | sub) << BigInt(at)) | rest);
        if (sub === 0) break;
      }
      out.push({ t: { value: (BigInt(value) << BigInt(at)) | rest, mask: BigInt(mask) << BigInt(at) }, members });
    }
  }
  return out;
}

const member = (t: Tnum, x: bigint) => (x & ~t.mask) === t.value;
const sound = (t: Tnum) => (t.value & t.mask) === 0n && t.value >= 0n && t.mask >= 0n && (t.value | t.mask) <= U64_MAX;

/** Fails unless `result` is a tnum that holds all of `results`, and nothing less than the best one if `best`. */
function checkTnum(what: () => string, result: Tnum, results: readonly bigint[], best: boolean): void {
  if (!sound(result)) throw new Error(`${what()}: ${tnumText(result)} is no tnum`);
  const tightest = tnumAround(results);
  if (best ? tnumEqual(result, tightest) : results.every((x) => member(result, x))) return;
  throw new Error(`${what()} = ${tnumText(result)}, but the results are ${tnumText(tightest)}`);
}

const BINARY = [
  { name: 'add', f: tnumAdd, g: (a: bigint, b: bigint) => u64(a + b), best: true },
  { name: 'sub', f: tnumSub, g: (a: bigint, b: bigint) => u64(a - b), best: true },
  { name: 'and', f: tnumAnd, g: (a: bigint, b: bigint) => a & b, best: true },
  { name: 'or', f: tnumOr, g: (a: bigint, b: bigint) => a | b, best: true },
  { name: 'xor', f: tnumXor, g: (a: bigint, b: bigint) => a ^ b, best: true },
  { name: 'mul', f: tnumMul, g: (a: bigint, b: bigint) => u64(a * b), best: false },
];
const LOW = 0xffffffffn;
const UNARY = [
  { name: 'neg', f: tnumNeg, g: (a: bigint) => u64(-a) },
  { name: 'subreg', f: tnumSubreg, g: (a: bigint) => a & LOW },
  { name: 'clearSubreg', f: tnumClearSubreg, g: (a: bigint) => a & ~LOW },
  ...[1, 2, 4, 8].map((n) => ({
    name: `cast ${n}`,
    f: (t: Tnum) => tnumCast(t, n),
    g: (a: bigint) => BigInt.asUintN(8 * n, a),
  })),
  ...[0, 1, 3, 31, 32, 33, 63].flatMap((k) => [
    { name: `<< ${k}`, f: (t: Tnum) => tnumLsh(t, k), g: (a: bigint) => u64(a << BigInt(k)) },
    { name: `>> ${k}`, f: (t: Tnum) => tnumRsh(t, k), g: (a: bigint) => a >> BigInt(k) },
    { name: `s>> ${k}`, f: (t: Tnum) => tnumArsh(t, k, 64), g: (a: bigint) => u64(s64(a) >> BigInt(k)) },
  ]),
  ...[0, 1, 3, 30, 31].map((k) => ({
    name: `32-bit s>> ${k}`,
    f: (t: Tnum) => tnumArsh(tnumSubreg(t), k, 32),
    g: (a: bigint) => BigInt.asUintN(32, BigInt.asIntN(32, a) >> BigInt(k)),
  })),
];

/** Bottom, across the halves, top; zeros or ones around. */
const PLACES = [0, 30, 60].flatMap((at) => [false, true].map((ones) => ({ at, ones })));

function checkBinary(left: Sample[], right: Sample[]): void {
  for (const { name, f, g, best } of BINARY) {
    for (const a of left) {
      for (const b of right) {
        const results = a.members.flatMap((x) => b.members.map((y) => g(x, y)));
        checkTnum(() => `${tnumText(a.t)} ${name} ${tnumText(b.t)}`, f(a.t, b.t), results, best);
      }
    }
  }
}

describe('tnum', () => {
  it.for(PLACES)('binary operations on all pairs of 4-bit tnums at bit $at, ones around: $ones', ({ at, ones }) => {
    checkBinary(samples(4, at, ones), samples(4, at, ones));
  });

  it('binary operations on all pairs of 2-bit tnums at different places', () => {
    for (const a of PLACES) for (const b of PLACES) checkBinary(samples(2, a.at, a.ones), samples(2, b.at, b.ones));
  });

  it.for(PLACES)('unary operations on all 4-bit tnums at bit $at, ones around: $ones', ({ at, ones }) => {
    for (const { name, f, g } of UNARY) {
      for (const a of samples(4, at, ones)) checkTnum(() => `${name} ${tnumText(a.t)}`, f(a.t), a.members.map(g), true);
    }
  });

  it.for(PLACES)('union, intersection, inclusion and halves of 3-bit tnums at bit $at, ones around: $ones', (place) => {
    const all = samples(3, place.at, place.ones);
    for (const a of all) {
      for (const b of all) {
        const what = (op: string) => () => `${tnumText(a.t)} ${op} ${tnumText(b.t)}`;
        checkTnum(what('union'), tnumUnion(a.t, b.t), [...a.members, ...b.members], true);
        const both = a.members.filter((x) => member(b.t, x));
        const meet = tnumIntersect(a.t, b.t);
        if (both.length > 0) checkTnum(what('intersect'), meet, both, true);
        expect(sound(meet)).toBe(true);
        expect(tnumOverlap(a.t, b.t), what('overlap')()).toBe(both.length > 0);
        expect(tnumIn(a.t, b.t), what('in')()).toBe(b.members.every((x) => member(a.t, x)));
        const mixed = a.members.flatMap((x) => b.members.map((y) => (x & ~LOW) | (y & LOW)));
        checkTnum(what('withSubreg'), tnumWithSubreg(a.t, b.t), mixed, true);
      }
      expect(tnumIsConst(a.t)).toBe(a.members.length === 1);
      expect(tnumSubregIsConst(a.t)).toBe(new Set(a.members.map((x) => x & LOW)).size === 1);
      for (const n of [1, 2, 4, 8]) expect(tnumIsAligned(a.t, n)).toBe(a.members.every((x) => x % BigInt(n) === 0n));
    }
  });

  it.for(PLACES)('smallest and only members of 4-bit tnums at bit $at, ones around: $ones', ({ at, ones }) => {
    const all = samples(4, at, ones);
    const numbers = all.flatMap((s) => (tnumIsConst(s.t) ? [s.t.value] : []));
    // Limits between the numbers, too.
    const limits = [...new Set(numbers.flatMap((n) => [n - 1n, n, n + 1n]))].filter((n) => n === BigInt.asUintN(64, n));
    for (const { t, members } of all) {
      for (const lo of limits) {
        const above = members.filter((x) => x >= lo).sort((a, b) => (a < b ? -1 : 1));
        expect(tnumAtLeast(t, lo), `${tnumText(t)} from ${lo}`).toBe(above[0]);
        for (const hi of limits.filter((n) => n >= lo)) {
          const inside = above.filter((x) => x <= hi);
          if (tnumOnlyMember(t, lo, hi) === (inside.length === 1 ? inside[0] : undefined)) continue;
          throw new Error(`${tnumText(t)} within ${lo}..${hi}: ${tnumOnlyMember(t, lo, hi)} instead of ${inside}`);
        }
      }
    }
  });

  it.for(PLACES)('ranges between all pairs of 4-bit numbers at bit $at, ones around: $ones', ({ at, ones }) => {
    const numbers = samples(4, at, ones).flatMap((s) => (tnumIsConst(s.t) ? [s.t.value] : []));
    for (const lo of numbers) {
      for (const hi of numbers.filter((n) => n >= lo)) {
        const range = tnumRange(lo, hi);
        expect(sound(range)).toBe(true);
        expect(numbers.filter((n) => n >= lo && n <= hi).every((n) => member(range, n))).toBe(true);
        // The common prefix of both ends stays known.
        const prefix = U64_MAX & ~((1n << BigInt((lo ^ hi).toString(2).length)) - 1n);
        expect((range.mask & prefix) === 0n || lo === hi).toBe(true);
        if (lo === hi) expect(range).toEqual(tnumConst(lo));
      }
    }
    expect(tnumRange(0n, U64_MAX)).toEqual(TNUM_UNKNOWN);
  });
});

// ------------------------------------------------------------------------------------------------------ scalars

/** Numbers and a scalar around them. */
interface Operand {
  readonly set: readonly bigint[];
  readonly s: Scalar;
}

function operand(r: Random, set: readonly bigint[]): Operand {
  let s = around(set);
  if (r.chance(0.6)) s = loosen(r, s);
  // The verifier keeps its scalars in sync; the operations are right without that, too.
  if (r.chance(0.7)) s = sync({ ...s });
  return { set, s };
}

/** The second operand is often a constant, and often close to the first one. */
function second(r: Random, a: Operand): Operand {
  const near = () => u64(r.pick(a.set) + BigInt(r.below(3) - 1));
  const set = r.chance(0.5) ? randomSet(r, 4) : [near(), ...(r.chance(0.5) ? [near(), near()] : [])];
  if (r.chance(0.4)) return { set: [set[0]], s: constant(set[0]) };
  return operand(r, set);
}

function check(what: () => string, s: Scalar, members: readonly bigint[]): void {
  const bad = members.find((x) => !holds(s, x));
  if (bad === undefined && wellFormed(s)) return;
  throw new Error(`${what()}\n  gives ${show(s)}\n  which ${bad === undefined ? 'is malformed' : `lacks ${hex(bad)}`}`);
}
const hex = (x: bigint) => `0x${x.toString(16)}`;
const sayOne = (op: string, a: Operand) => () => `${op} of ${show(a.s)}\n  with members ${a.set.map(hex)}`;
const sayTwo = (op: string, a: Operand, b: Operand) => () =>
  `${op}\n  a ${show(a.s)}\n    members ${a.set.map(hex)}\n  b ${show(b.s)}\n    members ${b.set.map(hex)}`;

function rounds(times: number, body: (r: Random) => void): void {
  const r = seeded(SEED);
  for (let i = 0; i < times; i++) body(r);
}

const compute = (op: AluOp, width: Width, x: bigint, y: bigint) =>
  width === 64 ? alu64(op, x, y) : BigInt(alu32(op, Number(x & LOW), Number(y & LOW)));
const decide = (op: JmpOp, width: Width, x: bigint, y: bigint) =>
  width === 64 ? jmp64(op, x, y) : jmp32(op, Number(x & LOW), Number(y & LOW));

describe('scalar', () => {
  it('sync keeps every member and loosens nothing', () => {
    rounds(ROUNDS * 20, (r) => {
      const set = randomSet(r, 8);
      const loose = r.chance(0.2) ? around(set) : loosen(r, around(set));
      const synced = sync({ ...loose });
      check(sayOne('sync', { set, s: loose }), synced, set);
      if (!asPrecise(synced, loose)) throw new Error(`sync loosens ${show(loose)}\n  to ${show(synced)}`);
      if (isEmpty(synced)) throw new Error(`${show(synced)} is said to be empty`);
    });
  });

  it('a constant is that number', () => {
    rounds(ROUNDS, (r) => {
      const x = randomNumber(r);
      expect(constant(x)).toEqual(around([x]));
      expect(sync({ ...UNKNOWN, umin: x, umax: x })).toEqual(around([x]));
    });
    expect(sameScalar(sync({ ...UNKNOWN }), UNKNOWN)).toBe(true);
    expect(sameScalar(constant(0n), ZERO)).toBe(true);
  });

  it('zero-extension, truncation, sign-extension and negation keep every member', () => {
    rounds(ROUNDS * 4, (r) => {
      const a = operand(r, randomSet(r, 8));
      const each = (name: string, s: Scalar, f: (x: bigint) => bigint) => check(sayOne(name, a), s, a.set.map(f));
      each('zext32', zext32(a.s), (x) => x & LOW);
      for (const size of [1, 2, 4, 8])
        each(`truncate ${size}`, truncate(a.s, size), (x) => BigInt.asUintN(8 * size, x));
      for (const [size, bits] of [
        [1, 8],
        [2, 16],
        [4, 32],
      ] as const) {
        each(`signExtend ${size} 64`, signExtend(a.s, size, 64), (x) => movsx64(bits, x));
        each(`signExtend ${size} 32`, signExtend(a.s, size, 32), (x) => BigInt(movsx32(bits, Number(x & LOW))));
      }
      each('neg 64', negScalar(64, a.s), (x) => u64(-x));
      each('neg 32', negScalar(32, a.s), (x) => BigInt.asUintN(32, -x));
    });
  });

  it.for(WIDTHS)('%i-bit arithmetic keeps every result', (width) => {
    rounds(ROUNDS, (r) => {
      const a = operand(r, randomSet(r, 5));
      const b = second(r, a);
      for (const op of ALU_OPS) {
        const results = a.set.flatMap((x) => b.set.map((y) => compute(op, width, x, y)));
        check(sayTwo(`${op}${width}`, a, b), aluScalar(op, width, a.s, b.s), results);
      }
    });
  });

  it.for(WIDTHS)('%i-bit shifts by constants keep every result', (width) => {
    rounds(ROUNDS * 4, (r) => {
      const a = operand(r, randomSet(r, 8));
      const k = BigInt(r.pick([r.below(width), r.below(width), 0, 1, 31, 32, 63, 64]));
      // For 32 bits the upper half of the count says nothing.
      const b = { set: [k], s: constant(width === 32 && r.chance(0.2) ? k | (randomNumber(r) & ~LOW) : k) };
      for (const op of ['lsh', 'rsh', 'arsh'] as const) {
        const results = a.set.map((x) => compute(op, width, x, k));
        check(sayTwo(`${op}${width}`, a, b), aluScalar(op, width, a.s, b.s), results);
      }
    });
  });

  it.for(WIDTHS)('%i-bit branches: both operands keep what the outcome allows, decided outcomes are right', (width) => {
    let decided = 0;
    rounds(ROUNDS, (r) => {
      const a = operand(r, randomSet(r, 5));
      const b = second(r, a);
      for (const [x, y] of [
        [a, b],
        [b, a],
      ]) {
        for (const op of JMP_OPS) decided += checkBranch(op, width, x, y);
      }
    });
    // The test decides something, and not everything.
    expect(decided).toBeGreaterThan(ROUNDS);
    expect(decided).toBeLessThan(ROUNDS * 2 * JMP_OPS.length);
  });
});

/** How many outcomes were known (0 or 1). */
function checkBranch(op: JmpOp, width: Width, a: Operand, b: Operand): 0 | 1 {
  const outcomes = a.set.flatMap((x) => b.set.map((y) => ({ x, y, holds: decide(op, width, x, y) })));
  const known = isBranchTaken(op, width, a.s, b.s);
  if (known !== undefined && outcomes.some((o) => o.holds !== known)) {
    throw new Error(`${sayTwo(`${op}${width}`, a, b)()}\n  is said to be ${known}`);
  }
  for (const wanted of [true, false]) {
    const left = outcomes.filter((o) => o.holds === wanted);
    const [x, y] = refine(op, width, wanted, a.s, b.s);
    if (left.length === 0) continue;
    check(
      () => `left of ${sayTwo(`${op}${width} ${wanted}`, a, b)()}`,
      x,
      left.map((o) => o.x),
    );
    check(
      () => `right of ${sayTwo(`${op}${width} ${wanted}`, a, b)()}`,
      y,
      left.map((o) => o.y),
    );
    if (!asPrecise(x, a.s) || !asPrecise(y, b.s)) throw new Error(`${sayTwo(`${op}${width}`, a, b)()}\n  is loosened`);
  }
  return known === undefined ? 0 : 1;
}
