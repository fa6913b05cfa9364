// Which stack slots may still be read (kernel liveness.c): what the instructions of all paths so far read and must have
// written, per call chain, and from it what is live before each instruction. Pruning ignores slots that are not.
//
//   live_before = (live_before of the successors minus must_write) plus may_read
//   must_write_acc = (what every successor must write) plus must_write
//
// A call takes over what its function reads (live at its entry) and must write (must_write_acc there) in outer frames.
// may_read only grows, must_write only shrinks once it was seen. Marks are gathered while a path is followed; `update`
// propagates them when the path ends or leaves a function: after that, what a state all of whose paths ended reads is known.
// Only slots that may change are visited, in the kernel's order: the results are those of its sweeps over all.

import type { InsnIndex } from '../isa/insn.ts';
import type { Cfg } from './cfg.ts';
import type { Graph } from './graph.ts';
import type { Log } from './log.ts';
import type { Prog } from './program.ts';
import { frameInsn, MAX_CALL_FRAMES, type State, slotsText } from './state.ts';

/** Words of a slot's masks, 64 stack slots each as two words. */
const MAY_READ = 0;
const MUST_WRITE = 2;
const MUST_WRITE_ACC = 4;
const LIVE_BEFORE = 6;
const WORDS = 8;

/** More masks than this (one per instruction, call chain and frame; 33 bytes each) no honest program needs. */
export const MAX_STACK_MASKS = 1 << 23;

/**
 * Paths that each change what is known far and wide take quadratic time. Beyond this every slot counts as live, which is
 * always right: real programs need less than a thousandth of it.
 */
const MAX_WORK = 1 << 30;

/** The masks of one frame for every instruction of one function. */
class FrameMasks {
  readonly words: Int32Array;
  /** Slots whose equations may not hold, and bounds of their places in postorder. */
  readonly dirty: Uint8Array;
  dirtyCount = 0;
  low = 0;
  high = 0;

  constructor(insns: number) {
    this.words = new Int32Array(insns * WORDS);
    this.dirty = new Uint8Array(insns);
  }

  touch(i: number, position: number): void {
    if (this.dirty[i] !== 0) return;
    this.dirty[i] = 1;
    if (this.dirtyCount++ === 0) {
      this.low = this.high = position;
      return;
    }
    if (position < this.low) this.low = position;
    if (position > this.high) this.high = position;
  }
}

/** A function in one call chain. */
class Instance {
  readonly subprog: number;
  readonly start: InsnIndex;
  readonly insns: number;
  readonly outer: Instance | null;
  /** The call in the outer function. */
  readonly callsite: InsnIndex;
  readonly depth: number;
  readonly frames: (FrameMasks | null)[];
  /** 1 = must_write of this instruction was seen. */
  readonly written: Uint8Array;
  readonly inner = new Map<number, Instance>();
  updated = false;
  dropped = false;

  constructor(prog: Prog, subprog: number, outer: Instance | null, callsite: InsnIndex) {
    const { start, end } = prog.subprogs[subprog];
    this.subprog = subprog;
    this.start = start;
    this.insns = end - start;
    this.outer = outer;
    this.callsite = callsite;
    this.depth = outer === null ? 0 : outer.depth + 1;
    this.frames = new Array<FrameMasks | null>(this.depth + 1).fill(null);
    this.written = new Uint8Array(this.insns);
  }

  /** The call chain as the log shows it. */
  text(): string {
    const callsites = [this.start];
    for (let at: Instance = this; at.outer !== null; at = at.outer) callsites.unshift(at.callsite);
    return `(${callsites.join(',')})`;
  }
}

export class StackLiveness {
  readonly #prog: Prog;
  readonly #graph: Graph;
  readonly #cfg: Cfg;
  readonly #log: Log | null;
  readonly #roots = new Map<number, Instance>();
  /** Where the current path is; null = not looked up yet. */
  #current: Instance | null = null;
  #insn: InsnIndex = 0;
  /** What the current instruction wrote in full, two words per frame; whether anything. */
  readonly #writes = new Int32Array(MAX_CALL_FRAMES * 2);
  #wrote = false;
  /** Masks that exist. */
  size = 0;
  /** Slots that were evaluated, passed over or started over so far. */
  #work = 0;

  constructor(prog: Prog, graph: Graph, cfg: Cfg, log: Log) {
    this.#prog = prog;
    this.#graph = graph;
    this.#cfg = cfg;
    this.#log = log.level === 2 ? log : null;
  }

  #instance(state: State, depth: number): Instance {
    const main = state.frames[0].subprog;
    let at = this.#roots.get(main) ?? new Instance(this.#prog, main, null, -1);
    if (!this.#roots.has(main)) this.#roots.set(main, at);
    for (let f = 1; f <= depth; f++) {
      const { callsite, subprog } = state.frames[f];
      const key = callsite * this.#prog.subprogs.length + subprog;
      const known = at.inner.get(key);
      const inner: Instance = known ?? new Instance(this.#prog, subprog, at, callsite);
      if (known === undefined) at.inner.set(key, inner);
      at = inner;
    }
    return at;
  }

  #masks(instance: Instance, frame: number): FrameMasks {
    let masks = instance.frames[frame];
    if (masks === null) {
      instance.frames[frame] = masks = new FrameMasks(instance.insns);
      this.size += instance.insns;
    }
    return masks;
  }

  /** The path enters or leaves a function. */
  reset(): void {
    this.#current = null;
  }

  /** The path is about to execute an instruction. */
  begin(state: State): void {
    this.#current ??= this.#instance(state, state.frames.length - 1);
    this.#insn = state.insnIdx;
    if (this.#wrote) this.#writes.fill(0);
    this.#wrote = false;
  }

  /** The instruction reads slot `spi` of a frame. */
  read(frame: number, spi: number): void {
    if (this.#current === null) return;
    const low = spi < 32 ? 1 << spi : 0;
    this.#markRead(this.#current, frame, this.#insn, low, spi < 32 ? 0 : 1 << (spi - 32));
  }

  #markRead(instance: Instance, frame: number, insn: InsnIndex, low: number, high: number): void {
    const masks = this.#masks(instance, frame);
    const i = insn - instance.start;
    const at = i * WORDS;
    const { words } = masks;
    const newLow = low & ~words[at + MAY_READ];
    const newHigh = high & ~words[at + MAY_READ + 1];
    if ((newLow | newHigh) === 0) return;
    if (((newLow & ~words[at + LIVE_BEFORE]) | (newHigh & ~words[at + LIVE_BEFORE + 1])) !== 0) instance.updated = true;
    words[at + MAY_READ] |= low;
    words[at + MAY_READ + 1] |= high;
    masks.touch(i, this.#graph.position[insn]);
  }

  /** The instruction overwrites the whole slot. */
  write(frame: number, spi: number): void {
    this.#writes[frame * 2 + (spi >> 5)] |= 1 << (spi & 31);
    this.#wrote = true;
  }

  /** The instruction is done: what it wrote joins what it wrote on other visits. */
  commit(): void {
    if (this.#current !== null) this.#commit(this.#current, this.#insn);
  }

  #commit(instance: Instance, insn: InsnIndex): void {
    const i = insn - instance.start;
    const seen = instance.written[i] !== 0;
    for (let f = 0; f <= instance.depth; f++) {
      let low = this.#writes[f * 2];
      let high = this.#writes[f * 2 + 1];
      if (!seen && (low | high) === 0) continue;
      if (seen && instance.frames[f] === null) continue;
      const masks = this.#masks(instance, f);
      const { words } = masks;
      const at = i * WORDS + MUST_WRITE;
      if (seen) {
        low &= words[at];
        high &= words[at + 1];
      }
      if (low === words[at] && high === words[at + 1]) continue;
      instance.updated = true;
      if (((words[at] & ~low) | (words[at + 1] & ~high)) !== 0) instance.dropped = true;
      words[at] = low;
      words[at + 1] = high;
      masks.touch(i, this.#graph.position[insn]);
    }
    instance.written[i] = 1;
  }

  /** Propagates what was marked in the call chain of `state`, innermost function first. */
  update(state: State): void {
    this.reset();
    if (this.#work > MAX_WORK) return;
    for (let depth = state.frames.length - 1; depth >= 0; depth--) {
      const instance = this.#instance(state, depth);
      if (!instance.updated) continue;
      this.#solve(instance);
      if (instance.outer !== null) this.#tellOuter(instance, instance.outer);
      instance.updated = instance.dropped = false;
    }
  }

  #solve(instance: Instance): void {
    if (instance.dropped) for (const masks of instance.frames) if (masks) this.#startOver(instance, masks);
    let sweeps = 0;
    for (let changed = true; changed; sweeps++) {
      changed = false;
      for (let f = 0; f <= instance.depth; f++) {
        const masks = instance.frames[f];
        if (masks !== null && this.#sweep(instance, f, masks)) changed = true;
      }
    }
    this.#log?.line(`${instance.text()} live stack update done in ${sweeps} iterations`);
  }

  /** must_write became smaller: what follows from it is found anew. */
  #startOver({ start, insns }: Instance, masks: FrameMasks): void {
    this.#work += insns;
    for (let i = 0; i < insns; i++) {
      masks.words[i * WORDS + MUST_WRITE_ACC] = masks.words[i * WORDS + MUST_WRITE_ACC + 1] = 0;
      const position = this.#graph.position[start + i];
      if (position >= 0) masks.touch(i, position);
    }
  }

  /** Visits the dirty slots in postorder. Answers whether anything changed. */
  #sweep(instance: Instance, frame: number, masks: FrameMasks): boolean {
    const { postorder, position, preds, predsFrom } = this.#graph;
    const { start } = instance;
    let changed = false;
    if (masks.dirtyCount === 0) return false;
    const from = masks.low;
    masks.low = masks.high;
    for (let p = from; p <= masks.high; p++) {
      if (this.#work++ > MAX_WORK) return false;
      const insn = postorder[p];
      if (masks.dirty[insn - start] === 0) continue;
      masks.dirty[insn - start] = 0;
      masks.dirtyCount--;
      if (!this.#evaluate(instance, frame, masks, insn)) continue;
      changed = true;
      for (let k = predsFrom[insn]; k < predsFrom[insn + 1]; k++) masks.touch(preds[k] - start, position[preds[k]]);
      if (masks.dirtyCount === 0) break;
    }
    return changed;
  }

  #evaluate(instance: Instance, frame: number, { words }: FrameMasks, insn: InsnIndex): boolean {
    const next = this.#graph.next[insn];
    const target = this.#graph.target[insn];
    if (next < 0 && target < 0) return false;
    const at = (insn - instance.start) * WORDS;
    const a = ((next < 0 ? target : next) - instance.start) * WORDS;
    const b = ((target < 0 ? next : target) - instance.start) * WORDS;
    let same = true;
    const before = this.#log === null ? null : words.slice(at, at + WORDS);
    for (let half = 0; half < 2; half++) {
      const written = words[at + MUST_WRITE + half];
      const after = words[a + LIVE_BEFORE + half] | words[b + LIVE_BEFORE + half];
      const live = (after & ~written) | words[at + MAY_READ + half];
      const acc = (words[a + MUST_WRITE_ACC + half] & words[b + MUST_WRITE_ACC + half]) | written;
      if (live !== words[at + LIVE_BEFORE + half] || acc !== words[at + MUST_WRITE_ACC + half]) same = false;
      words[at + LIVE_BEFORE + half] = live;
      words[at + MUST_WRITE_ACC + half] = acc;
    }
    if (before !== null) this.#logChange(instance, frame, insn, before, words.subarray(at, at + WORDS));
    return !same;
  }

  /** What the function does to outer frames, the call does. */
  #tellOuter(instance: Instance, outer: Instance): void {
    this.#writes.fill(0);
    this.#wrote = true;
    for (let f = 0; f < instance.depth; f++) {
      const masks = instance.frames[f];
      if (masks === null) continue;
      const { words } = masks;
      this.#writes[f * 2] = words[MUST_WRITE_ACC];
      this.#writes[f * 2 + 1] = words[MUST_WRITE_ACC + 1];
      this.#markRead(outer, f, instance.callsite, words[LIVE_BEFORE], words[LIVE_BEFORE + 1]);
    }
    this.#commit(outer, instance.callsite);
  }

  /** May a path from `state` read slot `spi` of a frame before writing it? */
  alive(state: State, frame: number, spi: number): boolean {
    if (this.#work > MAX_WORK) return true;
    const { length } = state.frames;
    if (this.#liveBefore(this.#instance(state, length - 1), state.insnIdx, frame, spi)) return true;
    for (let f = frame; f < length - 1; f++) {
      const callsite = frameInsn(state, f);
      // A helper that calls back comes back to its call.
      const at = this.#cfg.force[callsite] === 1 ? callsite : callsite + 1;
      if (this.#liveBefore(this.#instance(state, f), at, frame, spi)) return true;
    }
    return false;
  }

  #liveBefore(instance: Instance, insn: InsnIndex, frame: number, spi: number): boolean {
    const words = instance.frames[frame]?.words;
    if (words === undefined) return false;
    const word = words[(insn - instance.start) * WORDS + LIVE_BEFORE + (spi >> 5)];
    return (word & (1 << (spi & 31))) !== 0;
  }

  #logChange(instance: Instance, frame: number, insn: InsnIndex, before: Int32Array, after: Int32Array): void {
    const marked = after[MAY_READ] | after[MAY_READ + 1] | after[MUST_WRITE] | after[MUST_WRITE + 1];
    if (marked === 0 && insn !== instance.start && this.#cfg.prune[insn] === 0) return;
    for (const [name, at] of [
      ['live', LIVE_BEFORE],
      ['written', MUST_WRITE_ACC],
    ] as const) {
      const gained = slotsText(after[at] & ~before[at], after[at + 1] & ~before[at + 1]);
      const lost = slotsText(before[at] & ~after[at], before[at + 1] & ~after[at + 1]);
      if (gained === '' && lost === '') continue;
      const change = (gained === '' ? '' : `+${name} ${gained} `) + (lost === '' ? '' : `-${name} ${lost}`);
      this.#log?.line(`${instance.text()} frame ${frame} insn ${insn} ${change}`);
    }
  }
}
