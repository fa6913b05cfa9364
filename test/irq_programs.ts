// Programs that keep interrupt flags on the stack, as text, with what Linux 6.18 says of them.

import { fp } from './dynptr_text.ts';
import { begin, type Entry, end, OUT, restore, SLEEPABLE, save } from './object_calls.ts';

export const IRQ_ENTRIES: Readonly<Record<string, Entry>> = {
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
};
