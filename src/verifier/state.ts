// The verifier's picture of the machine at one instruction: call frames with registers and stack, and where the state
// hangs in the tree of explored paths. Registers and stack slots are immutable and shared; frames are copied on fork.
//
// A stack slot is 8 bytes, spi = 0 for fp-8 ... 63 for fp-512. Byte i of a slot (kernel slot_type[i]) is the byte at
// address fp - 8 * spi - 1 - i: byte 7 is the one at the lowest address.

import type { InsnIndex } from '../isa/insn.ts';
import type { Held } from './refs.ts';
import { NOT_INIT, type Reg } from './reg.ts';
import type { SccVisit } from './scc_visit.ts';

export const SLOT = { invalid: 0, spill: 1, misc: 2, zero: 3, dynptr: 4, iter: 5, irq_flag: 6 } as const;
export type SlotType = (typeof SLOT)[keyof typeof SLOT];

export interface Slot {
  /** Eight SlotType, four bits each, byte 0 in the low bits. */
  readonly types: number;
  /** What was spilled, or the object that the slot is part of; NOT_INIT when byte 7 is neither. */
  readonly reg: Reg;
}

export const EMPTY_SLOT: Slot = { types: 0, reg: NOT_INIT };
/** Every byte of the slot is `t`. */
export function allBytes(t: SlotType): number {
  return (t * 0x11111111) | 0;
}

export function byteType(slot: Slot, i: number): SlotType {
  return ((slot.types >>> (i * 4)) & 15) as SlotType;
}
export function withByte(types: number, i: number, t: SlotType): number {
  return (types & ~(15 << (i * 4))) | (t << (i * 4));
}
/** Slot of the byte at fp + off, and the byte's index in it. */
export function spiOf(off: number): number {
  return (-off - 1) >> 3;
}
export function byteOf(off: number): number {
  return (-off - 1) & 7;
}
export function isSpill(slot: Slot): boolean {
  return byteType(slot, 7) === SLOT.spill;
}
/** The slot is part of an object that only calls may touch: a dynptr, an iterator, a saved interrupt flag. */
export function isObject(slot: Slot): boolean {
  return byteType(slot, 7) >= SLOT.dynptr;
}
export function isScalarSpill(slot: Slot): boolean {
  return isSpill(slot) && slot.reg.kind === 'scalar';
}
export function isFullScalarSpill(slot: Slot): boolean {
  return byteType(slot, 0) === SLOT.spill && isScalarSpill(slot);
}
/** Bytes that were written, as the lowest bit of each of eight times four bits. */
export function written(types: number): number {
  return (types | (types >>> 1) | (types >>> 2)) & 0x11111111;
}
/** Every byte that was written becomes misc (kernel scrub_spilled_slot). */
export function scrub(types: number): number {
  let t = types;
  for (let i = 0; i < 8; i++) if (((t >>> (i * 4)) & 15) !== SLOT.invalid) t = withByte(t, i, SLOT.misc);
  return t;
}
/** Spill bytes become misc, others stay. */
export function unspill(types: number): number {
  let t = types;
  for (let i = 0; i < 8; i++) if (((t >>> (i * 4)) & 15) === SLOT.spill) t = withByte(t, i, SLOT.misc);
  return t;
}

export class Frame {
  regs: Reg[];
  stack: Slot[];
  /** Slot of the call that made this frame; -1 for the outermost. */
  readonly callsite: InsnIndex;
  readonly frameno: number;
  readonly subprog: number;
  /** Called by a helper, not by the program. */
  isCallback = false;
  /** How often the helper that is being called here has called its function on this path. */
  callbackDepth = 0;
  /** A function that runs later: what it may return, and how many such functions started one another up to it. */
  async: { readonly returns: readonly [min: number, max: number]; readonly entries: number } | null = null;

  constructor(regs: Reg[], stack: Slot[], callsite: InsnIndex, frameno: number, subprog: number) {
    this.regs = regs;
    this.stack = stack;
    this.callsite = callsite;
    this.frameno = frameno;
    this.subprog = subprog;
  }

  /** A copy that shares registers and slots. */
  clone(stack: Slot[] = this.stack.slice()): Frame {
    const f = new Frame(this.regs.slice(), stack, this.callsite, this.frameno, this.subprog);
    f.isCallback = this.isCallback;
    f.callbackDepth = this.callbackDepth;
    f.async = this.async;
    return f;
  }

  /** Makes room for `bytes` bytes of stack. */
  grow(bytes: number): void {
    const slots = (bytes + 7) >> 3;
    while (this.stack.length < slots) this.stack.push(EMPTY_SLOT);
  }
}

/** Registers and slots that share an id, as {frame, reg} or {frame, spi}. */
export interface LinkedReg {
  readonly frame: number;
  readonly isReg: boolean;
  readonly at: number;
}

/** One step of a path that can't be told from the instruction alone (kernel bpf_jmp_history_entry). */
export interface HistoryEntry {
  readonly idx: InsnIndex;
  readonly prevIdx: InsnIndex;
  /** The instruction accessed stack slot `spi` of `frame` as a spill or fill; -1 = none. */
  readonly spi: number;
  readonly frame: number;
  /** Jump operands that are stack pointers can't be marked precise. */
  readonly dstIsStack: boolean;
  readonly srcIsStack: boolean;
  /** Scalars that gained a range together here. */
  readonly linked: readonly LinkedReg[] | null;
  /** The entry before this one, and how many there are up to this one: states that fork share them. */
  readonly older: HistoryEntry | null;
  readonly length: number;
}

/** Whether nothing is left of a history but perhaps the step at `at`, where it began. */
export function startsAt(newest: HistoryEntry | null, at: InsnIndex): boolean {
  return newest === null || (newest.older === null && newest.idx === at);
}

export const MAX_CALL_FRAMES = 8;

export class State {
  frames: Frame[];
  parent: State | null = null;
  /** Paths below this state that are still being explored, itself included. */
  branches = 1;
  insnIdx: InsnIndex = 0;
  firstInsnIdx: InsnIndex = 0;
  lastInsnIdx: InsnIndex = -1;
  /** Newest entry since the parent was kept. */
  history: HistoryEntry | null = null;
  mayGotoDepth = 0;
  /** Only a CPU that guessed a branch wrong gets here. */
  speculative = false;
  callbackUnrollDepth = 0;
  /** What runs here may sleep. */
  inSleepable = false;
  /** Between bpf_rcu_read_lock and bpf_rcu_read_unlock. */
  rcuLocked = false;
  /** bpf_preempt_disable without its bpf_preempt_enable. */
  preemptLocks = 0;
  /** References and locks, in the order they were taken. */
  held: readonly Held[] = [];
  cleaned = false;
  /** Kept states: the loop and call chain they are in. */
  visit: SccVisit | null = null;
  /** Taken out of the list of kept states while paths below it were open. */
  evicted = false;

  constructor(frames: Frame[]) {
    this.frames = frames;
  }

  get frame(): Frame {
    return this.frames[this.frames.length - 1];
  }
  get historyLength(): number {
    return this.history === null ? 0 : this.history.length;
  }

  /** A copy that shares registers, slots and history. The place in the tree is copied too. */
  clone(): State {
    const s = new State(this.frames.map((f) => f.clone()));
    s.parent = this.parent;
    s.branches = this.branches;
    s.insnIdx = this.insnIdx;
    s.firstInsnIdx = this.firstInsnIdx;
    s.lastInsnIdx = this.lastInsnIdx;
    s.history = this.history;
    s.mayGotoDepth = this.mayGotoDepth;
    s.speculative = this.speculative;
    s.callbackUnrollDepth = this.callbackUnrollDepth;
    s.inSleepable = this.inSleepable;
    s.rcuLocked = this.rcuLocked;
    s.preemptLocks = this.preemptLocks;
    s.held = this.held;
    return s;
  }
}

/** Where execution of `frame` stands: the current instruction, or the call it waits for. */
export function frameInsn(state: State, frame: number): InsnIndex {
  return frame === state.frames.length - 1 ? state.insnIdx : state.frames[frame + 1].callsite;
}

export function sameCalls(a: State, b: State): boolean {
  if (a.frames.length !== b.frames.length) return false;
  for (let f = 0; f < a.frames.length; f++) if (a.frames[f].callsite !== b.frames[f].callsite) return false;
  return true;
}

/** Calls `f` with every initialised register of every frame, spilled ones included, and stores what it returns. */
export function mapRegs(state: State, f: (reg: Reg) => Reg): void {
  for (const frame of state.frames) {
    for (let i = 0; i < frame.regs.length; i++) frame.regs[i] = f(frame.regs[i]);
    for (let i = 0; i < frame.stack.length; i++) {
      const slot = frame.stack[i];
      if (!isSpill(slot)) continue;
      const reg = f(slot.reg);
      if (reg !== slot.reg) frame.stack[i] = { types: slot.types, reg };
    }
  }
}

/** Slots of a mask of two words as offsets from the frame pointer. */
export function slotsText(low: number, high: number): string {
  const slots: number[] = [];
  for (let spi = 0; spi < 64; spi++)
    if (((spi < 32 ? low : high) & (1 << (spi & 31))) !== 0) slots.push(-8 * (spi + 1));
  return slots.join(',');
}

/** The same for the slots of objects. */
export function mapObjects(state: State, f: (reg: Reg) => Reg): void {
  for (const { stack } of state.frames) {
    stack.forEach((slot, spi) => {
      if (isObject(slot)) stack[spi] = { types: slot.types, reg: f(slot.reg) };
    });
  }
}
