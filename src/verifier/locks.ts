// bpf_spin_lock and bpf_spin_unlock (kernel process_spin_lock): one lock at a time, in a map value, known exactly.

import type { Env } from './env.ts';
import { checkFieldPointer } from './map_field.ts';
import { locksHeld } from './refs.ts';
import type { Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';

export function spinLock(env: Env, regno: number, reg: Reg, takes: boolean): Reject | null {
  return checkFieldPointer(env, regno, reg, 'bpf_spin_lock') ?? (takes ? take(env, reg) : giveBack(env, reg));
}

function take(env: Env, reg: Reg): Reject | null {
  const { state } = env;
  if (locksHeld(state)) return invalid('Locking two bpf_spin_locks are not allowed');
  state.held = [...state.held, { kind: 'lock', id: reg.id, insn: env.insnIdx, map: reg.map }];
  return null;
}

function giveBack(env: Env, reg: Reg): Reject | null {
  const { state } = env;
  if (!locksHeld(state)) return invalid('bpf_spin_unlock without taking a lock');
  if (!state.held.some((h) => h.kind === 'lock' && h.map === reg.map && h.id === reg.id)) {
    return invalid('bpf_spin_unlock of different lock');
  }
  state.held = state.held.filter((h) => h.kind !== 'lock');
  return null;
}
