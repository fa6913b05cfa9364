// The corner matrix: every ALU, byte order, jump, load, store and atomic row on corner operands squared, on both engines,
// against the standard's text (rfc9669.ts). Operands come from memory as 64 or 32 bits and as constants, because
// compiled code differs: i64 locals, i32 locals, folded constants. Registers go round, with src == dst and
// src == dst == r0 among them. Each program does hundreds of pairs and writes what it found behind its operands.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Kernel, loadJit } from '../src/index.ts';
import { type Insn, LDDW_CODE, OP_BY_NAME, OPCODES, type Op } from '../src/isa/index.ts';
import * as rfc from './rfc9669.ts';

type Kind<K extends Op['kind']> = Extract<Op, { readonly kind: K }>;
const rowsOf = <K extends Op['kind']>(kind: K) => OPCODES.filter((op): op is Kind<K> => op.kind === kind);

const CORNERS = [
  ...[0n, 1n, 2n, 7n, 0x7fn, 0x80n, 0xffn, 0x7fffn, 0x8000n, 0xffffn, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn],
  ...[31n, 32n, 33n, 63n, 64n, 65n, 0x1_0000_0000n, 0x0123_4567_89ab_cdefn, 0x8000_0000_8000_0000n],
  ...[-1n, -2n, -128n, -32768n, -0x8000_0000n, -0x8000_0001n, (1n << 63n) - 1n, 1n << 63n],
].map((x) => BigInt.asUintN(64, x));
const IMMS = [
  ...[0, 1, -1, 2, -2, 7, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0xff, -128, 0x7fff, 0x8000, 0xffff, -0x8000],
  ...[0x7fffffff, -0x80000000, -0x7fffffff],
];
const PAIRS = CORNERS.flatMap((a) => CORNERS.map((b) => [a, b] as const));
const low = (x: bigint) => BigInt.asUintN(32, x);

let kernel: Kernel;
beforeAll(async () => {
  await loadJit();
  kernel = new Kernel({ clock: 'virtual', seed: 1 });
});
afterAll(() => kernel.close());

/** An instruction of a row, with the fields that select it. */
function insnOf(op: Op, fields: Partial<Insn> = {}): Insn {
  const { code, off = 0, imm = 0, src = 0 } = op;
  const rest = { dst: 0, src, off, imm, ...fields };
  return { code, ...rest, ...(op.imm !== undefined && { imm }), ...(op.off !== undefined && { off }) };
}
const insn = (name: string, fields: Partial<Insn> = {}) => insnOf(OP_BY_NAME.get(name)!, fields);
const lddw = (dst: number, value: bigint): Insn[] => [
  { code: LDDW_CODE, dst, src: 0, off: 0, imm: Number(BigInt.asIntN(32, value)) },
  { code: 0, dst: 0, src: 0, off: 0, imm: Number(BigInt.asIntN(32, value >> 32n)) },
];
const words = (values: readonly bigint[]) => new Uint8Array(new BigUint64Array(values).buffer);

/** Runs a raw program on both engines; they must leave the same bytes, which are returned. */
function bytesAfter(insns: readonly Insn[], memory: Uint8Array, what: string): Uint8Array {
  const program = kernel.loadProgram({ type: 'raw', insns, memSize: memory.length }, { verify: false });
  const [interp, jit] = (['interp', 'jit'] as const).map((engine) => program.run64({ data: memory, engine }).data);
  program.close();
  const at = interp.findIndex((byte, i) => byte !== jit[i]);
  if (at >= 0) throw new Error(`${what}: byte ${at} is ${interp[at]} in the interpreter and ${jit[at]} on the JIT`);
  return interp;
}

/** The words from `from` on must be the expected ones; `describeCase` names one by its index. */
function expectWords(
  memory: Uint8Array,
  from: number,
  expected: readonly bigint[],
  describeCase: (i: number) => string,
) {
  const found = new BigUint64Array(memory.slice(from, from + 8 * expected.length).buffer);
  const wrong = expected.flatMap((want, i) =>
    found[i] === want ? [] : [`${describeCase(i)}: 0x${found[i].toString(16)}, expected 0x${want.toString(16)}`],
  );
  expect(wrong.slice(0, 5)).toEqual([]);
}
const hex = (...values: bigint[]) => values.map((v) => `0x${v.toString(16)}`).join(' and ');

/** How operands reach registers r3 and r4 (the loads of the two, what they then hold), and how much of a result is looked at. */
const WAYS = (
  [
    ['64 and 64 bits', ['ldxdw', 'ldxdw'], 'stxdw'],
    ['32 and 32 bits', ['ldxw', 'ldxw'], 'stxdw'],
    ['64 and 32 bits', ['ldxdw', 'ldxw'], 'stxdw'],
    ['32 and 64 bits', ['ldxw', 'ldxdw'], 'stxdw'],
    ['signed halves', ['ldxsw', 'ldxsw'], 'stxdw'],
    ['lower half of 64 and 64 bits', ['ldxdw', 'ldxdw'], 'stxw'],
  ] as const
).map(([name, loads, store]) => ({ name, loads, holds: loads.map(heldBy), store, seen: heldBy(store) }));

function heldBy(access: 'ldxdw' | 'ldxw' | 'ldxsw' | 'stxdw' | 'stxw'): (x: bigint) => bigint {
  if (access === 'ldxsw') return (x) => BigInt.asUintN(64, BigInt.asIntN(32, x));
  return access === 'ldxw' || access === 'stxw' ? low : (x) => x;
}

/** A loop over records of `record` words from r1 on (r6 = this one); `body` leaves `results` words at r7. */
function loop(count: number, record: number, results: number, body: readonly Insn[]): Insn[] {
  const step = [
    insn('add64_imm', { dst: 6, imm: 8 * record }),
    insn('add64_imm', { dst: 7, imm: 8 * results }),
    insn('sub64_imm', { dst: 8, imm: 1 }),
    insn('jne64_imm', { dst: 8, imm: 0, off: -(body.length + 4) }),
  ];
  return [
    insn('mov64_reg', { dst: 6, src: 1 }),
    insn('mov64_reg', { dst: 7, src: 1 }),
    insn('add64_imm', { dst: 7, imm: 8 * record * count }),
    insn('mov64_imm', { dst: 8, imm: count }),
    ...body,
    ...step,
    insn('mov64_imm', { dst: 0, imm: 0 }),
    insn('exit'),
  ];
}

/** Every pair, loaded in every way: `body` works on r3 and r4 and leaves its result in r3. */
function checkLoaded(body: readonly Insn[], expected: (a: bigint, b: bigint) => bigint, what: string): void {
  for (const { name, loads, holds, store, seen } of WAYS) {
    const insns = loop(PAIRS.length, 2, 1, [
      insn(loads[0], { dst: 3, src: 6 }),
      insn(loads[1], { dst: 4, src: 6, off: 8 }),
      ...body,
      insn(store, { dst: 7, src: 3 }),
    ]);
    const memory = new Uint8Array(PAIRS.length * 24);
    memory.set(words(PAIRS.flat()));
    const after = bytesAfter(insns, memory, `${what}, ${name}`);
    const want = PAIRS.map(([a, b]) => seen(expected(holds[0](a), holds[1](b))));
    expectWords(after, PAIRS.length * 16, want, (i) => `${what}, ${name}, ${hex(...PAIRS[i])}`);
  }
}

/** One result from constants: `code` finds its operands in `dst` and `src`, and leaves the result in `dst`. */
interface Constants {
  readonly dst: number;
  readonly src: number;
  readonly a: bigint;
  readonly b: bigint;
  readonly code: readonly Insn[];
  readonly expected: bigint;
}

/** Straight-line code with constants in registers; r9 = the memory. */
function checkConstants(cases: readonly Constants[], what: string): void {
  const body = cases.flatMap(({ dst, src, a, b, code }, i) => [
    ...(src === dst ? [] : lddw(src, b)),
    ...lddw(dst, a),
    ...code,
    insn('stxdw', { dst: 9, src: dst, off: 8 * i }),
  ]);
  const insns = [insn('mov64_reg', { dst: 9, src: 1 }), ...body, insn('exit')];
  const after = bytesAfter(insns, new Uint8Array(8 * cases.length), `${what}, constants`);
  const describeCase = (i: number) => `${what}, r${cases[i].dst} and r${cases[i].src}, ${hex(cases[i].a, cases[i].b)}`;
  expectWords(
    after,
    0,
    cases.map((c) => c.expected),
    describeCase,
  );
}

/** Registers of case i: all of r0-r8 in turn, each beside each, itself included. */
const registers = (i: number) => ({ dst: i % 9, src: Math.floor(i / 9) % 9 });
/** A quarter of the pairs is enough for constants: another one for each row. */
const somePairs = (op: Op) => PAIRS.filter((_, i) => (i + op.id) % 4 === 0);

describe('ALU, operand in a register', () => {
  it.each(rowsOf('alu').filter((op) => op.operand === 'reg'))('$name', (op) => {
    checkLoaded([insnOf(op, { dst: 3, src: 4 })], (a, b) => rfc.alu(op, a, b), op.name);
    const throughR0 = [insn('mov64_reg', { dst: 0, src: 3 }), insnOf(op), insn('mov64_reg', { dst: 3, src: 0 })];
    const expected = (a: bigint) => rfc.alu(op, a, a);
    const codes = [
      { insns: [insnOf(op, { dst: 3, src: 3 })], expected },
      { insns: throughR0, expected },
    ];
    checkUnary(codes, `${op.name} with itself`);
    const cases = somePairs(op).map(([a, b], i): Constants => {
      const { dst, src } = registers(i);
      const expected = rfc.alu(op, a, src === dst ? a : b);
      return { dst, src, a, b, code: [insnOf(op, { dst, src })], expected };
    });
    checkConstants(cases, op.name);
  });
});

/** One operand in every way: `codes` each work on r3 and have a result each. */
function checkUnary(codes: readonly { insns: readonly Insn[]; expected(a: bigint): bigint }[], what: string): void {
  for (const { name, loads, holds, store, seen } of WAYS.filter((way) => way.loads[0] === way.loads[1])) {
    const body = codes.flatMap((code, i) => [
      insn(loads[0], { dst: 3, src: 6 }),
      ...code.insns,
      insn(store, { dst: 7, src: 3, off: 8 * i }),
    ]);
    const count = CORNERS.length;
    const memory = new Uint8Array(8 * count * (1 + codes.length));
    memory.set(words(CORNERS));
    const after = bytesAfter(loop(count, 1, codes.length, body), memory, `${what}, ${name}`);
    const want = CORNERS.flatMap((a) => codes.map(({ expected }) => seen(expected(holds[0](a)))));
    const operand = (i: number) => CORNERS[Math.floor(i / codes.length)];
    expectWords(after, 8 * count, want, (i) => `${what} #${i % codes.length}, ${name}, ${hex(operand(i))}`);
  }
}

describe('ALU, immediate', () => {
  it.each(rowsOf('alu').filter((op) => op.operand === 'imm'))('$name', (op) => {
    const value = (a: bigint, imm: number) => rfc.alu(op, a, rfc.immediate(imm));
    checkUnary(
      IMMS.map((imm) => ({ insns: [insnOf(op, { dst: 3, imm })], expected: (a) => value(a, imm) })),
      op.name,
    );
    const cases = CORNERS.flatMap((a, i) =>
      IMMS.map((imm, k): Constants => {
        const { dst } = registers(i + k);
        return { dst, src: dst, a, b: a, code: [insnOf(op, { dst, imm })], expected: value(a, imm) };
      }),
    );
    checkConstants(cases, op.name);
  });
});

describe('ALU, one operand', () => {
  const cases: [string, Insn, (a: bigint) => bigint, Insn][] = [
    ...rowsOf('neg').map((op): [string, Insn, (a: bigint) => bigint, Insn] => {
      return [op.name, insnOf(op, { dst: 3 }), (a) => rfc.neg(op, a), insnOf(op)];
    }),
    ...rowsOf('end').map((op): [string, Insn, (a: bigint) => bigint, Insn] => {
      return [op.name, insnOf(op, { dst: 3 }), (a) => rfc.byteSwap(op, a), insnOf(op)];
    }),
    ...rowsOf('movsx').map((op): [string, Insn, (a: bigint) => bigint, Insn] => {
      return [op.name, insnOf(op, { dst: 3, src: 3 }), (a) => rfc.movsx(op, a), insnOf(op)];
    }),
  ];
  it.each(cases)('%s', (name, code, expected, zero) => {
    checkUnary([{ insns: [code], expected }], name);
    const constants = CORNERS.map((a): Constants => ({ dst: 0, src: 0, a, b: a, code: [zero], expected: expected(a) }));
    checkConstants(constants, name);
  });
  it.each(rowsOf('movsx'))('$name from another register', (op) => {
    checkLoaded([insnOf(op, { dst: 3, src: 4 })], (_, b) => rfc.movsx(op, b), op.name);
  });
});

describe('jumps', () => {
  const bit = (x: boolean) => (x ? 1n : 0n);
  /** r5 = whether it jumps. */
  const tested = (jump: Insn) => [
    insn('mov64_imm', { dst: 5, imm: 1 }),
    { ...jump, off: 1 },
    insn('mov64_imm', { dst: 5, imm: 0 }),
  ];
  const toR3 = insn('mov64_reg', { dst: 3, src: 5 });

  it.each(rowsOf('jmp').filter((op) => op.operand === 'reg'))('$name', (op) => {
    checkLoaded([...tested(insnOf(op, { dst: 3, src: 4 })), toR3], (a, b) => bit(rfc.taken(op, a, b)), op.name);
    const itself = [insn('mov64_reg', { dst: 0, src: 3 }), ...tested(insnOf(op))];
    checkUnary([{ insns: [...itself, toR3], expected: (a) => bit(rfc.taken(op, a, a)) }], `${op.name} r0, r0`);
    const cases = somePairs(op).map(([a, b], i): Constants => {
      const { dst, src } = registers(i);
      // The jump goes over the first lddw and its ja.
      const code = [insnOf(op, { dst, src, off: 3 }), ...lddw(dst, 0n), insn('ja', { off: 2 }), ...lddw(dst, 1n)];
      return { dst, src, a, b, code, expected: bit(rfc.taken(op, a, src === dst ? a : b)) };
    });
    checkConstants(cases, op.name);
  });

  it.each(rowsOf('jmp').filter((op) => op.operand === 'imm'))('$name', (op) => {
    const codes = IMMS.map((imm) => ({
      insns: [...tested(insnOf(op, { dst: 3, imm })), toR3],
      expected: (a: bigint) => bit(rfc.taken(op, a, rfc.immediate(imm))),
    }));
    checkUnary(codes, op.name);
  });
});

describe('memory', () => {
  const BYTES = Uint8Array.from({ length: 64 }, (_, i) => [0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x55][(i * 5) % 7] ^ (i >> 5));
  /** Offsets of accesses in 64 bytes: every alignment for plain ones. */
  const offsets = (size: number, aligned: boolean) =>
    Array.from({ length: 24 }, (_, i) => i).filter((off) => !aligned || off % size === 0);

  const loads = [...rowsOf('ldx'), ...rowsOf('load_acq')];
  it.each(loads)('$name', (op) => {
    const offs = offsets(op.size, op.kind === 'load_acq');
    const body = offs.flatMap((off, i) => [
      insn('mov64_reg', { dst: 0, src: 6 }),
      insnOf(op, { dst: i % 6, src: i % 2 ? 6 : 0, off: off - 8 }),
      insn('stxdw', { dst: 7, src: i % 6, off: 8 * i }),
    ]);
    // r6 points 8 bytes into the memory: offsets are negative, too.
    const start = [
      insn('mov64_reg', { dst: 6, src: 1 }),
      insn('add64_imm', { dst: 6, imm: 8 }),
      insn('mov64_reg', { dst: 7, src: 1 }),
      insn('add64_imm', { dst: 7, imm: 64 }),
    ];
    const memory = new Uint8Array(64 + 8 * offs.length);
    memory.set(BYTES);
    const after = bytesAfter([...start, ...body, insn('exit')], memory, op.name);
    const signed = op.kind === 'ldx' && op.signed;
    const want = offs.map((off) => rfc.load(op.size, signed, BYTES, off));
    expectWords(after, 64, want, (i) => `${op.name} at ${offs[i]}`);
  });

  const stores = [...rowsOf('st'), ...rowsOf('stx'), ...rowsOf('store_rel')];
  it.each(stores)('$name', (op) => {
    // 32 bytes for each store, so that bytes it must not touch are seen.
    const values = op.kind === 'st' ? IMMS.map(rfc.immediate) : CORNERS;
    const offs = offsets(op.size, op.kind === 'store_rel').filter((off) => off <= 16);
    const cases = values.flatMap((value) => offs.map((off) => ({ value, off })));
    const memory = new Uint8Array(32 * cases.length).map((_, i) => BYTES[i % 64]);
    const want = memory.slice();
    const code = cases.flatMap(({ value, off }, i) => {
      rfc.store(op.size, want, 32 * i + off, value);
      const src = i % 9;
      const [base, imm] = [src === 6 ? 7 : 6, Number(BigInt.asIntN(32, value))];
      const narrow = i % 3 === 0 && op.kind !== 'st' ? [insn('mov32_reg', { dst: src, src })] : [];
      if (narrow.length > 0) rfc.store(op.size, want, 32 * i + off, low(value));
      return [
        ...lddw(src, value),
        ...narrow,
        insn('mov64_reg', { dst: base, src: 9 }),
        insn('add64_imm', { dst: base, imm: 32 * i }),
        insnOf(op, { dst: base, ...(op.kind === 'st' ? { imm } : { src }), off }),
      ];
    });
    const after = bytesAfter([insn('mov64_reg', { dst: 9, src: 1 }), ...code, insn('exit')], memory, op.name);
    const at = want.findIndex((byte, i) => byte !== after[i]);
    expect(at < 0 ? null : { case: cases[at >> 5], byte: at & 31, found: after[at], want: want[at] }).toBeNull();
  });
});

describe('atomics', () => {
  // A record: memory before, src, r0; results: memory after, src after, r0 after.
  const SMALL = [0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 0x1_0000_0000n, 1n << 63n, (1n << 64n) - 1n];
  const TRIPLES = PAIRS.map(([a, b], i) => [a, b, CORNERS[i % CORNERS.length]] as const);
  const CUBE = SMALL.flatMap((a) => SMALL.flatMap((b) => SMALL.map((c) => [a, b, c] as const)));

  it.each(rowsOf('atomic'))('$name', (op) => {
    const records = op.op === 'cmpxchg' ? CUBE : TRIPLES;
    const inR0 = op.op === 'cmpxchg';
    for (const load of ['ldxdw', 'ldxw'] as const) {
      const hold = heldBy(load);
      const body = [
        insn(load, { dst: 4, src: 6, off: 8 }),
        insn(load, { dst: 0, src: 6, off: 16 }),
        insnOf(op, { dst: 6, src: 4 }),
        insn('stxdw', { dst: 7, src: 4 }),
        insn('stxdw', { dst: 7, src: 0, off: 8 }),
      ];
      const memory = new Uint8Array(records.length * 40);
      memory.set(words(records.flat()));
      const after = bytesAfter(loop(records.length, 3, 2, body), memory, `${op.name}, ${load}`);
      const outcomes = records.map(([m, s, r0]) => ({
        ...rfc.atomic(op, m, hold(s), hold(r0)),
        s: hold(s),
        r0: hold(r0),
      }));
      const places = outcomes.flatMap(({ old, s, r0 }) => [op.fetch && !inR0 ? old : s, inR0 ? old : r0]);
      expectWords(after, records.length * 24, places, (i) => `${op.name}, ${load}, ${hex(...records[i >> 1])}`);
      const want = memory.slice(0, records.length * 24);
      for (const [i, o] of outcomes.entries()) rfc.store(op.size, want, 24 * i, o.memory);
      expect(Buffer.compare(want, after.subarray(0, want.length))).toBe(0);
    }
  });

  it.each(rowsOf('atomic'))('$name on its own address: src == dst == r0', (op) => {
    // Case i has 32 bytes: memory before and after, the address, r0 afterwards. In every second one memory holds the address.
    const body = CORNERS.flatMap((_, i) => [
      insn('mov64_reg', { dst: 0, src: 9 }),
      insn('add64_imm', { dst: 0, imm: 32 * i }),
      ...(i % 2 ? [insn('stxdw', { dst: 0, src: 0 })] : []),
      insn('stxdw', { dst: 0, src: 0, off: 8 }),
      insn('mov64_reg', { dst: 3, src: 0 }),
      insnOf(op),
      insn('stxdw', { dst: 3, src: 0, off: 16 }),
    ]);
    const memory = words(CORNERS.flatMap((a) => [a, 0n, 0n, 0n]));
    const after = bytesAfter([insn('mov64_reg', { dst: 9, src: 1 }), ...body, insn('exit')], memory, op.name);
    const want = memory.slice();
    CORNERS.forEach((corner, i) => {
      const address = rfc.load(8, false, after, 32 * i + 8);
      const before = i % 2 ? address : corner;
      const result = rfc.atomic(op, before, address, address);
      rfc.store(8, want, 32 * i, before);
      rfc.store(op.size, want, 32 * i, result.memory);
      rfc.store(8, want, 32 * i + 8, address);
      rfc.store(8, want, 32 * i + 16, op.fetch ? result.old : address);
    });
    expect([...after]).toEqual([...want]);
  });
});
