// Small programs about dynptrs, each with the last lines of what the verifier says; null = accepted.

import { fp, giveBack, local, reserve } from './dynptr_text.ts';

export interface DynptrRow {
  readonly text: string;
  readonly says: string | null;
  /** Linux 6.18 answers the other way: why. */
  readonly differs?: string;
}

/** r6 = a value of `array` (64 bytes). */
const VALUE = `
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = map array ll
  call bpf_map_lookup_elem
  r6 = r0`;

/** r0 = a slice of \`size\` bytes of the dynptr at fp + off. */
const slice = (off: number, size = 8) => `${fp('r1', off)}
  r2 = 0
  r3 = ${size}
  call bpf_dynptr_data`;

const OUT = `
out:
  r0 = 0
  exit`;

const read = (off: number, into: number, size: number) => `${fp('r1', into)}
  r2 = ${size}
${fp('r3', off)}
  r4 = 0
  r5 = 0
  call bpf_dynptr_read`;

const write = (off: number, from: number, size: number) => `${fp('r1', off)}
  r2 = 0
${fp('r3', from)}
  r4 = ${size}
  r5 = 0
  call bpf_dynptr_write`;

/** Accepted programs, and those that are refused, with the message. */
const OK: Readonly<Record<string, string>> = {
  'made of a map value': `${VALUE}${local(-24)}${OUT}`,
  'slice is read and written': `${VALUE}${local(-24)}${slice(-24)}
    if r0 == 0 goto out
    r1 = *(u64 *)(r0 + 0)
    *(u32 *)(r0 + 4) = 7${OUT}`,
  'read and write': `${VALUE}${local(-24)}${read(-24, -48, 16)}${write(-24, -48, 16)}${OUT}`,
  'two at once': `${VALUE}${local(-24)}${local(-40)}${slice(-24)}
    r7 = r0
    ${slice(-40)}
    if r7 == 0 goto out
    *(u8 *)(r7 + 7) = 1
    if r0 == 0 goto out
    *(u8 *)(r0 + 0) = 1${OUT}`,
  'made again in the same place': `${VALUE}${local(-24)}${local(-24)}${slice(-24)}${OUT}`,
  'overwritten by a number, then made again': `${VALUE}${local(-24)}
    *(u64 *)(r10 - 16) = 1
    ${local(-24)}${slice(-24)}${OUT}`,
  'an overwritten one is data': `${VALUE}${local(-24)}
    *(u64 *)(r10 - 24) = 1
    r0 = *(u64 *)(r10 - 24)
    r0 = *(u64 *)(r10 - 16)${OUT}`,
  overlapping: `${VALUE}${local(-24)}${local(-32)}${slice(-32)}${OUT}`,
  'at the top of the stack': `${VALUE}${local(-16)}${slice(-16)}${OUT}`,
  'at the bottom of the stack': `${VALUE}${local(-512)}${slice(-512)}${OUT}`,
  'ring buffer: submitted': `${reserve(-16)}${giveBack(-16, 'submit')}${OUT}`,
  'ring buffer: discarded, slice written': `${reserve(-16)}${slice(-16)}
    if r0 == 0 goto skip
    *(u64 *)(r0 + 0) = 1
  skip:
    ${giveBack(-16)}${OUT}`,
  'ring buffer: the place is used again': `${reserve(-16)}${giveBack(-16)}${reserve(-16)}${giveBack(-16)}
    *(u64 *)(r10 - 8) = 1${OUT}`,
  'ring buffer: two, given back in the order of taking': `${reserve(-16)}${reserve(-32)}${giveBack(-16)}${giveBack(-32)}${OUT}`,
  'ring buffer: read and write': `${reserve(-16)}${write(-16, -48, 16)}${read(-16, -48, 16)}${giveBack(-16)}${OUT}`,
  'used in a function of its caller': `${VALUE}${local(-24)}
    r1 = r10
    r1 += -24
    call use
    ${OUT}
  use:
    r2 = 0
    r3 = 8
    call bpf_dynptr_data
    r0 = 0
    exit`,
  'ended in a function': `${reserve(-16)}
    r1 = r10
    r1 += -16
    call finish
    r0 = 0
    exit
  finish:
    r2 = 0
    call bpf_ringbuf_submit_dynptr
    r0 = 0
    exit`,
  'made in a function, in the frame of its caller': `${VALUE}
    r7 = r10
    r7 += -24
    *(u64 *)(r10 - 24) = 0
    *(u64 *)(r10 - 16) = 0
    r1 = r7
    r2 = r6
    call make
    ${slice(-24)}
    if r0 == 0 goto out
    *(u64 *)(r0 + 0) = 1${OUT}
  make:
    r4 = r1
    r1 = r2
    r2 = 32
    r3 = 0
    call bpf_dynptr_from_mem
    r0 = 0
    exit`,
  'a slice in a function': `${VALUE}${local(-24)}${slice(-24)}
    if r0 == 0 goto out
    r1 = r0
    call store
    ${OUT}
  store:
    *(u64 *)(r1 + 0) = 1
    r0 = 0
    exit`,
  'on one of two paths, both end in the same place': `${VALUE}
    call bpf_get_prandom_u32
    if r0 == 0 goto out
    ${local(-24)}${OUT}`,
  'of different memory on two paths': `${VALUE}
    call bpf_get_prandom_u32
    if r0 == 0 goto other
    ${local(-24)}
    goto both
  other:
    r1 = r6
    r1 += 8
    r2 = 8
    r3 = 0
    r4 = r10
    r4 += -24
    call bpf_dynptr_from_mem
  both:
    ${slice(-24)}${OUT}`,
  'ring buffer: on both of two paths': `
    call bpf_get_prandom_u32
    if r0 == 0 goto other
    ${reserve(-16)}
    goto both
  other:
    ${reserve(-16)}
  both:
    ${giveBack(-16)}${OUT}`,
  'in a bounded loop': `${VALUE}
    r7 = 0
  again:
    ${local(-24)}${slice(-24)}
    if r0 == 0 goto out
    *(u8 *)(r0 + 0) = 1
    r7 += 1
    if r7 < 4 goto again${OUT}`,
  'in a loop of unknown length': `${VALUE}
    r7 = 0
  again:
    may_goto out
    ${local(-24)}${slice(-24)}
    if r0 == 0 goto out
    *(u8 *)(r0 + 0) = 1
    r7 += 1
    goto again${OUT}`,
  'ring buffer: in a loop of unknown length': `
  again:
    may_goto out
    ${reserve(-16)}${giveBack(-16)}
    goto again${OUT}`,
  'slices of no bytes': `${VALUE}${local(-24)}${slice(-24, 0)}${OUT}`,
  'written with numbers of any offset and length': `${VALUE}${local(-24)}
    call bpf_get_prandom_u32
    r7 = r0
    r7 &= 7
    *(u64 *)(r10 - 48) = 0
    r1 = r10
    r1 += -24
    r2 = r7
    r3 = r10
    r3 += -48
    r4 = r7
    r5 = 0
    call bpf_dynptr_write${OUT}`,
  'a spilled slice': `${VALUE}${local(-24)}${slice(-24)}
    *(u64 *)(r10 - 48) = r0
    r1 = *(u64 *)(r10 - 48)
    if r1 == 0 goto out
    *(u8 *)(r1 + 0) = 1
    r1 = *(u64 *)(r10 - 48)
    *(u8 *)(r1 + 0) = 1${OUT}`,
};

/** [program, last lines of what is said]. */
const REFUSED: Readonly<Record<string, readonly [text: string, says: string]>> = {
  'of stack memory': [
    `
    r1 = r10
    r1 += -48
    r2 = 16
    r3 = 0
    r4 = r10
    r4 += -16
    call bpf_dynptr_from_mem${OUT}`,
    'Unsupported reg type fp for bpf_dynptr_from_mem data',
  ],
  'of packet memory': [
    `
    r2 = *(u32 *)(r1 + 4)
    r1 = *(u32 *)(r1 + 0)
    r3 = r1
    r3 += 8
    if r3 > r2 goto out
    r2 = 8
    r3 = 0
    r4 = r10
    r4 += -16
    call bpf_dynptr_from_mem${OUT}`,
    'helper access to the packet is not allowed',
  ],
  'of more than there is': [
    `${VALUE}
    r1 = r6
    r2 = 65
    r3 = 0
    r4 = r10
    r4 += -24
    call bpf_dynptr_from_mem${OUT}`,
    'invalid access to map value, value_size=64 off=0 size=65\nR1 min value is outside of the allowed memory range',
  ],
  'of a number': [
    `
    r1 = 0
    r2 = 0
    r3 = 0
    r4 = r10
    r4 += -16
    call bpf_dynptr_from_mem${OUT}`,
    'R1 type=scalar expected=fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_',
  ],
  'ring buffer: leaked': [
    `${reserve(-16)}${OUT}`,
    'Unreleased reference id=2 alloc_insn=6\nBPF_EXIT instruction in main prog would lead to reference leak',
  ],
  'ring buffer: leaked on one path': [
    `${reserve(-16)}${slice(-16)}
    if r0 == 0 goto out
    ${giveBack(-16)}${OUT}`,
    'Unreleased reference id=2 alloc_insn=6\nBPF_EXIT instruction in main prog would lead to reference leak',
  ],
  'ring buffer: given back twice': [
    `${reserve(-16)}${giveBack(-16)}${giveBack(-16)}${OUT}`,
    'arg 1 is an unacquired reference',
  ],
  'ring buffer: overwritten by a number': [
    `${reserve(-16)}
    *(u64 *)(r10 - 8) = 0${OUT}`,
    'cannot overwrite referenced dynptr',
  ],
  'ring buffer: overwritten by a byte': [
    `${reserve(-16)}
    *(u8 *)(r10 - 15) = 0${OUT}`,
    'cannot overwrite referenced dynptr',
  ],
  'ring buffer: overwritten by another': [`${reserve(-16)}${reserve(-16)}${OUT}`, 'cannot overwrite referenced dynptr'],
  'ring buffer: overwritten somewhere': [
    `${reserve(-16)}
    call bpf_get_prandom_u32
    r0 &= 7
    r1 = r10
    r1 += -16
    r1 += r0
    *(u8 *)(r1 + 0) = 0${OUT}`,
    'cannot overwrite referenced dynptr',
  ],
  'ring buffer: slice after the end': [
    `${reserve(-16)}${slice(-16)}
    r7 = r0
    ${giveBack(-16)}
    if r7 == 0 goto out
    *(u8 *)(r7 + 0) = 1${OUT}`,
    "R7 invalid mem access 'scalar'",
  ],
  'ring buffer: a NULL slice does not end it': [
    `${reserve(-16)}${slice(-16)}
    if r0 != 0 goto out
    ${giveBack(-16)}${OUT}`,
    'Unreleased reference id=2 alloc_insn=6\nBPF_EXIT instruction in main prog would lead to reference leak',
  ],
  'a local one is not submitted': [`${VALUE}${local(-24)}${giveBack(-24)}${OUT}`, 'arg 1 is an unacquired reference'],
  'nothing is submitted': [`${giveBack(-16)}${OUT}`, 'arg 1 is an unacquired reference'],
  'a number is submitted': [
    `r1 = 0\nr2 = 0\ncall bpf_ringbuf_submit_dynptr${OUT}`,
    'R1 type=scalar expected=fp, dynptr_ptr',
  ],
  'ring buffer: submitted by its second slot': [
    `${reserve(-16)}${giveBack(-8)}${OUT}`,
    'cannot pass in dynptr at an offset=-8\narg 1 is an unacquired reference',
  ],
  'ring buffer: submitted by the slot below': [
    `${reserve(-16)}${giveBack(-24)}${OUT}`,
    'arg 1 is an unacquired reference',
  ],
  'ring buffer: submitted by the slot between': [
    `${reserve(-24)}${giveBack(-16)}${OUT}`,
    'Expected an initialized dynptr as arg #0',
  ],
  'slice after a store': [
    `${VALUE}${local(-24)}${slice(-24)}
    r7 = r0
    *(u8 *)(r10 - 9) = 1
    if r7 == 0 goto out
    *(u8 *)(r7 + 0) = 1${OUT}`,
    "R7 invalid mem access 'scalar'",
  ],
  'slice after it was made again': [
    `${VALUE}${local(-24)}${slice(-24)}
    if r0 == 0 goto out
    r7 = r0
    ${local(-24)}
    *(u8 *)(r7 + 0) = 1${OUT}`,
    "R7 invalid mem access 'scalar'",
  ],
  'slice unchecked': [
    `${VALUE}${local(-24)}${slice(-24)}\n*(u8 *)(r0 + 0) = 1${OUT}`,
    "R0 invalid mem access 'mem_or_null'",
  ],
  'slice out of bounds': [
    `${VALUE}${local(-24)}${slice(-24)}
    if r0 == 0 goto out
    *(u8 *)(r0 + 8) = 1${OUT}`,
    'invalid access to memory, mem_size=8 off=8 size=1\nR0 min value is outside of the allowed memory range',
  ],
  'slice of unknown size': [
    `${VALUE}${local(-24)}
    call bpf_get_prandom_u32
    r1 = r10
    r1 += -24
    r2 = 0
    r3 = r0
    call bpf_dynptr_data${OUT}`,
    "R3 is not a known constant'",
  ],
  'used before it is made': [`${slice(-16)}${OUT}`, 'Expected an initialized dynptr as arg #0'],
  'used before it is made, where there is stack': [
    `*(u64 *)(r10 - 16) = 0\n${slice(-16)}${OUT}`,
    'Expected an initialized dynptr as arg #0',
  ],
  'used after a store': [
    `${VALUE}${local(-24)}\n*(u8 *)(r10 - 24) = 0\n${slice(-24)}${OUT}`,
    'Expected an initialized dynptr as arg #0',
  ],
  'used after a store into its second slot': [
    `${VALUE}${local(-24)}\n*(u8 *)(r10 - 16) = 0\n${slice(-24)}${OUT}`,
    'Expected an initialized dynptr as arg #0',
  ],
  'used where an overlapping one was made': [
    `${VALUE}${local(-24)}${local(-32)}${slice(-24)}${OUT}`,
    'Expected an initialized dynptr as arg #0',
  ],
  'used by its second slot': [`${VALUE}${local(-24)}${slice(-16)}${OUT}`, 'Expected an initialized dynptr as arg #0'],
  'used by a byte of it': [
    `${VALUE}${local(-24)}${slice(-20)}${OUT}`,
    'cannot pass in dynptr at an offset=-20\nExpected an initialized dynptr as arg #0',
  ],
  'used at an unknown offset': [
    `${VALUE}${local(-24)}
    call bpf_get_prandom_u32
    r0 &= 8
    r1 = r10
    r1 += -24
    r1 += r0
    r2 = 0
    r3 = 8
    call bpf_dynptr_data${OUT}`,
    'dynptr has to be at a constant offset\nExpected an initialized dynptr as arg #0',
  ],
  'made at an unknown offset': [
    `${VALUE}
    call bpf_get_prandom_u32
    r0 &= 8
    r1 = r6
    r2 = 8
    r3 = 0
    r4 = r10
    r4 += -24
    r4 += r0
    call bpf_dynptr_from_mem${OUT}`,
    'dynptr has to be at a constant offset\nDynptr has to be an uninitialized dynptr',
  ],
  'made at an odd offset': [
    `${VALUE}${local(-20)}${OUT}`,
    'cannot pass in dynptr at an offset=-20\nDynptr has to be an uninitialized dynptr',
  ],
  'made where there is no room': [
    `${VALUE}${local(-8)}${OUT}`,
    'cannot pass in dynptr at an offset=-8\nDynptr has to be an uninitialized dynptr',
  ],
  'made above the frame': [
    `${VALUE}${local(0)}${OUT}`,
    'cannot pass in dynptr at an offset=0\nDynptr has to be an uninitialized dynptr',
  ],
  'made below the stack': [`${VALUE}${local(-520)}${OUT}`, 'invalid write to stack R4 off=-520 size=8'],
  'made in a map value': [
    `${VALUE}
    r1 = r6
    r2 = 8
    r3 = 0
    r4 = r6
    r4 += 16
    call bpf_dynptr_from_mem${OUT}`,
    'R4 type=map_value expected=fp, dynptr_ptr',
  ],
  loaded: [`${VALUE}${local(-24)}\nr0 = *(u64 *)(r10 - 24)${OUT}`, 'invalid read from stack off -24+0 size 8'],
  'a byte of it loaded': [
    `${VALUE}${local(-24)}\nr0 = *(u8 *)(r10 - 10)${OUT}`,
    'invalid read from stack off -10+0 size 1',
  ],
  'loaded at an unknown offset': [
    `${VALUE}${local(-24)}
    call bpf_get_prandom_u32
    r0 &= 7
    r1 = r10
    r1 += -24
    r1 += r0
    r0 = *(u8 *)(r1 + 0)${OUT}`,
    'invalid read from stack R1 var_off (0x0; 0x7)+0 size 1',
  ],
  'an atomic on it': [
    `${VALUE}${local(-24)}\nr1 = 1\nlock *(u64 *)(r10 - 24) += r1${OUT}`,
    'invalid read from stack off -24+0 size 8',
  ],
  'key of a lookup': [
    `${VALUE}${local(-24)}
    r1 = map array ll
    r2 = r10
    r2 += -24
    call bpf_map_lookup_elem${OUT}`,
    'invalid read from stack R2 off -24+0 size 4',
  ],
  'read into itself': [
    `${VALUE}${local(-24)}${read(-24, -24, 16)}${OUT}`,
    'potential write to dynptr at off=-24 disallowed',
  ],
  'read into memory that overlaps': [
    `${VALUE}${local(-24)}${read(-24, -32, 16)}${OUT}`,
    'potential write to dynptr at off=-24 disallowed',
  ],
  'written from itself': [
    `${VALUE}${local(-24)}${write(-24, -24, 8)}${OUT}`,
    'invalid read from stack R3 off -24+0 size 8',
  ],
  'filled by a helper': [
    `${VALUE}${local(-24)}
    r1 = r10
    r1 += -24
    r2 = 16
    call bpf_get_current_comm${OUT}`,
    'potential write to dynptr at off=-24 disallowed',
  ],
  'made on one of two paths only': [
    `${VALUE}
    *(u64 *)(r10 - 24) = 0
    *(u64 *)(r10 - 16) = 0
    call bpf_get_prandom_u32
    if r0 == 0 goto use
    ${local(-24)}
  use:
    ${slice(-24)}${OUT}`,
    'Expected an initialized dynptr as arg #0',
  ],
  'of different types on two paths': [
    `${VALUE}
    call bpf_get_prandom_u32
    if r0 == 0 goto other
    ${local(-24)}
    goto both
  other:
    ${reserve(-24)}
  both:
    ${giveBack(-24)}${OUT}`,
    'arg 1 is an unacquired reference',
  ],
};

export const ROWS: Readonly<Record<string, DynptrRow>> = {
  ...Object.fromEntries(Object.entries(OK).map(([name, text]) => [name, { text, says: null }])),
  ...Object.fromEntries(Object.entries(REFUSED).map(([name, [text, says]]) => [name, { text, says }])),
};
