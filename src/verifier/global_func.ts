// Global functions (kernel btf_prepare_func_args, btf_check_subprog_call, do_check_subprogs). They are verified on their
// own, for any arguments that fit their prototype; a call only checks that its arguments do, and gives an unknown number.

import type { FuncProto, ParamProto, PointedShape } from '../spec/func_proto.ts';
import { helperById } from '../spec/helpers.ts';
import { KF } from '../spec/kfuncs.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import { PROG_FLAGS } from '../uapi/prog_flags.ts';
import { checkDynptr } from './dynptr.ts';
import { dynptrReg } from './dynptr_slots.ts';
import type { Env } from './env.ts';
import { checkMemory } from './helper_mem.ts';
import { hasFlag, throws } from './kfunc.ts';
import { callTarget, isReject, type Prog } from './program.ts';
import { checkLeaks, locksHeld } from './refs.ts';
import { isNull, makeReg, NOT_INIT, notNullReg, type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { explain, invalid, type Reject, refused } from './reject.ts';
import { noSleepIn } from './sections.ts';
import { Frame, State } from './state.ts';
import { clearCallerSaved, forgetPackets } from './steps.ts';
import { checkRegOff } from './unmoved.ts';

/** What an argument must be, from its type. */
type Rule =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'dynptr' }
  /** A pointer into the arena, as a number or not. */
  | { readonly kind: 'arena' }
  | { readonly kind: 'mem'; readonly size: number; readonly maybeNull: boolean };

const MAX_ARGS = 5;
export function protoOf(env: Env, subprog: number): FuncProto | undefined {
  return env.prog.input.prototypes?.get(env.prog.subprogs[subprog].start);
}

/** Kernel btf_type_str. */
export function kindName(kind: string): string {
  return kind === 'void' ? 'UNKNOWN' : kind.toUpperCase();
}

/** `null`: the type says nothing that could be checked, and the function is static: no complaint. */
type Rules = readonly Rule[] | Reject | null;

/** What the arguments must be, by the prototype. */
function rulesOf(env: Env, proto: FuncProto): Rules {
  const global = proto.linkage === 'global';
  const { name, params, returns } = proto;
  if (params.length > MAX_ARGS) {
    return global
      ? invalid(`Global function ${name}() with ${params.length} > ${MAX_ARGS} args. Buggy compiler.`)
      : null;
  }
  if (!isNumber(returns.kind)) {
    return global ? invalid(`Global function ${name}() doesn't return scalar. Only those are supported.`) : null;
  }
  const rules: Rule[] = [];
  for (const [i, param] of params.entries()) {
    const rule = ruleOf(env, proto, i, param);
    if (rule === null || isReject(rule)) return rule;
    rules.push(rule);
  }
  return rules;
}

function isNumber(kind: string): boolean {
  return kind === 'int' || kind === 'enum' || kind === 'enum64';
}

const TAGS: ReadonlySet<string> = new Set(['ctx', 'nonnull', 'nullable', 'trusted', 'untrusted', 'arena']);

function ruleOf(env: Env, proto: FuncProto, i: number, { type, pointsTo, tags }: ParamProto): Rule | Reject | null {
  const global = proto.linkage === 'global';
  if (tags.length > 0 && !global)
    return refused('EOPNOTSUPP', `arg#${i} type tag is not supported in static functions`);
  if (tags.some((t) => !TAGS.has(t))) return refused('EOPNOTSUPP', `arg#${i} has unsupported set of tags`);
  if (pointsTo !== null) {
    const rule = pointerRule(env, i, pointsTo, tags, global);
    if (rule !== null) return rule;
  }
  if (tags.length > 0 && pointsTo === null) return invalid(`arg#${i} has pointer tag, but is not a pointer type`);
  if (isNumber(type.kind)) return { kind: 'scalar' };
  return global ? invalid(`Arg#${i} type ${kindName(type.kind)} in ${proto.name}() is not supported yet.`) : null;
}

function pointerRule(
  env: Env,
  i: number,
  to: PointedShape,
  tags: readonly string[],
  global: boolean,
): Rule | Reject | null {
  const badTags = invalid(`arg#${i} has invalid combination of tags`);
  const tagged = tags.includes('ctx');
  if (tagged || isCtx(env, to)) {
    if (tags.some((t) => t !== 'ctx')) return badTags;
    return (tagged ? checkCtxTag(env, i, to) : null) ?? { kind: 'ctx' };
  }
  if ((to.kind === 'struct' || to.kind === 'fwd') && to.name === 'bpf_dynptr')
    return tags.length > 0 ? badTags : { kind: 'dynptr' };
  const beyond = tags.find((t) => t === 'trusted' || t === 'untrusted');
  if (beyond !== undefined) {
    return invalid(`arg#${i} is a pointer of kind ${beyond}, which beewasm can't follow yet`);
  }
  if (tags.includes('arena')) {
    return tags.length > 1 ? invalid(`arg#${i} arena cannot be combined with any other tags`) : { kind: 'arena' };
  }
  if (!global) return null;
  if (tags.includes('nullable')) return badTags;
  if (to.size === null) {
    return invalid(`arg#${i} reference type('${kindName(to.kind)} ${to.name}') size cannot be determined: -22`);
  }
  return { kind: 'mem', size: to.size, maybeNull: !tags.includes('nonnull') };
}

const USER_REGS = 'bpf_user_pt_regs_t';

/** Pointers to the context are known by the name of its struct (kernel btf_is_prog_ctx_type). */
export function isCtx({ type }: Env, to: PointedShape): boolean {
  if (type.name === 'kprobe') {
    return to.typedefs.includes(USER_REGS) || (to.kind === 'struct' && ['pt_regs', USER_REGS].includes(to.name));
  }
  return to.kind === 'struct' && to.name !== '' && to.name === type.ctx;
}

/** What a tagged pointer to the context may point to where the context has no structure of its own. */
const CTX_SHAPES = {
  words: ({ kind, size }: PointedShape) => kind === 'int' && size === 8,
  raw_args: ({ kind, name }: PointedShape) => kind === 'struct' && name === 'bpf_raw_tracepoint_args',
  iter: ({ kind, name }: PointedShape) => kind === 'struct' && name.startsWith('bpf_iter__'),
} as const;

/** By program type, of tracing programs by attach type. */
const CTX_TYPES: Readonly<Record<string, readonly (keyof typeof CTX_SHAPES)[]>> = {
  raw_tracepoint: ['words'],
  raw_tracepoint_writable: ['words'],
  [`tracing ${AT.BPF_TRACE_RAW_TP}`]: ['words', 'raw_args'],
  [`tracing ${AT.BPF_TRACE_ITER}`]: ['iter'],
  [`tracing ${AT.BPF_TRACE_FENTRY}`]: ['words'],
  [`tracing ${AT.BPF_TRACE_FEXIT}`]: ['words'],
  [`tracing ${AT.BPF_MODIFY_RETURN}`]: ['words'],
  lsm: ['words'],
  struct_ops: ['words'],
};

/** Program types whose context has a struct of that name; others take only `void *` (kernel btf_validate_prog_ctx_type). */
function checkCtxTag(env: Env, i: number, to: PointedShape): Reject | null {
  const { name, ctx, id } = env.type;
  const userRegs = (name === 'kprobe' || name === 'perf_event') && to.typedefs.includes(USER_REGS);
  if (to.kind === 'void' || userRegs || isCtx(env, to)) return null;
  if (to.name === '') return invalid(`arg#${i} type doesn't have a name`);
  const allowed = CTX_TYPES[id === T.BPF_PROG_TYPE_TRACING ? `tracing ${env.attach}` : name] ?? [];
  if (allowed.some((type) => CTX_SHAPES[type](to))) return null;
  return ctx === null || ctx === 'void' || name === 'tracepoint'
    ? invalid(`arg#${i} should be void pointer`)
    : invalid(`arg#${i} should be \`struct ${name === 'kprobe' ? 'pt_regs' : ctx} *\``);
}

function checkArgument(env: Env, i: number, rule: Rule): Reject | null {
  const regno = i + 1;
  const reg = env.reg(regno);
  if (rule.kind === 'scalar') return reg.kind === 'scalar' ? null : invalid(`R${regno} is not a scalar`);
  const moved = checkRegOff(regno, reg);
  if (moved) return moved;
  if (rule.kind === 'ctx') {
    return reg.kind === 'ctx' && !reg.maybeNull ? null : invalid(`arg#${i} expects pointer to ctx`);
  }
  if (rule.kind === 'arena') {
    const fits = reg.kind === 'arena' || reg.kind === 'scalar';
    return fits ? null : invalid(`R${regno} is not a pointer to arena or scalar.`);
  }
  if (rule.kind === 'dynptr') return checkDynptr(env, regno, { type: null });
  // Linux 6.18 takes a constant NULL where the function is verified as if there were none.
  const mayBeNull = reg.maybeNull || isNull(reg);
  return (
    (isNull(reg) ? null : checkPointed(env, regno, reg, rule.size)) ??
    (mayBeNull && !rule.maybeNull ? invalid(`arg#${i} is expected to be non-NULL`) : null)
  );
}

/** The function may read and write all of what the pointer points to; errors become EINVAL. */
function checkPointed(env: Env, regno: number, reg: Reg, size: number): Reject | null {
  if (reg.maybeNull) env.setReg(regno, notNullReg(reg, reg.id));
  const bad =
    checkMemory(env, regno, size, { zeroOk: true, write: false, fill: false }, null, true) ??
    checkMemory(env, regno, size, { zeroOk: true, write: true, fill: false }, null, true);
  if (reg.maybeNull) env.setReg(regno, reg);
  return bad && { ...bad, code: 'EINVAL' };
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

function anyOf(env: Env, rule: Rule): Reg {
  if (rule.kind === 'scalar' || rule.kind === 'arena') return UNKNOWN_SCALAR;
  if (rule.kind === 'ctx') return makeReg({ kind: 'ctx' });
  if (rule.kind === 'dynptr') return dynptrReg('local', env.newId(), 0);
  return makeReg({ ...rule, id: rule.maybeNull ? env.newId() : 0 });
}
