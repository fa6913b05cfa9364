// Pass `selects`: a conditional jump over a few instructions that only compute becomes a choice between values.
//
//   if r1 > r2 goto s         the block that is jumped over runs in any case, and each register it writes
//   r3 = r4                   is then chosen: r3 = r1 > r2 ? r3 : r4
//   s: ...
//
// That is what clang's BPF target makes of its own selects (BPF has none), and what its native targets make conditional
// moves of: no jump that can be mispredicted. Only what can't fail and is quick is executed without need.

import type { InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import { defOf } from './bits.ts';
import type { Compilation, Fn } from './compilation.ts';
import { DEAD } from './demand.ts';
import { RESULT } from './narrow.ts';

/** Instructions that are executed without need, and values that are chosen. */
const MAX_INSNS = 3;
const MAX_VALUES = 2;

/** By block: the block that its jump goes around and that is executed with it, and what is chosen then. */
export type Selects = ReadonlyMap<number, Select>;

export interface Select {
  readonly over: number;
  /** Where both ways meet. */
  readonly next: number;
  /** The block is jumped over when the jump is taken (else: when it is not). */
  readonly whenTaken: boolean;
  readonly vregs: readonly number[];
}

export const NO_SELECTS: Selects = new Map();

export function selects(c: Compilation): void {
  for (const fn of c.fns) if (fn.parts === null) fn.selects = selectsOf(c, fn);
}

function selectsOf(c: Compilation, fn: Fn): Selects {
  const found = new Map<number, Select>();
  fn.cfg.blocks.forEach(({ last, taken, fall }, i) => {
    if (taken < 0 || fall < 0 || c.ops[last]?.kind !== 'jmp') return;
    const select = around(c, fn, fall, taken, true) ?? around(c, fn, taken, fall, false);
    if (select !== null) found.set(i, select);
  });
  return found;
}

/** The choice, if the jump goes around `over` to `next`. */
function around(c: Compilation, fn: Fn, over: number, next: number, whenTaken: boolean): Select | null {
  const { start, last, preds, succs } = fn.cfg.blocks[over];
  if (preds.length !== 1 || succs.length !== 1 || succs[0] !== next || last - start > 2 * MAX_INSNS) return null;
  const vregs = new Set<number>();
  let insns = 0;
  for (let at = start; at <= last; at++) {
    const op = c.ops[at];
    if (op === undefined || op.kind === 'ja') continue;
    if (fn.idioms.kept.has(at)) return null;
    if (fn.widths!.result[at - fn.start] === RESULT.dead) continue;
    if (!isQuick(fn, at, op) || ++insns > MAX_INSNS) return null;
    vregs.add(defOf(fn, at, c.insns[at], op));
  }
  const needs = (v: number) => fn.widths!.needs[next * fn.vregs + v] !== DEAD;
  const chosen = [...vregs].filter(needs);
  return insns === 0 || chosen.length > MAX_VALUES ? null : { over, next, whenTaken, vregs: chosen };
}

/** An instruction that writes a register or a slot that lives in a local, can't fail, and takes a cycle or two. */
function isQuick(fn: Fn, at: InsnIndex, op: Op): boolean {
  switch (op.kind) {
    case 'alu':
      return op.op !== 'div' && op.op !== 'sdiv' && op.op !== 'mod' && op.op !== 'smod' && !fn.idioms.at.has(at);
    case 'movsx':
    case 'neg':
    case 'lddw':
      return true;
    case 'ldx':
    case 'st':
    case 'stx':
      return fn.slots[at - fn.start] > 0;
    default:
      return false;
  }
}
