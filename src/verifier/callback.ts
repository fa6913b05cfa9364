// Functions that a helper calls back (kernel push_callback_call, prepare_func_exit). The call is followed both ways: the
// helper returns at once, or it calls the function once more, which comes back to the call instruction. Iterations end
// when a state at the call is covered by one of an earlier iteration.

import type { InsnIndex } from '../isa/insn.ts';
import { dynptrReg } from './dynptr_slots.ts';
import type { Env } from './env.ts';
import { compareWithProto } from './global_func.ts';
import { fieldBehind, nodeReg, nonOwning } from './object.ts';
import { markPrecise } from './precision.ts';
import { isNull, makeReg, NOT_INIT, type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { denied, invalid, type Reject, refused, tooBig, tooManyBranches } from './reject.ts';
import { rangeText } from './return_code.ts';
import { Frame, MAX_CALL_FRAMES } from './state.ts';
import { widen } from './widen.ts';

/** Argument registers of the function, from those of the helper's caller. */
type Arguments = (env: Env, caller: readonly Reg[]) => readonly Reg[];

interface CallbackRow {
  readonly args: Arguments;
  /** A register that decides, where it is 0, whether Linux inlines the call. */
  readonly inlinedIfZero?: number;
  /** Largest number of calls, where an argument of the helper says it; that register decides, so it is precise. */
  readonly limit?: (caller: readonly Reg[]) => { readonly regno: number; readonly max: bigint };
}

/** A map, and the key and value of one of its elements. */
export function elementOf(env: Env, map: number): Reg[] {
  return [
    makeReg({ kind: 'map_ptr', map }),
    makeReg({ kind: 'map_key', map, size: env.map(map).keySize }),
    makeReg({ kind: 'map_value', map }),
  ];
}

/** Helpers that call a function of the program while they run. */
const CALLBACKS: Readonly<Record<string, CallbackRow>> = {
  bpf_loop: {
    args: (_env, caller) => [UNKNOWN_SCALAR, caller[3]],
    inlinedIfZero: 4,
    limit: (caller) => ({ regno: 1, max: caller[1].s.umax }),
  },
  bpf_for_each_map_elem: {
    args: (env, caller) => [caller[1], ...elementOf(env, caller[1].map).slice(1), caller[3]],
  },
  bpf_rbtree_add_impl: {
    args: (env, caller) => {
      const node = nonOwning(env, nodeReg(fieldBehind(env, caller[1], 'bpf_rb_root')!));
      return [node, node];
    },
  },
  bpf_find_vma: {
    args: (_env, caller) => [caller[1], makeReg({ kind: 'btf_id', btf: 'vm_area_struct' }), caller[4]],
  },
  bpf_user_ringbuf_drain: {
    args: (env, caller) => [dynptrReg('local', env.newId(), 0), caller[3]],
  },
};

export function callsBack(helper: string): boolean {
  return Object.hasOwn(CALLBACKS, helper);
}

/** Kernel update_loop_inline_state: as long as the call may be inlined, the flags that say so are precise. */
function noteInlining(env: Env, regno: number, target: number): void {
  const first = env.inlined.get(env.insnIdx);
  if (first === NOT_INLINED) return;
  const zero = isNull(env.reg(regno));
  if (zero) markPrecise(env, regno);
  const fits = zero && (first === undefined || first === target);
  env.inlined.set(env.insnIdx, fits ? target : NOT_INLINED);
}
const NOT_INLINED = -1;

/** Queues one more call of the function at slot `target`, unless the limit is reached. The current path skips it. */
export function pushCallback(env: Env, helper: string, target: number): Reject | null {
  const row = CALLBACKS[helper];
  const caller = env.frame;
  const flag = row.inlinedIfZero;
  if (flag !== undefined) noteInlining(env, flag, target);
  if (row.limit !== undefined) {
    const { regno, max } = row.limit(caller.regs);
    // A pointer says nothing about the number of calls. These are Linux's words.
    if (caller.regs[regno].kind !== 'scalar') return refused('EFAULT', 'verifier bug: backtracking misuse');
    const reject = markPrecise(env, regno);
    if (reject) return reject;
    if (BigInt(caller.callbackDepth) >= max) {
      caller.callbackDepth = 0;
      if (env.log.level === 2) env.log.line(`frame${env.state.frames.length - 1} ${helper} iteration limit reached`);
      return null;
    }
  }
  const subprog = env.prog.subprogOf[target];
  compareWithProto(env, subprog);
  env.callbacks.add(subprog);
  const { length } = env.state.frames;
  if (length >= MAX_CALL_FRAMES) return tooBig(`the call stack of ${length + 1} frames is too deep`);
  const state = env.push(target);
  if (state === null) return tooManyBranches(env.pending.length);
  const regs = new Array<Reg>(11).fill(NOT_INIT);
  for (const [i, reg] of row.args(env, caller.regs).entries()) regs[i + 1] = reg;
  regs[10] = makeReg({ kind: 'fp', frame: length });
  state.frame.callbackDepth++;
  const frame = new Frame(regs, [], env.insnIdx, length, subprog);
  frame.isCallback = true;
  state.frames.push(frame);
  state.callbackUnrollDepth++;
  env.touchAll();
  caller.callbackDepth = 0;
  return null;
}

/** The function returns to the helper: its result says go on (0) or stop (1). */
export function checkCallbackResult(env: Env, r0: Reg): Reject | null {
  if (r0.kind !== 'scalar') return denied('R0 not a scalar value');
  const reject = markPrecise(env, 0);
  if (reject) return reject;
  const { smin, smax } = r0.s;
  if (smin >= 0n && smax <= 1n) return null;
  return invalid(`At callback return the register R0 has${rangeText(r0.s)} should have been in [0, 1]`);
}

/** A function returned to its helper's call: what changed since the last iteration and decided nothing may be anything. */
export function afterCallback(env: Env, at: InsnIndex): void {
  const old = env.earlierRound(env.state.parent, env.state, at);
  if (old !== null) widen(old, env.state);
}
