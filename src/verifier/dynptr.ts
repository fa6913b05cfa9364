// Dynptrs as arguments of calls (kernel process_dynptr_func): what a call makes one of, and what it may use as one. Slices:
// pointers into a dynptr's memory, which die with it.

import { DYNPTR_SIZE } from '../spec/proto.ts';
import { DYNPTR_SLOTS, markDynptr, releaseDynptr } from './dynptr_slots.ts';
import type { Env } from './env.ts';
import { accessMemory } from './mem.ts';
import type { DynptrType, Reg } from './reg.ts';
import { explain, invalid, type Reject } from './reject.ts';
import { frameOf } from './stack.ts';
import { OUTSIDE, objectSlot } from './stack_object.ts';
import { checkUnmodified } from './unmoved.ts';

/** How a call uses a dynptr: makes one (`uninit`), uses it, or may change or end it (`mutates`). */
export interface DynptrUse {
  /** null: of any type. */
  readonly type: DynptrType | null;
  readonly uninit?: boolean;
  readonly mutates?: boolean;
  /** The reference that a clone shares. */
  readonly shared?: number;
}

/** The register or slot that says what a dynptr is; null = nobody has touched the stack there. */
function holder(env: Env, ptr: Reg): Reg | Reject | null {
  if (ptr.kind === 'dynptr_ptr') return ptr;
  const spi = objectSlot(ptr, 'dynptr', DYNPTR_SLOTS, frameOf(env, ptr));
  if (typeof spi !== 'number') return spi;
  if (spi === OUTSIDE) return null;
  return frameOf(env, ptr).stack[spi].reg;
}

/** The dynptr that a checked argument points to. */
export function dynptrOf(env: Env, ptr: Reg): Reg {
  const reg = holder(env, ptr);
  if (reg === null || 'message' in reg || reg.object === null) throw new Error('no dynptr');
  return reg;
}

export function checkDynptr(env: Env, regno: number, use: DynptrUse): Reject | null {
  const reg = env.reg(regno);
  if (reg.kind !== 'fp' && reg.kind !== 'dynptr_ptr')
    return invalid(`arg#${regno - 1} expected pointer to stack or const struct bpf_dynptr`);
  return use.uninit === true ? makeDynptr(env, regno, reg, use) : checkInitialised(env, regno, reg, use);
}

function makeDynptr(env: Env, regno: number, ptr: Reg, { type, shared }: DynptrUse): Reject | null {
  const wrong = 'Dynptr has to be an uninitialized dynptr';
  if (ptr.kind === 'dynptr_ptr') return invalid(wrong);
  const frame = frameOf(env, ptr);
  const at = objectSlot(ptr, 'dynptr', DYNPTR_SLOTS, frame);
  if (typeof at !== 'number') return explain(at, wrong);
  for (let off = 0; off < DYNPTR_SIZE; off += 8) {
    const bad = accessMemory(env, {
      regno,
      ptr,
      off,
      size: 8,
      write: true,
      value: null,
      valueRegno: -1,
      strict: false,
      signed: false,
      unused: false,
    });
    if (bad !== null && 'message' in bad) return bad;
  }
  const spi = objectSlot(ptr, 'dynptr', DYNPTR_SLOTS, frame);
  return typeof spi === 'number' ? markDynptr(env, frame, spi, type!, shared ?? 0) : spi;
}

function checkInitialised(env: Env, regno: number, ptr: Reg, { type, mutates }: DynptrUse): Reject | null {
  if (ptr.kind === 'dynptr_ptr' && mutates === true)
    return invalid('cannot pass pointer to const bpf_dynptr, the helper mutates it');
  const wrong = `Expected an initialized dynptr as arg #${regno - 1}` as const;
  const reg = holder(env, ptr);
  if (reg === null) return invalid(wrong);
  if ('message' in reg) return explain(reg, wrong);
  if (reg.object?.kind !== 'dynptr' || !reg.object.first) return invalid(wrong);
  if (type !== null && reg.object.type !== type)
    return invalid(`Expected a dynptr of type ${type} as arg #${regno - 1}`);
  if (ptr.kind === 'fp') readSlots(env, ptr);
  return null;
}

function readSlots(env: Env, ptr: Reg): void {
  const frame = frameOf(env, ptr);
  const spi = objectSlot(ptr, 'dynptr', DYNPTR_SLOTS, frame) as number;
  for (const at of [spi, spi - 1]) {
    env.stackLive.read(frame.frameno, at);
    env.touchSlot(at);
  }
}

/** Ends the dynptr of a checked argument. */
export function endDynptr(env: Env, ptr: Reg): Reject | null {
  const frame = frameOf(env, ptr);
  return releaseDynptr(env, frame, objectSlot(ptr, 'dynptr', DYNPTR_SLOTS, frame) as number);
}

/** Before checkDynptr, for the argument whose dynptr the call ends: does it hold something? */
export function checkReleased(env: Env, regno: number): Reject | null {
  const ptr = env.reg(regno);
  if (ptr.kind !== 'fp') {
    if (ptr.off !== 0)
      return invalid(`R${regno} must have zero offset when passed to release func or trusted arg to kfunc`);
    return checkUnmodified(regno, ptr) ?? invalid('cannot release unowned const bpf_dynptr');
  }
  const reg = holder(env, ptr);
  const wrong = `arg ${regno} is an unacquired reference` as const;
  if (reg !== null && 'message' in reg) return explain(reg, wrong);
  return reg === null || reg.refObjId === 0 ? invalid(wrong) : null;
}
