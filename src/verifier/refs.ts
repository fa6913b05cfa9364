// What a path holds and must give back: references (sockets, ring buffer records) and locks (kernel acquire_reference,
// release_reference, check_resource_leak). They hang on the State as an immutable list.

import type { InsnIndex } from '../isa/insn.ts';
import type { Env } from './env.ts';
import type { Reg } from './reg.ts';
import { explain, invalid, type Reject } from './reject.ts';
import { mapRegs, type State } from './state.ts';

/** bpf_spin_lock, resilient ones, and those that turn interrupts off. */
export type LockKind = 'lock' | 'res_lock' | 'res_lock_irq';

export interface Held {
  readonly kind: 'ref' | 'irq' | LockKind;
  /** ref: refObjId of the registers that hold it. Locks: id of the map value they are in. irq: of the slot with the flags. */
  readonly id: number;
  readonly insn: InsnIndex;
  /** Locks: the map. */
  readonly map: number;
}

/** More references than any program holds at once: taking and giving back one takes time for each. */
export const MAX_HELD = 4096;

/** Takes a reference at the current instruction; returns its id. (The search refuses what holds too many.) */
export function acquire(env: Env): number {
  const id = env.newId();
  env.state.held = [...env.state.held, { kind: 'ref', id, insn: env.insnIdx, map: -1 }];
  return id;
}

/** Forgets a reference without touching registers: the pointer turned out to be NULL. */
export function forget(state: State, id: number): void {
  state.held = state.held.filter((h) => h.kind !== 'ref' || h.id !== id);
}

/** Gives a reference back: every register that holds it is a number from then on. */
export function release(env: Env, id: number): Reject | null {
  if (!env.state.held.some((h) => h.kind === 'ref' && h.id === id))
    return invalid('release of a reference nobody holds');
  forget(env.state, id);
  mapRegs(env.state, (reg: Reg) => (reg.refObjId === id ? env.gone : reg));
  return null;
}

export function isLock({ kind }: Held): boolean {
  return kind !== 'ref' && kind !== 'irq';
}

export function locksHeld(state: State): boolean {
  return state.held.some(isLock);
}

/** The lock that was taken last, of those that are held. */
export function activeLock(state: State): Held | undefined {
  return state.held.findLast(isLock);
}

export function irqsOff(state: State): boolean {
  return state.held.some((h) => h.kind === 'irq');
}

/** Whether everything is given back where `what` would leave the program (kernel check_resource_leak). */
export function checkLeaks(env: Env, what: string, checkLocks: boolean): Reject | null {
  const { state } = env;
  return (
    checkHeld(state, what, checkLocks) ??
    (checkLocks && irqsOff(state) ? invalid(`${what} cannot be used inside bpf_local_irq_save-ed region`) : null) ??
    (checkLocks && state.rcuLocked ? invalid(`${what} cannot be used inside bpf_rcu_read_lock-ed region`) : null) ??
    (checkLocks && state.preemptLocks > 0
      ? invalid(`${what} cannot be used inside bpf_preempt_disable-ed region`)
      : null)
  );
}

function checkHeld(state: State, what: string, checkLocks: boolean): Reject | null {
  if (state.held.length === 0) return null;
  if (checkLocks && locksHeld(state)) return invalid(`${what} cannot be used inside bpf_spin_lock-ed region`);
  const refs = state.held.filter((h) => h.kind === 'ref');
  if (refs.length === 0) return null;
  const [first, ...lines] = [
    ...refs.map((h) => `Unreleased reference id=${h.id} alloc_insn=${h.insn}` as const),
    `${what} would lead to reference leak` as const,
  ];
  return lines.reduce(explain, invalid(first));
}
