// Messages about spin locks, plain and resilient, and the interrupt flags that go with them: taken and given back, and what
// may be done in between.

import { leaving, type MessageRow, type Rows } from './row.ts';

const COMPARING: MessageRow = {
  class: 'lock',
  why: "the function that compares runs under the tree's lock",
  help: 'only read the two objects there',
};

export const LOCK_ROWS = {
  '{what} cannot be used inside bpf_spin_lock-ed region': {
    class: 'lock',
    why: (c) => `a spin lock is still held ${leaving(c)}`,
    help: 'call bpf_spin_unlock (bpf_res_spin_unlock where bpf_res_spin_lock returned 0) on every path before',
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
  'bpf_spin_unlock cannot be out of order': {
    class: 'lock',
    why: 'a lock that was taken later is still held',
    help: 'give locks back in the reverse order of taking them',
    held: ['lock'],
  },
  'Acquiring the same lock again, AA deadlock detected': {
    class: 'lock',
    why: 'the lock is held already: taking it once more could only fail',
    help: 'give it back first, or take another one',
    held: ['lock'],
  },
  'bpf_res_spin_unlock without taking a lock': {
    class: 'lock',
    why: 'no lock is held on this path',
    help: 'call it only where bpf_res_spin_lock returned 0',
    over: ['lock'],
  },
  'bpf_res_spin_unlock of different lock': {
    class: 'lock',
    why: 'no lock that is held is this one, and was taken in the same way (with interrupts saved, or without)',
    help: 'unlock through the same pointer that was locked; _irqsave goes with _irqrestore',
    held: ['lock'],
  },
  'bpf_res_spin_unlock cannot be out of order': {
    class: 'lock',
    why: 'a lock that was taken later is still held',
    help: 'give locks back in the reverse order of taking them',
    held: ['lock'],
  },
  "arg#{arg} doesn't point to map value or allocated object": {
    class: 'helper_argument',
    why: (c) => `a lock lies in a map value or in an object of bpf_obj_new; argument ${c.num('arg') + 1} is ${c.holds}`,
    help: 'pass the address of the lock in a value that was looked up, after a NULL test',
  },
  "can't spin_{lock,unlock} in rbtree cb": COMPARING,
  "can't res_spin_{lock,unlock} in rbtree cb": COMPARING,
  'irq flag acquired by {saver} kfuncs cannot be restored with {restorer} kfuncs': {
    class: 'lock',
    why: (c) =>
      `the flags were saved ${c.part('saver') === 'lock' ? 'with a lock (bpf_res_spin_lock_irqsave)' : 'by bpf_local_irq_save'}, and are restored the other way`,
    help: 'bpf_res_spin_unlock_irqrestore restores what bpf_res_spin_lock_irqsave saved, bpf_local_irq_restore what bpf_local_irq_save did',
    held: ['irq'],
  },
} as const satisfies Rows;
