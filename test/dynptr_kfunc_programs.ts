// Programs that ask kfuncs about dynptrs, as text, with what Linux 6.18 says of them.

import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { fp, giveBack, local, reserve } from './dynptr_text.ts';
import { clone, data, type Entry, LEAK, OUT, on, packet, slice, VALUE, XDP } from './object_calls.ts';

export const DYNPTR_ENTRIES: Readonly<Record<string, Entry>> = {
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
