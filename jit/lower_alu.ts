// ALU, moves and byte order (RFC 9669 4.1, 4.2). A 64-bit operation whose result lives in an i32 local is done on low
// halves where these decide it; division by zero gives 0, modulo by zero the dividend, where Wasm would trap.

import type { Insn } from '../src/isa/insn.ts';
import type { AluOp, Op } from '../src/isa/op.ts';
import { castHigh } from '../src/spec/arena.ts';
import { LOW_ONLY } from './demand.ts';
import type { FnLowering } from './function.ts';
import type { Builder, I32, I64, IntOps } from './wasm.ts';

type OpOf<K extends Op['kind']> = Op & { kind: K };
type Alu = OpOf<'alu'>;

/** Operations that are one Wasm instruction of the same width (Wasm takes shift counts modulo the width, as BPF does). */
const SIMPLE = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  or: 'or',
  and: 'and',
  xor: 'xor',
  lsh: 'shl',
  rsh: 'shr_u',
  arsh: 'shr_s',
} as const;

type DivOp = Exclude<AluOp, keyof typeof SIMPLE | 'mov'>;

const isSimple = (op: AluOp): op is keyof typeof SIMPLE => op in SIMPLE;

export function lowerAlu(l: FnLowering, insn: Insn, op: Alu): void {
  if (op.op === 'mov') lowerMov(l, insn, op);
  else if (!isSimple(op.op)) lowerDiv(l, insn, op, op.op);
  else if (op.width === 32) l.setLow(insn.dst, l.b.i32[SIMPLE[op.op]](l.low(insn.dst), low(l, insn, op)));
  else lowerSimple64(l, insn, op, op.op);
}

/** The second operand. */
const low = (l: FnLowering, insn: Insn, op: Alu): I32 =>
  op.operand === 'imm' ? l.b.i32.const(insn.imm) : l.low(insn.src);
const whole = (l: FnLowering, insn: Insn, op: Alu): I64 =>
  op.operand === 'imm' ? l.b.i64.const(BigInt(insn.imm)) : l.whole(insn.src);

function lowerMov(l: FnLowering, insn: Insn, op: Alu): void {
  if (op.operand === 'imm') l.setConst(insn.dst, op.width === 32 ? BigInt(insn.imm >>> 0) : BigInt(insn.imm));
  else if (op.width === 32 || l.wantsLow) l.setLow(insn.dst, l.low(insn.src));
  else l.setWhole(insn.dst, l.whole(insn.src));
}

function lowerSimple64(l: FnLowering, insn: Insn, op: Alu, name: keyof typeof SIMPLE): void {
  const { b } = l;
  const { dst } = insn;
  const count = insn.imm & 63;
  const byImm = op.operand === 'imm';
  if (l.wantsLow && LOW_ONLY.has(name)) {
    l.setLow(dst, b.i32[SIMPLE[name]](l.low(dst), low(l, insn, op)));
  } else if (l.wantsLow && name === 'lsh' && byImm) {
    l.setLow(dst, count < 32 ? b.i32.shl(l.low(dst), b.i32.const(count)) : b.i32.const(0));
  } else if ((name === 'rsh' || name === 'arsh') && byImm && l.fits32(dst, 'dst')) {
    // A value below 2^32 is not negative.
    l.setLow(dst, count < 32 ? b.i32.shr_u(l.low(dst), b.i32.const(count)) : b.i32.const(0));
  } else {
    l.setWhole(dst, b.i64[SIMPLE[name]](l.whole(dst), whole(l, insn, op)));
  }
}

/** What division needs of one width. */
interface Width<T> {
  readonly ops: IntOps<T>;
  readonly const: (n: number) => T;
  readonly choose: (condition: I32, a: T, b: T) => T;
}

const width32 = (b: Builder): Width<I32> => ({ ops: b.i32, const: b.i32.const, choose: b.choose32 });
const width64 = (b: Builder): Width<I64> => ({
  ops: b.i64,
  const: (n) => b.i64.const(BigInt(n)),
  choose: b.choose64,
});

const UNSIGNED = { div: 'div', sdiv: 'div', mod: 'mod', smod: 'mod' } as const satisfies Record<DivOp, DivOp>;

function lowerDiv(l: FnLowering, insn: Insn, op: Alu, name: DivOp): void {
  const { dst, src, imm } = insn;
  const byImm = op.operand === 'imm';
  if (op.width === 32) {
    const b = byImm ? null : () => l.low(src);
    l.setLow(
      dst,
      divide(width32(l.b), name, () => l.low(dst), b, imm),
    );
  } else if (l.fits32(dst, 'dst') && (byImm ? imm >= 0 : l.fits32(src, 'src'))) {
    // Neither operand is negative.
    const b = byImm ? null : () => l.low(src);
    l.setLow(
      dst,
      divide(width32(l.b), UNSIGNED[name], () => l.low(dst), b, imm),
    );
  } else {
    const b = byImm ? null : () => l.whole(src);
    l.setWhole(
      dst,
      divide(width64(l.b), name, () => l.whole(dst), b, imm),
    );
  }
}

/** a op b; `b` null = by the immediate. */
function divide<T>(w: Width<T>, name: DivOp, a: () => T, b: (() => T) | null, imm: number): T {
  const { ops } = w;
  if (b === null) {
    if (imm === 0) return name === 'div' || name === 'sdiv' ? w.const(0) : a();
    if (imm === -1 && name === 'sdiv') return ops.sub(w.const(0), a()); // INT_MIN / -1 = INT_MIN
    return WASM_DIV[name](ops, a(), w.const(imm));
  }
  const quotient = WASM_DIV[name](ops, a(), b());
  if (name === 'div') return w.choose(ops.eqz(b()), w.const(0), quotient);
  // b = 0 or -1: a * b is the quotient, and nothing overflows.
  if (name === 'sdiv') return w.choose(ops.le_u(ops.add(b(), w.const(1)), w.const(1)), ops.mul(a(), b()), quotient);
  return w.choose(ops.eqz(b()), a(), quotient);
}

const WASM_DIV = {
  div: (ops, a, b) => ops.div_u(a, b),
  sdiv: (ops, a, b) => ops.div_s(a, b),
  mod: (ops, a, b) => ops.rem_u(a, b),
  smod: (ops, a, b) => ops.rem_s(a, b), // rem_s(INT_MIN, -1) = 0 does not trap
} as const satisfies Record<DivOp, <T>(ops: IntOps<T>, a: T, b: T) => T>;

export function lowerNeg(l: FnLowering, insn: Insn, op: OpOf<'neg'>): void {
  const { b } = l;
  const { dst } = insn;
  if (op.width === 32 || l.wantsLow) l.setLow(dst, b.i32.sub(b.i32.const(0), l.low(dst)));
  else l.setWhole(dst, b.i64.sub(b.i64.const(0n), l.whole(dst)));
}

export function lowerMovsx(l: FnLowering, insn: Insn, op: OpOf<'movsx'>): void {
  const { b } = l;
  const from = l.low(insn.src);
  const value = op.bits === 8 ? b.i32.extend8_s(from) : op.bits === 16 ? b.i32.extend16_s(from) : from;
  if (op.width === 32) l.setLow(insn.dst, value);
  else l.setSigned(insn.dst, value);
}

/** 0 stays 0: no page is at NULL for user space. */
export function lowerCast(l: FnLowering, insn: Insn): void {
  const { b } = l;
  const high = castHigh(insn.imm, l.c.program.code.maps);
  if (high === 0n || l.wantsLow) {
    l.setLow(insn.dst, l.low(insn.src));
    return;
  }
  const low = l.local('cast', 'i32');
  l.push(b.set(low, l.low(insn.src)));
  const address = b.i64.or(b.i64.extend_u(b.get32(low)), b.i64.const(BigInt.asIntN(64, high)));
  l.setWhole(insn.dst, b.choose64(b.get32(low), address, b.i64.const(0n)));
}

export function lowerEnd(l: FnLowering, insn: Insn, op: OpOf<'end'>): void {
  const { dst } = insn;
  if (op.bits === 64) {
    if (op.order !== 'le')
      l.setWhole(
        dst,
        swap64(l.b, () => l.whole(dst)),
      );
  } else if (op.order === 'le') {
    l.setLow(dst, op.bits === 32 ? l.low(dst) : l.b.i32.and(l.low(dst), l.b.i32.const(0xffff)));
  } else {
    l.setLow(dst, op.bits === 32 ? swap32(l.b, () => l.low(dst)) : swap16(l.b, () => l.low(dst)));
  }
}

/** Low 16 bits reversed, the rest 0. */
export function swap16(b: Builder, x: () => I32): I32 {
  const { i32 } = b;
  return i32.or(
    i32.shl(i32.and(x(), i32.const(0xff)), i32.const(8)),
    i32.and(i32.shr_u(x(), i32.const(8)), i32.const(0xff)),
  );
}

export function swap32(b: Builder, x: () => I32): I32 {
  const { i32 } = b;
  return i32.or(
    i32.and(i32.rotl(x(), i32.const(8)), i32.const(0x00ff00ff)),
    i32.and(i32.rotr(x(), i32.const(8)), i32.const(0xff00ff00 | 0)),
  );
}

function swap64(b: Builder, x: () => I64): I64 {
  const low = swap32(b, () => b.i32.wrap(x()));
  const high = swap32(b, () => b.i32.wrap(b.i64.shr_u(x(), b.i64.const(32n))));
  return b.i64.or(b.i64.shl(b.i64.extend_u(low), b.i64.const(32n)), b.i64.extend_u(high));
}
