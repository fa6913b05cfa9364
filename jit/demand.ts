// What an instruction needs of the vregs it reads: the backward half of narrow.ts.
//
// LOW = the low 32 bits, WHOLE = all 64. A vreg whose upper half nobody asks for may live in an i32 local whatever its
// value is: addresses, operands of 32-bit ALU and of the low-only operations (the low half of a sum depends on the low
// halves only). Where the verifier saw a pointer the low half is the value.

import { targetOf } from '../src/analysis/cfg.ts';
import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { AluOp, Op } from '../src/isa/op.ts';
import { helperById } from '../src/spec/helpers.ts';
import { kfuncByNumber } from '../src/spec/kfunc_abi.ts';
import { type Compilation, type Fn, isPointer } from './compilation.ts';
import { type SlotPart, slotPart } from './slots.ts';

export const DEAD = 0;
export const LOW = 1;
export const WHOLE = 3;

/** Operations whose low 32 result bits depend on the low 32 operand bits only (lsh: by an immediate). */
export const LOW_ONLY: ReadonlySet<AluOp> = new Set(['add', 'sub', 'mul', 'and', 'or', 'xor', 'mov']);

/** Told of each vreg that is read, and how much of it. */
export type Use = (vreg: number, need: number) => void;

/**
 * Reports what the instruction at `at` reads. `need` = what is needed of its result (DEAD..WHOLE), `bits` = how many
 * bits the result has.
 */
export function demandsOf(
  c: Compilation,
  fn: Fn,
  at: InsnIndex,
  insn: Insn,
  op: Op,
  need: number,
  bits: number,
  use: Use,
): void {
  const { dst, src } = insn;
  const dstIs = (n: number) => use(dst, pointerAt(c, at, 'dst') ? LOW : n);
  const srcIs = (n: number) => use(src, pointerAt(c, at, 'src') ? LOW : n);
  // Addresses of programs that were not verified are checked on 64 bits.
  const base = c.facts === null ? WHOLE : LOW;
  // A result that fits into 32 bits is computed from low halves where the operation allows it.
  const lowOnly = need === WHOLE && bits > 32 ? WHOLE : LOW;
  switch (op.kind) {
    case 'alu': {
      const n = op.width === 32 ? LOW : operandNeed(op, lowOnly);
      if (op.op !== 'mov') dstIs(n);
      if (op.operand === 'reg') srcIs(op.op === 'lsh' || op.op === 'rsh' || op.op === 'arsh' ? LOW : n);
      return;
    }
    case 'movsx':
    case 'cast':
      srcIs(LOW);
      return;
    case 'neg':
      dstIs(op.width === 32 ? LOW : lowOnly);
      return;
    case 'end':
      if (op.bits < 64) dstIs(LOW);
      else if (op.order !== 'le') dstIs(WHOLE);
      return;
    case 'jmp': {
      const n = op.width === 32 || (op.op === 'jset' && op.operand === 'imm' && insn.imm >= 0) ? LOW : WHOLE;
      dstIs(n);
      if (op.operand === 'reg') srcIs(n);
      return;
    }
    case 'ldx': {
      const part = slotPart(fn, at, op.size);
      if (part === null) use(src, base);
      else use(part.vreg, part.whole ? lowOnly : part.shift + part.bits <= 32 ? LOW : WHOLE);
      return;
    }
    case 'load_acq':
      use(src, base);
      return;
    case 'st':
    case 'stx': {
      const part = slotPart(fn, at, op.size);
      if (part === null) use(dst, base);
      else if (!part.whole) use(part.vreg, keptNeed(part, lowOnly));
      if (op.kind === 'stx') srcIs(op.size < 8 ? LOW : part !== null ? lowOnly : WHOLE);
      return;
    }
    case 'store_rel':
      use(dst, base);
      srcIs(op.size < 8 ? LOW : WHOLE);
      return;
    case 'atomic':
      use(dst, base);
      srcIs(op.size < 8 ? LOW : WHOLE);
      if (op.op === 'cmpxchg') use(0, op.size < 8 ? LOW : WHOLE);
      return;
    case 'ld_ind':
      use(src, LOW);
      use(6, LOW);
      return;
    case 'ld_abs':
      use(6, LOW);
      return;
    case 'call':
      callDemands(c, at, insn, op, use);
      return;
    case 'exit':
      use(0, fn.resultBits <= 32 ? LOW : WHOLE);
      return;
    case 'ja':
    case 'may_goto':
    case 'lddw':
      return;
    default:
      op satisfies never;
      return;
  }
}

/** What a store that replaces a part of a slot leaves of it. */
function keptNeed({ shift, bits }: SlotPart, need: number): number {
  if (shift === 0 && bits === 32) return need === WHOLE ? WHOLE : DEAD;
  return shift === 32 && bits === 32 ? LOW : need;
}

function operandNeed(op: Op & { kind: 'alu' }, lowOnly: number): number {
  if (LOW_ONLY.has(op.op) || op.op === 'lsh') return lowOnly;
  return WHOLE;
}

function callDemands(c: Compilation, at: InsnIndex, insn: Insn, op: Op & { kind: 'call' }, use: Use): void {
  switch (op.callee) {
    case 'helper': {
      const helper = helperById(insn.imm);
      helper?.args.forEach((kind, i) => {
        use(i + 1, kind === 'u64' ? WHOLE : LOW);
      });
      return;
    }
    case 'local': {
      const callee = c.fnAt.get(targetOf(insn, op, at));
      for (const p of callee?.widths?.params ?? ALL_ARGS) use(p.reg, p.narrow ? LOW : WHOLE);
      return;
    }
    case 'callx':
      for (let r = 1; r <= 5; r++) use(r, WHOLE);
      use(insn.dst, WHOLE);
      return;
    case 'kfunc':
      kfuncByNumber(insn.imm)?.abi.args.forEach((kind, i) => {
        use(i + 1, kind === 'u64' ? WHOLE : LOW);
      });
      return;
    default:
      op.callee satisfies never;
      return;
  }
}

const ALL_ARGS = [1, 2, 3, 4, 5].map((reg) => ({ reg, narrow: false }));

function pointerAt(c: Compilation, at: InsnIndex, side: 'dst' | 'src'): boolean {
  return c.facts !== null && isPointer(c.facts[side][at]);
}
