// Small programs that show one thing each of what the JIT does: listing.test.ts keeps what they become.

import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import type { TestProgram } from './test_program.ts';

type Listed = Omit<TestProgram, 'name' | 'expect'>;

const T = BPF_MAP_TYPE;

/** xdp: r6 = data, at least 34 bytes of it, else out. */
const PACKET = `
  r6 = *(u32 *)(r1 + 0)
  r7 = *(u32 *)(r1 + 4)
  r2 = r6
  r2 += 34
  if r2 > r7 goto out`;

export const LISTED = {
  alu64: {
    text: `
      r2 = *(u64 *)(r1 + 0)
      r3 = *(u64 *)(r1 + 8)
      r2 *= r3
      r2 -= 7
      r3 s>>= 5
      r2 ^= r3
      r2 /= r3
      r0 = r2
      exit`,
  },
  alu32_narrow: {
    text: `
      w2 = *(u32 *)(r1 + 0)
      w3 = *(u8 *)(r1 + 4)
      w2 += w3
      w2 <<= 3
      r3 *= 10
      r2 += r3           ; 33 bits: back in an i64
      r0 = r2
      exit`,
  },
  stack_slots: {
    text: `
      r2 = *(u64 *)(r1 + 0)
      *(u64 *)(r10 - 8) = r2
      *(u32 *)(r10 - 12) = 5
      r3 = *(u32 *)(r10 - 12)
      r4 = *(u16 *)(r10 - 8)     ; a part of the slot
      r0 = *(u64 *)(r10 - 8)
      r0 += r3
      r0 += r4
      exit`,
  },
  branches: {
    type: 'xdp',
    text: `
      ${PACKET}
      r3 = *(u8 *)(r6 + 23)
      if r3 == 6 goto tcp
      if r3 == 17 goto udp
      r0 = 2
      exit
    tcp:
      r4 = *(u16 *)(r6 + 30)
      if r4 s> 100 goto out
    udp:
      r0 = 1
      exit
    out:
      r0 = 0
      exit`,
  },
  choice: {
    text: `
      r2 = *(u64 *)(r1 + 0)
      r3 = *(u64 *)(r1 + 8)
      r0 = r3
      if r2 > r3 goto done
      r0 = r2
    done:
      exit`,
  },
  dead_branch: {
    text: `
      r2 = 1
      r0 = *(u8 *)(r1 + 0)
      if r2 == 1 goto always
      r0 += 100
      r0 *= r0
    always:
      r3 = r0            ; nobody reads it
      exit`,
  },
  loop: {
    text: `
      r0 = 0
      r2 = 10
    again:
      r3 = *(u8 *)(r1 + 0)
      r0 += r3
      r1 += 1
      r2 -= 1
      if r2 != 0 goto again
      exit`,
  },
  irreducible: {
    text: `
      r0 = 0
      r2 = 4
      r3 = *(u8 *)(r1 + 0)
      if r3 > 7 goto middle
    head:
      r0 += 1
    middle:
      r0 += 10
      r2 -= 1
      if r2 != 0 goto head
      exit`,
  },
  array_lookup: {
    type: 'xdp',
    maps: { counters: [T.BPF_MAP_TYPE_ARRAY, 4, 8, 4] },
    text: `
      *(u32 *)(r10 - 4) = 2
      r1 = map counters
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem
      if r0 == 0 goto out
      r1 = *(u64 *)(r0 + 0)
      r1 += 1
      *(u64 *)(r0 + 0) = r1
    out:
      r0 = 2
      exit`,
  },
  hash_lookup: {
    type: 'xdp',
    maps: { flows: [T.BPF_MAP_TYPE_HASH, 4, 8, 64] },
    text: `
      ${PACKET}
      r3 = *(u32 *)(r6 + 26)
      *(u32 *)(r10 - 4) = r3
      r1 = map flows
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem
      if r0 == 0 goto out
      r0 = *(u64 *)(r0 + 0)
      exit
    out:
      r0 = 2
      exit`,
  },
  helper_call: {
    text: `
      r6 = r1
      call bpf_ktime_get_ns
      r1 = *(u64 *)(r6 + 0)
      r0 -= r1
      exit`,
  },
  tail_call: {
    type: 'xdp',
    maps: { jumps: [T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4] },
    text: `
      r2 = map jumps
      r3 = 1
      call bpf_tail_call
      r0 = 1
      exit`,
  },
  bpf_to_bpf: {
    text: `
      r6 = *(u32 *)(r1 + 0)
      r1 = r6
      r2 = 3
      call power
      r0 += r6
      exit
    power:
      r0 = r1
      r0 *= r1
      r0 *= r2
      exit`,
  },
  atomics: {
    type: 'xdp',
    maps: { counters: [T.BPF_MAP_TYPE_ARRAY, 4, 16, 1] },
    text: `
      r1 = value counters + 0
      r2 = 5
      lock *(u64 *)(r1 + 0) += r2
      r2 = atomic_fetch_or((u64 *)(r1 + 8), r2)
      r0 = 1
      r3 = 9
      r0 = cmpxchg_64(r1 + 8, r0, r3)
      r0 += r2
      exit`,
  },
  packet: {
    type: 'xdp',
    text: `
      ${PACKET}
      r3 = *(u16 *)(r6 + 12)
      r3 = be16 r3
      if r3 != 0x800 goto out
      r4 = *(u8 *)(r6 + 14)
      r5 = *(u8 *)(r6 + 15)
      r5 <<= 8
      r5 |= r4           ; one load of two bytes
      *(u8 *)(r6 + 22) = r5
      r0 = 3
      exit
    out:
      r0 = 2
      exit`,
  },
} as const satisfies Record<string, Listed>;
