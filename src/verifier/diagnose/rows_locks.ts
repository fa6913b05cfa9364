// Messages about spin locks: taken and given back, and what may be done in between.

import { leaving, type Rows } from './row.ts';

export const LOCK_ROWS = {
  '{what} cannot be used inside bpf_spin_lock-ed region': {
    class: 'lock',
    why: (c) => `a spin lock is still held ${leaving(c)}`,
    help: 'call bpf_spin_unlock on every path before',
    held: ['lock'],
  },
  'function calls are not allowed while holding a lock': {
    class: 'lock',
    why: (c) => `${c.helper || 'a function'} is called between bpf_spin_lock and bpf_spin_unlock`,
    help: 'call it before the lock is taken or after it is given back; only plain loads and stores belong between',
    held: ['lock'],
  },
  'Locking two bpf_spin_locks are not allowed': {
    class: 'lock',
    why: 'a second lock is taken while one is held: that could deadlock',
    help: 'give the first lock back before taking the second',
    held: ['lock'],
  },
  'bpf_spin_unlock without taking a lock': {
    class: 'lock',
    why: 'no lock is held on this path',
    help: 'pair every bpf_spin_unlock with a bpf_spin_lock on the same path',
    over: ['lock'],
  },
  'bpf_spin_unlock of different lock': {
    class: 'lock',
    why: 'the lock that is held is in another map value (or came from another lookup)',
    help: 'unlock through the same pointer that was locked',
    held: ['lock'],
  },
} as const satisfies Rows;
