// Small programs about iterators that a program drives itself, and about dynptrs of kfuncs, each with the last lines of what
// the verifier says; null = accepted. `kcall NAME` calls a kfunc.

import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { fp, giveBack, local, reserve } from './dynptr_text.ts';

export interface ObjectRow {
  readonly text: string;
  readonly says: string | null;
  /** Default SCHED_CLS. */
  readonly type?: number;
  readonly flags?: number;
  /** Needs layouts that only a kernel's BTF has. */
  readonly vmlinux?: true;
  /** Linux 6.18 answers the other way: why. */
  readonly differs?: string;
}

const XDP = { type: T.BPF_PROG_TYPE_XDP } as const;
const SLEEPABLE = { type: T.BPF_PROG_TYPE_SYSCALL, flags: 16 } as const;

const begin = (off = -8, from = '0', to = '10') => `${fp('r1', off)}
  r2 = ${from}
  r3 = ${to}
  kcall bpf_iter_num_new`;
const next = (off = -8) => `${fp('r1', off)}
  kcall bpf_iter_num_next`;
const end = (off = -8) => `${fp('r1', off)}
  kcall bpf_iter_num_destroy`;
const OUT = `
out:
  r0 = 0
  exit`;
/** A loop over the numbers with \`body\`, which may go to \`done\`. */
const loop = (body: string, before = '', after = '') => `${before}${begin()}
again:${next()}
  if r0 == 0 goto done
  ${body}
  goto again
done:${end()}
  ${after}
  r0 = 0
  exit`;
const VALUE = `
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = map array ll
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r6 = r0`;
const packet = (off: number, kind = 'skb') => `
  r1 = r9
  r2 = 0
${fp('r3', off)}
  kcall bpf_dynptr_from_${kind}`;
const slice = (off: number, size = 8, rdwr = '', buffer = -64) => `${fp('r1', off)}
  r2 = 0
  ${buffer === 0 ? 'r3 = 0' : fp('r3', buffer)}
  r4 = ${size}
  kcall bpf_dynptr_slice${rdwr}`;
const clone = (from: number, to: number) => `${fp('r1', from)}${fp('r2', to)}
  kcall bpf_dynptr_clone`;
const on = (off: number, call: string, args = '') => `${fp('r1', off)}
  ${args}
  kcall bpf_dynptr_${call}`;
const data = (off: number, size = 8) => `${fp('r1', off)}
  r2 = 0
  r3 = ${size}
  call bpf_dynptr_data`;

const save = (off: number) => `${fp('r1', off)}
  kcall bpf_local_irq_save`;
const restore = (off: number) => `${fp('r1', off)}
  kcall bpf_local_irq_restore`;

type Entry = string | readonly [text: string, says: string | null, more?: Omit<ObjectRow, 'text' | 'says'>];

const LEAK = 'BPF_EXIT instruction in main prog would lead to reference leak';

const ENTRIES: Readonly<Record<string, Entry>> = {
  // --- iterators
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
  // --- interrupt flags
  'interrupts: off and on': `${save(-8)}${restore(-8)}${OUT}`,
  'interrupts: twice': `${save(-8)}${save(-16)}${restore(-16)}${restore(-8)}${OUT}`,
  'interrupts: in the wrong order': [
    `${save(-8)}${save(-16)}${restore(-8)}${restore(-16)}${OUT}`,
    'cannot restore irq state out of order, expected id=2 acquired at insn_idx=5',
  ],
  'interrupts: left off': [
    `${save(-8)}${OUT}`,
    'BPF_EXIT instruction in main prog cannot be used inside bpf_local_irq_save-ed region',
  ],
  'interrupts: left off on one path': [
    `${save(-8)}
    call bpf_get_prandom_u32
    if r0 == 0 goto out${restore(-8)}${OUT}`,
    'BPF_EXIT instruction in main prog cannot be used inside bpf_local_irq_save-ed region',
  ],
  'interrupts: on twice': [
    `${save(-8)}${restore(-8)}${restore(-8)}${OUT}`,
    'expected an initialized irq flag as arg#0',
  ],
  'interrupts: off twice in one variable': [`${save(-8)}${save(-8)}${OUT}`, 'expected uninitialized irq flag as arg#0'],
  'interrupts: overwritten': [
    `${save(-8)}\n*(u8 *)(r10 - 8) = 0${restore(-8)}${OUT}`,
    'expected an initialized irq flag as arg#0',
  ],
  'interrupts: read': [
    `${save(-8)}\nr0 = *(u64 *)(r10 - 8)${restore(-8)}${OUT}`,
    'invalid read from stack off -8+0 size 8',
  ],
  'interrupts: on, never off': [
    `*(u64 *)(r10 - 8) = 0${restore(-8)}${OUT}`,
    'expected an initialized irq flag as arg#0',
  ],
  'interrupts: at an odd offset': [
    `${save(-12)}${OUT}`,
    'cannot pass in irq_flag at an offset=-12\nexpected uninitialized irq flag as arg#0',
  ],
  'interrupts: a number': [`r1 = 0\nkcall bpf_local_irq_save${OUT}`, "arg#0 doesn't point to an irq flag on stack"],
  'interrupts: in a loop': `
  again:
    may_goto out${save(-8)}${restore(-8)}
    goto again${OUT}`,
  'interrupts: on and off in a loop': `${save(-8)}
  again:
    may_goto over${restore(-8)}${save(-8)}
    goto again
  over:${restore(-8)}${OUT}`,
  'interrupts: on in a function': `${save(-8)}${fp('r1', -8)}
    call on
    r0 = 0
    exit
  on:
    kcall bpf_local_irq_restore
    r0 = 0
    exit`,
  'interrupts: off while an iterator lives': `${begin(-16)}${save(-8)}${end(-16)}${restore(-8)}${OUT}`,
  'interrupts: off where something sleeps': [
    `*(u64 *)(r10 - 16) = 0${save(-8)}${fp('r1', -16)}
    r2 = 8
    r3 = 0
    r4 = 0
    kcall bpf_copy_from_user_str${restore(-8)}${OUT}`,
    'kernel func bpf_copy_from_user_str is sleepable within IRQ-disabled region',
    SLEEPABLE,
  ],
  // --- dynptrs of kfuncs
  'packet: read by a slice': `r9 = r1${packet(-16)}${slice(-16)}
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 + 0)${OUT}`,
  'packet: without a buffer': `r9 = r1${packet(-16)}${slice(-16, 8, '', 0)}
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 + 0)${OUT}`,
  'packet: written by a slice': `r9 = r1${packet(-16)}${slice(-16, 8, '_rdwr')}
    if r0 == 0 goto out
    *(u64 *)(r0 + 0) = 1${OUT}`,
  'packet: of XDP': [
    `r9 = r1${packet(-16, 'xdp')}${slice(-16, 8, '_rdwr')}
    if r0 == 0 goto out
    *(u64 *)(r0 + 0) = 1${OUT}`,
    null,
    XDP,
  ],
  'packet: of XDP, in another program': [
    `r9 = r1${packet(-16, 'xdp')}${OUT}`,
    'calling kernel function bpf_dynptr_from_xdp is not allowed',
  ],
  'packet: metadata': `r9 = r1${packet(-16, 'skb_meta')}${slice(-16, 8, '_rdwr')}
    if r0 == 0 goto out
    *(u64 *)(r0 + 0) = 1${OUT}`,
  'packet: a slice to read is not written': [
    `r9 = r1${packet(-16)}${slice(-16)}
    if r0 == 0 goto out
    *(u64 *)(r0 + 0) = 1${OUT}`,
    'R0 cannot write into rdonly_mem',
  ],
  'packet: a slice unchecked': [
    `r9 = r1${packet(-16)}${slice(-16)}\nr1 = *(u64 *)(r0 + 0)${OUT}`,
    "R0 invalid mem access 'rdonly_mem_or_null'",
  ],
  'packet: a slice is too short': [
    `r9 = r1${packet(-16)}${slice(-16, 4)}
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 + 0)${OUT}`,
    'invalid access to memory, mem_size=4 off=0 size=8\nR0 min value is outside of the allowed memory range',
  ],
  'packet: a slice of unknown size': [
    `r9 = r1${packet(-16)}
    call bpf_get_prandom_u32
    r1 = r10
    r1 += -16
    r2 = 0
    r3 = r10
    r3 += -64
    r0 &= 7
    r4 = r0
    kcall bpf_dynptr_slice${OUT}`,
    'R4 must be a known constant',
  ],
  'packet: a slice after the packet changed': [
    `r9 = r1${packet(-16)}${slice(-16)}
    if r0 == 0 goto out
    r6 = r0
    r1 = r9
    r2 = 100
    call bpf_skb_pull_data
    r1 = *(u64 *)(r6 + 0)${OUT}`,
    "R6 invalid mem access 'scalar'",
  ],
  'packet: a slice after the packet was written': [
    `r9 = r1
    *(u64 *)(r10 - 32) = 0
    ${packet(-16)}${slice(-16)}
    if r0 == 0 goto out
    r6 = r0
    r1 = r10
    r1 += -16
    r2 = 0
    r3 = r10
    r3 += -32
    r4 = 8
    r5 = 0
    call bpf_dynptr_write
    r1 = *(u64 *)(r6 + 0)${OUT}`,
    "R6 invalid mem access 'scalar'",
  ],
  'packet: a pointer after the packet was written': [
    `r9 = r1
    r7 = *(u32 *)(r1 + 76)
    r8 = *(u32 *)(r1 + 80)
    r1 = r7
    r1 += 8
    if r1 > r8 goto out
    *(u64 *)(r10 - 32) = 0
    ${packet(-16)}
    r1 = r10
    r1 += -16
    r2 = 0
    r3 = r10
    r3 += -32
    r4 = 8
    r5 = 0
    call bpf_dynptr_write
    r1 = *(u64 *)(r7 + 0)${OUT}`,
    "R7 invalid mem access 'scalar'",
  ],
  'packet: a slice after the dynptr was overwritten': `r9 = r1${packet(-16)}${slice(-16)}
    if r0 == 0 goto out
    *(u64 *)(r10 - 8) = 0
    r1 = *(u64 *)(r0 + 0)${OUT}`,
  'packet: read and write by helpers': `r9 = r1
    *(u64 *)(r10 - 32) = 0
    ${packet(-16)}
    r1 = r10
    r1 += -32
    r2 = 8
    r3 = r10
    r3 += -16
    r4 = 0
    r5 = 0
    call bpf_dynptr_read${OUT}`,
  'packet: bpf_dynptr_data': `r9 = r1${packet(-16)}${data(-16)}
    if r0 == 0 goto out
    *(u64 *)(r0 + 0) = 1${OUT}`,
  'packet: the context is no packet': [
    `r1 = r10\nr2 = 0${fp('r3', -16)}\nkcall bpf_dynptr_from_skb${OUT}`,
    'arg#0 expected pointer to ctx, but got fp',
  ],
  'packet: given away': [`r9 = r1${packet(-16)}${giveBack(-16)}${OUT}`, 'arg 1 is an unacquired reference'],
  'packet: written in a program that only reads': [
    `r9 = r1${packet(-16)}${slice(-16, 8, '_rdwr')}${OUT}`,
    'the prog does not allow writes to packet data',
    { type: T.BPF_PROG_TYPE_CGROUP_SKB },
  ],
  'packet: the buffer is a slice as well': `r9 = r1${packet(-16)}${slice(-16, 8, '_rdwr')}
    if r0 == 0 goto out
    r1 = r10
    r1 += -16
    r2 = 8
    r3 = r0
    r4 = 8
    kcall bpf_dynptr_slice${OUT}`,
  'packet: the buffer is too small': [
    `r9 = r1${packet(-16)}${slice(-16, 24, '', -16)}${OUT}`,
    'invalid read from stack R3 off=-16 size=24\narg#2 arg#3 memory, len pair leads to invalid memory access',
  ],
  questions: `${VALUE}${local(-24)}${on(-24, 'size')}${on(-24, 'is_null')}${on(-24, 'is_rdonly')}${OUT}`,
  adjusted: `${VALUE}${local(-24)}${on(-24, 'adjust', 'r2 = 1\nr3 = 8')}${data(-24)}${OUT}`,
  'adjusted: a slice stays': `${VALUE}${local(-24)}${data(-24)}
    r7 = r0
    ${on(-24, 'adjust', 'r2 = 1\nr3 = 8')}
    if r7 == 0 goto out
    *(u8 *)(r7 + 0) = 1${OUT}`,
  copied: `${VALUE}${local(-24)}${local(-40)}
    r1 = r10
    r1 += -24
    r2 = 0
    r3 = r10
    r3 += -40
    r4 = 8
    r5 = 8
    kcall bpf_dynptr_copy${OUT}`,
  set: `${VALUE}${local(-24)}${on(-24, 'memset', 'r2 = 0\nr3 = 8\nr4 = 7')}${OUT}`,
  cloned: `${VALUE}${local(-24)}${clone(-24, -40)}${data(-40)}
    if r0 == 0 goto out
    *(u8 *)(r0 + 0) = 1${OUT}`,
  'cloned: a slice outlives the other': `${VALUE}${local(-24)}${clone(-24, -40)}${data(-40)}
    if r0 == 0 goto out
    *(u64 *)(r10 - 24) = 0
    *(u8 *)(r0 + 0) = 1${OUT}`,
  'cloned: overwritten with its slice': [
    `${VALUE}${local(-24)}${clone(-24, -40)}${data(-40)}
    if r0 == 0 goto out
    *(u64 *)(r10 - 40) = 0
    *(u8 *)(r0 + 0) = 1${OUT}`,
    "R0 invalid mem access 'scalar'",
  ],
  'cloned: over itself': [`${VALUE}${local(-24)}${clone(-24, -24)}${data(-24)}${OUT}`, null],
  'cloned: of nothing': [`${clone(-24, -40)}${OUT}`, 'Expected an initialized dynptr as arg #0'],
  'cloned: of a packet': `r9 = r1${packet(-16)}${clone(-16, -32)}${slice(-32)}
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 + 0)${OUT}`,
  'cloned: into a map value': [
    `${VALUE}${local(-24)}${fp('r1', -24)}\nr2 = r6\nkcall bpf_dynptr_clone${OUT}`,
    'arg#1 expected pointer to stack or const struct bpf_dynptr',
  ],
  'ring buffer: cloned, either ends both': `${reserve(-16)}${clone(-16, -32)}${giveBack(-32)}${OUT}`,
  'ring buffer: the clone is gone with it': [
    `${reserve(-16)}${clone(-16, -32)}${giveBack(-16)}${data(-32)}${OUT}`,
    'Expected an initialized dynptr as arg #0',
  ],
  'ring buffer: the original is gone with the clone': [
    `${reserve(-16)}${clone(-16, -32)}${giveBack(-32)}${data(-16)}${OUT}`,
    'Expected an initialized dynptr as arg #0',
  ],
  'ring buffer: slices of the clone are gone': [
    `${reserve(-16)}${clone(-16, -32)}${data(-32)}
    r7 = r0
    ${giveBack(-16)}
    if r7 == 0 goto out
    *(u8 *)(r7 + 0) = 1${OUT}`,
    "R7 invalid mem access 'scalar'",
  ],
  'ring buffer: ended twice': [
    `${reserve(-16)}${clone(-16, -32)}${giveBack(-16)}${giveBack(-32)}${OUT}`,
    'arg 1 is an unacquired reference',
  ],
  'ring buffer: the clone is overwritten': [
    `${reserve(-16)}${clone(-16, -32)}\n*(u64 *)(r10 - 32) = 0${giveBack(-16)}${OUT}`,
    'cannot overwrite referenced dynptr',
  ],
  'ring buffer: cloned over itself': [`${reserve(-16)}${clone(-16, -16)}${OUT}`, 'cannot overwrite referenced dynptr'],
  'ring buffer: leaked with its clone': [
    `${reserve(-16)}${clone(-16, -32)}${OUT}`,
    `Unreleased reference id=2 alloc_insn=6\n${LEAK}`,
  ],
  'ring buffer: a clone in another frame': `${reserve(-16)}
    r1 = r10
    r1 += -16
    call inner
    ${giveBack(-16)}${OUT}
  inner:
    r2 = r10
    r2 += -16
    kcall bpf_dynptr_clone
    r0 = 0
    exit`,
  'ring buffer: ended while a function has a clone': [
    `${reserve(-16)}
    r1 = r10
    r1 += -16
    call inner
    r0 = 0
    exit
  inner:
    r6 = r1
    r2 = r10
    r2 += -16
    kcall bpf_dynptr_clone
    r1 = r6
    r2 = 0
    call bpf_ringbuf_submit_dynptr
    r1 = r10
    r1 += -16
    r2 = 0
    r3 = 8
    call bpf_dynptr_data
    r0 = 0
    exit`,
    'Expected an initialized dynptr as arg #0',
    { differs: 'Linux forgets clones in other frames' },
  ],
  'ring buffer: a slice of a kfunc after the end': [
    `${reserve(-16)}${slice(-16, 8, '_rdwr')}
    if r0 == 0 goto none
    r6 = r0
    ${giveBack(-16)}
    *(u64 *)(r6 + 0) = 1
    r0 = 0
    exit
  none:${giveBack(-16)}${OUT}`,
    "R6 invalid mem access 'scalar'",
    { differs: 'Linux lets slices of kfuncs outlive their record' },
  ],
};

export const ROWS: Readonly<Record<string, ObjectRow>> = Object.fromEntries(
  Object.entries(ENTRIES).map(([name, e]) => [
    name,
    typeof e === 'string' ? { text: e, says: null } : { text: e[0], says: e[1], ...e[2] },
  ]),
);
