// The verifier's value domain loses no number: whatever the concrete operation gives for members of the operands is a
// member of the abstract result. Random sets of 64-bit numbers with a taste for edges; domain.test.ts has all cases of
// small numbers.
// More rounds: BEEWASM_DOMAIN_ROUNDS=100000, another start: BEEWASM_DOMAIN_SEED=7.

import { describe, expect, it } from 'vitest';
import { alu32, alu64, jmp32, jmp64, movsx32, movsx64 } from '../src/isa/alu.ts';
import type { AluOp, JmpOp, Width } from '../src/isa/op.ts';
import { isBranchTaken, refine } from '../src/verifier/branch.ts';
import {
  constant,
  isEmpty,
  SCALARS,
  type Scalar,
  sameScalar,
  signExtend,
  truncate,
  UNKNOWN,
  ZERO,
  zext32,
} from '../src/verifier/scalar.ts';
import { aluScalar, negScalar } from '../src/verifier/scalar_alu.ts';
import { copyOf } from '../src/verifier/scalars.ts';
import {
  around,
  asPrecise,
  fieldsOf,
  holds,
  loosen,
  type Random,
  randomNumber,
  randomSet,
  scalarOf,
  seeded,
  show,
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

// ------------------------------------------------------------------------------------------------------ scalars

const LOW = 0xffffffffn;
const sync = (s: Scalar): Scalar => SCALARS.sync(copyOf(s));

/** Numbers and a scalar around them. */
interface Operand {
  readonly set: readonly bigint[];
  readonly s: Scalar;
}

function operand(r: Random, set: readonly bigint[]): Operand {
  let s = around(set);
  if (r.chance(0.6)) s = loosen(r, s);
  // The verifier keeps its scalars in sync; the operations are right without that, too.
  if (r.chance(0.7)) s = sync(s);
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
      const synced = sync(loose);
      check(sayOne('sync', { set, s: loose }), synced, set);
      if (!asPrecise(synced, loose)) throw new Error(`sync loosens ${show(loose)}\n  to ${show(synced)}`);
      if (isEmpty(synced)) throw new Error(`${show(synced)} is said to be empty`);
    });
  });

  it('a constant is that number', () => {
    rounds(ROUNDS, (r) => {
      const x = randomNumber(r);
      expect(constant(x)).toEqual(around([x]));
      expect(sync(scalarOf({ ...fieldsOf(UNKNOWN), umin: x, umax: x }))).toEqual(around([x]));
    });
    expect(sameScalar(sync(UNKNOWN), UNKNOWN)).toBe(true);
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
    // Linux forgets the ranges there, and so must we.
    if (op === 'jset' && !wanted) continue;
    if (!asPrecise(x, a.s) || !asPrecise(y, b.s)) throw new Error(`${sayTwo(`${op}${width}`, a, b)()}\n  is loosened`);
  }
  return known === undefined ? 0 : 1;
}
