// Programs as text with what they return: the corpus that both engines run (engines.test.ts). Each is verified first
// unless `unverified` says why no kernel would load it. `maps` are made anew for each program.

import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';

export type MapShape = readonly [type: number, keySize: number, valueSize: number, maxEntries: number];

export interface TestProgram {
  readonly name: string;
  /** Default raw. */
  readonly type?: string;
  readonly text: string;
  readonly maps?: Readonly<Record<string, MapShape>>;
  /** Slot of the map `jumps` -> text of the program it holds (same type; it may use all maps). */
  readonly targets?: Readonly<Record<number, string>>;
  /** Input; default 32 bytes 1, 2, 3, ... for raw, an IPv4 packet for the others. */
  readonly data?: Uint8Array;
  /** All of r0, or the errno of a run that fails. */
  readonly expect: bigint | 'E2BIG' | 'EFAULT';
  readonly unverified?: string;
}

const T = BPF_MAP_TYPE;
const ARRAY: MapShape = [T.BPF_MAP_TYPE_ARRAY, 4, 8, 4];
const ONE: MapShape = [T.BPF_MAP_TYPE_ARRAY, 4, 8, 1];
const HASH: MapShape = [T.BPF_MAP_TYPE_HASH, 4, 8, 4];
const JUMPS: MapShape = [T.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4];
const DEVMAP: MapShape = [T.BPF_MAP_TYPE_DEVMAP, 4, 4, 4];

/** Puts key `k` at r10 - 4 and the map in r1, the key's address in r2. */
const keyed = (map: string, k: number) => `
  r2 = ${k}
  *(u32 *)(r10 -4) = r2
  r1 = map ${map}
  r2 = r10
  r2 += -4`;

const DIVISION = `
  r6 = 0x8000000000000000 ll
  r7 = -1
  r0 = r6
  r0 s/= r7          ; overflows to itself
  r8 = r6
  r8 s%= r7          ; 0
  r0 ^= r8
  r1 = 0
  r8 = 7
  r8 /= r1           ; by zero: 0
  r0 += r8
  r8 = 7
  r8 %= r1           ; by zero: unchanged
  r0 += r8
  w8 = -7
  w7 = 2
  w8 s/= w7          ; -3
  r0 += r8
  w8 = -7
  w8 s%= w7          ; -1
  r0 += r8
  w8 = w6
  w8 %= w1
  r0 += r8
  exit`;

/** Calls down to its eighth frame, writes each frame's lowest slot, jumps to slot 0, and adds 1 on each way up. */
const DEEP = `
  call f2
  exit
  ${[2, 3, 4, 5, 6, 7]
    .map(
      (n) => `
  f${n}:
  r9 = ${n}
  *(u64 *)(r10 -512) = r9
  call f${n + 1}
  r0 += 1
  r1 = *(u64 *)(r10 -512)
  if r1 != r9 goto bad${n}
  exit
  bad${n}:
  r0 = 0
  exit`,
    )
    .join('')}
  f8:
  *(u64 *)(r10 -512) = 8
  r2 = map jumps
  r3 = 0
  call bpf_tail_call
  r0 = 1
  exit`;

export const PROGRAMS: readonly TestProgram[] = [
  { name: 'division corner cases', text: DIVISION, expect: 0x8000000000000000n + 7n + 0xfffffffdn + 0xffffffffn },
  {
    name: '32-bit operations zero the upper half',
    text: `
      r0 = -1
      w0 += 0
      r1 = -1
      w1 = w1
      r0 += r1
      r2 = -1
      w2 s>>= 4
      r0 += r2
      r3 = -1
      w3 = -w3
      r0 += r3
      exit`,
    expect: 3n * 0xffffffffn + 1n,
  },
  {
    name: 'shifts by register use the low bits',
    text: `
      r1 = 65
      r0 = 3
      r0 <<= r1
      r2 = -16
      r2 s>>= r1
      r0 += r2
      w3 = 33
      w4 = 6
      w4 >>= w3
      r0 += r4
      r5 = -1
      r5 >>= r1
      r0 ^= r5
      exit`,
    expect: 0x7ffffffffffffffen,
  },
  {
    name: 'sign extension',
    text: `
      r1 = 0x1234567880ff8180 ll
      r0 = (s8)r1
      r2 = (s16)r1
      r0 ^= r2
      r2 = (s32)r1
      r0 ^= r2
      w2 = (s8)w1
      r0 ^= r2
      w2 = (s16)w1
      r0 ^= r2
      exit`,
    expect: 0xffffffff80ff8180n,
  },
  {
    name: 'byte order',
    text: `
      r1 = 0x0102030405060708 ll
      r0 = r1
      r0 = be16 r0
      r2 = r1
      r2 = be32 r2
      r0 += r2
      r2 = r1
      r2 = bswap64 r2
      r0 += r2
      r2 = r1
      r2 = le16 r2
      r0 += r2
      r2 = r1
      r2 = bswap32 r2
      r0 ^= r2
      exit`,
    expect: 0x0807060500000000n + ((0x0807n + 0x08070605n + 0x04030201n + 0x0708n) ^ 0x08070605n),
  },
  {
    name: 'every comparison, 64 and 32 bits',
    text: `
      r1 = -1
      r2 = 1
      r0 = 0
      if r1 == r2 goto +1
      r0 |= 1
      if r1 != r2 goto +1
      r0 |= 2
      if r1 > r2 goto +1
      r0 |= 4
      if r1 s> r2 goto +1
      r0 |= 8
      if r1 < r2 goto +1
      r0 |= 16
      if r1 s< r2 goto +1
      r0 |= 32
      if r1 & r2 goto +1
      r0 |= 64
      w3 = 0x7fffffff
      w4 = 0x80000000
      if w3 > w4 goto +1
      r0 |= 128
      if w3 s> w4 goto +1
      r0 |= 256
      if w3 <= w4 goto +1
      r0 |= 512
      if w3 s<= w4 goto +1
      r0 |= 1024
      if w3 >= 0x7fffffff goto +1
      r0 |= 2048
      if w4 s>= -1 goto +1
      r0 |= 4096
      exit`,
    expect: 1n + 8n + 16n + 128n + 1024n + 4096n,
  },
  {
    name: 'memory of every size, signed and not',
    text: `
      r0 = *(u8 *)(r1 +0)
      r2 = *(u16 *)(r1 +2)
      r0 += r2
      r2 = *(u32 *)(r1 +4)
      r0 += r2
      r2 = *(u64 *)(r1 +8)
      r0 += r2
      r2 = -2
      *(u64 *)(r1 +0) = r2
      r2 = *(s8 *)(r1 +0)
      r0 += r2
      r2 = *(s16 *)(r1 +0)
      r0 += r2
      r2 = *(s32 *)(r1 +0)
      r0 += r2
      *(u8 *)(r1 +16) = 255
      *(u16 *)(r1 +18) = -2
      *(u32 *)(r1 +20) = -3
      *(u64 *)(r1 +24) = -4
      exit`,
    expect: 1n + 0x0403n + 0x08070605n + 0x100f0e0d0c0b0a09n - 6n,
  },
  {
    name: 'a stack slot written in parts',
    text: `
      *(u64 *)(r10 -8) = -1
      *(u8 *)(r10 -7) = 2
      *(u16 *)(r10 -4) = 3
      r0 = *(u64 *)(r10 -8)
      r1 = *(u32 *)(r10 -4)
      r0 += r1
      r1 = *(u16 *)(r10 -8)
      r0 += r1
      exit`,
    expect: 0xffff0003ffff02ffn + 0xffff0003n + 0x02ffn,
  },
  {
    name: 'a loop with a bound in a register',
    text: `
      r0 = 0
      r3 = *(u8 *)(r1 +4)
      if r3 == 0 goto out
    loop:
      r0 += r3
      r3 += -1
      if r3 != 0 goto loop
    out:
      exit`,
    expect: 15n,
  },
  {
    name: 'nested loops with a break',
    text: `
      r0 = 0
      r1 = 0
    outer:
      r2 = 0
    inner:
      r0 += 1
      if r2 == 5 goto next
      r2 += 1
      if r2 != 10 goto inner
    next:
      r1 += 1
      if r1 != 7 goto outer
      exit`,
    expect: 42n,
  },
  {
    name: 'calls keep r6-r9 and have stacks of their own',
    text: `
      r6 = 1
      r7 = 2
      *(u64 *)(r10 -8) = 100
      r1 = 5
      r2 = r10
      r2 += -8
      call add
      r0 += r6
      r0 += r7
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      exit
    add:
      r6 = r1
      *(u64 *)(r10 -8) = 1000
      r3 = *(u64 *)(r2 +0)
      r3 += r6
      *(u64 *)(r2 +0) = r3
      r0 = *(u64 *)(r10 -8)
      exit`,
    expect: 1000n + 1n + 2n + 105n,
  },
  {
    name: 'eight frames',
    text: `
      call f1
      exit
      f1: call f2
      r0 += 1
      exit
      f2: call f3
      r0 += 1
      exit
      f3: call f4
      r0 += 1
      exit
      f4: call f5
      r0 += 1
      exit
      f5: call f6
      r0 += 1
      exit
      f6: call f7
      r0 += 1
      exit
      f7: r0 = 1
      exit`,
    expect: 7n,
  },
  {
    name: 'recursion by four',
    text: `
      r1 = 4
      call f
      exit
    f:
      if r1 == 0 goto done
      r1 += -1
      call f
      r0 += 1
      exit
    done:
      r0 = 0
      exit`,
    expect: 4n,
    unverified: 'Linux refuses recursion',
  },
  {
    name: 'recursion without an end',
    text: 'f: call f\nexit',
    expect: 'E2BIG',
    unverified: 'Linux refuses recursion',
  },
  {
    name: 'a store to nowhere',
    text: 'r1 = 0\n*(u64 *)(r1 +8) = 1\nexit',
    expect: 'EFAULT',
    unverified: 'R1 is no pointer',
  },
  {
    name: 'callx of a function',
    text: 'r1 = func f\ncallx r1\nexit\nf: r0 = 9\nexit',
    expect: 9n,
    unverified: 'Linux refuses callx',
  },
  {
    name: 'may_goto falls out',
    text: `
      r0 = 0
    loop:
      may_goto out
      r0 += 1
      if r0 != 20 goto loop
    out:
      exit`,
    expect: 20n,
  },
  {
    name: 'may_goto ends a loop that nothing else ends',
    text: `
      r0 = 0
    loop:
      may_goto out
      r0 += 1
      goto loop
    out:
      exit`,
    expect: 8388608n,
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
    name: 'tail call keeps the packet, and not the registers',
    type: 'xdp',
    maps: { jumps: JUMPS },
    text: 'r6 = r1\nr2 = map jumps\nr3 = 1\ncall bpf_tail_call\nr0 = 1\nexit',
    targets: {
      1: `
      r2 = *(u32 *)(r1 +4)
      r3 = *(u32 *)(r1 +0)
      r0 = r2
      r0 -= r3
      exit`,
    },
    expect: 59n,
  },
  {
    name: 'tail call of an empty slot goes on',
    type: 'xdp',
    maps: { jumps: JUMPS },
    text: 'r2 = map jumps\nr3 = 0\ncall bpf_tail_call\nr0 = 3\nexit',
    expect: 3n,
  },
  {
    name: 'tail calls in a circle end after 33',
    type: 'xdp',
    maps: { jumps: JUMPS, a: ONE },
    text: 'r2 = map jumps\nr3 = 0\ncall bpf_tail_call\nr0 = 3\nexit',
    targets: {
      0: `
      r6 = r1
      r1 = value a + 0
      r2 = *(u64 *)(r1 +0)
      r2 += 1
      *(u64 *)(r1 +0) = r2
      r7 = r2
      r1 = r6
      r2 = map jumps
      r3 = 0
      call bpf_tail_call
      r0 = r7
      exit`,
    },
    expect: 33n,
  },
  {
    name: 'tail call in a function returns to its caller',
    type: 'xdp',
    maps: { jumps: JUMPS },
    text: `
      r6 = 40
      call f
      r0 += r6
      exit
    f:
      r2 = map jumps
      r3 = 2
      call bpf_tail_call
      r0 = 1000
      exit`,
    targets: { 2: 'r6 = 5\nr0 = 2\nexit' },
    expect: 42n,
    unverified: 'Linux wants BTF for the function',
  },
  {
    name: 'tail calls from the eighth frame, 33 times',
    type: 'xdp',
    maps: { jumps: JUMPS, a: ONE },
    text: DEEP,
    targets: { 0: DEEP },
    // the last program's 1, and 6 for each of the 34 programs
    expect: 205n,
    unverified: 'Linux wants BTF for the functions',
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
    name: 'immediate division by zero and shifts out of range',
    text: 'r0 = 7\nr0 /= 0\nr1 = 5\nr1 %= 0\nr0 += r1\nr2 = 1\nr2 <<= 65\nr0 += r2\nw3 = 1\nw3 <<= 33\nr0 += r3\nexit',
    expect: 9n,
    unverified: 'Linux refuses these immediates',
  },
  {
    name: 'a jump into the middle of two loops',
    text: `
      r0 = 0
      r2 = *(u8 *)(r1 +0)
      if r2 == 1 goto second
    first:
      r0 += 1
    second:
      r0 += 10
      if r0 > 50 goto out
      if r2 == 1 goto first
      goto second
    out:
      exit`,
    expect: 54n,
  },
  {
    name: 'stack that nobody wrote reads as 0, in slots of every kind',
    text: `
      r6 = *(u64 *)(r10 -8)
      r0 = *(u32 *)(r10 -16)
      r0 += r6
      r1 = *(u8 *)(r10 -17)
      r0 += r1
      r2 = 5
      *(u8 *)(r10 -24) = r2
      r1 = *(u64 *)(r10 -24)
      r0 += r1
      r3 = r10
      r3 += -512
      r1 = *(u16 *)(r3 +0)
      r0 += r1
      exit`,
    expect: 5n,
  },
  {
    name: 'a frame is empty again at each call',
    text: `
      r6 = 0
      *(u64 *)(r10 -8) = r6
      call dirty
      call clean
      r6 = r0
      call clean
      r0 += r6
      r1 = *(u64 *)(r10 -16)
      r0 += r1
      exit
    dirty:
      r1 = -1
      *(u64 *)(r10 -8) = r1
      *(u64 *)(r10 -400) = r1
      r2 = r10
      r2 += -24
      *(u64 *)(r2 +0) = r1
      r0 = 0
      exit
    clean:
      r0 = *(u64 *)(r10 -8)
      r1 = *(u64 *)(r10 -400)
      r0 += r1
      r2 = r10
      r2 += -24
      r1 = *(u32 *)(r2 +4)
      r0 += r1
      r1 = 1
      *(u64 *)(r10 -8) = r1
      r0 += 3
      exit`,
    expect: 6n,
  },
  {
    name: 'a slot that is written on one way only',
    text: `
      r2 = *(u8 *)(r1 +0)
      r0 = 0
      r3 = 7
      r4 = 3
    next:
      if r4 == r2 goto skip
      *(u64 *)(r10 -8) = r3
    skip:
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      r4 -= 1
      if r4 != 0 goto next
      exit`,
    expect: 21n,
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
  {
    name: 'a frame nobody verified',
    text: `
      r0 = *(u64 *)(r10 -512)
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      r10 += -64
      r1 = 3
      *(u64 *)(r10 -8) = r1
      call sub
      exit
    sub:
      r0 = *(u64 *)(r10 -8)
      r0 += 7
      exit`,
    expect: 7n,
    unverified: 'r10 is read only',
  },
];
