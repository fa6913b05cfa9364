// Precision tracking (kernel mark_chain_precision, backtrack_insn). A scalar that decided something (a branch, a pointer
// offset, a size) must be compared by pruning. Walking the path backwards from the use, the registers and stack slots the
// value came from are found, and marked precise in every kept state on the way.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { Env } from './env.ts';
import { callTarget, isGlobal, leavesFunction } from './program.ts';
import { type Reg, withPrecision } from './reg.ts';
import type { Reject } from './reject.ts';
import { type Frame, type HistoryEntry, isScalarSpill, type LinkedReg, type State, startsAt } from './state.ts';
import { TraceLog } from './trace_log.ts';

/** Registers and slots that are still to be traced, per frame. */
export class Trace {
  frame: number;
  readonly regs: number[] = [];
  /** Two words of 32 slots per frame. */
  readonly #slots: number[] = [];

  constructor(frame: number) {
    this.frame = frame;
    for (let f = 0; f <= frame; f++) this.clearFrame(f);
  }
  clearFrame(f: number): void {
    this.regs[f] = 0;
    this.#slots[2 * f] = this.#slots[2 * f + 1] = 0;
  }
  get empty(): boolean {
    for (let f = 0; f <= this.frame; f++) if (this.regs[f] !== 0 || this.hasSlots(f)) return false;
    return true;
  }
  has(r: number): boolean {
    return (this.regs[this.frame] & (1 << r)) !== 0;
  }
  /** One of the registers of a mask. */
  hasAny(mask: number): boolean {
    return (this.regs[this.frame] & mask) !== 0;
  }
  set(r: number, f = this.frame): void {
    this.regs[f] |= 1 << r;
  }
  clear(r: number, f = this.frame): void {
    this.regs[f] &= ~(1 << r);
  }
  clearAll(mask: number): void {
    this.regs[this.frame] &= ~mask;
  }
  hasSlot(f: number, spi: number): boolean {
    return (this.#slots[2 * f + (spi >> 5)] & (1 << (spi & 31))) !== 0;
  }
  setSlot(f: number, spi: number): void {
    this.#slots[2 * f + (spi >> 5)] |= 1 << (spi & 31);
  }
  clearSlot(f: number, spi: number): void {
    this.#slots[2 * f + (spi >> 5)] &= ~(1 << (spi & 31));
  }
  hasSlots(f: number): boolean {
    return this.#slots[2 * f] !== 0 || this.#slots[2 * f + 1] !== 0;
  }
  slotWord(f: number, word: 0 | 1): number {
    return this.#slots[2 * f + word];
  }
  slotsOf(f: number): number[] {
    const found: number[] = [];
    for (let word = 0; word < 2; word++) {
      for (let rest = this.#slots[2 * f + word]; rest !== 0; rest &= rest - 1) {
        found.push(32 * word + 31 - Math.clz32(rest & -rest));
      }
    }
    return found;
  }
  enter(): void {
    this.frame++;
    this.clearFrame(this.frame);
  }
  leave(): void {
    this.frame--;
  }
}

/** What can't be traced: everything becomes precise. */
const GIVE_UP = Symbol('give up');
type Outcome = typeof GIVE_UP | undefined;

/** R1 to R5. */
const ARGS = 0b111110;

/** If one of the registers that gained a range together is wanted, all are. */
function spread(t: Trace, hist: HistoryEntry | null): void {
  const linked = hist === null ? null : hist.linked;
  if (!linked) return;
  if (!wantsOneOf(t, linked)) return;
  for (const l of linked) {
    if (l.isReg) t.set(l.at, l.frame);
    else t.setSlot(l.frame, l.at);
  }
}

function wantsOneOf(t: Trace, linked: readonly LinkedReg[]): boolean {
  for (const { frame, isReg, at } of linked) {
    if (frame > t.frame) continue;
    if (isReg ? (t.regs[frame] & (1 << at)) !== 0 : t.hasSlot(frame, at)) return true;
  }
  return false;
}

/** A value in `dst` now came from `from`. */
function replace(t: Trace, dst: number, from: number | null): void {
  if (!t.has(dst)) return;
  t.clear(dst);
  if (from !== null && from !== 10) t.set(from);
}

function traceLoad(t: Trace, insn: Insn, hist: HistoryEntry | null): void {
  if (!t.has(insn.dst)) return;
  t.clear(insn.dst);
  // Only fills from the stack carry a scalar that was known before; other loads are unknown values.
  if (hist !== null && hist.spi >= 0) t.setSlot(hist.frame, hist.spi);
}

function traceStore(t: Trace, insn: Insn, hist: HistoryEntry | null, fromReg: boolean): Outcome {
  // A pointer is never traced as a scalar: the state is confused.
  if (t.has(insn.dst)) return GIVE_UP;
  if (hist === null || hist.spi < 0 || !t.hasSlot(hist.frame, hist.spi)) return undefined;
  t.clearSlot(hist.frame, hist.spi);
  if (fromReg) t.set(insn.src);
  return undefined;
}

function traceLocalCall(env: Env, t: Trace, at: InsnIndex, subseq: InsnIndex): Outcome {
  const target = callTarget(env.prog.insns[at], at);
  if (isGlobal(env, env.prog.subprogOf[target])) {
    // It was not looked into: its result is unknown, and the arguments are gone afterwards.
    t.clear(0);
    return t.hasAny(ARGS) ? GIVE_UP : undefined;
  }
  if (subseq >= 0 && subseq !== target) return GIVE_UP;
  // Going back out of the callee: what it still wants of R1-R5 are the caller's.
  const regs = t.regs[t.frame];
  if ((regs & ~ARGS) !== 0 || t.hasSlots(t.frame) || t.frame === 0) return GIVE_UP;
  t.leave();
  t.regs[t.frame] |= regs;
  return undefined;
}

function traceExit(env: Env, t: Trace, subseq: InsnIndex): Outcome {
  // Going back into a function that a helper called: it returned to the call itself, which reads no R0.
  if (subseq >= 0 && env.prog.ops[subseq]?.kind === 'call' && env.cfg.force[subseq] === 1) {
    t.clearAll(ARGS | 1);
    t.enter();
    return undefined;
  }
  // Going back into a callee from the instruction behind its call.
  if (subseq < 1) return GIVE_UP;
  const call = env.prog.insns[subseq - 1];
  if (call.code !== 0x85 || call.src !== 1) return undefined;
  const wantsR0 = t.has(0);
  t.clear(0);
  if (t.hasAny(ARGS)) return GIVE_UP;
  t.enter();
  if (wantsR0) t.set(0);
  return undefined;
}

/** One step backwards: what was wanted after the instruction, in terms of what was there before it. */
function traceBack(env: Env, at: InsnIndex, subseq: InsnIndex, hist: HistoryEntry | null, t: Trace): Outcome {
  const op = env.prog.ops[at];
  if (op === undefined) return undefined;
  const insn = env.prog.insns[at];
  spread(t, hist);
  let outcome: Outcome;
  switch (op.kind) {
    case 'alu':
      if (!t.has(insn.dst)) break;
      if (op.op === 'mov') replace(t, insn.dst, op.operand === 'reg' ? insn.src : null);
      else if (op.operand === 'reg' && insn.src !== 10) t.set(insn.src);
      break;
    case 'movsx':
    case 'cast':
      replace(t, insn.dst, insn.src);
      break;
    case 'neg':
    case 'end':
    case 'ja':
    case 'may_goto':
      break;
    case 'lddw':
      replace(t, insn.dst, null);
      break;
    case 'ldx':
    case 'load_acq':
      traceLoad(t, insn, hist);
      break;
    case 'stx':
    case 'store_rel':
      outcome = traceStore(t, insn, hist, true);
      break;
    case 'st':
      outcome = traceStore(t, insn, hist, false);
      break;
    case 'atomic': {
      const loads = op.op === 'cmpxchg' ? 0 : op.fetch ? insn.src : -1;
      // A fetch may read a spilled scalar, like a load; otherwise its result is unknown.
      if (loads >= 0 && t.has(loads)) {
        t.clear(loads);
        if (hist !== null && hist.spi >= 0) t.setSlot(hist.frame, hist.spi);
      }
      if (hist !== null && hist.spi >= 0 && loads < 0 && t.hasSlot(hist.frame, hist.spi)) outcome = GIVE_UP;
      break;
    }
    case 'ld_abs':
    case 'ld_ind':
      if (t.has(0)) outcome = GIVE_UP;
      else if (subseq !== at + 1) t.enter();
      break;
    case 'jmp': {
      const two = op.operand === 'reg';
      if (two && (t.has(insn.dst) || t.has(insn.src))) {
        if (!hist?.dstIsStack) t.set(insn.dst);
        if (!hist?.srcIsStack) t.set(insn.src);
      }
      break;
    }
    case 'call':
      if (op.callee === 'local') {
        outcome = traceLocalCall(env, t, at, subseq);
      } else if (env.cfg.force[at] === 1 && at !== subseq - 1) {
        // Out of a function that the helper called: the helper sets its arguments.
        t.clearAll(ARGS);
        if (t.regs[t.frame] !== 0 || t.hasSlots(t.frame) || t.frame === 0) outcome = GIVE_UP;
        else t.leave();
      } else {
        t.clear(0);
        // A helper's arguments are not scalars that flow through it.
        if (t.hasAny(ARGS)) outcome = GIVE_UP;
        else if (leavesFunction(insn) && subseq !== at + 1) t.enter();
      }
      break;
    case 'exit':
      outcome = traceExit(env, t, subseq);
      break;
    default:
      op satisfies never;
  }
  if (outcome === undefined) spread(t, hist);
  return outcome;
}

/**
 * Marks what is still wanted precise in a kept state; what is no scalar there, or precise already, needs no more. Answers
 * whether anything was left to mark.
 */
function markIn(state: State, t: Trace): boolean {
  for (let f = t.frame; f >= 0; f--) {
    const frame = state.frames[f];
    for (let r = 0; r < 10; r++) {
      if ((t.regs[f] & (1 << r)) === 0) continue;
      const reg = frame.regs[r];
      if (reg.kind !== 'scalar' || reg.precise) t.clear(r, f);
      else frame.regs[r] = withPrecision(reg, true);
    }
    markSlots(frame, t, f);
  }
  return !t.empty;
}

function markSlots(frame: Frame, t: Trace, f: number): void {
  if (!t.hasSlots(f)) return;
  for (const spi of t.slotsOf(f)) {
    const slot = frame.stack[spi];
    if (slot === undefined || !isScalarSpill(slot) || slot.reg.precise) t.clearSlot(f, spi);
    else frame.stack[spi] = { types: slot.types, reg: withPrecision(slot.reg, true) };
  }
}

/** Looking at every register and slot of a frame, in steps of backtracking. */
const MARK_COST = 8;

/** Every scalar of every ancestor becomes precise: the fallback that is always right. */
export function markAll(env: Env, from: State): void {
  const say = (text: string) => {
    if (env.log.level === 2) env.log.line(text);
  };
  say(`mark_precise: frame${from.frames.length - 1}: falling back to forcing all scalars precise`);
  for (let st = from.parent; st !== null && !env.allPrecise; st = st.parent) {
    env.traced += MARK_COST * st.frames.length;
    st.frames.forEach((frame, f) => {
      const force = (reg: Reg, name: string): Reg => {
        if (reg.kind !== 'scalar' || reg.precise) return reg;
        say(`force_precise: frame${f}: forcing ${name} to be precise`);
        return withPrecision(reg, true);
      };
      for (let r = 0; r < 10; r++) frame.regs[r] = force(frame.regs[r], `r${r}`);
      frame.stack.forEach((slot, spi) => {
        if (!isScalarSpill(slot) || slot.reg.precise) return;
        frame.stack[spi] = { types: slot.types, reg: force(slot.reg, `fp${-8 * (spi + 1)}`) };
      });
    });
  }
}

/** Traces what is wanted back from where `start` stands. Answers whether anything new became precise. */
export function trace(env: Env, start: State, t: Trace): boolean {
  const say = env.log.level === 2 ? new TraceLog(env, t) : null;
  let changed = false;
  if (env.allPrecise) return false;
  let st: State = start;
  let last = start.insnIdx;
  let subseq: InsnIndex = -1;
  let skip = true;
  while (!t.empty) {
    let newest = st.history;
    say?.state(last, st.firstInsnIdx, subseq);
    // A state made by the entry of a function that was never walked into has nothing before it.
    for (let at = last; at >= 0; ) {
      env.traced++;
      if (env.allPrecise) return changed;
      const hist: HistoryEntry | null = newest !== null && newest.idx === at ? newest : null;
      if (!skip) say?.before(at);
      if (skip) skip = false;
      else if (traceBack(env, at, subseq, hist, t) === GIVE_UP) {
        markAll(env, start);
        return changed;
      }
      if (t.empty) return changed;
      subseq = at;
      if (at === st.firstInsnIdx && startsAt(newest, at)) break;
      if (hist !== null) {
        at = hist.prevIdx;
        newest = hist.older;
      } else {
        at--;
      }
    }
    const { parent } = st;
    if (parent === null) {
      // Arguments of the program itself come from nowhere.
      if (last < 0 && t.frame === 0 && (t.regs[0] & ~ARGS) === 0 && !t.hasSlots(0)) return changed;
      break;
    }
    // The parent was kept just before `first` was executed.
    if (markIn(parent, t)) changed = true;
    say?.parent(parent);
    if (t.empty) return changed;
    subseq = st.firstInsnIdx;
    last = parent.lastInsnIdx;
    st = parent;
  }
  if (!t.empty) markAll(env, start);
  return changed;
}

/** The scalar in register `regno` of the current frame decided something here. */
export function markPrecise(env: Env, regno: number): Reject | null {
  const reg = env.reg(regno);
  if (reg.kind !== 'scalar' || !env.prune) return null;
  const t = new Trace(env.state.frames.length - 1);
  t.set(regno);
  trace(env, env.state, t);
  return null;
}

/** The scalar spilled at `spi` of `frame` decided something here. */
export function markSlotPrecise(env: Env, frame: number, spi: number): void {
  if (!env.prune) return;
  const t = new Trace(env.state.frames.length - 1);
  t.setSlot(frame, spi);
  trace(env, env.state, t);
}
