// ALU and compare semantics of RFC 9669 4.1-4.3 for the interpreter: 64-bit operations on unsigned bigint, 32-bit ones on
// numbers. A result is taken modulo the width by whoever stores it. This is a statement of its own, apart from isa/alu.ts
// (which the verifier and the JIT fold constants with), so that comparing the engines compares two of them.

import type { AluOp, JmpOp } from '../isa/op.ts';

const signed = (x: bigint) => BigInt.asIntN(64, x);

/** a, b unsigned 64-bit; the result may lie outside (the register file wraps it). */
export function alu64(op: AluOp, a: bigint, b: bigint): bigint {
  switch (op) {
    case 'mov':
      return b;
    case 'add':
      return BigInt.asUintN(64, a + b);
    case 'sub':
      return BigInt.asUintN(64, a - b);
    case 'mul':
      return BigInt.asUintN(64, a * b);
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'lsh':
      return a << (b & 63n);
    case 'rsh':
      return a >> (b & 63n);
    case 'arsh':
      return signed(a) >> (b & 63n);
    case 'div':
      return b === 0n ? 0n : a / b;
    case 'mod':
      return b === 0n ? a : a % b;
    case 'sdiv':
      return b === 0n ? 0n : signed(a) / signed(b);
    case 'smod':
      return b === 0n ? a : signed(a) % signed(b);
    default:
      return op satisfies never;
  }
}

/** a, b any 32-bit numbers, signed or not; the result is meant modulo 2^32. */
export function alu32(op: AluOp, a: number, b: number): number {
  switch (op) {
    case 'mov':
      return b;
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return Math.imul(a, b);
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'lsh':
      return a << (b & 31);
    case 'rsh':
      return a >>> (b & 31);
    case 'arsh':
      return a >> (b & 31);
    case 'div':
      return b === 0 ? 0 : (a >>> 0) / (b >>> 0);
    case 'mod':
      return b === 0 ? a : (a >>> 0) % (b >>> 0);
    case 'sdiv':
      return b === 0 ? 0 : (a | 0) / (b | 0);
    case 'smod':
      return b === 0 ? a : (a | 0) % (b | 0);
    default:
      return op satisfies never;
  }
}

/** a, b unsigned 64-bit. */
export function jumps64(op: JmpOp, a: bigint, b: bigint): boolean {
  switch (op) {
    case 'jeq':
      return a === b;
    case 'jne':
      return a !== b;
    case 'jgt':
      return a > b;
    case 'jge':
      return a >= b;
    case 'jlt':
      return a < b;
    case 'jle':
      return a <= b;
    case 'jset':
      return (a & b) !== 0n;
    case 'jsgt':
      return signed(a) > signed(b);
    case 'jsge':
      return signed(a) >= signed(b);
    case 'jslt':
      return signed(a) < signed(b);
    case 'jsle':
      return signed(a) <= signed(b);
    default:
      return op satisfies never;
  }
}

/** a, b any 32-bit numbers, signed or not. */
export function jumps32(op: JmpOp, a: number, b: number): boolean {
  switch (op) {
    case 'jeq':
      return (a | 0) === (b | 0);
    case 'jne':
      return (a | 0) !== (b | 0);
    case 'jgt':
      return a >>> 0 > b >>> 0;
    case 'jge':
      return a >>> 0 >= b >>> 0;
    case 'jlt':
      return a >>> 0 < b >>> 0;
    case 'jle':
      return a >>> 0 <= b >>> 0;
    case 'jset':
      return (a & b) !== 0;
    case 'jsgt':
      return (a | 0) > (b | 0);
    case 'jsge':
      return (a | 0) >= (b | 0);
    case 'jslt':
      return (a | 0) < (b | 0);
    case 'jsle':
      return (a | 0) <= (b | 0);
    default:
      return op satisfies never;
  }
}

/** Reverses the bytes of the low `bits` of x; what is above them is dropped. */
export function swapBytes(x: bigint, bits: number): bigint {
  let out = 0n;
  for (let i = 0; i < bits; i += 8) out = (out << 8n) | ((x >> BigInt(i)) & 0xffn);
  return out;
}
