// Programs of the corpus that read and change packets, or ask the world.

import { DEVMAP, type TestProgram } from './test_program.ts';

export const PACKET_PROGRAMS: readonly TestProgram[] = [
  {
    name: 'time, chance and place',
    text: `
      call bpf_ktime_get_ns
      r6 = r0
      call bpf_get_prandom_u32
      r7 = r0
      call bpf_get_prandom_u32
      if r0 == r7 goto bad
      call bpf_get_smp_processor_id
      r0 += r6
      exit
    bad:
      r0 = 0
      exit`,
    expect: 1_000_000_000n,
  },
  {
    name: 'packet bytes behind a bounds check',
    type: 'xdp',
    text: `
      r2 = *(u32 *)(r1 +0)
      r3 = *(u32 *)(r1 +4)
      r0 = 1
      r4 = r2
      r4 += 34
      if r4 > r3 goto out
      r0 = *(u16 *)(r2 +12)
      r0 = be16 r0
      *(u8 *)(r2 +0) = 99
      r5 = *(u8 *)(r2 +23)
      r0 <<= 8
      r0 += r5
    out:
      exit`,
    expect: 0x080006n,
  },
  {
    name: 'head, tail and metadata move',
    type: 'xdp',
    text: `
      r6 = r1
      r2 = -4
      call bpf_xdp_adjust_head
      if r0 != 0 goto out
      r1 = r6
      r2 = -8
      call bpf_xdp_adjust_meta
      if r0 != 0 goto out
      r1 = r6
      r2 = 10
      call bpf_xdp_adjust_tail
      if r0 != 0 goto out
      r2 = *(u32 *)(r6 +8)
      r3 = *(u32 *)(r6 +0)
      r4 = r2
      r4 += 8
      if r4 > r3 goto out
      *(u64 *)(r2 +0) = 7
      r4 = *(u32 *)(r6 +4)
      r0 = r4
      r0 -= r3
    out:
      exit`,
    expect: 73n,
  },
  {
    name: 'redirect to an interface',
    type: 'xdp',
    text: 'r1 = 7\nr2 = 0\ncall bpf_redirect\nexit',
    expect: 4n,
  },
  {
    name: 'redirect_map to an empty slot gives the flags',
    type: 'xdp',
    maps: { d: DEVMAP },
    text: 'r1 = map d\nr2 = 1\nr3 = 2\ncall bpf_redirect_map\nexit',
    expect: 2n,
  },
  {
    name: 'checksum difference',
    type: 'xdp',
    text: `
      *(u32 *)(r10 -4) = 0x01020304
      r1 = 0
      r2 = 0
      r3 = r10
      r3 += -4
      r4 = 4
      r5 = 0
      call bpf_csum_diff
      exit`,
    // since Linux 6.12 folded to 16 bits
    expect: 0x0406n,
  },
  {
    name: 'a line of trace_printk',
    text: `
      r1 = 0x20646c25 ll           ; "%ld "
      *(u64 *)(r10 -8) = r1
      r1 = r10
      r1 += -8
      r2 = 6
      r3 = -5
      call bpf_trace_printk
      exit`,
    expect: 3n,
  },
  {
    name: 'packet loads, one of them beyond the end',
    type: 'socket_filter',
    text: `
      r6 = r1
      r0 = *(u8 *)skb[9]
      r7 = r0
      r0 = *(u16 *)skb[2]
      r7 += r0
      r8 = 12
      r0 = *(u32 *)skb[r8 + 0]
      r7 += r0
      r0 = *(u32 *)skb[1000]
      r0 = r7
      exit`,
    expect: 0n,
  },
  {
    name: 'packet loads',
    type: 'socket_filter',
    text: `
      r6 = r1
      r0 = *(u8 *)skb[9]
      r7 = r0
      r0 = *(u16 *)skb[2]
      r7 += r0
      r8 = 12
      r0 = *(u32 *)skb[r8 + 0]
      r0 += r7
      r7 = *(u32 *)(r6 +0)
      r0 += r7
      exit`,
    expect: 6n + 45n + 0x0a000001n + 45n,
  },
];
