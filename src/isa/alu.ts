// What the ALU, compare and byte-order instructions compute: RFC 9669 sections 4.1 to 4.3 as pure functions on values.
// 64-bit values are unsigned bigints in [0, 2^64), 32-bit values unsigned numbers in [0, 2^32); both in and out.
// Every operation is total: x / 0 = 0, x % 0 = x, INT_MIN s/ -1 = INT_MIN, INT_MIN s% -1 = 0, and a shift count is
// taken modulo the width. A 32-bit result goes into the register zero-extended; that is the caller's step.

import type { AluOp, JmpOp } from './op.ts';

const u64 = (v: bigint) => BigInt.asUintN(64, v);
const s64 = (v: bigint) => BigInt.asIntN(64, v);

/** A signed 32-bit immediate (or offset) as a 64-bit operand: sign-extended. */
export const immTo64 = (imm: number): bigint => u64(BigInt(imm));

const ALU64 = {
  add: (d, s) => u64(d + s),
  sub: (d, s) => u64(d - s),
  mul: (d, s) => u64(d * s),
  div: (d, s) => (s === 0n ? 0n : d / s),
  sdiv: (d, s) => (s === 0n ? 0n : u64(s64(d) / s64(s))), // 2^63 wraps to INT_MIN
  or: (d, s) => d | s,
  and: (d, s) => d & s,
  lsh: (d, s) => u64(d << (s & 63n)),
  rsh: (d, s) => d >> (s & 63n),
  mod: (d, s) => (s === 0n ? d : d % s),
  smod: (d, s) => (s === 0n ? d : u64(s64(d) % s64(s))), // sign of the dividend, as in C and JS
  xor: (d, s) => d ^ s,
  mov: (_, s) => s,
  arsh: (d, s) => u64(s64(d) >> (s & 63n)),
} as const satisfies Record<AluOp, (dst: bigint, src: bigint) => bigint>;

// JS shifts take the count modulo 32 by themselves; `>>> 0` makes every result unsigned. Quotients of 32-bit integers
// are exact after truncation, because a double holds 53 bits.
const ALU32 = {
  add: (d, s) => (d + s) >>> 0,
  sub: (d, s) => (d - s) >>> 0,
  mul: (d, s) => Math.imul(d, s) >>> 0,
  div: (d, s) => (s === 0 ? 0 : (d / s) >>> 0),
  sdiv: (d, s) => (s === 0 ? 0 : ((d | 0) / (s | 0)) >>> 0),
  or: (d, s) => (d | s) >>> 0,
  and: (d, s) => (d & s) >>> 0,
  lsh: (d, s) => (d << s) >>> 0,
  rsh: (d, s) => d >>> s,
  mod: (d, s) => (s === 0 ? d : d % s),
  smod: (d, s) => (s === 0 ? d : ((d | 0) % (s | 0)) >>> 0),
  xor: (d, s) => (d ^ s) >>> 0,
  mov: (_, s) => s,
  arsh: (d, s) => ((d | 0) >> s) >>> 0,
} as const satisfies Record<AluOp, (dst: number, src: number) => number>;

const JMP64 = {
  jeq: (a, b) => a === b,
  jne: (a, b) => a !== b,
  jgt: (a, b) => a > b,
  jge: (a, b) => a >= b,
  jlt: (a, b) => a < b,
  jle: (a, b) => a <= b,
  jset: (a, b) => (a & b) !== 0n,
  jsgt: (a, b) => s64(a) > s64(b),
  jsge: (a, b) => s64(a) >= s64(b),
  jslt: (a, b) => s64(a) < s64(b),
  jsle: (a, b) => s64(a) <= s64(b),
} as const satisfies Record<JmpOp, (a: bigint, b: bigint) => boolean>;

const JMP32 = {
  jeq: (a, b) => a === b,
  jne: (a, b) => a !== b,
  jgt: (a, b) => a > b,
  jge: (a, b) => a >= b,
  jlt: (a, b) => a < b,
  jle: (a, b) => a <= b,
  jset: (a, b) => (a & b) !== 0,
  jsgt: (a, b) => (a | 0) > (b | 0),
  jsge: (a, b) => (a | 0) >= (b | 0),
  jslt: (a, b) => (a | 0) < (b | 0),
  jsle: (a, b) => (a | 0) <= (b | 0),
} as const satisfies Record<JmpOp, (a: number, b: number) => boolean>;

/** dst op src on 64 bits. */
export function alu64(op: AluOp, dst: bigint, src: bigint): bigint {
  return ALU64[op](dst, src);
}

/** dst op src on 32 bits. */
export function alu32(op: AluOp, dst: number, src: number): number {
  return ALU32[op](dst, src);
}

export const neg64 = (v: bigint): bigint => u64(-v);
export const neg32 = (v: number): number => -v >>> 0;

/** Whether the conditional jump is taken: `a` = dst, `b` = src or immediate. */
export function jmp64(op: JmpOp, a: bigint, b: bigint): boolean {
  return JMP64[op](a, b);
}

export function jmp32(op: JmpOp, a: number, b: number): boolean {
  return JMP32[op](a, b);
}

/** Sign-extends the low `bits` of `v` to 64 bits. */
export function movsx64(bits: 8 | 16 | 32, v: bigint): bigint {
  return u64(BigInt.asIntN(bits, v));
}

/** Sign-extends the low `bits` of `v` to 32 bits. */
export function movsx32(bits: 8 | 16 | 32, v: number): number {
  return ((v << (32 - bits)) >> (32 - bits)) >>> 0;
}

/** Byte order of the low `bits`, the rest becomes 0. The machine is little endian: 'le' only truncates. */
export function endian(order: 'le' | 'be' | 'swap', bits: 16 | 32 | 64, v: bigint): bigint {
  let rest = BigInt.asUintN(bits, v);
  if (order === 'le') return rest;
  let swapped = 0n;
  for (let i = 0; i < bits; i += 8) {
    swapped = (swapped << 8n) | (rest & 0xffn);
    rest >>= 8n;
  }
  return swapped;
}
