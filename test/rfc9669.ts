// What the instructions of RFC 9669 compute, written from its text alone: the third opinion in the corner matrix
// (corners.test.ts), independent of src/isa/alu.ts and of both engines. Registers are unsigned 64-bit bigints, memory
// is little endian. One clear sentence of the standard per line; speed does not matter.

import type { Op } from '../src/isa/op.ts';

const u = (bits: number, x: bigint) => BigInt.asUintN(bits, x);
const s = (bits: number, x: bigint) => BigInt.asIntN(bits, x);
const min = (bits: number) => -(1n << BigInt(bits - 1));

type Kind<K extends Op['kind']> = Extract<Op, { readonly kind: K }>;

/** 4.1: `imm` is a signed 32-bit number, sign-extended to 64 bits wherever a 64-bit operand is needed. */
export function immediate(imm: number): bigint {
  return u(64, BigInt(imm));
}

/** dst of the division that truncates towards zero; by zero it is zero, and the one overflow wraps (4.1). */
function divide(bits: number, signed: boolean, a: bigint, b: bigint): bigint {
  if (b === 0n) return 0n;
  if (!signed) return a / b;
  const [x, y] = [s(bits, a), s(bits, b)];
  return x === min(bits) && y === -1n ? x : x / y;
}

/** "If execution would result in modulo by zero, the destination is unchanged" (32 bits: the lower half of it). */
function modulo(bits: number, signed: boolean, a: bigint, b: bigint): bigint {
  if (b === 0n) return a;
  if (!signed) return a % b;
  const [x, y] = [s(bits, a), s(bits, b)];
  return x === min(bits) && y === -1n ? 0n : x % y;
}

const ARITHMETIC: Record<Kind<'alu'>['op'], (bits: 32 | 64, a: bigint, b: bigint) => bigint> = {
  add: (_, a, b) => a + b,
  sub: (_, a, b) => a - b,
  mul: (_, a, b) => a * b,
  div: (bits, a, b) => divide(bits, false, a, b),
  sdiv: (bits, a, b) => divide(bits, true, a, b),
  mod: (bits, a, b) => modulo(bits, false, a, b),
  smod: (bits, a, b) => modulo(bits, true, a, b),
  or: (_, a, b) => a | b,
  and: (_, a, b) => a & b,
  xor: (_, a, b) => a ^ b,
  mov: (_, _a, b) => b,
  // "Shift operations use a mask of 0x3F (63) for 64-bit operations and 0x1F (31) for 32-bit operations."
  lsh: (bits, a, b) => a << (b & BigInt(bits - 1)),
  rsh: (bits, a, b) => a >> (b & BigInt(bits - 1)),
  arsh: (bits, a, b) => s(bits, a) >> (b & BigInt(bits - 1)),
};

/** 4.1: the ALU class works on 32-bit operands "and zeroes the upper 32 bits of the destination register". */
export function alu(op: Kind<'alu'>, dst: bigint, src: bigint): bigint {
  return u(op.width, ARITHMETIC[op.op](op.width, u(op.width, dst), u(op.width, src)));
}

/** 4.1: MOVSX "sign-extends 8-bit, 16-bit and 32-bit operands into 32-bit or 64-bit operands". */
export function movsx(op: Kind<'movsx'>, src: bigint): bigint {
  return u(op.width, s(op.bits, src));
}

export function neg(op: Kind<'neg'>, dst: bigint): bigint {
  return u(op.width, -dst);
}

/** 4.2, on a little-endian machine: to_le truncates, to_be and bswap reverse the bytes of the lower `bits`. */
export function byteSwap(op: Kind<'end'>, dst: bigint): bigint {
  const digits = u(op.bits, dst)
    .toString(16)
    .padStart(op.bits / 4, '0');
  const bytes = digits.match(/../g)!;
  return BigInt(`0x${(op.order === 'le' ? bytes : bytes.reverse()).join('')}`);
}

const CONDITION: Record<Kind<'jmp'>['op'], (bits: number, a: bigint, b: bigint) => boolean> = {
  jeq: (_, a, b) => a === b,
  jne: (_, a, b) => a !== b,
  jset: (_, a, b) => (a & b) !== 0n,
  jgt: (_, a, b) => a > b,
  jge: (_, a, b) => a >= b,
  jlt: (_, a, b) => a < b,
  jle: (_, a, b) => a <= b,
  jsgt: (bits, a, b) => s(bits, a) > s(bits, b),
  jsge: (bits, a, b) => s(bits, a) >= s(bits, b),
  jslt: (bits, a, b) => s(bits, a) < s(bits, b),
  jsle: (bits, a, b) => s(bits, a) <= s(bits, b),
};

/** 4.3: JMP compares 64 bits, JMP32 the lower halves. */
export function taken(op: Kind<'jmp'>, dst: bigint, src: bigint): boolean {
  return CONDITION[op.op](op.width, u(op.width, dst), u(op.width, src));
}

/** 5.1, 5.2: a load zero-extends (MEM) or sign-extends (MEMSX) `size` bytes to 64 bits. */
export function load(size: number, signed: boolean, memory: Uint8Array, at: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(memory[at + i]);
  return signed ? u(64, s(8 * size, value)) : value;
}

/** 5.1: a store writes the lower `size` bytes and no others. */
export function store(size: number, memory: Uint8Array, at: number, value: bigint): void {
  for (let i = 0; i < size; i++) memory[at + i] = Number((value >> BigInt(8 * i)) & 0xffn);
}

export interface Atomic {
  /** What is in memory afterwards (the lower bytes of it). */
  readonly memory: bigint;
  /** What was there, zero-extended: it goes to src (FETCH, XCHG) or r0 (CMPXCHG). */
  readonly old: bigint;
}

/** 5.3: on 4 or 8 bytes; CMPXCHG stores src when memory equals r0 ("the lower 32 bits" of it for 4 bytes). */
export function atomic(op: Kind<'atomic'>, memory: bigint, src: bigint, r0: bigint): Atomic {
  const bits = 8 * op.size;
  const old = u(bits, memory);
  const results = {
    add: old + src,
    or: old | src,
    and: old & src,
    xor: old ^ src,
    xchg: src,
    cmpxchg: old === u(bits, r0) ? src : old,
  } satisfies Record<typeof op.op, bigint>;
  return { memory: u(bits, results[op.op]), old };
}
