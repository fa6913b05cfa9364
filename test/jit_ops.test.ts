// Every row of the opcode table on the JIT against the pure semantics (isa/alu.ts) or a model of memory, with operands that
// lie in i64 and in i32 locals. A row that no test here names fails the last test. No interpreter takes part, so this has a
// rig of its own (jit_rig.ts): one linked program runs on hundreds of operands. Engine against engine is harness.ts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  alu32,
  alu64,
  encode,
  endian,
  type Insn,
  immTo64,
  jmp32,
  jmp64,
  movsx32,
  movsx64,
  neg32,
  neg64,
  OPCODES,
  type Op,
} from '../src/isa/index.ts';
import { codeAddr } from '../src/memory/layout.ts';
import { Rig } from './jit_rig.ts';

const seen = new Set<string>();
let rig: Rig;

beforeAll(async () => {
  rig = await Rig.open();
});
afterAll(() => rig.kernel.close());

const U64 = [
  0n,
  1n,
  2n,
  7n,
  0x7fn,
  0x80n,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x0123_4567_89ab_cdefn,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_ffff_ffffn,
];
const IMMS = [0, 1, -1, 2, 7, 31, 32, 33, 63, 64, 255, 0x7fffffff, -0x80000000];
const low = (x: bigint) => Number(BigInt.asUintN(32, x));

/** An instruction of a row with its selecting fields set. */
function insnOf(op: Op, fields: Partial<Insn> = {}): Insn {
  const { off, imm, src } = op;
  const select = {
    ...(off !== undefined && { off }),
    ...(imm !== undefined && { imm }),
    ...(src !== undefined && { src }),
  };
  return { code: op.code, dst: 0, src: 0, off: 0, imm: 0, ...fields, ...select };
}

const named = new Map(OPCODES.map((op) => [op.name, op]));
/** An instruction by the name of its row. */
function insn(name: string, fields: Partial<Insn> = {}): Insn {
  const op = named.get(name)!;
  seen.add(name);
  return insnOf(op, fields);
}

// r1 = memory; r3 = first operand, r4 = second one: loaded whole, or as 32 bits (then they live in i32 locals).
const wholeOperands = () => [insn('ldxdw', { dst: 3, src: 1 }), insn('ldxdw', { dst: 4, src: 1, off: 8 })];
const lowOperands = () => [insn('ldxw', { dst: 3, src: 1 }), insn('ldxw', { dst: 4, src: 1, off: 8 })];
const OPERANDS = [
  { name: 'i64 operands', load: wholeOperands, of: (x: bigint) => x },
  { name: 'i32 operands', load: lowOperands, of: (x: bigint) => BigInt(low(x)) },
];

/** Runs `code` (result in r3) on every pair of operands; `expected` is given what the registers hold. */
function checkPairs(code: readonly Insn[], expected: (a: bigint, b: bigint) => bigint, what: string): void {
  for (const { name, load, of } of OPERANDS) {
    const all = [...load(), ...code, insn('mov64_reg', { dst: 0, src: 3 }), insn('exit')];
    const run = rig.link(rig.load(all));
    for (const a of U64) {
      for (const b of U64) {
        rig.setMem(new Uint8Array(new BigUint64Array([a, b]).buffer));
        const got = rig.run(run);
        const want = expected(of(a), of(b));
        if (got !== want) throw new Error(`${what}, ${name}: ${a} and ${b} give ${got}, expected ${want}`);
      }
    }
  }
}

/** The same for one operand and many programs in one: results of all `codes` go to memory from 64 on. */
function checkEach(codes: readonly { code: Insn; expected: (a: bigint) => bigint }[], what: string): void {
  const chunk = codes.slice(0, 24);
  if (codes.length > chunk.length) checkEach(codes.slice(24), what);
  for (const { name, load, of } of OPERANDS) {
    const body = chunk.flatMap(({ code }, i) => [...load(), code, insn('stxdw', { dst: 1, src: 3, off: 64 + 8 * i })]);
    const run = rig.link(rig.load([...body, insn('exit')]));
    for (const a of U64) {
      rig.setMem(new Uint8Array(new BigUint64Array([a, 0n]).buffer));
      rig.run(run);
      const out = new BigUint64Array(rig.getMem().buffer, 64);
      chunk.forEach(({ code, expected }, i) => {
        const want = expected(of(a));
        if (out[i] !== want)
          throw new Error(`${what} imm ${code.imm}, ${name}: ${a} gives ${out[i]}, expected ${want}`);
      });
    }
  }
}

describe('ALU', () => {
  const rows = OPCODES.filter((op) => op.kind === 'alu');
  const value = (op: Op & { kind: 'alu' }, a: bigint, b: bigint) =>
    op.width === 64 ? alu64(op.op, a, b) : BigInt(alu32(op.op, low(a), low(b)));

  it.each(rows.filter((op) => op.operand === 'reg').map((op) => [op.name, op] as const))('%s', (name, op) => {
    checkPairs([insn(name, { dst: 3, src: 4 })], (a, b) => value(op, a, b), name);
    checkPairs([insn(name, { dst: 3, src: 3 })], (a) => value(op, a, a), `${name} with itself`);
  });

  it.each(rows.filter((op) => op.operand === 'imm').map((op) => [op.name, op] as const))('%s', (name, op) => {
    const codes = IMMS.map((imm) => ({
      code: insn(name, { dst: 3, imm }),
      expected: (a: bigint) => value(op, a, immTo64(imm)),
    }));
    checkEach(codes, name);
  });

  it('sign extension, negation and byte order', () => {
    for (const op of OPCODES) {
      const { name } = op;
      if (op.kind === 'movsx') {
        const of = (b: bigint) => (op.width === 64 ? movsx64(op.bits, b) : BigInt(movsx32(op.bits, low(b))));
        checkPairs([insn(name, { dst: 3, src: 4 })], (_, b) => of(b), name);
      } else if (op.kind === 'cast') {
        // Without an arena there is no upper half to give.
        for (const imm of [1, 1 << 16]) {
          checkPairs([insn(name, { dst: 3, src: 4, imm })], (_, b) => BigInt(low(b)), name);
        }
      } else if (op.kind === 'neg') {
        const expected = (a: bigint) => (op.width === 64 ? neg64(a) : BigInt(neg32(low(a))));
        checkEach([{ code: insn(name, { dst: 3 }), expected }], name);
      } else if (op.kind === 'end') {
        checkEach([{ code: insn(name, { dst: 3 }), expected: (a) => endian(op.order, op.bits, a) }], name);
      }
    }
  });

  it('keeps to low halves where only they are needed', () => {
    // 64-bit sums of which only 32 bits are stored.
    const code = [
      insn('mul64_reg', { dst: 3, src: 4 }),
      insn('add64_imm', { dst: 3, imm: -5 }),
      insn('lsh64_imm', { dst: 3, imm: 3 }),
      insn('xor64_reg', { dst: 3, src: 4 }),
      insn('mov32_reg', { dst: 3, src: 3 }),
    ];
    checkPairs(code, (a, b) => BigInt(low(((a * b - 5n) << 3n) ^ b)), 'low halves');
  });
});

describe('jumps', () => {
  const rows = OPCODES.filter((op) => op.kind === 'jmp');

  it.each(rows.map((op) => [op.name, op] as const))('%s', (name, op) => {
    const taken = (a: bigint, b: bigint) => BigInt(op.width === 64 ? jmp64(op.op, a, b) : jmp32(op.op, low(a), low(b)));
    const answer = [
      insn('mov64_imm', { dst: 3, imm: 0 }),
      insn('ja', { off: 1 }),
      insn('mov64_imm', { dst: 3, imm: 1 }),
    ];
    if (op.operand === 'reg') {
      checkPairs([insn(name, { dst: 3, src: 4, off: 2 }), ...answer], taken, name);
      return;
    }
    for (const imm of IMMS) {
      checkPairs([insn(name, { dst: 3, imm, off: 2 }), ...answer], (a) => taken(a, immTo64(imm)), `${name} ${imm}`);
    }
  });

  it('gotol', () => {
    expect(rig.r0([insn('gotol', { imm: 1 }), insn('exit'), insn('mov64_imm', { imm: 4 }), insn('exit')])).toBe(4n);
  });
});

describe('memory', () => {
  const BYTES = Uint8Array.from({ length: 32 }, (_, i) => (i * 37 + 0x81) & 255);

  it('loads', () => {
    for (const op of OPCODES) {
      if (op.kind !== 'ldx' && op.kind !== 'load_acq') continue;
      for (const off of [0, 1, 7, 8]) {
        rig.setMem(BYTES);
        const signed = op.kind === 'ldx' && op.signed;
        const bits = BYTES.slice(off, off + op.size).reduceRight((n, b) => (n << 8n) | BigInt(b), 0n);
        const want = signed ? BigInt.asUintN(64, BigInt.asIntN(op.size * 8, bits)) : bits;
        const code = [insn(op.name, { dst: 0, src: 1, off }), insn('exit')];
        expect(rig.r0(code), `${op.name} +${off}`).toBe(want);
        // The low half alone.
        const half = [insn(op.name, { dst: 4, src: 1, off }), insn('mov32_reg', { dst: 0, src: 4 }), insn('exit')];
        expect(rig.r0(half), `${op.name} +${off}, low half`).toBe(BigInt(low(want)));
      }
    }
  });

  it('stores', () => {
    for (const op of OPCODES) {
      if (op.kind !== 'st' && op.kind !== 'stx' && op.kind !== 'store_rel') continue;
      for (const off of [0, 3, 8]) {
        rig.setMem(BYTES);
        const value = op.kind === 'st' ? immTo64(-0x7edcba98) : 0xfedc_ba98_7654_3210n;
        const source = [
          insn('lddw', { dst: 4, imm: 0x76543210 }),
          { code: 0, dst: 0, src: 0, off: 0, imm: -0x1234568 },
        ];
        const code = insn(op.name, { dst: 1, src: 4, off, ...(op.kind === 'st' && { imm: -0x7edcba98 }) });
        rig.r0([...source, code, insn('exit')]);
        const want = BYTES.slice();
        for (let i = 0; i < op.size; i++) want[off + i] = Number((value >> BigInt(8 * i)) & 0xffn);
        expect(Buffer.from(rig.getMem().slice(0, 32)), `${op.name} +${off}`).toEqual(Buffer.from(want));
      }
    }
  });

  it('atomics, aligned or not', () => {
    for (const op of OPCODES) {
      if (op.kind !== 'atomic') continue;
      for (const off of [0, 8, 5]) {
        for (const r0 of [0x1234_5678_9abc_def0n, 0xffff_ffff_9abc_def0n, 7n]) checkAtomic(op, off, r0);
      }
    }
  });

  function checkAtomic(op: Op & { kind: 'atomic' }, off: number, r0: bigint): void {
    const bits = op.size * 8;
    const old = 0x1234_5678_9abc_def0n;
    const operand = 0xf0f0_f0f0_1111_2222n;
    const view = new DataView(new ArrayBuffer(64));
    view.setBigUint64(off, old, true);
    view.setBigUint64(32, r0, true);
    view.setBigUint64(40, operand, true);
    rig.setMem(new Uint8Array(view.buffer));
    const code = [
      insn('ldxdw', { dst: 0, src: 1, off: 32 }),
      insn('ldxdw', { dst: 4, src: 1, off: 40 }),
      insn(op.name, { dst: 1, src: 4, off }),
      insn('stxdw', { dst: 1, src: 0, off: 48 }),
      insn('stxdw', { dst: 1, src: 4, off: 56 }),
      insn('exit'),
    ];
    rig.r0(code);
    const got = new DataView(rig.getMem().buffer);
    const cut = (x: bigint) => BigInt.asUintN(bits, x);
    const swaps = op.op === 'cmpxchg' ? cut(old) === cut(r0) : true;
    const next = op.op === 'xchg' || op.op === 'cmpxchg' ? operand : alu64(op.op, old, operand);
    const stored = swaps ? (old & ~BigInt.asUintN(64, (1n << BigInt(bits)) - 1n)) | cut(next) : old;
    const what = `${op.name} +${off} r0 ${r0}`;
    expect(got.getBigUint64(off, true), what).toBe(stored);
    expect(got.getBigUint64(48, true), `${what}: r0`).toBe(op.op === 'cmpxchg' ? cut(old) : r0);
    expect(got.getBigUint64(56, true), `${what}: src`).toBe(op.fetch && op.op !== 'cmpxchg' ? cut(old) : operand);
  }

  it('lddw of every kind that needs no map', () => {
    const second = { code: 0, dst: 0, src: 0, off: 0, imm: -2 };
    expect(rig.r0([insn('lddw', { imm: 5 }), second, insn('exit')])).toBe(0xffff_fffe_0000_0005n);
    const fn = [insn('mov64_imm', { dst: 0, imm: 3 }), insn('exit')];
    const zero = { ...second, imm: 0 };
    expect(rig.r0([insn('lddw_func', { imm: 2 }), zero, insn('exit'), ...fn])).toBe(BigInt(codeAddr(3)));
  });
});

describe('calls', () => {
  it('helpers, functions and functions by address', () => {
    expect(rig.r0([insn('call_helper', { imm: 8 }), insn('exit')])).toBe(0n);
    const fn = [insn('mov64_reg', { dst: 0, src: 1 }), insn('add64_reg', { dst: 0, src: 2 }), insn('exit')];
    const args = [insn('mov64_imm', { dst: 1, imm: -4 }), insn('mov64_imm', { dst: 2, imm: 3 })];
    expect(rig.r0([...args, insn('call_local', { imm: 1 }), insn('exit'), ...fn])).toBe(0xffff_ffff_ffff_ffffn);
    const address = [insn('lddw_func', { dst: 6, imm: 3 }), { code: 0, dst: 0, src: 0, off: 0, imm: 0 }];
    expect(rig.r0([...args, ...address, insn('callx', { dst: 6 }), insn('exit'), ...fn])).toBe(0xffff_ffff_ffff_ffffn);
    expect(() => rig.r0([insn('call_kfunc', { imm: 0 }), insn('exit')])).toThrow(/EINVAL.*kfunc/);
  });

  it('may_goto jumps at last', () => {
    const loop = [
      insn('mov64_imm', { dst: 0, imm: 0 }),
      insn('add64_imm', { dst: 0, imm: 1 }),
      insn('may_goto', { off: 1 }),
      insn('ja', { off: -3 }),
      insn('exit'),
    ];
    expect(rig.r0(loop)).toBe(8n * 1024n * 1024n + 1n);
  });
});

describe('the table', () => {
  it('has no row that is not tested', () => {
    // Maps and packets need a Kernel around them: jit.test.ts. BTF ids and map indices are refused before an engine.
    const elsewhere = OPCODES.filter(
      (op) =>
        op.kind === 'ld_abs' ||
        op.kind === 'ld_ind' ||
        (op.kind === 'lddw' && op.pseudo !== 'imm' && op.pseudo !== 'func'),
    );
    const missing = OPCODES.filter((op) => !seen.has(op.name) && !elsewhere.includes(op)).map((op) => op.name);
    expect(missing).toEqual([]);
    expect(encode([insn('exit')]).length).toBe(8);
  });
});
