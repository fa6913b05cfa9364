// Messages about objects on the stack that only calls may touch: dynptrs, iterators, interrupt flags.

import type { Rows } from './row.ts';

const OWN_VARIABLE = 'declare a local variable of the type, pass its address, and touch it only through calls';

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
    why: 'a dynptr can only be made in a variable on the stack',
    help: OWN_VARIABLE,
  },
  'Expected an initialized dynptr as arg #{arg}': {
    class: 'helper_argument',
    why: (c) => `no dynptr is at argument ${c.num('arg') + 1}: it was never made, or ended, or was overwritten`,
    help: 'make it first (bpf_dynptr_from_mem, bpf_ringbuf_reserve_dynptr), on every path to here, and pass its very address',
  },
  'Expected a dynptr of type {type} as arg #{arg}': {
    class: 'helper_argument',
    why: (c) => `this call takes dynptrs of type ${c.part('type')} only`,
    help: 'use the calls made for the type of dynptr',
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
  'arg {arg} is an unacquired reference': {
    class: 'reference',
    why: (c) => `argument ${c.part('arg')} is no dynptr that holds something, or it was given back already`,
    help: 'submit or discard each dynptr once on each path, also when bpf_ringbuf_reserve_dynptr failed',
  },
  'cannot overwrite referenced dynptr': {
    class: 'leak',
    why: 'what the dynptr holds could never be given back',
    help: 'submit or discard it first; use a variable of its own for each dynptr',
  },
  'potential write to dynptr at off={off} disallowed': {
    class: 'helper_argument',
    why: (c) => `${c.helper || 'the call'} would write into the dynptr at fp${c.part('off')} itself`,
    help: 'pass a buffer that does not overlap the dynptr',
  },
  'Unsupported reg type {type} for bpf_dynptr_from_mem data': {
    class: 'helper_argument',
    why: (c) => `a dynptr can not be made of memory of kind ${c.part('type')}`,
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
  },
  'expected an initialized iter_{type} as arg #{arg}': {
    class: 'helper_argument',
    why: (c) =>
      `no struct bpf_iter_${c.part('type')} is at argument ${c.num('arg') + 1}: it was never made, or ended, or was overwritten`,
    help: 'make it with its _new function on every path to here, end it once, and touch it in no other way',
  },
  'expected uninitialized irq flag as arg#{arg}': {
    class: 'helper_argument',
    why: 'the variable already keeps interrupt flags that are to be restored, or can not keep any',
    help: 'restore them first, or use another variable (unsigned long)',
  },
  'expected an initialized irq flag as arg#{arg}': {
    class: 'helper_argument',
    why: 'the variable keeps no interrupt flags: none were saved, or they were restored or overwritten',
    help: 'pair every bpf_local_irq_restore with one bpf_local_irq_save of the same variable, on every path',
  },
  'cannot restore irq state out of order, expected id={id} acquired at insn_idx={insn}': {
    class: 'lock',
    why: (c) => `the flags that instruction ${c.part('insn')} saved must be restored first`,
    help: 'restore in the reverse order of saving',
  },
  '{what} cannot be used inside bpf_local_irq_save-ed region': {
    class: 'lock',
    why: (c) => `interrupts are off at ${c.part('what')}`,
    help: 'call bpf_local_irq_restore on every path before',
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
  },
} as const satisfies Rows;
