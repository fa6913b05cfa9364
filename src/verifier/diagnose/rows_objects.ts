// Messages about objects on the stack that only calls may touch: dynptrs, iterators, interrupt flags.

import { type Case, leaving, type Rows } from './row.ts';

const OWN_VARIABLE = 'declare a local variable of the type, pass its address, and touch it only through calls';

/** The object that an argument should be is not there. */
function missing(c: Case, what: string): string {
  const place = `argument ${c.num('arg') + 1}`;
  if (c.past === 'gone') return `the ${what} that was at ${place} is there no more`;
  if (c.past === 'there') return `no ${what} begins at ${place}, though there is something`;
  return `no ${what} is at ${place}: ${c.past === 'never' ? 'none was made there on this path' : 'it was never made, or ended, or was overwritten'}`;
}

export const OBJECT_ROWS = {
  '{what} has to be at a constant offset': {
    class: 'helper_argument',
    why: (c) => `where the ${c.part('what')} lies on the stack is only known at run time`,
    help: 'pass the address of one variable, not of an element of an array',
  },
  'cannot pass in {what} at an offset={off}': {
    class: 'helper_argument',
    why: (c) => `there is no room for a ${c.part('what')} at fp${c.part('off')}, or it is not aligned to 8 bytes`,
    help: OWN_VARIABLE,
  },
  'arg#{arg} expected pointer to stack or const struct bpf_dynptr': {
    class: 'helper_argument',
    why: (c) => `argument ${c.num('arg') + 1} must be a dynptr, but ${c.regno < 0 ? 'it' : `R${c.regno}`} is not one`,
    help: 'pass the address of a local struct bpf_dynptr',
  },
  'Dynptr has to be an uninitialized dynptr': {
    class: 'helper_argument',
    why: (c) => `a dynptr can only be made in a variable on the stack, and R${c.regno} is ${c.holds}`,
    help: OWN_VARIABLE,
  },
  'Expected an initialized dynptr as arg #{arg}': {
    class: 'helper_argument',
    why: (c) => missing(c, 'dynptr'),
    help: 'make it first (bpf_dynptr_from_mem, bpf_ringbuf_reserve_dynptr), on every path to here, and pass its very address',
    object: 'argument',
  },
  'Expected a dynptr of type {type} as arg #{arg}': {
    class: 'helper_argument',
    why: (c) => `this call takes dynptrs of type ${c.part('type')} only`,
    help: 'use the calls made for the type of dynptr',
    object: 'argument',
  },
  'cannot pass pointer to const bpf_dynptr, the helper mutates it': {
    class: 'helper_argument',
    why: (c) => `${c.helper || 'the call'} changes the dynptr, which belongs to somebody else`,
    help: 'clone the dynptr (bpf_dynptr_clone) and change the clone',
  },
  'cannot release unowned const bpf_dynptr': {
    class: 'reference',
    why: 'the dynptr that a function got as an argument is not its own to give back',
    help: 'give it back where it was made',
  },
  'arg {reg} is an unacquired reference': {
    class: 'reference',
    why: (c) =>
      c.past === 'gone'
        ? `the dynptr at argument ${c.part('reg')} was given back already`
        : `argument ${c.part('reg')} is no dynptr that holds something${c.past === '' ? ', or it was given back already' : ''}`,
    object: 'argument',
    help: 'submit or discard each dynptr once on each path, also when bpf_ringbuf_reserve_dynptr failed',
  },
  'cannot overwrite referenced dynptr': {
    class: 'leak',
    why: 'what the dynptr holds could never be given back',
    help: 'submit or discard it first; use a variable of its own for each dynptr',
    held: ['ref'],
  },
  'potential write to dynptr at off={off} disallowed': {
    class: 'helper_argument',
    why: (c) => `${c.helper || 'the call'} would write into the dynptr at fp${c.part('off')} itself`,
    help: 'pass a buffer that does not overlap the dynptr',
  },
  'Unsupported reg type {type} for bpf_dynptr_from_mem data': {
    class: 'helper_argument',
    why: (c) => `a dynptr can not be made of this kind of memory: ${c.holds}`,
    help: 'use memory in a value of a map',
  },
  'arg#{arg} expected pointer to an iterator on stack': {
    class: 'helper_argument',
    why: (c) => `argument ${c.num('arg') + 1} must be an iterator, a variable on the stack`,
    help: OWN_VARIABLE,
  },
  'expected uninitialized iter_{type} as arg #{arg}': {
    class: 'helper_argument',
    why: (c) => `the variable already is an iterator (struct bpf_iter_${c.part('type')}), or can not become one`,
    help: 'end it with its _destroy function before it is made again, or use another variable',
    object: 'argument',
  },
  'expected an initialized iter_{type} as arg #{arg}': {
    class: 'helper_argument',
    why: (c) => missing(c, `struct bpf_iter_${c.part('type')}`),
    object: 'argument',
    help: 'make it with its _new function on every path to here, end it once, and touch it in no other way',
  },
  'expected uninitialized irq flag as arg#{arg}': {
    class: 'helper_argument',
    why: 'the variable already keeps interrupt flags that are to be restored, or can not keep any',
    help: 'restore them first, or use another variable (unsigned long)',
    object: 'argument',
  },
  'expected an initialized irq flag as arg#{arg}': {
    class: 'helper_argument',
    why: (c) =>
      c.past === 'gone'
        ? 'the variable keeps no interrupt flags any more'
        : `the variable keeps no interrupt flags${c.past === 'never' ? ': none were saved in it on this path' : ''}`,
    object: 'argument',
    help: 'pair every bpf_local_irq_restore with one bpf_local_irq_save of the same variable, on every path',
  },
  'cannot restore irq state out of order, expected id={id} acquired at insn_idx={insn}': {
    class: 'lock',
    why: 'flags that were saved later are still to be restored',
    help: 'restore in the reverse order of saving',
    held: ['irq'],
  },
  '{what} cannot be used inside bpf_local_irq_save-ed region': {
    class: 'lock',
    why: (c) => `interrupts are still off ${leaving(c)}`,
    help: 'call bpf_local_irq_restore on every path before, with what bpf_local_irq_save saved',
    held: ['irq'],
  },
  'css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs': {
    class: 'helper_unavailable',
    why: 'bpf_iter_css_task_new takes a lock that this program might interrupt',
    help: 'use it in a sleepable program',
  },
  'the prog does not allow writes to packet data': {
    class: 'read_only',
    why: (c) => `${c.progType} programs may not write into the packet`,
    help: 'use bpf_dynptr_slice, whose memory is only read',
  },
  'expected an RCU CS when using {kfunc}': {
    class: 'lock',
    why: 'what the iterator gives is protected by RCU, and the read section in which it was made is over',
    help: 'keep bpf_rcu_read_lock over the whole loop',
    over: ['rcu'],
  },
} as const satisfies Rows;
