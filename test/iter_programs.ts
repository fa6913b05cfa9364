// Programs with iterators, as text, with what Linux 6.18 says of them.

import { fp } from './dynptr_text.ts';
import { begin, type Entry, end, LEAK, loop, next, OUT, SLEEPABLE, VALUE } from './object_calls.ts';

export const ITER_ENTRIES: Readonly<Record<string, Entry>> = {
  'numbers: nothing but begin and end': `${begin()}${end()}${OUT}`,
  'numbers: one element': `${begin()}${next()}${end()}${OUT}`,
  'numbers: an empty loop': loop(''),
  'numbers: the element is read': loop('r6 = *(u32 *)(r0 + 0)'),
  'numbers: a sum that decides nothing': loop('r1 = *(u32 *)(r0 + 0)\nr6 += r1', 'r6 = 0'),
  'numbers: a counter': loop('r6 += 1', 'r6 = 0'),
  'numbers: a counter with a bound': loop('r6 += 1\nif r6 > 5 goto done', 'r6 = 0'),
  'numbers: a counter on the stack': loop(
    'r1 = *(u64 *)(r10 - 16)\nr1 += 1\n*(u64 *)(r10 - 16) = r1',
    '*(u64 *)(r10 - 16) = 0',
  ),
  'numbers: two counters': loop('r6 += 1\nr7 += r6', 'r6 = 0\nr7 = 0'),
  'numbers: an element that indexes a map value': `${VALUE}
    ${loop('r1 = *(u32 *)(r0 + 0)\nif r1 > 63 goto done\nr2 = r6\nr2 += r1\n*(u8 *)(r2 + 0) = 1')}
  out:
    r0 = 0
    exit`,
  'numbers: breaks': loop('r1 = *(u32 *)(r0 + 0)\nif r1 == 3 goto done'),
  'numbers: nested': loop(
    `${begin(-16)}
  inner:${next(-16)}
    if r0 == 0 goto over
    r6 += 1
    goto inner
  over:${end(-16)}`,
    'r6 = 0',
  ),
  'numbers: one behind the other': `${loop('r6 += 1', 'r6 = 0').replace('r0 = 0\n  exit', '')}${begin()}
  second:${next()}
    if r0 == 0 goto over
    r6 += 1
    goto second
  over:${end()}${OUT}`,
  'numbers: asked again after the end': `${begin()}
  again:${next()}
    if r0 != 0 goto again${next()}${end()}${OUT}`,
  'numbers: of unknown bounds': `
    call bpf_get_prandom_u32
    r6 = r0
    call bpf_get_prandom_u32
    r1 = r10
    r1 += -8
    r2 = r6
    r3 = r0
    kcall bpf_iter_num_new${next()}${end()}${OUT}`,
  'numbers: two calls of next': `${begin()}
  again:${next()}
    if r0 == 0 goto done
    r6 = *(u32 *)(r0 + 0)${next()}
    if r0 == 0 goto done
    r6 = *(u32 *)(r0 + 0)
    goto again
  done:${end()}${OUT}`,
  'numbers: in a function': `
    call walk
    r0 = 0
    exit
  walk:${begin()}
  again:${next()}
    if r0 == 0 goto done
    goto again
  done:${end()}
    r0 = 0
    exit`,
  'numbers: driven by a function': `${begin()}
  again:
    r1 = r10
    r1 += -8
    call step
    if r0 != 0 goto again${end()}${OUT}
  step:
    kcall bpf_iter_num_next
    if r0 == 0 goto none
    r0 = 1
    exit
  none:
    r0 = 0
    exit`,
  'numbers: a function that is called for each': loop('r1 = *(u32 *)(r0 + 0)\ncall work').concat(`
  work:
    r0 = r1
    r0 &= 7
    exit`),
  'numbers: a branch in the loop': loop(
    `
    call bpf_get_prandom_u32
    if r0 > 5 goto more
    r6 = 1
    goto both
  more:
    r6 = 2
  both:
    r7 = r6`,
    'r6 = 0\nr7 = 0',
  ),
  'numbers: made once on each of two paths': `
    call bpf_get_prandom_u32
    if r0 == 0 goto other${begin(-8, '0', '5')}
    goto both
  other:${begin(-8, '1', '100')}
  both:${next()}${end()}${OUT}`,
  'numbers: made again where one ended': `${begin()}${end()}${begin()}${end()}${OUT}`,
  'numbers: the place is data after the end': `${begin()}${end()}
    *(u64 *)(r10 - 8) = 1
    r0 = *(u64 *)(r10 - 8)
    r0 = 0
    exit`,
  'numbers: precise in the loop': [
    `${VALUE}
    r7 = 0
    ${loop('r7 += 1\nr2 = r6\nr2 += r7\n*(u8 *)(r2 + 0) = 1')}
  out:
    r0 = 0
    exit`,
    'invalid access to map value, value_size=64 off=64 size=1\nR2 min value is outside of the allowed memory range',
  ],
  'numbers: a value that the second round forgets': [
    `${VALUE}
    r7 = 0
    r8 = 0
    ${loop(`
    if r8 == 0 goto first
    r2 = r6
    r2 += r7
    *(u8 *)(r2 + 0) = 1
    goto again
  first:
    r8 = 1
    r7 = 7`)}
  out:
    r0 = 0
    exit`,
    'math between map_value pointer and register with unbounded min value is not allowed',
  ],
  'numbers: endless': [
    `${begin()}${next()}
  forever:
    goto forever`,
    'infinite loop detected at insn 8\ncur state: R0=0 R10=fp0 fp-8=iter_num(ref_id=1,state=drained,depth=0) refs=1\nold state: R0=0 R10=fp0 fp-8=iter_num(ref_id=1,state=drained,depth=0) refs=1',
  ],
  'numbers: written through': [loop('*(u32 *)(r0 + 0) = 1'), 'R0 cannot write into rdonly_mem'],
  'numbers: filled by a helper': [
    loop('r1 = r0\nr2 = 4\ncall bpf_get_current_comm'),
    'R1 type=rdonly_mem expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  ],
  'numbers: as a key': [
    loop('r1 = map array ll\nr2 = r0\ncall bpf_map_lookup_elem'),
    'R2 type=rdonly_mem expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  ],
  'numbers: read too far': [
    loop('r1 = *(u64 *)(r0 + 0)'),
    'invalid access to memory, mem_size=4 off=0 size=8\nR0 min value is outside of the allowed memory range',
  ],
  'numbers: unchecked': [`${begin()}${next()}\nr6 = *(u32 *)(r0 + 0)${end()}${OUT}`, "R0 invalid mem access 'scalar'"],
  'numbers: an element after the end': [
    `${begin()}${next()}
    if r0 == 0 goto done
    r6 = r0
    ${end()}
    r0 = *(u32 *)(r6 + 0)
    exit
  done:${end()}${OUT}`,
    "R6 invalid mem access 'scalar'",
  ],
  'numbers: leaked': [`${begin()}${OUT}`, `Unreleased reference id=1 alloc_insn=4\n${LEAK}`],
  'numbers: leaked where the loop breaks': [
    `${begin()}
  again:${next()}
    if r0 == 0 goto done
    r1 = *(u32 *)(r0 + 0)
    if r1 == 3 goto out
    goto again
  done:${end()}${OUT}`,
    `Unreleased reference id=1 alloc_insn=4\n${LEAK}`,
  ],
  'numbers: ended twice': [`${begin()}${end()}${end()}${OUT}`, 'expected an initialized iter_num as arg #0'],
  'numbers: next without begin': [`${next()}${OUT}`, 'expected an initialized iter_num as arg #0'],
  'numbers: next without begin, where there is stack': [
    `*(u64 *)(r10 - 8) = 0${next()}${OUT}`,
    'expected an initialized iter_num as arg #0',
  ],
  'numbers: end without begin': [`*(u64 *)(r10 - 8) = 0${end()}${OUT}`, 'expected an initialized iter_num as arg #0'],
  'numbers: next after the end': [`${begin()}${end()}${next()}${OUT}`, 'expected an initialized iter_num as arg #0'],
  'numbers: begun twice': [`${begin()}${begin()}${OUT}`, 'expected uninitialized iter_num as arg #0'],
  'numbers: overwritten': [
    `${begin()}\n*(u64 *)(r10 - 8) = 0${end()}${OUT}`,
    'expected an initialized iter_num as arg #0',
  ],
  'numbers: overwritten by a byte': [
    `${begin()}\n*(u8 *)(r10 - 3) = 0${end()}${OUT}`,
    'expected an initialized iter_num as arg #0',
  ],
  'numbers: overwritten somewhere': [
    `${begin()}
    call bpf_get_prandom_u32
    r0 &= 7
    r1 = r10
    r1 += -8
    r1 += r0
    *(u8 *)(r1 + 0) = 0${end()}${OUT}`,
    'expected an initialized iter_num as arg #0',
  ],
  'numbers: overwritten, and begun again': [
    `${begin()}\n*(u64 *)(r10 - 8) = 0${begin()}${end()}${OUT}`,
    `Unreleased reference id=1 alloc_insn=4\n${LEAK}`,
  ],
  'numbers: loaded': [`${begin()}\nr0 = *(u64 *)(r10 - 8)${end()}${OUT}`, 'invalid read from stack off -8+0 size 8'],
  'numbers: a byte of it loaded': [
    `${begin()}\nr0 = *(u8 *)(r10 - 1)${end()}${OUT}`,
    'invalid read from stack off -1+0 size 1',
  ],
  'numbers: filled': [
    `${begin()}
    r1 = r10
    r1 += -8
    r2 = 8
    call bpf_get_current_comm${end()}${OUT}`,
    'expected an initialized iter_num as arg #0',
  ],
  'numbers: read by a helper': [
    `${begin()}
    r1 = map array ll
    r2 = r10
    r2 += -8
    call bpf_map_lookup_elem${end()}${OUT}`,
    'invalid read from stack R2 off -8+0 size 4',
  ],
  'numbers: in a map value': [
    `${VALUE}\nr1 = r6\nr2 = 0\nr3 = 5\nkcall bpf_iter_num_new${OUT}`,
    'arg#0 expected pointer to an iterator on stack',
  ],
  'numbers: a number': [
    'r1 = 0\nkcall bpf_iter_num_next\nr0 = 0\nexit',
    'arg#0 expected pointer to an iterator on stack',
  ],
  'numbers: at an odd offset': [
    `${begin(-12)}${OUT}`,
    'cannot pass in iter at an offset=-12\nexpected uninitialized iter_num as arg #0',
  ],
  'numbers: at an unknown offset': [
    `
    call bpf_get_prandom_u32
    r0 &= 8
    r1 = r10
    r1 += -16
    r1 += r0
    r2 = 0
    r3 = 5
    kcall bpf_iter_num_new${OUT}`,
    'iter has to be at a constant offset\nexpected uninitialized iter_num as arg #0',
  ],
  'numbers: above the frame': [`${begin(0)}${OUT}`, 'invalid write to stack R1 off=0 size=8'],
  'numbers: taken for the one above': [
    `${begin()}${next(0)}${end()}${OUT}`,
    'expected an initialized iter_num as arg #0',
    { differs: 'Linux takes fp + 0 for the slot at fp - 8' },
  ],
  'numbers: below the stack': [`${begin(-520)}${OUT}`, 'invalid write to stack R1 off=-520 size=8'],
  'numbers: next of something else': [
    `${fp('r1', -16)}\nr2 = r10\nr2 += -24\n*(u64 *)(r10 - 24) = 5\nr3 = 1\nkcall bpf_iter_bits_new${next(-16)}${OUT}`,
    'expected an initialized iter_num as arg #0',
  ],
  'numbers: ended on one of two paths': [
    `${begin()}
    call bpf_get_prandom_u32
    if r0 == 0 goto out${end()}${OUT}`,
    `Unreleased reference id=1 alloc_insn=4\n${LEAK}`,
  ],
  'numbers: begun on one of two paths': [
    `*(u64 *)(r10 - 8) = 0
    call bpf_get_prandom_u32
    if r0 == 0 goto both${begin()}
  both:${end()}${OUT}`,
    'expected an initialized iter_num as arg #0',
  ],
  'numbers: the bounds are pointers': [
    `${fp('r1', -8)}\nr2 = r10\nr3 = 5\nkcall bpf_iter_num_new${OUT}`,
    'R2 is not a scalar',
  ],
  'numbers: under a lock': [
    `kcall bpf_preempt_disable${begin()}${next()}${end()}\nkcall bpf_preempt_enable${OUT}`,
    null,
  ],
  bits: `
    *(u64 *)(r10 - 24) = 5
    r1 = r10
    r1 += -16
    r2 = r10
    r2 += -24
    r3 = 1
    kcall bpf_iter_bits_new
  again:
    r1 = r10
    r1 += -16
    kcall bpf_iter_bits_next
    if r0 == 0 goto done
    r1 = *(u32 *)(r0 + 0)
    goto again
  done:
    r1 = r10
    r1 += -16
    kcall bpf_iter_bits_destroy${OUT}`,
  'bits: half of it overwritten': [
    `
    *(u64 *)(r10 - 24) = 5
    r1 = r10
    r1 += -16
    r2 = r10
    r2 += -24
    r3 = 1
    kcall bpf_iter_bits_new
    *(u64 *)(r10 - 8) = 0
    r1 = r10
    r1 += -16
    kcall bpf_iter_bits_destroy${OUT}`,
    'expected an initialized iter_bits as arg #0',
  ],
  tasks: [
    `
    kcall bpf_rcu_read_lock
    r1 = r10
    r1 += -24
    r2 = 0
    r3 = 0
    kcall bpf_iter_task_new
  again:
    r1 = r10
    r1 += -24
    kcall bpf_iter_task_next
    if r0 == 0 goto done
    r6 = *(u32 *)(r0 + 100)
    goto again
  done:
    r1 = r10
    r1 += -24
    kcall bpf_iter_task_destroy
    kcall bpf_rcu_read_unlock
    r0 = 0
    exit`,
    null,
    { ...SLEEPABLE, vmlinux: true },
  ],
  'tasks: outside of an RCU section': [
    `
    r1 = r10
    r1 += -24
    r2 = 0
    r3 = 0
    kcall bpf_iter_task_new
    r1 = r10
    r1 += -24
    kcall bpf_iter_task_destroy
    r0 = 0
    exit`,
    'kernel func bpf_iter_task_new requires RCU critical section protection',
    { ...SLEEPABLE, vmlinux: true },
  ],
  'tasks: the RCU section ends too early': [
    `
    kcall bpf_rcu_read_lock
    r1 = r10
    r1 += -24
    r2 = 0
    r3 = 0
    kcall bpf_iter_task_new
    kcall bpf_rcu_read_unlock
    r1 = r10
    r1 += -24
    kcall bpf_iter_task_next
    r1 = r10
    r1 += -24
    kcall bpf_iter_task_destroy
    r0 = 0
    exit`,
    'expected an RCU CS when using bpf_iter_task_next',
    { ...SLEEPABLE, vmlinux: true },
  ],
  'tasks: between two RCU sections': [
    `
    kcall bpf_rcu_read_lock
    r1 = r10
    r1 += -24
    r2 = 0
    r3 = 0
    kcall bpf_iter_task_new
    kcall bpf_rcu_read_unlock
    kcall bpf_rcu_read_lock
    r1 = r10
    r1 += -24
    kcall bpf_iter_task_next
    r1 = r10
    r1 += -24
    kcall bpf_iter_task_destroy
    kcall bpf_rcu_read_unlock
    r0 = 0
    exit`,
    'expected an RCU CS when using bpf_iter_task_next',
    { ...SLEEPABLE, vmlinux: true },
  ],
  'tasks: another process is not one of an unknown iterator': [
    `
    kcall bpf_rcu_read_lock
    r1 = r10
    r1 += -24
    r2 = r10
    r3 = 0
    kcall bpf_iter_task_new
    r0 = 0
    exit`,
    'arg#1 is fp expected ptr_ or socket',
    { ...SLEEPABLE, vmlinux: true },
  ],
};
