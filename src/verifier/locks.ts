// bpf_spin_lock and bpf_spin_unlock (kernel process_spin_lock): one lock at a time, in a map value or an
// object of the program's, known exactly.

import { inLess, OBJECTS } from './collection.ts';
import type { Env } from './env.ts';
import { checkFieldPointer } from './map_field.ts';
import { forgetNonOwning } from './object.ts';
import { locksHeld } from './refs.ts';
import type { Reg } from './reg.ts';
import { denied, invalid, type Reject } from './reject.ts';

export function spinLock(env: Env, regno: number, reg: Reg, takes: boolean): Reject | null {
  if (inLess(env)) return denied(`can't spin_{lock,unlock} in rbtree cb`);
  const bad = checkFieldPointer(env, regno, reg, 'bpf_spin_lock');
  return bad ?? (takes ? take(env, reg) : giveBack(env, reg));
}

/** What the lock is in: the map, or any object. */
function holder(reg: Reg): number {
  return reg.kind === 'map_value' ? reg.map : OBJECTS;
}

function take(env: Env, reg: Reg): Reject | null {
  const { state } = env;
  if (locksHeld(state)) return invalid('Locking two bpf_spin_locks are not allowed');
  state.held = [...state.held, { kind: 'lock', id: reg.id, insn: env.insnIdx, map: holder(reg) }];
  return null;
}

function giveBack(env: Env, reg: Reg): Reject | null {
  const { state } = env;
  if (!locksHeld(state)) return invalid('bpf_spin_unlock without taking a lock');
  if (!state.held.some((h) => h.kind === 'lock' && h.map === holder(reg) && h.id === reg.id)) {
    return invalid('bpf_spin_unlock of different lock');
  }
  state.held = state.held.filter((h) => h.kind !== 'lock');
  forgetNonOwning(env);
  return null;
}
