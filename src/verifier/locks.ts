// Spin locks in map values and objects of the program's, known exactly (kernel process_spin_lock): bpf_spin_lock, one at a
// time, and resilient ones (bpf_res_spin_lock), several of them, given back in the reverse order. Taking one of those may
// fail; the kfunc's result says so, and the path is followed both ways.

import { inLess, OBJECTS } from './collection.ts';
import type { Env } from './env.ts';
import { checkFieldPointer } from './map_field.ts';
import { forgetNonOwning } from './object.ts';
import { activeLock, type Held, type LockKind, locksHeld } from './refs.ts';
import { FLAG, type Reg, scalarReg } from './reg.ts';
import { denied, invalid, type Reject, tooManyBranches } from './reject.ts';
import { between32 } from './scalar.ts';
import { clearCallerSaved } from './steps.ts';

export function spinLock(env: Env, regno: number, reg: Reg, takes: boolean): Reject | null {
  if (inLess(env)) return denied(`can't spin_{lock,unlock} in rbtree cb`);
  const bad = checkFieldPointer(env, regno, reg, 'bpf_spin_lock');
  if (bad) return bad;
  if (!takes) return giveBack(env, reg, 'lock');
  return locksHeld(env.state) ? invalid('Locking two bpf_spin_locks are not allowed') : take(env, reg, 'lock');
}

/** What the kfuncs on resilient locks do. */
const RESILIENT: Readonly<Record<string, { readonly takes: boolean; readonly kind: LockKind }>> = {
  bpf_res_spin_lock: { takes: true, kind: 'res_lock' },
  bpf_res_spin_unlock: { takes: false, kind: 'res_lock' },
  bpf_res_spin_lock_irqsave: { takes: true, kind: 'res_lock_irq' },
  bpf_res_spin_unlock_irqrestore: { takes: false, kind: 'res_lock_irq' },
};

export function takesResilient(kfunc: string): boolean {
  return Object.hasOwn(RESILIENT, kfunc) && RESILIENT[kfunc].takes;
}

/** The argument of one of them. */
export function resSpinLock(env: Env, i: number, reg: Reg, kfunc: string): Reject | null {
  const { takes, kind } = RESILIENT[kfunc];
  if (inLess(env)) return denied(`can't res_spin_{lock,unlock} in rbtree cb`);
  const object = reg.kind === 'btf_id' && reg.flags === FLAG.alloc;
  if ((reg.kind !== 'map_value' && !object) || reg.maybeNull) {
    return invalid(`arg#${i} doesn't point to map value or allocated object`);
  }
  const bad = checkFieldPointer(env, i + 1, reg, 'bpf_res_spin_lock');
  if (bad) return bad;
  if (!takes) return giveBack(env, reg, kind);
  const again = env.state.held.some((h) => RES_KINDS.has(h.kind) && isOf(h, reg));
  return again ? invalid('Acquiring the same lock again, AA deadlock detected') : take(env, reg, kind);
}
const RES_KINDS: ReadonlySet<Held['kind']> = new Set(['res_lock', 'res_lock_irq']);

/** The lock could not be taken: the path on which the result is an errno. What the call does otherwise it does not do here. */
export function lockFails(env: Env): Reject | null {
  const failed = env.push(env.insnIdx + 1);
  if (failed === null) return tooManyBranches(env.pending.length);
  const { state } = env;
  env.state = failed;
  clearCallerSaved(env);
  env.setReg(0, scalarReg(between32(-MAX_ERRNO, -1)));
  env.state = state;
  return null;
}
const MAX_ERRNO = 4095;

/** What the lock is in: the map, or any object. */
function holder(reg: Reg): number {
  return reg.kind === 'map_value' ? reg.map : OBJECTS;
}

function isOf({ id, map }: Held, reg: Reg): boolean {
  return id === reg.id && map === holder(reg);
}

function take(env: Env, reg: Reg, kind: LockKind): Reject | null {
  const { state } = env;
  state.held = [...state.held, { kind, id: reg.id, insn: env.insnIdx, map: holder(reg) }];
  return null;
}

function giveBack(env: Env, reg: Reg, kind: LockKind): Reject | null {
  const { state } = env;
  const name = kind === 'lock' ? 'bpf_spin_unlock' : 'bpf_res_spin_unlock';
  const active = activeLock(state);
  if (active === undefined) return invalid(`${name} without taking a lock`);
  const given = state.held.find((h) => h.kind === kind && isOf(h, reg));
  if (given === undefined) return invalid(`${name} of different lock`);
  if (!isOf(active, reg)) return invalid(`${name} cannot be out of order`);
  state.held = state.held.filter((h) => h !== given);
  forgetNonOwning(env);
  return null;
}
