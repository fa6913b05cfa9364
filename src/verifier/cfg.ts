// Control-flow check (kernel check_cfg): every instruction must be reachable, no jump may land inside an lddw. On the way
// it notes where the search will look for an equivalent state (prune points) and where the path to an instruction is
// not simply the one before it (jump points).

import type { InsnIndex } from '../isa/insn.ts';
import { LDDW_CODE } from '../isa/insn.ts';
import { helperById } from '../spec/helpers.ts';
import { KF } from '../spec/kfuncs.ts';
import { runsLater } from './async_callback.ts';
import { callsBack } from './callback.ts';
import { hasFlag } from './kfunc.ts';
import { callTarget, jumpTarget, type Prog } from './program.ts';
import { invalid, type Reject } from './reject.ts';

export interface Cfg {
  readonly prune: Uint8Array;
  readonly jump: Uint8Array;
  /** Instructions where a state is always kept: 1 = may_goto, helpers that call back; NEXT_OF_ITERATOR. */
  readonly force: Uint8Array;
}

export const NEXT_OF_ITERATOR = 2;

interface Edges {
  readonly next: readonly InsnIndex[];
  readonly branches: readonly InsnIndex[];
}

function insnLength(prog: Prog, at: InsnIndex): number {
  return prog.insns[at].code === LDDW_CODE ? 2 : 1;
}

/** Where control goes from `at`, split as the kernel explores it; also sets the marks of the instruction. */
function edgesOf(prog: Prog, at: InsnIndex, cfg: Cfg): Edges {
  const op = prog.ops[at];
  const insn = prog.insns[at];
  const after = at + insnLength(prog, at);
  if (op === undefined) return { next: [after], branches: [] };
  switch (op.kind) {
    case 'exit':
      return { next: [], branches: [] };
    case 'call': {
      cfg.prune[after] = 1;
      cfg.jump[after] = 1;
      const kfunc = prog.kfuncs.get(at);
      const name = kfunc?.name ?? (op.callee === 'helper' ? (helperById(insn.imm)?.name ?? '') : '');
      if (callsBack(name)) cfg.prune[at] = cfg.jump[at] = cfg.force[at] = 1;
      if (runsLater(name)) cfg.prune[at] = 1;
      if (kfunc !== undefined && hasFlag(kfunc, KF.ITER_NEXT)) {
        cfg.prune[at] = 1;
        cfg.force[at] = NEXT_OF_ITERATOR;
      }
      if (op.callee !== 'local') return { next: [after], branches: [] };
      cfg.prune[at] = 1;
      return { next: [after], branches: [callTarget(insn, at)] };
    }
    case 'lddw': {
      if (op.pseudo !== 'func') return { next: [after], branches: [] };
      cfg.prune[after] = 1;
      cfg.jump[after] = 1;
      cfg.prune[at] = 1;
      return { next: [after], branches: [callTarget(insn, at)] };
    }
    case 'ja': {
      const target = jumpTarget(op, insn, at)!;
      cfg.prune[target] = 1;
      cfg.jump[target] = 1;
      return { next: [target], branches: [] };
    }
    case 'jmp':
    case 'may_goto': {
      cfg.prune[at] = 1;
      if (op.kind === 'may_goto') cfg.force[at] = 1;
      return { next: [after], branches: [jumpTarget(op, insn, at)!] };
    }
    default:
      return { next: [after], branches: [] };
  }
}

/** Marks and reachability, or the first thing Linux would complain about. */
export function checkCfg(prog: Prog): Cfg | Reject {
  const n = prog.insns.length;
  const cfg: Cfg = { prune: new Uint8Array(n + 2), jump: new Uint8Array(n + 2), force: new Uint8Array(n + 2) };
  const seen = new Uint8Array(n);
  const handler = prog.subprogs[prog.exceptionCallback].start;
  const todo: InsnIndex[] = [handler, 0];
  seen[0] = seen[handler] = 1;
  while (todo.length > 0) {
    const at = todo.pop()!;
    const { next, branches } = edgesOf(prog, at, cfg);
    for (const target of branches) {
      cfg.prune[target] = 1;
      cfg.jump[target] = 1;
    }
    for (const target of [...next, ...branches]) {
      if (target < 0 || target >= n) return invalid(`jump out of range from insn ${at} to ${target}`);
      if (seen[target]) continue;
      seen[target] = 1;
      todo.push(target);
    }
  }
  for (let i = 0; i < n; i++) {
    if (!seen[i]) return invalid(`unreachable insn ${i}`);
    if (prog.insns[i].code === LDDW_CODE) {
      if (seen[i + 1]) return invalid(`jump into the middle of ldimm64 insn ${i}`);
      i++;
    }
  }
  return cfg;
}
