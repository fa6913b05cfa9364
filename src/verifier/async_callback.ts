// Functions that run later, when a timer fires or a task is interrupted (kernel push_async_cb): each is followed as a path of
// its own, on an empty stack, from where it is handed to a helper. The helper's caller goes on as after any call.

import { elementOf } from './callback.ts';
import type { Env } from './env.ts';
import { compareWithProto } from './global_func.ts';
import { makeReg, NOT_INIT, type Reg } from './reg.ts';
import { type Reject, refused } from './reject.ts';
import { S32_MAX, S32_MIN } from './scalar.ts';
import { Frame, State } from './state.ts';

interface AsyncRow {
  /** Argument registers of the function, from those of the helper's caller. */
  readonly args: (env: Env, caller: readonly Reg[]) => readonly Reg[];
  /** What it may return. */
  readonly returns: readonly [min: number, max: number];
  readonly sleeps: boolean;
}

/** Of struct bpf_task_work; the map is in R3. What it returns nobody reads. */
const TASK_WORK: AsyncRow = {
  args: (env, caller) => elementOf(env, caller[3].map),
  returns: [S32_MIN, S32_MAX],
  sleeps: true,
};

const ASYNC: Readonly<Record<string, AsyncRow>> = {
  bpf_timer_set_callback: {
    args: (env, caller) => elementOf(env, caller[1].map),
    returns: [0, 0],
    sleeps: false,
  },
  bpf_wq_set_callback_impl: {
    args: (env, caller) => elementOf(env, caller[1].map),
    returns: [0, 0],
    sleeps: true,
  },
  bpf_task_work_schedule_signal_impl: TASK_WORK,
  bpf_task_work_schedule_resume_impl: TASK_WORK,
};

export function runsLater(helper: string): boolean {
  return Object.hasOwn(ASYNC, helper);
}

/** Queues the function at slot `target`. */
export function pushAsync(env: Env, helper: string, target: number): Reject | null {
  const row = ASYNC[helper];
  const subprog = env.prog.subprogOf[target];
  compareWithProto(env, subprog);
  const regs = new Array<Reg>(11).fill(NOT_INIT);
  for (const [i, reg] of row.args(env, env.frame.regs).entries()) regs[i + 1] = reg;
  regs[10] = makeReg({ kind: 'fp' });
  const frame = new Frame(regs, [], -1, 0, subprog);
  frame.async = { returns: row.returns, entries: (env.frame.async?.entries ?? 0) + 1 };
  const state = new State([frame]);
  state.inSleepable = row.sleeps;
  env.callbacks.add(subprog);
  env.asyncCallbacks.add(subprog);
  env.touchAll();
  if (env.pushState(state, target)) return null;
  return refused('EFAULT', `The sequence of ${env.pending.length} jumps is too complex for async cb.`);
}
