// Programs of the corpus that loop, call and jump to other programs.

import { JUMPS, ONE, type TestProgram } from './test_program.ts';

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

export const FLOW_PROGRAMS: readonly TestProgram[] = [
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
