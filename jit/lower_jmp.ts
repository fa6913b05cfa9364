// Conditions of jumps (RFC 9669 4.3). Two values below 2^32 are compared as i32, unsigned whatever the operation: as
// 64-bit numbers neither is negative.

import { type CompareOp, NEGATED } from '../src/isa/conditions.ts';
import type { Insn } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import type { FnLowering } from './function.ts';
import type { I32, IntOps } from './wasm.ts';

const WASM = {
  jeq: 'eq',
  jne: 'ne',
  jgt: 'gt_u',
  jle: 'le_u',
  jge: 'ge_u',
  jlt: 'lt_u',
  jsgt: 'gt_s',
  jsle: 'le_s',
  jsge: 'ge_s',
  jslt: 'lt_s',
} as const satisfies Record<CompareOp, keyof IntOps<I32>>;

const UNSIGNED: Partial<Record<CompareOp, CompareOp>> = { jsgt: 'jgt', jsle: 'jle', jsge: 'jge', jslt: 'jlt' };

/** Whether the jump at l.at is taken (negate: is not). */
export function lowerCondition(l: FnLowering, insn: Insn, op: Op & { kind: 'jmp' }, negate: boolean): I32 {
  if (op.op === 'jset') return lowerSet(l, insn, op, negate);
  const test: CompareOp = negate ? NEGATED[op.op] : op.op;
  const { b } = l;
  const { dst, src, imm } = insn;
  const byImm = op.operand === 'imm';
  if (op.width === 32) return b.i32[WASM[test]](l.low(dst), byImm ? b.i32.const(imm) : l.low(src));
  if (l.fits32(dst, 'dst') && (byImm ? imm >= 0 : l.fits32(src, 'src'))) {
    return b.i32[WASM[UNSIGNED[test] ?? test]](l.low(dst), byImm ? b.i32.const(imm) : l.low(src));
  }
  return b.i64[WASM[test]](l.whole(dst), byImm ? b.i64.const(BigInt(imm)) : l.whole(src));
}

function lowerSet(l: FnLowering, insn: Insn, op: Op & { kind: 'jmp' }, negate: boolean): I32 {
  const { b } = l;
  const { dst, src, imm } = insn;
  const byImm = op.operand === 'imm';
  // With an immediate that is not negative only the low half counts.
  const low = op.width === 32 || (byImm && imm >= 0) || l.fits32(dst, 'dst') || (!byImm && l.fits32(src, 'src'));
  if (low) {
    const both = b.i32.and(l.low(dst), byImm ? b.i32.const(imm) : l.low(src));
    return negate ? b.i32.eqz(both) : both;
  }
  const both = b.i64.and(l.whole(dst), byImm ? b.i64.const(BigInt(imm)) : l.whole(src));
  return negate ? b.i64.eqz(both) : b.i64.ne(both, b.i64.const(0n));
}
