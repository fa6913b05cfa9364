// How many low bits of a register may be set: the transfer functions of narrow.ts. A value of at most 32 bits can live
// in an i32 local. Everything here follows from the instructions alone; of the verifier's facts only pointer kinds are
// used (scalars that pruning ignored could claim too much).

import { targetOf } from '../src/analysis/cfg.ts';
import { type Insn, type InsnIndex, imm64 } from '../src/isa/insn.ts';
import type { AluOp, Op } from '../src/isa/op.ts';
import { castHigh } from '../src/spec/arena.ts';
import { type Abi, abiOf, helperById } from '../src/spec/helpers.ts';
import { kfuncByNumber } from '../src/spec/kfunc_abi.ts';
import { REG_KIND } from '../src/verifier/verified.ts';
import { type Compilation, type Fn, isPointer } from './compilation.ts';
import { slotPart } from './slots.ts';

/** Bits per vreg. */
export type Bits = Uint8Array;

export const FULL = 64;

const bitsOfNumber = (n: number) => 32 - Math.clz32(n);
/** Of an immediate that is sign-extended to `width`. */
const bitsOfImm = (imm: number, width: number) => (imm < 0 ? width : bitsOfNumber(imm));
const cap = (bits: number, width: number) => (bits > width ? width : bits);

/** a op b, both of `width` bits, where the shift count is the immediate `shift` (-1: not known). */
type Rule = (a: number, b: number, width: number, shift: number) => number;

const nonNegative = (a: number, b: number, width: number) => a < width && b < width;

const ALU = {
  add: (a, b, w) => cap(Math.max(a, b) + 1, w),
  sub: (a, b, w) => (b === 0 ? a : w),
  mul: (a, b, w) => cap(a + b, w),
  div: (a) => a,
  sdiv: (a, b, w) => (nonNegative(a, b, w) ? a : w),
  mod: (a) => a, // x % 0 = x
  smod: (a, b, w) => (nonNegative(a, b, w) ? a : w),
  or: (a, b) => Math.max(a, b),
  xor: (a, b) => Math.max(a, b),
  and: (a, b) => Math.min(a, b),
  mov: (_a, b) => b,
  lsh: (a, _b, w, n) => (a === 0 ? 0 : n < 0 ? w : cap(a + (n & (w - 1)), w)),
  rsh: (a, _b, w, n) => (n < 0 ? a : Math.max(0, a - (n & (w - 1)))),
  arsh: (a, _b, w, n) => (a === w ? w : n < 0 ? a : Math.max(0, a - (n & (w - 1)))),
} as const satisfies Record<AluOp, Rule>;

/** The vreg an instruction writes, or -1. No instruction writes two. */
export function defOf(fn: Fn, at: InsnIndex, insn: Insn, op: Op): number {
  const slot = fn.slots[at - fn.start];
  switch (op.kind) {
    case 'alu':
    case 'movsx':
    case 'cast':
    case 'neg':
    case 'lddw':
    case 'ldx':
    case 'load_acq':
      return insn.dst;
    case 'end':
      return op.order === 'le' && op.bits === 64 ? -1 : insn.dst;
    case 'st':
    case 'stx':
      return slot > 0 ? slot : -1;
    case 'atomic':
      return op.op === 'cmpxchg' ? 0 : op.fetch ? insn.src : -1;
    case 'ld_abs':
    case 'ld_ind':
      return 0;
    case 'call':
      return op.callee === 'helper' && helperById(insn.imm)?.ret === 'tail_call' ? -1 : 0;
    case 'jmp':
    case 'ja':
    case 'may_goto':
    case 'exit':
    case 'store_rel':
      return -1;
    default:
      return op satisfies never;
  }
}

/** Bits of what the instruction at `at` writes (see defOf), from the bits before it. */
export function resultBits(c: Compilation, fn: Fn, at: InsnIndex, insn: Insn, op: Op, bits: Bits): number {
  switch (op.kind) {
    case 'alu':
      return aluBits(c, at, insn, op, bits);
    case 'movsx':
      return bits[insn.src] < op.bits ? bits[insn.src] : op.width;
    case 'cast':
      return castHigh(insn.imm, c.program.code.maps) === 0n ? cap(bits[insn.src], 32) : FULL;
    case 'neg':
      return bits[insn.dst] === 0 ? 0 : op.width;
    case 'end':
      return op.order === 'le' ? cap(bits[insn.dst], op.bits) : op.bits;
    case 'lddw':
      return lddwBits(c, at, op.pseudo);
    case 'ldx': {
      const part = slotPart(fn, at, op.size);
      if (part !== null) return cap(Math.max(0, bits[part.vreg] - part.shift), part.bits);
      return op.signed ? FULL : op.size * 8;
    }
    case 'st':
      return storedBits(fn, at, op.size, cap(bitsOfImm(insn.imm, op.size * 8), op.size * 8), bits);
    case 'stx':
      return storedBits(fn, at, op.size, cap(bits[insn.src], op.size * 8), bits);
    case 'load_acq':
    case 'atomic':
    case 'ld_abs':
    case 'ld_ind':
      return op.size * 8;
    case 'call':
      if (op.callee === 'helper') return helperBits(insn.imm);
      if (op.callee === 'kfunc') return outsideBits(kfuncByNumber(insn.imm)?.abi);
      return op.callee === 'local' ? (c.fnAt.get(targetOf(insn, op, at))?.resultBits ?? FULL) : FULL;
    case 'jmp':
    case 'ja':
    case 'may_goto':
    case 'exit':
    case 'store_rel':
      return FULL;
    default:
      return op satisfies never;
  }
}

/** A slot of which some bytes are replaced. */
function storedBits(fn: Fn, at: InsnIndex, size: number, value: number, bits: Bits): number {
  const part = slotPart(fn, at, size);
  return part === null || part.whole ? value : Math.max(bits[part.vreg], part.shift + value);
}

function aluBits(c: Compilation, at: InsnIndex, insn: Insn, op: Op & { kind: 'alu' }, bits: Bits): number {
  const { width } = op;
  if (width === 64 && staysPointer(c, at, op)) return 32;
  const a = cap(bits[insn.dst], width);
  const b = op.operand === 'imm' ? bitsOfImm(insn.imm, width) : cap(bits[insn.src], width);
  return ALU[op.op](a, b, width, op.operand === 'imm' ? insn.imm & 63 : -1);
}

/** Pointer arithmetic that the verifier accepted never leaves 32 bits (memory/layout.ts). */
function staysPointer(c: Compilation, at: InsnIndex, op: Op & { kind: 'alu' }): boolean {
  const { facts } = c;
  if (facts === null || (op.op !== 'add' && op.op !== 'sub')) return false;
  const dst = isPointer(facts.dst[at]);
  const src = op.operand === 'imm' ? REG_KIND.scalar : facts.src[at];
  // pointer + pointer is rejected, so one pointer operand is enough; pointer - pointer is a scalar.
  return op.op === 'add' ? dst || isPointer(src) : dst && src === REG_KIND.scalar;
}

function lddwBits(c: Compilation, at: InsnIndex, pseudo: string): number {
  const ref = c.program.code.mapRefs.get(at);
  if (ref?.kind === 'value' && c.program.maps[ref.map].arena !== null) return FULL;
  if (pseudo === 'func' || ref !== undefined) return 32;
  const value = imm64(c.insns, at);
  return value >> 32n === 0n ? bitsOfNumber(Number(value)) : FULL;
}

function helperBits(id: number): number {
  const helper = helperById(id);
  return outsideBits(helper && abiOf(helper));
}

function outsideBits(abi: Abi | undefined): number {
  switch (abi?.ret) {
    case 'u32':
      return 32;
    case 'void':
      return 0;
    default:
      return FULL;
  }
}
