// Which registers may still be read after each point (kernel compute_live_registers): a backward dataflow over the
// program, without regard to values. Pruning ignores dead registers. Bit r of the result = register r is live before
// the instruction.

import { effects } from '../analysis/liveness.ts';
import { disasmInsn } from '../isa/index.ts';
import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { Op } from '../isa/op.ts';
import { helperOf } from './attach.ts';
import type { Graph } from './graph.ts';
import type { Log } from './log.ts';
import type { Prog } from './program.ts';

interface UseDef {
  readonly use: number;
  readonly def: number;
}

/**
 * Registers an instruction reads and overwrites. A helper reads what its prototype checks, as the kernel counts: the
 * engines pass more (unchecked arguments, r0 through a tail call that fails).
 */
function useDef(prog: Prog, op: Op | undefined, insn: Insn, at: InsnIndex): UseDef {
  if (op === undefined) return { use: 0, def: 0 };
  // The kernel looks no closer at legacy packet loads.
  if (op.kind === 'ld_abs' || op.kind === 'ld_ind') return { use: 0x3ff, def: 0 };
  const { use, def, clobber } = effects(insn, op);
  const kfunc = prog.kfuncs.get(at);
  if (kfunc) return { use: ((1 << (kfunc.row ? kfunc.params.length : 5)) - 1) << 1, def: def | clobber };
  if (op.kind !== 'call' || op.callee !== 'helper') return { use, def: def | clobber };
  const helper = helperOf(prog, insn.imm);
  const args = helper === undefined ? 5 : helper.args.length - (helper.dontCare ?? 0);
  return { use: ((1 << args) - 1) << 1, def: def | clobber };
}

/**
 * Live registers before each slot. Slots are visited in postorder once, and again when what is live behind them has grown:
 * that is at most ten times, one per register, while whole sweeps may be as many as the program has jumps back.
 */
export function liveRegisters(prog: Prog, { next, target, postorder, preds, predsFrom }: Graph): Uint16Array {
  const n = prog.insns.length;
  const live = new Uint16Array(n);
  const uses = new Uint16Array(n);
  const keeps = new Uint16Array(n);
  for (let i = 0; i < n; i++) {
    const { use, def } = useDef(prog, prog.ops[i], prog.insns[i], i);
    uses[i] = use;
    keeps[i] = ~def;
  }
  const visit = (i: InsnIndex): boolean => {
    const out = (next[i] >= 0 ? live[next[i]] : 0) | (target[i] >= 0 ? live[target[i]] : 0);
    const before = (out & keeps[i]) | uses[i];
    if (before === live[i]) return false;
    live[i] = before;
    return true;
  };
  const grown: InsnIndex[] = [];
  for (const i of postorder) if (visit(i)) grown.push(i);
  for (let i = grown.pop(); i !== undefined; i = grown.pop()) {
    for (let k = predsFrom[i]; k < predsFrom[i + 1]; k++) if (visit(preds[k])) grown.push(preds[k]);
  }
  return live;
}

/** The table that the log of level 2 starts with. */
export function liveText(prog: Prog, { scc, loops }: Graph, live: Uint16Array, log: Log): void {
  log.line('Live regs before insn:');
  prog.ops.forEach((op, i) => {
    if (op === undefined) return;
    log.later(() => {
      let marks = '';
      for (let r = 0; r < 10; r++) marks += (live[i] & (1 << r)) !== 0 ? r : '.';
      const loop = scc[i] === 0 || scc[i] > loops ? '' : String(scc[i]);
      return `${loop.padStart(3)} ${String(i).padStart(3)}: ${marks} ${disasmInsn(prog.insns, i, prog.style)}`;
    });
  });
}
