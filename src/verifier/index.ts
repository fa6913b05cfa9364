// The verifier: program in, verdict out. Pure: no clock, no memory, no I/O; the log does not change the verdict.

import { COMMON_TYPES, type KernelTypes } from '../spec/kernel_struct.ts';
import { attachTypeOf, progTypeById } from '../spec/prog_types.ts';
import { BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import { ERRNO } from '../uapi/errno.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import { PROG_FLAGS } from '../uapi/prog_flags.ts';
import { arenaFixups } from './arena.ts';
import { findTarget } from './attach.ts';
import { checkCfg } from './cfg.ts';
import { checkStackDepth } from './depth.ts';
import { diagnose, type Walk } from './diagnose/diagnose.ts';
import { Env, initialRegs, type VerifyOptions } from './env.ts';
import { findExceptionCallback } from './exception.ts';
import { checkBeliefs, checkExtension, extended, typedFuncs } from './extension.ts';
import { checkEntry, compareEntry, entryState, protoOf } from './global_func.ts';
import { buildGraph } from './graph.ts';
import { findKfuncs } from './kfunc.ts';
import { liveRegisters, liveText } from './liveness.ts';
import { Log } from './log.ts';
import { findSubprogs, isGplCompatible, isReject, type Prog, prepare } from './program.ts';
import { NOT_INIT, type Reg } from './reg.ts';
import { invalid, type Reject, refused, summaryOf } from './reject.ts';
import { Search } from './search.ts';
import { Frame, State } from './state.ts';
import type { ProgramInput, VerifierStats, VerifyResult } from './verified.ts';
import { sourceAt } from './walk_log.ts';

export type { Diagnostic, Place, TrailStep } from './diagnose/diagnostic.ts';
export { annotation, diagnosticLine, type RenderOptions, type Role, renderDiagnostic } from './diagnose/render.ts';
export { CLASSES, type DiagnosticClass } from './diagnose/row.ts';
export type { VerifyOptions } from './env.ts';
export type * from './verified.ts';

const NO_STATS: VerifierStats = {
  processed: 0,
  maxStatesPerInsn: 0,
  totalStates: 0,
  peakStates: 0,
  markRead: 0,
  stackDepths: [],
};

function statsOf(env: Env): VerifierStats {
  return {
    processed: env.processed,
    maxStatesPerInsn: env.maxStatesPerInsn,
    totalStates: env.totalStates,
    peakStates: env.peakStates,
    markRead: 0,
    stackDepths: env.stackDepth,
  };
}

/** Linux's closing line of the log. */
export function statsText(s: VerifierStats): string {
  return (
    `processed ${s.processed} insns (limit 1000000) max_states_per_insn ${s.maxStatesPerInsn} ` +
    `total_states ${s.totalStates} peak_states ${s.peakStates} mark_read ${s.markRead}`
  );
}

function rejection(
  input: ProgramInput,
  reject: Reject,
  at: number | null,
  log: Log,
  stats: VerifierStats,
  walk: Walk | null = null,
): VerifyResult {
  const lines = reject.message.split('\n');
  for (const line of lines.slice(0, -1)) log.line(line);
  const last = lines[lines.length - 1];
  if (reject.unended) log.line(last + statsText(stats));
  else for (const line of [last, statsText(stats)]) log.line(line);
  return {
    ok: false,
    log: log.text(),
    stats,
    diagnostics: [diagnose(input, reject, at, walk)],
    error: {
      code: reject.code,
      errno: ERRNO[reject.code],
      message: last,
      summary: summaryOf(reject),
      insn: at,
      source: (at !== null && input.lines && sourceAt(input.lines, at)) || null,
    },
  };
}

function start(prog: Prog): State {
  const regs: Reg[] = new Array<Reg>(11).fill(NOT_INIT);
  initialRegs(prog, regs);
  const state = new State([new Frame(regs, [], -1, 0, 0)]);
  state.inSleepable = (prog.input.flags & PROG_FLAGS.BPF_F_SLEEPABLE) !== 0;
  return state;
}

/** For any arguments of its prototype. */
function walkAsGlobal(env: Env, subprog: number): Reject | null {
  const bad = checkEntry(env, subprog);
  if (bad) return bad;
  env.state = entryState(env, subprog);
  return new Search(env).run();
}

/** Global functions that are called, in order; those that only they call in further rounds (kernel do_check_subprogs). */
function verifyGlobals(env: Env): Reject | null {
  const { log } = env;
  log.cut(0);
  const verified = new Set<number>();
  if (env.prog.exceptionCallback !== 0) env.calledGlobals.add(env.prog.exceptionCallback);
  for (let again = true; again; ) {
    again = false;
    for (const [subprog, { start }] of env.prog.subprogs.entries()) {
      if (!env.calledGlobals.has(subprog) || verified.has(subprog)) continue;
      env.insnIdx = start;
      env.prevInsnIdx = -1;
      const wrong = walkAsGlobal(env, subprog);
      if (wrong) return wrong;
      log.cut(0);
      if (log.on)
        log.line(`Func#${subprog} ('${protoOf(env, subprog)!.name}') is safe for any args that match its prototype`);
      verified.add(subprog);
      again = true;
    }
  }
  return null;
}

/** What Linux refuses before it looks at the instructions. */
function checkLoad({ type, expectedAttachType, flags }: ProgramInput, perfmon: boolean): Reject | null {
  const row = progTypeById(type)!;
  if (row.perfmon && !perfmon) return refused('EPERM', `programs of type ${row.name} need CAP_PERFMON`);
  const attach = attachTypeOf(row, expectedAttachType);
  if (row.attach && !row.attach.includes(attach)) {
    return invalid(`expected_attach_type ${expectedAttachType} is none of ${row.name} programs`);
  }
  const sleepable = (flags & PROG_FLAGS.BPF_F_SLEEPABLE) !== 0;
  if (sleepable && (row.sleepable === undefined || row.neverSleepsAt?.includes(attach))) {
    return invalid('Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable');
  }
  return row.sleepable === 'must' && !sleepable ? invalid('Syscall programs can only be sleepable') : null;
}

/** Where all of them are found, and the functions of the kernel that they call. */
function listFunctions(input: ProgramInput, types: KernelTypes, log: Log): void {
  const handler = findExceptionCallback(input);
  if (handler !== null && typeof handler !== 'number') return;
  const starts = findSubprogs(input.insns, handler);
  if (!Array.isArray(starts) || isReject(findKfuncs(input, types, isGplCompatible(input.license)))) return;
  for (const [i, start] of starts.entries()) log.line(`func#${i} @${start}`);
}

/**
 * Verifies a program as Linux 6.18 does for a privileged user (BPF_PROG_LOAD). Never throws for what is wrong with the
 * program; a program type that beewasm does not have is an UnsupportedError.
 */
export function verify(given: ProgramInput, options: VerifyOptions = {}): VerifyResult {
  if (progTypeById(given.type) === undefined) throw new UnsupportedError(`program type ${given.type}`);
  const input = extended(given);
  const log = new Log(options.logLevel ?? 0);
  const unloadable = checkLoad(given, options.perfmon ?? true);
  if (unloadable) return rejection(input, unloadable, null, log, NO_STATS);
  const { kernelTypes = COMMON_TYPES } = options;
  if (log.level === 2) listFunctions(input, kernelTypes, log);
  const prepared = prepare(input, kernelTypes, options.perfmon);
  if (isReject(prepared)) return rejection(input, prepared, null, log, NO_STATS);
  const cfg = checkCfg(prepared);
  if (isReject(cfg)) return rejection(input, cfg, null, log, NO_STATS);
  const misfit = checkExtension(given, prepared);
  if (misfit) return rejection(input, misfit, null, log, NO_STATS);
  const target = findTarget(input, kernelTypes);
  if (target !== null && isReject(target)) return rejection(input, target, null, log, NO_STATS);
  const prog: Prog = { ...prepared, target };
  const graph = buildGraph(prog, cfg);
  const live = liveRegisters(prog, graph);
  if (log.level === 2) liveText(prog, graph, live, log);
  const env = new Env(prog, cfg, graph, live, start(prog), log, options);
  const replaces = given.type === T.BPF_PROG_TYPE_EXT;
  const believes = replaces ? checkBeliefs(env, given) : null;
  if (believes) return rejection(input, believes, null, log, NO_STATS);
  if (!replaces) compareEntry(env);
  const main = replaces ? walkAsGlobal(env, 0) : new Search(env).run();
  const wrong = main ?? verifyGlobals(env);
  const initial = () => {
    const { subprog } = env.state.frames[0];
    return subprog === 0 && !replaces ? start(prog) : entryState(env, subprog);
  };
  const walk: Walk = { env, initial, options };
  if (wrong) return rejection(input, wrong, env.insnIdx, log, statsOf(env), walk);
  // The index is masked by the size of the one map.
  if (!env.perfmon && env.mixedTailCall !== null)
    return rejection(input, invalid('tail_call abusing map_ptr'), env.mixedTailCall, log, statsOf(env), walk);
  const deep = checkStackDepth(env);
  const stats = statsOf(env);
  if (deep) return rejection(input, deep, null, log, stats, walk);
  log.line(statsText(stats));
  const facts = env.proven.facts();
  const funcs = typedFuncs(env);
  return {
    ok: true,
    log: log.text(),
    stats,
    diagnostics: [],
    verified: {
      name: input.name,
      type: input.type,
      insns: arenaFixups(input, facts),
      subprogs: prog.subprogs,
      maps: input.maps,
      mapRefs: input.mapRefs,
      ...(prog.ksyms.size > 0 ? { ksyms: prog.ksyms } : {}),
      facts,
      attachType: env.attach,
      extends: replaces,
      ...(funcs && { typedFuncs: funcs }),
    },
  };
}
