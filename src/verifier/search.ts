// The search (kernel do_check, is_state_visited): follows every path depth first, keeps states at prune points, and stops
// a path where a kept state covers it. States of one instruction are in one list, newest first.

import { afterCallback } from './callback.ts';
import { NEXT_OF_ITERATOR } from './cfg.ts';
import type { Env } from './env.ts';
import { sameRegisters, statesEqual } from './equal.ts';
import { goesOn, roundsDiffer } from './iter.ts';
import { stateText } from './log.ts';
import { MAX_INSNS } from './program.ts';
import { propagateBackedges, propagatePrecision } from './propagate.ts';
import { MAX_HELD } from './refs.ts';
import { NOT_INIT, withPrecision } from './reg.ts';
import { invalid, type Reject, refused, tooBig } from './reject.ts';
import { isIncomplete, type SccVisit, SccVisits } from './scc_visit.ts';
import { MAX_STACK_MASKS } from './stack_live.ts';
import { EMPTY_SLOT, frameInsn, State, sameCalls, written } from './state.ts';
import { step } from './step.ts';
import { END, type Next } from './steps.ts';
import { WalkLog } from './walk_log.ts';

interface Kept {
  readonly state: State;
  hits: number;
  misses: number;
}

/** A gigabyte. Only BPF_F_TEST_STATE_FREQ gets there: without it there are at most 125,000 states. */
const MAX_KEPT_WORDS = 1 << 27;

type Verdict = 'safe' | 'go on' | Reject;

export class Search {
  readonly #env: Env;
  /** Kept states by a hash of call site and instruction. */
  readonly #kept = new Map<number, Kept[]>();
  readonly #visits: SccVisits;
  /** Registers and slots of all states that were ever kept. */
  #keptWords = 0;
  readonly #log: WalkLog;

  constructor(env: Env) {
    this.#env = env;
    this.#visits = new SccVisits(env.graph, env.log);
    this.#log = new WalkLog(env);
  }

  /** Explores everything. null = no path does anything wrong. */
  run(): Reject | null {
    const env = this.#env;
    for (;;) {
      const reject = this.#path();
      if (reject) return reject;
      this.#finish(env.state);
      if (env.prune) {
        env.stackLive.update(env.state);
        env.onPathEnd?.();
      }
      const next = env.pop();
      if (next === undefined) return null;
      env.log.cut(next.logPos);
      env.state = next.state;
      env.insnIdx = next.insnIdx;
      env.prevInsnIdx = next.prevInsnIdx;
      this.#log.pathStarts();
    }
  }

  /** Follows the current path to its end. */
  #path(): Reject | null {
    const env = this.#env;
    const { speculation } = env;
    for (;;) {
      env.current = null;
      if (++env.processed > MAX_INSNS) {
        return tooBig(`BPF program is too large. Processed ${env.processed} insn`);
      }
      env.state.lastInsnIdx = env.prevInsnIdx;
      env.state.insnIdx = env.insnIdx;
      if (!env.prune) env.onState?.(env.insnIdx, picture(env.state), env.pending.length, env.stackLive);
      else if (env.cfg.prune[env.insnIdx]) {
        const verdict = this.#visited();
        if (verdict === 'safe') {
          this.#log.safe();
          return null;
        }
        if (verdict !== 'go on') return verdict;
      }
      if (env.cfg.jump[env.insnIdx]) env.rememberStep();
      env.facts.reach(env.insnIdx);
      this.#log.before();
      env.touchedRegs = 0;
      env.touchedSlots[0] = env.touchedSlots[1] = 0;
      const { frame } = env;
      const { length: depth } = env.state.frames;
      const next = this.#step();
      if (next === null) return null;
      if (typeof next !== 'number') return next;
      if (env.stackLive.size > MAX_STACK_MASKS) return refused('ENOMEM', 'too many call chains that use stack');
      if (env.state.held.length > MAX_HELD) return refused('ENOMEM', 'too many references are held');
      this.#log.after(next);
      if (frame.isCallback && env.state.frames.length < depth) afterCallback(env, next);
      if (next === END || (env.state.speculative && speculation.barriersBehind.has(env.insnIdx))) return null;
      env.prevInsnIdx = env.insnIdx;
      env.insnIdx = next;
    }
  }

  /** One instruction. null = a guessed path that a barrier stops. */
  #step(): Next | null {
    const env = this.#env;
    const { speculation, insnIdx } = env;
    const { speculative } = env.state;
    if (speculative && speculation.barriers.has(insnIdx)) return null;
    if (env.prune) env.stackLive.begin(env.state);
    const next = step(env);
    const stopped = speculative && typeof next !== 'number' && speculation.recovers(insnIdx, next);
    if (env.prune && (stopped || typeof next === 'number')) env.stackLive.commit();
    return stopped ? null : next;
  }

  /** One path less below each ancestor. */
  #finish(state: State): void {
    for (let st: State | null = state; st !== null; st = st.parent) {
      if (--st.branches > 0) return;
      const done = this.#visits.exit(st);
      if (done !== null) this.#closeLoop(done);
      if (st.evicted && !isIncomplete(st)) this.#env.keptStates--;
    }
  }

  /** Everything behind the entry of a loop is explored. */
  #closeLoop(visit: SccVisit): void {
    const env = this.#env;
    if (visit.text !== null) env.keptStates -= visit.backedges.length;
    propagateBackedges(env, visit.backedges);
    visit.backedges = [];
  }

  /** States of other places may share the list: as in the kernel, where max_states_per_insn counts them all. */
  #key(state: State): number {
    return ((state.insnIdx ^ state.frame.callsite) >>> 0) % this.#env.prog.insns.length;
  }

  #visited(): Verdict {
    const env = this.#env;
    const cur = env.state;
    const key = this.#key(cur);
    let list = this.#kept.get(key);
    if (list === undefined) this.#kept.set(key, (list = []));
    const force = env.testStateFreq || env.cfg.force[env.insnIdx] !== 0 || cur.historyLength > 40;
    let add = force || (env.jmpsProcessed - env.prevJmpsProcessed >= 2 && env.processed - env.prevProcessed >= 8);
    this.#clean(list, cur);
    let seen = 0;
    for (let i = 0; i < list.length; ) {
      const kept = list[i];
      seen++;
      if (kept.state.insnIdx !== cur.insnIdx) {
        i++;
        continue;
      }
      if (kept.state.branches > 0) {
        const verdict = sameEntry(kept.state, cur) ? this.#stillOpen(kept, cur) : null;
        if (verdict !== null) return verdict;
        // In a loop, iterations differ: new states too often would not help.
        const early = env.jmpsProcessed - env.prevJmpsProcessed < 20 && env.processed - env.prevProcessed < 100;
        if (!force && early) add = false;
      } else {
        const loop = isIncomplete(kept.state);
        if (statesEqual(env, kept.state, cur, loop ? 'range_within' : 'not_exact')) return this.#end(kept, loop);
      }
      if (add) kept.misses++;
      const patience = env.cfg.force[env.insnIdx] && kept.state.branches > 0 ? 64 : 3;
      if (kept.misses > kept.hits * patience + patience) {
        list.splice(i, 1);
        // The paths below it still refer to it.
        if (kept.state.branches > 0) kept.state.evicted = true;
        else if (!isIncomplete(kept.state)) env.keptStates--;
      } else {
        i++;
      }
    }
    if (seen > env.maxStatesPerInsn) env.maxStatesPerInsn = seen;
    if (!add) return 'go on';
    this.#keep(list, cur);
    return this.#keptWords > MAX_KEPT_WORDS ? refused('ENOMEM', 'too many states to keep') : 'go on';
  }

  /** The current path may be going round a loop. */
  #stillOpen(kept: Kept, cur: State): Verdict | null {
    const env = this.#env;
    const old = kept.state;
    const mayGoto = env.prog.ops[env.insnIdx]?.kind === 'may_goto';
    if (mayGoto && old.mayGotoDepth !== cur.mayGotoDepth && statesEqual(env, old, cur, 'range_within')) {
      return this.#end(kept, true);
    }
    if (env.cfg.force[env.insnIdx] === NEXT_OF_ITERATOR) {
      return statesEqual(env, old, cur, 'range_within') && goesOn(env) ? this.#end(kept, true) : null;
    }
    if (callsFunction(env)) return statesEqual(env, old, cur, 'range_within') ? this.#end(kept, true) : null;
    const looping =
      sameRegisters(old, cur) &&
      old.mayGotoDepth === cur.mayGotoDepth &&
      old.callbackUnrollDepth === cur.callbackUnrollDepth;
    if (!looping || !statesEqual(env, old, cur, 'exact') || roundsDiffer(old, cur)) return null;
    const map = (m: number) => this.#env.mapText(m);
    const loop = invalid(`infinite loop detected at insn ${env.insnIdx}`);
    const states = `cur state:${stateText(cur, map)}\nold state:${stateText(old, map)}`;
    return { code: loop.code, message: `${loop.message}\n${states}`, summary: loop.message };
  }

  /** The current path ends in a kept state: what that one relied on, this one does. */
  #end(kept: Kept, loop: boolean): Verdict {
    const env = this.#env;
    const { state } = env;
    kept.hits++;
    if (env.facts.asksForUninit && coversUnwritten(kept.state, state)) env.facts.readsUninitStack = true;
    if (env.cfg.jump[env.insnIdx]) env.rememberStep();
    propagatePrecision(env, kept.state, state);
    if (!loop) return 'safe';
    this.#visits.addBackedge(kept.state, state.clone());
    if (kept.state.visit?.text !== null) this.#count(1);
    return 'safe';
  }

  #count(more: number): void {
    const env = this.#env;
    env.keptStates += more;
    if (env.keptStates > env.peakStates) env.peakStates = env.keptStates;
  }

  #keep(list: Kept[], cur: State): void {
    const env = this.#env;
    env.totalStates++;
    this.#count(1);
    env.prevJmpsProcessed = env.jmpsProcessed;
    env.prevProcessed = env.processed;
    forgetPrecision(cur);
    const kept = cur.clone();
    for (const { regs, stack } of kept.frames) this.#keptWords += regs.length + stack.length;
    kept.branches = 1;
    this.#visits.enter(kept);
    cur.parent = kept;
    cur.firstInsnIdx = env.insnIdx;
    cur.history = null;
    env.current = null;
    list.unshift({ state: kept, hits: 0, misses: 0 });
    env.onState?.(env.insnIdx, kept, env.pending.length, env.stackLive);
  }

  /** Dead registers and slots of states that are explored to the end never count again. */
  #clean(list: readonly Kept[], cur: State): void {
    const env = this.#env;
    for (const { state } of list) {
      if (
        state.branches > 0 ||
        state.cleaned ||
        state.insnIdx !== cur.insnIdx ||
        !sameCalls(state, cur) ||
        isIncomplete(state)
      )
        continue;
      state.cleaned = true;
      state.frames.forEach((frame, f) => {
        const live = env.live[frameInsn(state, f)];
        for (let r = 0; r < 10; r++) if ((live & (1 << r)) === 0) frame.regs[r] = NOT_INIT;
        for (let spi = 0; spi < frame.stack.length; spi++) {
          if (!env.stackLive.alive(state, f, spi)) frame.stack[spi] = EMPTY_SLOT;
        }
      });
    }
  }
}

/** A function that runs later and starts itself again: what looks like a loop is another run. */
function sameEntry(old: State, cur: State): boolean {
  return old.frame.async === null || old.frame.async.entries === cur.frame.async?.entries;
}

/** Registers and stack as they are now, without the path that led here. */
function picture(state: State): State {
  const copy = new State(state.frames.map((f) => f.clone()));
  copy.insnIdx = state.insnIdx;
  return copy;
}

/** Whether the current instruction calls a helper that calls a function of the program. */
function callsFunction(env: Env): boolean {
  return env.prog.ops[env.insnIdx]?.kind === 'call' && env.cfg.force[env.insnIdx] === 1;
}

/** Whether the old path may read stack bytes that it had written and the current one has not. */
function coversUnwritten(old: State, cur: State): boolean {
  for (let f = 0; f < old.frames.length; f++) {
    const { stack } = old.frames[f];
    const now = cur.frames[f].stack;
    for (let spi = 0; spi < stack.length; spi++) {
      const types = spi < now.length ? now[spi].types : 0;
      if ((written(stack[spi].types) & ~written(types)) !== 0) return true;
    }
  }
  return false;
}

/** A kept state starts without precision: what later decides something will mark it (kernel mark_all_scalars_imprecise). */
function forgetPrecision(state: State): void {
  for (const { regs, stack } of state.frames) {
    for (let r = 0; r < 10; r++) regs[r] = withPrecision(regs[r], false);
    for (let spi = 0; spi < stack.length; spi++) {
      const { types, reg } = stack[spi];
      if (reg.precise) stack[spi] = { types, reg: withPrecision(reg, false) };
    }
  }
}
