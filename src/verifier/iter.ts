// Open-coded iterators (kernel process_iter_arg, process_iter_next_call): struct bpf_iter_* on the stack, made by _new, asked
// for the next element by _next, ended by _destroy. Each holds a reference, so that it is ended on every path.
//
// _next is followed both ways: it gives NULL, and for good (drained); or an element, and the loop goes on (active). The
// search ends the loop where a state at _next is covered by one of an earlier round.

import type { Env } from './env.ts';
import { accessMemory } from './mem.ts';
import { acquire, release } from './refs.ts';
import { copyReg, FLAG, makeReg, type Reg, ZERO_SCALAR } from './reg.ts';
import { explain, invalid, type Reject, refused, tooManyBranches } from './reject.ts';
import { frameOf } from './stack.ts';
import { OUTSIDE, objectSlot } from './stack_object.ts';
import { allBytes, EMPTY_SLOT, type Frame, SLOT, type State } from './state.ts';
import { widen } from './widen.ts';

const ITER = allBytes(SLOT.iter);

/** What a call does with an iterator. */
export interface IterUse {
  readonly how: 'new' | 'next' | 'destroy' | 'use';
  /** The kfunc. */
  readonly name: string;
  /** Name of the structure. */
  readonly struct: string;
  readonly size: number;
  /** _new: its elements need the RCU read section, and whether this is one. */
  readonly rcu: 'no' | 'inside' | 'outside';
}

/** An iterator on the stack of a frame. */
export interface IterPlace {
  readonly frame: number;
  readonly spi: number;
  /** Its reference. */
  readonly refObjId: number;
}

const PREFIX = 'bpf_iter_';

/** Whether the `slots` slots at `spi` are an iterator, in the kernel's order. */
function stateOf(frame: Frame, spi: number, slots: number, type: string): 'iter' | 'none' | 'untrusted' {
  for (let i = 0; i < slots; i++) {
    const { types, reg } = frame.stack[spi - i];
    const { object } = reg;
    if ((reg.flags & FLAG.untrusted) !== 0) return 'untrusted';
    if ((i === 0) !== (reg.refObjId !== 0)) return 'none';
    if (types !== ITER || object?.kind !== 'iter' || object.type !== type) return 'none';
  }
  return 'iter';
}

/** Checks the argument and does what the call does with it; null = a new one. */
export function checkIter(env: Env, regno: number, use: IterUse): IterPlace | Reject | null {
  const ptr = env.reg(regno);
  if (ptr.kind !== 'fp') return invalid(`arg#${regno - 1} expected pointer to an iterator on stack`);
  const slots = use.size / 8;
  const type = use.struct.slice(PREFIX.length);
  const frame = frameOf(env, ptr);
  const spi = objectSlot(ptr, 'iter', slots, frame);
  if (use.how === 'new') return makeIter(env, regno, ptr, spi, slots, type, use);
  const wrong = `expected an initialized iter_${type} as arg #${regno - 1}` as const;
  if (typeof spi !== 'number') return explain(spi, wrong);
  if (spi === OUTSIDE) return invalid(wrong);
  const found = stateOf(frame, spi, slots, type);
  if (found === 'untrusted') return refused('EPROTO', `expected an RCU CS when using ${use.name}`);
  if (found === 'none') return invalid(wrong);
  for (let i = 0; i < slots; i++) {
    env.stackLive.read(frame.frameno, spi - i);
    env.touchSlot(spi - i);
  }
  const { refObjId } = frame.stack[spi].reg;
  return (use.how === 'destroy' ? endIter(env, frame, spi, slots) : null) ?? { frame: frame.frameno, spi, refObjId };
}

function makeIter(
  env: Env,
  regno: number,
  ptr: Reg,
  at: number | Reject,
  slots: number,
  type: string,
  { rcu }: IterUse,
): Reject | null {
  const wrong = `expected uninitialized iter_${type} as arg #${regno - 1}` as const;
  const frame = frameOf(env, ptr);
  if (typeof at !== 'number') return explain(at, wrong);
  for (let i = 0; at !== OUTSIDE && i < slots; i++) {
    for (let b = 0; b < 8; b++) if (((frame.stack[at - i].types >>> (b * 4)) & 15) === SLOT.iter) return invalid(wrong);
  }
  const write = { write: true, value: null, valueRegno: -1, strict: false, signed: false, unused: false } as const;
  for (let off = 0; off < slots * 8; off += 8) {
    const bad = accessMemory(env, { regno, ptr, off, size: 8, ...write });
    if (bad !== null && 'message' in bad) return bad;
  }
  const spi = objectSlot(ptr, 'iter', slots, frame);
  if (typeof spi !== 'number') return spi;
  const id = acquire(env);
  const flags = rcu === 'no' ? 0 : rcu === 'inside' ? FLAG.rcu : FLAG.untrusted;
  for (let i = 0; i < slots; i++) {
    const object = { kind: 'iter', type, active: true, depth: 0 } as const;
    const reg = makeReg({ kind: 'stack_object', flags, refObjId: i === 0 ? id : 0, object });
    setSlot(env, frame, spi - i, { types: ITER, reg });
  }
  return null;
}

function setSlot(env: Env, frame: Frame, spi: number, slot: Frame['stack'][number]): void {
  frame.stack[spi] = slot;
  env.touchSlot(spi);
  env.stackLive.write(frame.frameno, spi);
}

function endIter(env: Env, frame: Frame, spi: number, slots: number): Reject | null {
  const bad = release(env, frame.stack[spi].reg.refObjId);
  if (bad) return bad;
  for (let i = 0; i < slots; i++) setSlot(env, frame, spi - i, EMPTY_SLOT);
  return null;
}

function setIter(state: State, { frame, spi }: IterPlace, change: { active: boolean; deeper: number }): void {
  const { types, reg } = state.frames[frame].stack[spi];
  const object = reg.object;
  if (object?.kind !== 'iter') return;
  const next = copyReg(reg);
  next.object = { ...object, active: change.active, depth: object.depth + change.deeper };
  state.frames[frame].stack[spi] = { types, reg: next };
}

/** The iterator at `place`, as a call found it. */
export function iterAt(state: State, { frame, spi }: IterPlace): Reg {
  return state.frames[frame].stack[spi].reg;
}

/** After a call of _next, with what it gives in R0: the other path gets it, this one NULL. */
export function followNext(env: Env, place: IterPlace): Reject | null {
  const { object } = iterAt(env.state, place);
  if (object?.kind === 'iter' && object.active) {
    const other = env.push(env.insnIdx + 1);
    if (other === null) return tooManyBranches(env.pending.length);
    setIter(other, place, { active: true, deeper: 1 });
    // The nearest kept state is the one of right here; the one before it belongs to the last round.
    const old = env.earlierRound(env.state.parent?.parent ?? null, other, env.insnIdx);
    if (old !== null) widen(old, other);
    const r0 = copyReg(other.frame.regs[0]);
    r0.maybeNull = false;
    other.frame.regs[0] = r0;
  }
  setIter(env.state, place, { active: false, deeper: 0 });
  env.setReg(0, ZERO_SCALAR);
  return null;
}

/** Whether an iterator goes on that has given another number of elements: no endless loop (kernel iter_active_depths_differ). */
export function roundsDiffer(old: State, cur: State): boolean {
  return old.frames.some(({ stack }, f) =>
    stack.some(({ reg: { object } }, spi) => {
      if (object?.kind !== 'iter' || !object.active) return false;
      const now = cur.frames[f].stack[spi]?.reg.object;
      return now?.kind === 'iter' && now.depth !== object.depth;
    }),
  );
}

/** At a call of _next: the iterator that R1 points to goes on. */
export function goesOn(env: Env): boolean {
  const ptr = env.reg(1);
  if (ptr.kind !== 'fp') return false;
  const spi = objectSlot(ptr, 'iter', 1, frameOf(env, ptr));
  const object = typeof spi === 'number' && spi !== OUTSIDE ? frameOf(env, ptr).stack[spi].reg.object : null;
  return object?.kind === 'iter' && object.active;
}
