// Sections of a path in which something is held off: the RCU read section, preemption, interrupts, locks. Which of them a
// state is in decides what may be called and how long pointers live.

import type { Env } from './env.ts';
import { irqsOff, locksHeld } from './refs.ts';
import { FLAG, isRcu, makeReg, type Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';
import { mapObjects, mapRegs, type State } from './state.ts';

/** Pointers that RCU protects stay valid here (kernel in_rcu_cs): programs that can't sleep are always in such a section. */
export function inRcu(env: Env): boolean {
  return env.state.rcuLocked || locksHeld(env.state) || !env.sleepable;
}

/** What sleeps may not be called here: the words for the section, or null. */
export function noSleepIn(state: State): 'rcu_read_lock' | 'non-preemptible' | 'IRQ-disabled' | null {
  if (state.rcuLocked) return 'rcu_read_lock';
  if (state.preemptLocks > 0) return 'non-preemptible';
  return irqsOff(state) ? 'IRQ-disabled' : null;
}

type Enter = (env: Env) => Reject | null;

/** Kfuncs that begin and end sections. */
export const SECTION_KFUNCS: Readonly<Record<string, Enter>> = {
  bpf_rcu_read_lock: ({ state }) => {
    if (state.rcuLocked) return invalid('nested rcu read lock (kernel function bpf_rcu_read_lock)');
    state.rcuLocked = true;
    return null;
  },
  bpf_rcu_read_unlock: ({ state }) => {
    if (!state.rcuLocked) return invalid('unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)');
    state.rcuLocked = false;
    const old = FLAG.rcu;
    const unprotected = (reg: Reg) =>
      isRcu(reg) ? makeReg({ ...reg, flags: (reg.flags & ~old) | FLAG.untrusted, maybeNull: false }) : reg;
    mapRegs(state, unprotected);
    mapObjects(state, unprotected);
    return null;
  },
  bpf_preempt_disable: ({ state }) => {
    state.preemptLocks++;
    return null;
  },
  bpf_preempt_enable: ({ state }) => {
    if (state.preemptLocks === 0)
      return invalid('unmatched attempt to enable preemption (kernel function bpf_preempt_enable)');
    state.preemptLocks--;
    return null;
  },
};
