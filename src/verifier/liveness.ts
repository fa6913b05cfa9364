// Which registers may still be read after each point (kernel compute_live_registers): a backward dataflow over the
// program, without regard to values. Pruning ignores dead registers. Bit r of the result = register r is live before
// the instruction.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import { LDDW_CODE } from '../isa/insn.ts';
import type { Op } from '../isa/op.ts';
import { helperById } from '../spec/helpers.ts';
import { jumpTarget, type Prog } from './program.ts';

interface UseDef {
  readonly use: number;
  readonly def: number;
}

const R0 = 1;
const CALLER_SAVED = 0b11111; // r0..r4 shifted below: r1..r5
const ARGS = CALLER_SAVED << 1;

const bit = (r: number) => 1 << r;

/** Registers an instruction reads and overwrites. */
function useDef(op: Op | undefined, insn: Insn): UseDef {
  const dst = bit(insn.dst);
  const src = bit(insn.src);
  if (op === undefined) return { use: 0, def: 0 };
  switch (op.kind) {
    case 'alu': {
      const read = op.operand === 'reg' ? src : 0;
      return op.op === 'mov' ? { use: read, def: dst } : { use: read | dst, def: dst };
    }
    case 'movsx':
      return { use: src, def: dst };
    case 'neg':
    case 'end':
      return { use: dst, def: dst };
    case 'jmp':
      return { use: dst | (op.operand === 'reg' ? src : 0), def: 0 };
    case 'ja':
    case 'may_goto':
      return { use: 0, def: 0 };
    case 'lddw':
      return { use: 0, def: dst };
    case 'ldx':
    case 'load_acq':
      return { use: src, def: dst };
    case 'st':
      return { use: dst, def: 0 };
    case 'stx':
    case 'store_rel':
      return { use: dst | src, def: 0 };
    case 'atomic':
      if (op.op === 'cmpxchg') return { use: R0 | dst | src, def: R0 };
      return { use: dst | src, def: op.fetch ? src : 0 };
    case 'ld_abs':
      return { use: bit(6), def: R0 | ARGS };
    case 'ld_ind':
      return { use: bit(6) | src, def: R0 | ARGS };
    case 'exit':
      return { use: R0, def: 0 };
    case 'call': {
      const helper = op.callee === 'helper' ? helperById(insn.imm) : undefined;
      const args = helper === undefined ? 5 : helper.args.length - (helper.dontCare ?? 0);
      return { use: ((1 << args) - 1) << 1, def: R0 | ARGS };
    }
    default:
      return op satisfies never;
  }
}

function successors(prog: Prog, at: InsnIndex): InsnIndex[] {
  const op = prog.ops[at];
  const insn = prog.insns[at];
  if (op?.kind === 'exit') return [];
  const after = at + (insn.code === LDDW_CODE ? 2 : 1);
  const target = jumpTarget(op, insn, at);
  if (target === undefined) return after < prog.insns.length ? [after] : [];
  return op?.kind === 'ja' ? [target] : [after, target];
}

/** Live registers before each slot. */
export function liveRegisters(prog: Prog): Uint16Array {
  const n = prog.insns.length;
  const live = new Uint16Array(n);
  const uses = new Uint16Array(n);
  const defs = new Uint16Array(n);
  const preds: InsnIndex[][] = Array.from({ length: n }, () => []);
  const work: InsnIndex[] = [];
  const queued = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    if (prog.ops[i] === undefined) continue;
    const ud = useDef(prog.ops[i], prog.insns[i]);
    uses[i] = ud.use;
    defs[i] = ud.def;
    for (const s of successors(prog, i)) preds[s].push(i);
    work.push(i);
    queued[i] = 1;
  }
  while (work.length > 0) {
    const i = work.pop()!;
    queued[i] = 0;
    let out = 0;
    for (const s of successors(prog, i)) out |= live[s];
    const before = (out & ~defs[i]) | uses[i];
    if (before === live[i]) continue;
    live[i] = before;
    for (const p of preds[i]) {
      if (!queued[p]) {
        queued[p] = 1;
        work.push(p);
      }
    }
  }
  return live;
}
