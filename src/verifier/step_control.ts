// Steps of control flow: jumps, calls of helpers and functions, returns, the end of the program.

import type { Insn } from '../isa/insn.ts';
import type { Env } from './env.ts';
import { callGlobal, compareWithProto } from './global_func.ts';
import { helperCall } from './helper_call.ts';
import { conditionalJump } from './jump.ts';
import { throws } from './kfunc.ts';
import { kfuncCall } from './kfunc_call.ts';
import { leaveFunction, mayLeaveFunction } from './leave.ts';
import { callTarget, isGlobal, leavesFunction } from './program.ts';
import { checkLeaks, locksHeld } from './refs.ts';
import { makeReg, NOT_INIT, type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { invalid, tooBig, tooManyBranches } from './reject.ts';
import { checkReturnCode } from './return_code.ts';
import { Frame, MAX_CALL_FRAMES } from './state.ts';
import { clearCallerSaved, END, forgetPackets, type Next, type Of, reserved } from './steps.ts';
import { widen } from './widen.ts';

export function jmp(env: Env, op: Of<'jmp'>, insn: Insn): Next {
  env.jmpsProcessed++;
  return conditionalJump(env, op, insn);
}

export function ja(env: Env, op: Of<'ja'>, insn: Insn): Next {
  env.jmpsProcessed++;
  if (insn.src !== 0 || insn.dst !== 0 || (op.wide ? insn.off : insn.imm) !== 0) return reserved('BPF_JA');
  return env.insnIdx + 1 + (op.wide ? insn.imm : insn.off);
}

export function mayGoto(env: Env, _op: Of<'may_goto'>, insn: Insn): Next {
  env.jmpsProcessed++;
  if (insn.dst !== 0 || insn.src !== 0 || insn.imm !== 0) return reserved('BPF_JCOND');
  // Staying in the loop is the other branch: it is one iteration deeper.
  const other = env.push(env.insnIdx + 1);
  if (other === null) return tooManyBranches(env.pending.length);
  other.mayGotoDepth++;
  // The nearest kept state is the one of right here; the one before it belongs to the last iteration.
  const old = env.earlierRound(env.state.parent?.parent ?? null, other, env.insnIdx);
  if (old !== null) widen(old, other);
  return env.insnIdx + 1 + insn.off;
}

const SPIN_UNLOCK = 94;

export function call(env: Env, op: Of<'call'>, insn: Insn): Next {
  env.jmpsProcessed++;
  if (insn.dst !== 0 || (op.callee !== 'kfunc' && insn.off !== 0)) return reserved('BPF_CALL');
  const unlocks = op.callee === 'helper' && insn.imm === SPIN_UNLOCK;
  const kfunc = env.prog.kfuncs.get(env.insnIdx);
  if (op.callee !== 'local' && !unlocks && !kfunc?.underLock && locksHeld(env.state)) {
    return invalid('function calls are not allowed while holding a lock');
  }
  switch (op.callee) {
    case 'local':
      return localCall(env, insn);
    case 'helper':
      return helperCall(env, insn.imm) ?? afterHelper(env, insn);
    case 'kfunc':
      return kfuncCall(env, kfunc) ?? (throws(kfunc) ? thrown(env) : env.insnIdx + 1);
    case 'callx':
      return invalid('unknown opcode 8d');
    default:
      return op.callee satisfies never;
  }
}

/** The program that a tail call of a function goes to returns to the function's caller. */
function afterHelper(env: Env, insn: Insn): Next {
  const leaves = leavesFunction(insn) && env.state.frames.length > 1;
  return leaves ? mayLeaveFunction(env, UNKNOWN_SCALAR, forgetPackets) : env.insnIdx + 1;
}

function thrown(env: Env): Next {
  return checkLeaks(env, 'bpf_throw', true) ?? END;
}

function localCall(env: Env, insn: Insn): Next {
  const { frames } = env.state;
  const target = callTarget(insn, env.insnIdx);
  const subprog = env.prog.subprogOf[target];
  if (isGlobal(env, subprog)) return callGlobal(env, subprog) ?? env.insnIdx + 1;
  compareWithProto(env, subprog);
  if (frames.length >= MAX_CALL_FRAMES) return tooBig(`the call stack of ${frames.length + 1} frames is too deep`);
  const caller = env.frame;
  const regs: Reg[] = new Array<Reg>(11).fill(NOT_INIT);
  for (let r = 1; r <= 5; r++) regs[r] = caller.regs[r];
  regs[10] = makeReg({ kind: 'fp', frame: frames.length });
  clearCallerSaved(env);
  frames.push(new Frame(regs, [], env.insnIdx, frames.length, subprog));
  env.stackLive.reset();
  return target;
}

export function exit(env: Env, _op: Of<'exit'>, insn: Insn): Next {
  env.jmpsProcessed++;
  if (insn.imm !== 0 || insn.src !== 0 || insn.dst !== 0 || insn.off !== 0) return reserved('BPF_EXIT');
  if (env.state.frames.length === 1) {
    return checkLeaks(env, 'BPF_EXIT instruction in main prog', true) ?? checkReturnCode(env) ?? END;
  }
  return leaveFunction(env);
}
