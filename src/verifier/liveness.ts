// Which registers may still be read after each point (kernel compute_live_registers): a backward dataflow over the
// program, without regard to values. Pruning ignores dead registers. Bit r of the result = register r is live before
// the instruction.

import { effects } from '../analysis/liveness.ts';
import { disasmInsn, LOG_STYLE } from '../isa/index.ts';
import type { Insn } from '../isa/insn.ts';
import { LDDW_CODE } from '../isa/insn.ts';
import type { Op } from '../isa/op.ts';
import { helperById } from '../spec/helpers.ts';
import { jumpTarget, type Prog } from './program.ts';

interface UseDef {
  readonly use: number;
  readonly def: number;
}

/**
 * Registers an instruction reads and overwrites. A helper reads what its prototype checks, as the kernel counts: the
 * engines pass more (unchecked arguments, r0 through a tail call that fails).
 */
function useDef(op: Op | undefined, insn: Insn): UseDef {
  if (op === undefined) return { use: 0, def: 0 };
  const { use, def, clobber } = effects(insn, op);
  const helper = op.kind === 'call' && op.callee === 'helper' ? helperById(insn.imm) : undefined;
  const args = helper && helper.args.length - (helper.dontCare ?? 0);
  return { use: args === undefined ? use : ((1 << args) - 1) << 1, def: def | clobber };
}

/** Live registers before each slot: sweeps from the last slot to the first until nothing changes (one per loop depth). */
export function liveRegisters(prog: Prog): Uint16Array {
  const n = prog.insns.length;
  const live = new Uint16Array(n);
  const uses = new Uint16Array(n);
  const keeps = new Uint16Array(n);
  /** Where control may go besides the next slot; -1 = nowhere. */
  const targets = new Int32Array(n).fill(-1);
  /** Distance to the next slot; 0 = control does not go there. */
  const steps = new Uint8Array(n);
  for (let i = 0; i < n; i++) {
    const op = prog.ops[i];
    if (op === undefined) continue;
    const insn = prog.insns[i];
    const { use, def } = useDef(op, insn);
    uses[i] = use;
    keeps[i] = ~def;
    targets[i] = jumpTarget(op, insn, i) ?? -1;
    const length = insn.code === LDDW_CODE ? 2 : 1;
    if (op.kind !== 'exit' && op.kind !== 'ja' && i + length < n) steps[i] = length;
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = n - 1; i >= 0; i--) {
      const out = (steps[i] !== 0 ? live[i + steps[i]] : 0) | (targets[i] >= 0 ? live[targets[i]] : 0);
      const before = (out & keeps[i]) | uses[i];
      if (before === live[i]) continue;
      live[i] = before;
      changed = true;
    }
  }
  return live;
}

/** The table that the log of level 2 starts with. */
export function liveText(prog: Prog, live: Uint16Array): string[] {
  const lines = ['Live regs before insn:'];
  prog.ops.forEach((op, i) => {
    if (op === undefined) return;
    let marks = '';
    for (let r = 0; r < 10; r++) marks += (live[i] & (1 << r)) !== 0 ? r : '.';
    lines.push(`${String(i).padStart(7)}: ${marks} ${disasmInsn(prog.insns, i, LOG_STYLE)}`);
  });
  return lines;
}
