// Dynptrs on the stack (struct bpf_dynptr, kernel STACK_DYNPTR): two slots that live and die together. Calls make them,
// stores into either slot destroy both, and with a dynptr go the pointers into its memory (slices).

import type { Env } from './env.ts';
import { acquire, release } from './refs.ts';
import { type DynptrType, makeReg, type Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';
import { allBytes, byteType, EMPTY_SLOT, type Frame, mapRegs, SLOT, type Slot, spiOf } from './state.ts';

export const DYNPTR_SLOTS = 2;

/** Their memory must be given back. */
const REFERENCED: ReadonlySet<DynptrType> = new Set<DynptrType>(['ringbuf']);

/** A register, or the first slot, of a dynptr. */
export function dynptrReg(type: DynptrType, id: number, refObjId: number, first = true): Reg {
  return makeReg({ kind: 'dynptr_ptr', id, refObjId, object: { kind: 'dynptr', type, first } });
}

function isDynptr(slot: Slot | undefined): slot is Slot {
  return slot !== undefined && byteType(slot, 0) === SLOT.dynptr;
}

/** Makes slots spi and spi - 1 a dynptr. `shared`: the reference of the dynptr that it is a clone of; 0 = a new one. */
export function markDynptr(env: Env, frame: Frame, spi: number, type: DynptrType, shared: number): Reject | null {
  const bad = destroyDynptr(env, frame, spi) ?? destroyDynptr(env, frame, spi - 1);
  if (bad) return bad;
  const id = env.newId();
  const refObjId = REFERENCED.has(type) ? shared || acquire(env) : 0;
  for (const at of [spi, spi - 1]) {
    setSlot(env, frame, at, { types: allBytes(SLOT.dynptr), reg: dynptrReg(type, id, refObjId, at === spi) });
  }
  return null;
}

function setSlot(env: Env, frame: Frame, spi: number, slot: Slot): void {
  frame.stack[spi] = slot;
  env.touchSlot(spi);
  env.stackLive.write(frame.frameno, spi);
}

function clear(env: Env, frame: Frame, spi: number): void {
  setSlot(env, frame, spi, EMPTY_SLOT);
  setSlot(env, frame, spi - 1, EMPTY_SLOT);
}

/** What bpf_dynptr_data gave. Slices of kfuncs (with a type) point to memory that stays when the dynptr goes. */
function isPlainSlice({ kind, flags, object }: Reg): boolean {
  return kind === 'mem' && flags === 0 && object === null;
}

/** Something is stored into slot `spi` (kernel destroy_if_dynptr_stack_slot). */
export function destroyDynptr(env: Env, frame: Frame, spi: number): Reject | null {
  const slot = frame.stack[spi];
  if (!isDynptr(slot)) return null;
  const { object } = slot.reg;
  if (object?.kind !== 'dynptr') return null;
  if (REFERENCED.has(object.type)) return invalid('cannot overwrite referenced dynptr');
  clear(env, frame, object.first ? spi : spi + 1);
  const { id } = slot.reg;
  mapRegs(env.state, (reg) => (isPlainSlice(reg) && reg.dynptr === id ? env.gone : reg));
  return null;
}

/** Something is stored somewhere in [min, max) of the frame. */
export function destroyDynptrs(env: Env, frame: Frame, min: number, max: number): Reject | null {
  for (let spi = spiOf(max - 1); spi <= spiOf(min); spi++) {
    const bad = destroyDynptr(env, frame, spi);
    if (bad) return bad;
  }
  return null;
}

/** A call ends the dynptr at slot `spi` and gives back what it holds: clones and slices of the same die with it. */
export function releaseDynptr(env: Env, frame: Frame, spi: number): Reject | null {
  const { object, refObjId } = frame.stack[spi].reg;
  if (object?.kind !== 'dynptr' || !REFERENCED.has(object.type)) {
    clear(env, frame, spi);
    return null;
  }
  const bad = release(env, refObjId);
  if (bad) return bad;
  // Linux forgets clones in other frames, and slices that kfuncs gave: they would outlive their memory.
  const gone = new Set<number>();
  for (const each of env.state.frames) {
    each.stack.forEach(({ reg }, at) => {
      if (reg.refObjId !== refObjId || reg.object?.kind !== 'dynptr' || !reg.object.first) return;
      gone.add(reg.id);
      clear(env, each, at);
    });
  }
  mapRegs(env.state, (reg) => (reg.kind === 'mem' && gone.has(reg.dynptr) ? env.gone : reg));
  return null;
}
