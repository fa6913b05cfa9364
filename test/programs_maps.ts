// Programs of the corpus that work on maps, atomics among them.

import { ARRAY, HASH, JUMPS, keyed, ONE, T, type TestProgram } from './test_program.ts';

export const MAP_PROGRAMS: readonly TestProgram[] = [
  {
    name: 'a store to nowhere',
    text: 'r1 = 0\n*(u64 *)(r1 +8) = 1\nexit',
    expect: 'EFAULT',
    unverified: 'R1 is no pointer',
  },
  {
    name: 'atomics of 64 bits',
    text: `
      *(u64 *)(r10 -8) = 10
      r1 = 5
      r2 = r10
      lock *(u64 *)(r2 -8) += r1
      r0 = 3
      r0 = atomic64_fetch_add((u64 *)(r2 -8), r0)
      r3 = 6
      lock *(u64 *)(r2 -8) |= r3
      lock *(u64 *)(r2 -8) &= r1
      lock *(u64 *)(r2 -8) ^= r3
      r4 = 77
      r4 = xchg_64(r2 -8, r4)
      r0 += r4
      r4 = r0
      r0 = 77
      r5 = 99
      r0 = cmpxchg_64(r2 -8, r0, r5)
      r0 += r4
      r4 = *(u64 *)(r10 -8)
      r0 += r4
      exit`,
    // 10 + 5 = 15; fetch_add gives 15, 18; | 6 = 22; & 5 = 4; ^ 6 = 2; xchg gives 2; cmpxchg gives 77, stores 99
    expect: 15n + 2n + 77n + 99n,
  },
  {
    name: 'atomics of 32 bits zero-extend what they fetch',
    text: `
      *(u64 *)(r10 -8) = -1
      r2 = r10
      r1 = 2
      r1 = atomic_fetch_add((u32 *)(r2 -8), r1)
      r3 = -1
      w3 = xchg32_32(r2 -4, w3)
      r0 = 7
      r4 = 8
      w0 = cmpxchg32_32(r2 -8, w0, w4)
      r0 += r1
      r0 += r3
      exit`,
    expect: 1n + 2n * 0xffffffffn,
  },
  {
    name: 'ARRAY: lookup inside, outside, and update',
    maps: { a: ARRAY },
    text: `
      r6 = 0
      ${keyed('a', 4)}
      call bpf_map_lookup_elem
      if r0 == 0 goto +1
      r6 += 1000
      *(u64 *)(r10 -16) = 7
      ${keyed('a', 3)}
      r3 = r10
      r3 += -16
      r4 = 0
      call bpf_map_update_elem
      r6 += r0
      ${keyed('a', 3)}
      call bpf_map_lookup_elem
      if r0 == 0 goto out
      r1 = *(u64 *)(r0 +0)
      r6 += r1
      r1 = 1
      lock *(u64 *)(r0 +0) += r1
      r1 = *(u64 *)(r0 +0)
      r6 += r1
    out:
      r0 = r6
      exit`,
    expect: 15n,
  },
  {
    name: 'HASH: absent, NOEXIST twice, delete twice, full',
    maps: { h: HASH },
    text: `
      r6 = 0
      *(u64 *)(r10 -16) = 5
      ${keyed('h', 1)}
      call bpf_map_lookup_elem
      if r0 != 0 goto bad
      ${keyed('h', 1)}
      r3 = r10
      r3 += -16
      r4 = 1
      call bpf_map_update_elem
      if r0 != 0 goto bad
      ${keyed('h', 1)}
      r3 = r10
      r3 += -16
      r4 = 1
      call bpf_map_update_elem
      r6 = r0
      r6 <<= 8
      ${keyed('h', 1)}
      call bpf_map_lookup_elem
      if r0 == 0 goto bad
      r1 = *(u64 *)(r0 +0)
      r6 += r1
      ${keyed('h', 1)}
      call bpf_map_delete_elem
      if r0 != 0 goto bad
      ${keyed('h', 1)}
      call bpf_map_delete_elem
      r6 <<= 8
      r6 += r0
      r0 = r6
      exit
    bad:
      r0 = 1
      exit`,
    // -EEXIST * 2^16 + 5 * 2^8 - ENOENT
    expect: BigInt.asUintN(64, -17n * 65536n + 5n * 256n - 2n),
  },
  {
    name: 'per-CPU array holds a value for each CPU',
    maps: { p: [T.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 2] },
    text: `
      ${keyed('p', 1)}
      call bpf_map_lookup_elem
      if r0 == 0 goto out
      r1 = *(u64 *)(r0 +0)
      r1 += 3
      *(u64 *)(r0 +0) = r1
      r0 = r1
      exit
    out:
      exit`,
    expect: 3n,
  },
  {
    name: 'per-CPU hash',
    maps: { p: [T.BPF_MAP_TYPE_PERCPU_HASH, 8, 4, 2] },
    text: `
      *(u64 *)(r10 -8) = 77
      *(u32 *)(r10 -16) = 9
      r1 = map p
      r2 = r10
      r2 += -8
      r3 = r10
      r3 += -16
      r4 = 0
      call bpf_map_update_elem
      r1 = map p
      r2 = r10
      r2 += -8
      call bpf_map_lookup_elem
      if r0 == 0 goto out
      r0 = *(u32 *)(r0 +0)
    out:
      exit`,
    expect: 9n,
  },
  {
    name: 'a value address without a lookup',
    maps: { a: ONE },
    text: 'r1 = value a + 0\n*(u32 *)(r1 +4) = 9\nr0 = *(u64 *)(r1 +0)\nexit',
    expect: 9n << 32n,
  },
  {
    name: 'acquire and release',
    text: `
      r2 = 0x1122334455667788 ll
      store_release((u64 *)(r10 -8), r2)
      r0 = load_acquire((u32 *)(r10 -8))
      r1 = load_acquire((u8 *)(r10 -1))
      r0 += r1
      store_release((u16 *)(r10 -8), r1)
      r1 = load_acquire((u64 *)(r10 -8))
      r0 += r1
      exit`,
    expect: 0x55667788n + 0x11n + 0x1122334455660011n,
  },
  {
    name: 'a map key and value from stack that nobody wrote',
    maps: { h: [T.BPF_MAP_TYPE_HASH, 16, 8, 4] },
    text: `
      r1 = 1
      *(u8 *)(r10 -16) = r1
      r1 = map h
      r2 = r10
      r2 += -16
      r3 = r10
      r3 += -40
      r4 = 0
      call bpf_map_update_elem
      r6 = r0
      r1 = 1
      *(u64 *)(r10 -64) = r1
      r1 = 0
      *(u64 *)(r10 -56) = r1
      r1 = map h
      r2 = r10
      r2 += -64
      call bpf_map_lookup_elem
      if r0 == 0 goto none
      r0 = *(u64 *)(r0 +0)
      r0 += 2
      r0 += r6
      exit
    none:
      r0 = 99
      exit`,
    expect: 2n,
  },
  {
    name: 'a map key from stack that nobody wrote, in a function and in a program that was jumped to',
    type: 'xdp',
    maps: { a: ARRAY, jumps: JUMPS },
    text: `
      r6 = r1
      r1 = -1
      *(u64 *)(r10 -8) = r1
      r0 = 0
      call sub
      if r0 != 2 goto out
      r1 = r6
      r2 = map jumps
      r3 = 1
      call bpf_tail_call
      r0 = 96
    out:
      exit
    sub:
      r1 = map a
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem
      if r0 == 0 goto none
      r0 = 2
      exit
    none:
      r0 = 98
      exit`,
    targets: {
      1: `
      r1 = map a
      r2 = r10
      r2 += -8
      call bpf_map_lookup_elem
      if r0 == 0 goto none
      r0 = *(u64 *)(r10 -8)
      r0 += 4
      exit
    none:
      r0 = 97
      exit`,
    },
    expect: 4n,
  },
];
