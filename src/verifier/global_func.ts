// Global functions (kernel btf_prepare_func_args, btf_check_subprog_call, do_check_subprogs). They are verified on their
// own, for any arguments that fit their prototype; a call only checks that its arguments do, and gives an unknown number.

import type { FuncProto } from '../spec/func_proto.ts';
import { helperById } from '../spec/helpers.ts';
import { KF } from '../spec/kfuncs.ts';
import { PROG_FLAGS } from '../uapi/prog_flags.ts';
import type { Env } from './env.ts';
import { anyOf, checkArgument, rulesOf } from './func_args.ts';
import { hasFlag, throws } from './kfunc.ts';
import { callTarget, isReject, type Prog } from './program.ts';
import { checkLeaks, locksHeld } from './refs.ts';
import { makeReg, NOT_INIT, type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { explain, invalid, type Reject } from './reject.ts';
import { noSleepIn } from './sections.ts';
import { Frame, State } from './state.ts';
import { clearCallerSaved, forgetPackets } from './steps.ts';

export function protoOf(env: Env, subprog: number): FuncProto | undefined {
  return env.prog.input.prototypes?.get(env.prog.subprogs[subprog].start);
}

/** Do the registers fit the prototype? Static functions are looked into anyway: a mismatch is only a line of the log. */
function checkArguments(env: Env, subprog: number): Reject | null {
  const proto = protoOf(env, subprog);
  if (proto === undefined) return null;
  const rules = rulesOf(env, proto);
  if (rules === null || isReject(rules)) return rules;
  for (const [i, rule] of rules.entries()) {
    const bad = checkArgument(env, i, rule);
    if (bad) return bad;
  }
  return null;
}

/** A call of a static function, which is followed: what the kernel says of its types. */
export function compareWithProto(env: Env, subprog: number): void {
  if (env.mistyped.has(subprog)) return;
  const bad = checkArguments(env, subprog);
  if (bad === null) return;
  env.mistyped.add(subprog);
  for (const line of bad.message.split('\n')) env.log.line(line);
}

/** A call of a global function. */
export function callGlobal(env: Env, subprog: number): Reject | null {
  const name = protoOf(env, subprog)!.name;
  const bad = checkArguments(env, subprog);
  if (locksHeld(env.state)) {
    const why = invalid('global function calls are not allowed while holding a lock,');
    return explain(why, 'use static function instead');
  }
  const effects = effectsOf(env.prog, subprog);
  if (effects.mightSleep && (!env.sleepable || noSleepIn(env.state) !== null)) {
    const why = invalid('global functions that may sleep are not allowed in non-sleepable context,');
    return explain(
      explain(why, 'i.e., in a RCU/IRQ/preempt-disabled section, or in'),
      'a non-sleepable BPF program context',
    );
  }
  if (bad) return explain(bad, `Caller passes invalid args into func#${subprog} ('${name}')`);
  // Linux 6.18 does not ask what would be lost.
  const lost = effects.throws ? checkLeaks(env, 'bpf_throw', true) : null;
  if (lost) return lost;
  env.log.line(`Func#${subprog} ('${name}') is global and assumed valid.`);
  env.calledGlobals.add(subprog);
  if (effects.changesPacket) forgetPackets(env);
  clearCallerSaved(env);
  env.setReg(0, UNKNOWN_SCALAR);
  return null;
}

interface Effects {
  changesPacket: boolean;
  mightSleep: boolean;
  throws: boolean;
}

/** What a function and those it calls may do (kernel mark_subprog_changes_pkt_data, mark_subprog_might_sleep). */
export function effectsOf(prog: Prog, subprog: number): Effects {
  const effects = { changesPacket: false, mightSleep: false, throws: false };
  const seen = new Set([subprog]);
  for (const s of seen) {
    const { start, end } = prog.subprogs[s];
    for (let i = start; i < end; i++) {
      const insn = prog.insns[i];
      const op = prog.ops[i];
      const local = op?.kind === 'call' && op.callee === 'local';
      if (local || (op?.kind === 'lddw' && op.pseudo === 'func')) seen.add(prog.subprogOf[callTarget(insn, i)]);
      const kfunc = prog.kfuncs.get(i);
      if (kfunc && hasFlag(kfunc, KF.SLEEPABLE)) effects.mightSleep = true;
      if (throws(kfunc)) effects.throws = true;
      if (kfunc?.name === 'bpf_xdp_pull_data') effects.changesPacket = true;
      if (op?.kind !== 'call' || op.callee !== 'helper') continue;
      const helper = helperById(insn.imm);
      if (helper?.changesPacket) effects.changesPacket = true;
      if (helper?.mightSleep) effects.mightSleep = true;
    }
  }
  return effects;
}

/** What Linux says of the types of the program's entry, which it does not use otherwise. */
export function compareEntry(env: Env): void {
  const proto = protoOf(env, 0);
  const rules = proto && rulesOf(env, proto);
  if (rules && isReject(rules)) env.log.line(rules.message);
}

/** Whether the program's entry has the type that all programs have. */
export function onlyTakesCtx(env: Env): boolean {
  const proto = protoOf(env, 0);
  const rules = proto === undefined ? null : rulesOf(env, proto);
  return rules !== null && !isReject(rules) && rules.length === 1 && rules[0].kind === 'ctx';
}

/** Before the walk of a global function: can it be verified by its prototype? */
export function checkEntry(env: Env, subprog: number): Reject | null {
  const proto = protoOf(env, subprog)!;
  env.log.line(`Validating ${proto.name}() func#${subprog}...`);
  const rules = rulesOf(env, proto);
  if (rules === null || isReject(rules)) return rules;
  if (subprog === 0 || subprog !== env.prog.exceptionCallback || (rules.length === 1 && rules[0].kind === 'scalar'))
    return null;
  return invalid('exception cb only supports single integer argument');
}

/** The state in which a global function starts: any arguments of its types. */
export function entryState(env: Env, subprog: number): State {
  const rules = rulesOf(env, protoOf(env, subprog)!);
  const regs = new Array<Reg>(11).fill(NOT_INIT);
  regs[10] = makeReg({ kind: 'fp' });
  if (rules !== null && !isReject(rules))
    rules.forEach((rule, i) => {
      regs[i + 1] = anyOf(env, rule);
    });
  const state = new State([new Frame(regs, [], -1, 0, subprog)]);
  state.firstInsnIdx = env.prog.subprogs[subprog].start;
  state.inSleepable = (env.prog.input.flags & PROG_FLAGS.BPF_F_SLEEPABLE) !== 0;
  return state;
}
