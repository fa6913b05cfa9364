// Groups of a random program that compute with numbers.

import type { Op } from '../../src/isa/op.ts';
import { ALU_ROWS, number, type Scope, source } from './scope.ts';

const SHIFTS: ReadonlySet<string> = new Set(['lsh', 'rsh', 'arsh']);
const DIVISIONS: ReadonlySet<string> = new Set(['div', 'mod', 'sdiv', 'smod']);

export function alu(s: Scope): void {
  for (let n = s.r.between(1, 4); n > 0; n--) aluWith(s, number(s), source(s));
}

export function aluWith(s: Scope, dst: number, src: number): void {
  const op = s.r.pick(ALU_ROWS);
  s.d.op(op, { dst, src, imm: immOf(s, op) });
}

/** The immediate of an ALU row; Linux refuses shifts beyond the width and divisions by 0. */
function immOf(s: Scope, op: Op): number {
  if (op.kind !== 'alu' || op.operand !== 'imm') return 0;
  if (s.verify && SHIFTS.has(op.op)) return s.r.below(op.width);
  if (s.verify && DIVISIONS.has(op.op)) return s.r.nonZero32();
  return s.r.corner32();
}

export function constant(s: Scope): void {
  const op = s.verify ? 'lddw' : s.r.pick(['lddw', 'lddw_btf_id', 'lddw_map_idx', 'lddw_map_idx_value']);
  s.d.lddw(number(s), s.r.corner64(), op);
}
