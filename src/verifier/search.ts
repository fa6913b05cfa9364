// The search (kernel do_check, is_state_visited): follows every path depth first, keeps states at prune points, and stops
// a path where a kept state covers it. States of one instruction and call site are a list, newest first.

import { disasmInsn, LOG_STYLE } from '../isa/index.ts';
import type { InsnIndex } from '../isa/insn.ts';
import type { Env } from './env.ts';
import { type Exactness, statesEqual } from './equal.ts';
import { frameText, stateText } from './log.ts';
import { propagatePrecision } from './precision.ts';
import { MAX_INSNS } from './program.ts';
import { NOT_INIT } from './reg.ts';
import { invalid, type Reject, tooBig } from './reject.ts';
import { byteType, EMPTY_SLOT, type Frame, frameInsn, isScalarSpill, markStackRead, SLOT, State } from './state.ts';
import { step } from './step.ts';
import { END } from './steps.ts';

interface Kept {
  readonly state: State;
  hits: number;
  misses: number;
}

type Verdict = 'safe' | 'go on' | Reject;

export class Search {
  readonly #env: Env;
  /** Kept states by call site and instruction. */
  readonly #kept = new Map<number, Kept[]>();
  /** Line of source that was printed last. */
  #printedLine: object | null = null;
  /** What the next instruction is printed behind: the whole state, and how the path got there. */
  #printState = true;
  #printFrom = false;

  constructor(env: Env) {
    this.#env = env;
  }

  /** Explores everything. null = no path does anything wrong. */
  run(): Reject | null {
    const env = this.#env;
    for (;;) {
      const reject = this.#path();
      if (reject) return reject;
      this.#finish(env.state);
      const next = env.pending.pop();
      if (next === undefined) return null;
      env.log.cut(next.logPos);
      env.state = next.state;
      env.insnIdx = next.insnIdx;
      env.prevInsnIdx = next.prevInsnIdx;
      this.#printState = this.#printFrom = true;
    }
  }

  /** Follows the current path to its end. */
  #path(): Reject | null {
    const env = this.#env;
    for (;;) {
      env.current = null;
      env.touchedRegs = 0;
      env.touchedSlots[0] = env.touchedSlots[1] = 0;
      if (++env.processed > MAX_INSNS) {
        return tooBig(`BPF program is too large. Processed ${env.processed} insn`);
      }
      env.state.lastInsnIdx = env.prevInsnIdx;
      env.state.insnIdx = env.insnIdx;
      if (!env.prune) env.onState?.(env.insnIdx, picture(env.state), env.pending.length);
      else if (env.cfg.prune[env.insnIdx]) {
        const verdict = this.#visited();
        if (verdict === 'safe') {
          this.#logSafe();
          return null;
        }
        if (verdict !== 'go on') return verdict;
      }
      if (env.cfg.jump[env.insnIdx]) env.remember({});
      env.facts.reached[env.insnIdx] = 1;
      this.#logBefore();
      const frames = env.log.on ? env.state.frames.slice() : [];
      const written = env.log.position;
      const next = step(env);
      if (typeof next !== 'number') return next;
      this.#logAfter(next, frames, written);
      if (next === END) return null;
      env.prevInsnIdx = env.insnIdx;
      env.insnIdx = next;
    }
  }

  /** One path less below each ancestor. */
  #finish(state: State): void {
    for (let st: State | null = state; st !== null; st = st.parent) {
      if (--st.branches > 0) return;
      if (st.evicted) this.#env.keptStates--;
    }
  }

  #key(state: State): number {
    return (state.frame.callsite + 1) * 0x100000 + state.insnIdx;
  }

  #visited(): Verdict {
    const env = this.#env;
    const cur = env.state;
    const key = this.#key(cur);
    let list = this.#kept.get(key);
    if (list === undefined) this.#kept.set(key, (list = []));
    const force = env.testStateFreq || env.cfg.force[env.insnIdx] === 1 || cur.history.length > 40;
    let add = force || (env.jmpsProcessed - env.prevJmpsProcessed >= 2 && env.processed - env.prevProcessed >= 8);
    this.#clean(list, cur);
    let seen = 0;
    for (let i = 0; i < list.length; ) {
      const kept = list[i];
      seen++;
      if (kept.state.branches > 0) {
        const verdict = this.#stillOpen(kept.state, cur);
        if (verdict !== null) return verdict;
        // In a loop, iterations differ: new states too often would not help.
        const early = env.jmpsProcessed - env.prevJmpsProcessed < 20 && env.processed - env.prevProcessed < 100;
        if (!force && early) add = false;
      } else if (this.#covered(kept.state, cur, kept.state.incomplete ? 'range_within' : 'not_exact')) {
        if (kept.state.incomplete) markIncomplete(cur, null);
        kept.hits++;
        return 'safe';
      }
      if (add) kept.misses++;
      const patience = env.cfg.force[env.insnIdx] && kept.state.branches > 0 ? 64 : 3;
      if (kept.misses > kept.hits * patience + patience) {
        list.splice(i, 1);
        // The paths below it still refer to it.
        if (kept.state.branches > 0) kept.state.evicted = true;
        else env.keptStates--;
      } else {
        i++;
      }
    }
    if (seen > env.maxStatesPerInsn) env.maxStatesPerInsn = seen;
    if (add) this.#keep(list, cur);
    return 'go on';
  }

  /** The current path may be going round a loop. */
  #stillOpen(old: State, cur: State): Verdict | null {
    const env = this.#env;
    const mayGoto = env.prog.ops[env.insnIdx]?.kind === 'may_goto';
    if (mayGoto && old.mayGotoDepth !== cur.mayGotoDepth && statesEqual(env, old, cur, 'range_within')) {
      this.#adopt(old);
      markIncomplete(cur, old);
      return 'safe';
    }
    if (callsFunction(env)) {
      if (!statesEqual(env, old, cur, 'range_within')) return null;
      this.#adopt(old);
      markIncomplete(cur, old);
      return 'safe';
    }
    const looping =
      sameRegisters(old, cur) &&
      old.mayGotoDepth === cur.mayGotoDepth &&
      old.callbackUnrollDepth === cur.callbackUnrollDepth;
    if (!looping || !statesEqual(env, old, cur, 'exact')) return null;
    const map = (m: number) => this.#env.mapText(m);
    const loop = invalid(`infinite loop detected at insn ${env.insnIdx}`);
    const states = `cur state:${stateText(cur, map)}\nold state:${stateText(old, map)}`;
    return { code: loop.code, message: `${loop.message}\n${states}`, summary: loop.message };
  }

  #covered(old: State, cur: State, exact: Exactness): boolean {
    if (!statesEqual(this.#env, old, cur, exact)) return false;
    this.#adopt(old);
    return true;
  }

  /** The current path ends in `old`: what that one read and relied on, this one does. */
  #adopt(old: State): void {
    const env = this.#env;
    const { state } = env;
    for (let f = 0; f < state.frames.length; f++) {
      for (let word = 0; word < 2; word++) {
        for (let rest = old.read[f * 2 + word]; rest !== 0; rest &= rest - 1) {
          markStackRead(state, f, word * 32 + (31 - Math.clz32(rest & -rest)));
        }
      }
    }
    if (coversUnwritten(old, state)) env.facts.readsUninitStack = true;
    if (env.cfg.jump[env.insnIdx]) env.remember({});
    propagatePrecision(env, old);
  }

  #keep(list: Kept[], cur: State): void {
    const env = this.#env;
    env.totalStates++;
    env.keptStates++;
    if (env.keptStates > env.peakStates) env.peakStates = env.keptStates;
    env.prevJmpsProcessed = env.jmpsProcessed;
    env.prevProcessed = env.processed;
    forgetPrecision(cur);
    const kept = cur.clone();
    kept.branches = 1;
    cur.parent = kept;
    cur.firstInsnIdx = env.insnIdx;
    cur.history = [];
    env.current = null;
    cur.read.fill(0);
    cur.written.fill(0);
    list.unshift({ state: kept, hits: 0, misses: 0 });
    env.onState?.(env.insnIdx, kept, env.pending.length);
  }

  /** Dead registers and slots of states that are explored to the end never count again. */
  #clean(list: readonly Kept[], cur: State): void {
    const env = this.#env;
    for (const { state } of list) {
      if (state.branches > 0 || state.cleaned || state.frames.length !== cur.frames.length) continue;
      state.cleaned = true;
      state.frames.forEach((frame, f) => {
        const live = env.live[frameInsn(state, f)];
        for (let r = 0; r < 10; r++) if ((live & (1 << r)) === 0) frame.regs[r] = NOT_INIT;
        for (let spi = 0; spi < frame.stack.length; spi++) {
          if (!state.incomplete && (state.read[f * 2 + (spi >> 5)] & (1 << (spi & 31))) === 0)
            frame.stack[spi] = EMPTY_SLOT;
        }
      });
    }
  }

  // --- log --------------------------------------------------------------------------------------------------------

  #logSafe(): void {
    const { log, prevInsnIdx, insnIdx } = this.#env;
    if (log.level < 1) return;
    if (this.#printFrom) log.line(`\nfrom ${prevInsnIdx} to ${insnIdx}: safe`);
    else log.line(`${insnIdx}: safe`);
  }

  #logBefore(): void {
    const env = this.#env;
    const { log, insnIdx } = env;
    if (log.level < 1) return;
    const state = this.#printState || this.#printFrom ? this.#stateText(env.state.frame) : '';
    if (this.#printFrom && log.level > 1) log.line(`\nfrom ${env.prevInsnIdx} to ${insnIdx}:${state}`);
    if (this.#printState) log.line(`${insnIdx}:${state}`);
    this.#printState = this.#printFrom = false;
    const source = env.prog.input.lines && sourceAt(env.prog.input.lines, insnIdx);
    if (source && source !== this.#printedLine) {
      log.line(`; ${source.text.trimStart()} @ ${baseName(source.file)}:${source.line}`);
      this.#printedLine = source;
    }
    log.line(`${insnIdx}: ${disasmInsn(env.prog.insns, insnIdx, LOG_STYLE)}`);
  }

  #stateText(frame: Frame): string {
    return frameText(frame, (m) => this.#env.mapText(m), null);
  }

  /** What the instruction changed; calls and returns show both sides. */
  #logAfter(next: InsnIndex, before: readonly Frame[], position: number): void {
    const env = this.#env;
    const { log } = env;
    if (log.level < 1 || next === END) return;
    const { frames } = env.state;
    if (frames.length > before.length) {
      log.line(`caller:\n${this.#stateText(frames[frames.length - 2])}`);
      log.line(`callee:\n${this.#stateText(env.frame)}`);
      this.#printState = true;
      return;
    }
    if (frames.length < before.length) {
      log.line(`returning from callee:\n${this.#stateText(before[before.length - 1])}`);
      log.line(`to caller at ${next}:\n${this.#stateText(env.frame)}`);
      this.#printFrom = true;
      return;
    }
    const only = { regs: env.touchedRegs, slots: env.touchedSlots };
    const text = frameText(env.frame, (m) => this.#env.mapText(m), only);
    // Behind what tracing wrote, the state has a line of its own, with the number of the instruction it belongs to.
    const jump = env.prog.ops[env.insnIdx]?.kind === 'jmp';
    if (text !== '') log.beside(text, position, jump ? env.insnIdx : next);
  }
}

/** Registers and stack as they are now, without the path that led here. */
function picture(state: State): State {
  const copy = new State(state.frames.map((f) => f.clone()));
  copy.insnIdx = state.insnIdx;
  return copy;
}

/** The states between `cur` and the loop's entry (or the start) depend on reads that are not known yet. */
function markIncomplete(cur: State, entry: State | null): void {
  for (let st = cur.parent; st !== null && st !== entry; st = st.parent) st.incomplete = true;
}

/** Whether the current instruction calls a helper that calls a function of the program. */
function callsFunction(env: Env): boolean {
  return env.prog.ops[env.insnIdx]?.kind === 'call' && env.cfg.force[env.insnIdx] === 1;
}

/** Whether the old path may read stack bytes that it had written and the current one has not. */
function coversUnwritten(old: State, cur: State): boolean {
  return old.frames.some((frame, f) =>
    frame.stack.some((slot, spi) => {
      const now = cur.frames[f].stack[spi] ?? EMPTY_SLOT;
      if (slot.types === 0 || slot === now) return false;
      for (let i = 0; i < 8; i++)
        if (byteType(slot, i) !== SLOT.invalid && byteType(now, i) === SLOT.invalid) return true;
      return false;
    }),
  );
}

/** Cheap test before the exact comparison (kernel states_maybe_looping). */
function sameRegisters(old: State, cur: State): boolean {
  if (old.frames.length !== cur.frames.length) return false;
  const a = old.frame.regs;
  const b = cur.frame.regs;
  for (let r = 0; r < 10; r++) {
    if (a[r] !== b[r] && (a[r].kind !== b[r].kind || a[r].s.umin !== b[r].s.umin || a[r].off !== b[r].off))
      return false;
  }
  return true;
}

/** A kept state starts without precision: what later decides something will mark it (kernel mark_all_scalars_imprecise). */
function forgetPrecision(state: State): void {
  for (const frame of state.frames) {
    frame.regs.forEach((reg, r) => {
      if (reg.precise) frame.regs[r] = { ...reg, precise: false };
    });
    frame.stack.forEach((slot, spi) => {
      if (isScalarSpill(slot) && slot.reg.precise) {
        frame.stack[spi] = { types: slot.types, reg: { ...slot.reg, precise: false } };
      }
    });
  }
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}

/** The source line of a slot: the nearest entry at or before it. */
export function sourceAt<T>(lines: ReadonlyMap<InsnIndex, T>, at: InsnIndex): T | undefined {
  for (let i = at; i >= 0; i--) {
    const line = lines.get(i);
    if (line !== undefined) return line;
  }
  return undefined;
}
