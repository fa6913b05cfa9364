// Ways out of a function (kernel prepare_func_exit): its exit, and the instructions that may leave it on their own, which
// are followed both ways: a tail call that succeeds, a packet load that fails.

import { checkCallbackResult } from './callback.ts';
import type { Env } from './env.ts';
import type { Reg } from './reg.ts';
import { invalid, tooManyBranches } from './reject.ts';
import type { Next } from './steps.ts';

/** Out of a function that was called, with R0 as it is. */
export function leaveFunction(env: Env): Next {
  const { frames } = env.state;
  const r0 = env.reg(0);
  if (env.prune) env.stackLive.update(env.state);
  if (r0.kind === 'fp') return invalid('cannot return stack pointer to the caller');
  if (env.frame.isCallback) {
    const bad = env.read(0) ?? checkCallbackResult(env, r0);
    if (bad) return bad;
    return frames.pop()!.callsite;
  }
  const callee = frames.pop()!;
  env.setReg(0, r0);
  env.touchedRegs = 1;
  return callee.callsite + 1;
}

/** The instruction goes on behind itself, or out of the function with `r0`; `left`: what else that changes. */
export function mayLeaveFunction(env: Env, r0: Reg, left: (env: Env) => void = () => {}): Next {
  if (env.push(env.insnIdx + 1) === null) return tooManyBranches(env.pending.length);
  left(env);
  env.setReg(0, r0);
  env.touchReg(0);
  return leaveFunction(env);
}
