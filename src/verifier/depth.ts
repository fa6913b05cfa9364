// Stack use over call chains (kernel check_max_stack_depth): the frames of nested calls together must fit in 512 bytes,
// at most 8 of them, and a tail call may only happen where little stack is in use. Larger functions of tracing programs
// without tail calls get stacks of their own (kernel bpf_enable_priv_stack, on x86 and arm64) that don't count.

import { type InsnIndex, LDDW_CODE } from '../isa/insn.ts';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import type { Env } from './env.ts';
import { throws } from './kfunc.ts';
import { callTarget } from './program.ts';
import { denied, invalid, type Reject, tooBig } from './reject.ts';
import { MAX_CALL_FRAMES } from './state.ts';

const MAX_BPF_STACK = 512;
const TAIL_CALL_STACK = 256;
const PRIV_STACK_MIN_SIZE = 64;

const PRIV_STACK_TYPES: readonly number[] = [
  T.BPF_PROG_TYPE_KPROBE,
  T.BPF_PROG_TYPE_TRACEPOINT,
  T.BPF_PROG_TYPE_PERF_EVENT,
  T.BPF_PROG_TYPE_RAW_TRACEPOINT,
];

interface Callee {
  readonly at: InsnIndex;
  readonly callee: number;
  /** Called by the function itself; what runs later has a stack of its own. */
  readonly direct: boolean;
}

/** The function throws an exception at this slot. */
type Throw = InsnIndex;

/** Functions that a function calls or hands to helpers, and where it throws, in the order of its instructions. */
function callees(env: Env, subprog: number): (Callee | Throw)[] {
  const { start, end } = env.prog.subprogs[subprog];
  const out: (Callee | Throw)[] = [];
  for (let i = start; i < end; i++) {
    const insn = env.prog.insns[i];
    if (throws(env.prog.kfuncs.get(i))) out.push(i);
    const direct = insn.code === 0x85 && insn.src === 1;
    if (!direct && !(insn.code === LDDW_CODE && insn.src === 4)) continue;
    const callee = env.prog.subprogOf[callTarget(insn, i)];
    const known = out.some((c) => typeof c !== 'number' && c.callee === callee && c.direct === direct);
    if (!known) out.push({ at: i, callee, direct });
  }
  return out;
}

/** Tracing programs, but for iterators (kernel bpf_enable_priv_stack). */
function mayOwnStacks({ type, attach, prog }: Env): boolean {
  if (prog.input.attachProg !== undefined) return false;
  if (type.id === T.BPF_PROG_TYPE_TRACING) return attach !== BPF_ATTACH_TYPE.BPF_TRACE_ITER;
  return PRIV_STACK_TYPES.includes(type.id);
}

export function checkStackDepth(env: Env): Reject | null {
  const called = env.prog.subprogs.map((_, subprog) => callees(env, subprog));
  const privStack = mayOwnStacks(env) && !env.prog.tailCalls.includes(true);
  /** Per function and number of frames: the most bytes that stood before it where it was fine; there are too many ways to it. */
  const unseen = () => called.map(() => new Array<number>(MAX_CALL_FRAMES + 1).fill(-1));
  const outside = unseen();
  const inCallback = unseen();
  const inHandler = unseen();
  const { exceptionCallback: handler } = env.prog;
  const visit = (subprog: number, before: number, frames: number, calledBack: boolean, root: number): Reject | null => {
    const handles = handler !== 0 && root === handler;
    const inside = calledBack || handles || env.callbacks.has(subprog);
    const fine = handles ? inHandler : inside ? inCallback : outside;
    if (fine[subprog].some((most, f) => f >= frames && most >= before)) return null;
    if (env.prog.tailCalls[subprog] && before >= TAIL_CALL_STACK) {
      return denied(`tail_calls are not allowed when call stack of previous frames is ${before} bytes. Too large`);
    }
    const own = Math.ceil(env.stackDepth[subprog] / 16) * 16;
    const depth = privStack && own >= PRIV_STACK_MIN_SIZE ? before : before + own;
    if (depth > MAX_BPF_STACK) {
      return denied(`combined stack size of ${frames} calls is ${depth}. Too large`);
    }
    for (const call of called[subprog]) {
      if (typeof call === 'number') {
        if (!inside) continue;
        return invalid(`bpf_throw kfunc (insn ${call}) cannot be called from callback subprog ${subprog}`);
      }
      const { at, callee, direct } = call;
      if (direct && callee === handler && handler !== 0)
        return { ...invalid(`insn ${at} cannot call exception cb directly`), unended: true };
      if (!direct && env.asyncCallbacks.has(callee)) continue;
      if (frames >= MAX_CALL_FRAMES) return tooBig(`the call stack of ${frames} frames is too deep !`);
      const reject = visit(callee, depth, frames + 1, inside, root);
      if (reject) return reject;
    }
    if (handles && subprog !== root && env.prog.tailCalls[subprog])
      return invalid('cannot tail call within exception cb');
    fine[subprog][frames] = Math.max(fine[subprog][frames], before);
    return null;
  };
  for (const root of [...new Set([0, handler, ...env.asyncCallbacks])].sort((a, b) => a - b)) {
    const reject = visit(root, 0, 1, false, root);
    if (reject) return reject;
  }
  return null;
}
