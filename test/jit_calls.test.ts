// Calls between functions of a program, inlined and not: what a function must find at each of its calls, and what its
// caller must find afterwards. Both engines, every byte (harness.ts).
import { describe, expect, it } from 'vitest';
import { dumpPass } from '../jit/dump.ts';
import { MAY_GOTO_BUDGET } from '../src/runtime/engine.ts';
import { loadText, runBoth, type TextSource, testKernel } from './harness.ts';

interface Case {
  readonly what: string;
  readonly text: string;
  readonly expect: bigint;
  /** What the pass `inline` decided, function by function, callers first: number of calls it inlined. */
  readonly inlined: readonly number[];
  readonly type?: string;
  /** Slots of the functions that have BTF. */
  readonly btf?: readonly number[];
}

/** 50 slots that add 50 to r0: too many to copy. */
const LONG = 'r0 += 1\n'.repeat(50);

const CASES: readonly Case[] = [
  {
    what: 'a slot that nobody wrote is 0 again at each call',
    text: `
      r6 = 2
      r7 = 0
    next:
      r1 = r6
      r1 -= 1
      call f
      r7 += r0
      r6 -= 1
      if r6 != 0 goto next
      r0 = r7
      exit
    f:
      if r1 == 0 goto skip
      r2 = 7
      *(u64 *)(r10 -8) = r2
      *(u8 *)(r10 -16) = r2
      *(u8 *)(r10 -23) = r2
    skip:
      r0 = *(u64 *)(r10 -8)
      r1 = *(u8 *)(r10 -16)
      r0 += r1
      r1 = *(u64 *)(r10 -24)
      r0 += r1
      exit`,
    expect: 14n + 0x700n,
    inlined: [1, 0],
  },
  {
    what: 'what lives across a call in a loop is not what the callee uses',
    text: `
      call f
      exit
    f:
      r6 = 0
      r7 = 0
      r9 = 0
    next:
      r1 = r6
      call g
      if r7 == 0 goto first
      w9 += w8
    first:
      w8 = w6
      w8 += 100
      r7 = 1
      r6 += 1
      if r6 < 3 goto next
      r0 = r9
      exit
    g:
      w2 = w1
      w2 *= 77
      w3 = w2
      w3 ^= w1
      w0 = w3
      w0 += w2
      exit`,
    expect: 201n,
    inlined: [1, 1, 0],
  },
  {
    what: 'siblings share nothing but what they are given',
    text: `
      r6 = 0
      r7 = 1
    next:
      r1 = r7
      call f
      r6 += r0
      r1 = r6
      r2 = r7
      call g
      r6 ^= r0
      r1 = r7
      call f
      r6 += r0
      r7 += 1
      if r7 != 9 goto next
      r0 = r6
      exit
    f:
      r6 = r1
      r6 *= 3
      r7 = 5
      r0 = r6
      r0 += r7
      exit
    g:
      r8 = r2
      r8 <<= 33
      r9 = r1
      r0 = r8
      r0 |= r9
      r6 = 99
      exit`,
    expect: (() => {
      let sum = 0n;
      const f = (a: bigint) => a * 3n + 5n;
      for (let i = 1n; i < 9n; i++) {
        sum += f(i);
        sum ^= (i << 33n) | sum;
        sum += f(i);
      }
      return BigInt.asUintN(64, sum);
    })(),
    inlined: [3, 0, 0],
  },
  {
    what: 'a result of 32 bits is zero-extended, one of 64 is whole',
    text: `
      r6 = r1
      r1 = *(u8 *)(r6 +0)
      call low
      r7 = r0
      r7 <<= 1
      r1 = *(u8 *)(r6 +0)
      call either
      r7 += r0
      r1 = 9
      call either
      r0 += r7
      exit
    low:
      w0 = w1
      w0 -= 2
      exit
    either:
      if r1 == 1 goto small
      r0 = -2
      exit
    small:
      w0 = -3
      exit`,
    expect: BigInt.asUintN(64, 0xffffffffn * 2n + 0xfffffffdn - 2n),
    inlined: [3, 0, 0],
  },
  {
    what: 'a result of 32 bits of a real call',
    text: `
      r6 = r1
      r1 = *(u8 *)(r6 +0)
      call low
      r7 = r0
      r1 = *(u8 *)(r6 +1)
      call low
      r0 += r7
      exit
    low:
      r0 = 0
      ${LONG}
      w0 = w1
      w0 -= 3
      exit`,
    expect: 0xfffffffen + 0xffffffffn,
    inlined: [0, 0],
  },
  {
    what: 'frames lie one below the other, and pointers into them go both ways',
    text: `
      r1 = 1
      *(u64 *)(r10 -8) = r1
      r1 = r10
      r1 += -8
      call f
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      exit
    f:
      r6 = r1
      r2 = 10
      *(u64 *)(r10 -8) = r2
      r2 = r10
      r2 += -8
      call g
      r1 = *(u64 *)(r10 -8)
      r0 += r1
      r1 = r6
      r2 = r10
      r2 += -16
      r3 = 5
      *(u64 *)(r2 +0) = r3
      call g
      r1 = *(u64 *)(r10 -16)
      r0 += r1
      exit
    g:
      r3 = *(u64 *)(r1 +0)
      r4 = *(u64 *)(r2 +0)
      r3 += 100
      r4 += 1000
      *(u64 *)(r1 +0) = r3
      *(u64 *)(r2 +0) = r4
      *(u64 *)(r10 -8) = r4
      r5 = r10
      r5 += -8
      r0 = *(u64 *)(r5 +0)
      exit`,
    expect: 1005n + 1005n + 201n,
    inlined: [1, 2, 0],
  },
  {
    what: 'eight frames of one byte each, all inlined',
    text: `
      r1 += 0
      call f1
      exit
      ${[1, 2, 3, 4, 5, 6]
        .map((n) => `f${n}: r2 = ${n}\n*(u8 *)(r10 -1) = r2\ncall f${n + 1}\nr1 = *(u8 *)(r10 -1)\nr0 += r1\nexit`)
        .join('\n')}
      f7: r0 = *(u8 *)(r1 +6)
      exit`,
    expect: 7n + 21n,
    inlined: [1, 1, 1, 1, 1, 1, 1, 0],
  },
  {
    what: 'loops and a jump into the middle of two loops in a callee',
    text: `
      r6 = r1
      r1 = *(u8 *)(r6 +0)
      call f
      r7 = r0
      r1 = *(u8 *)(r6 +1)
      call f
      r0 *= 1000
      r0 += r7
      exit
    f:
      r0 = 0
      r2 = 0
      if r1 == 1 goto b
    a:
      r0 += 1
      r2 += 1
      if r2 > 5 goto out
    b:
      r0 += 10
      r2 += 1
      if r2 < 9 goto a
    out:
      exit`,
    expect: 34033n,
    inlined: [2, 0],
  },
  {
    what: 'copies end where the program would grow too much',
    text: `
      r6 = r1
      call f1
      exit
      ${[1, 2, 3, 4, 5, 6]
        .map((n) => `f${n}: r6 = r1\ncall f${n + 1}\nr7 = r0\nr1 = r6\ncall f${n + 1}\nr0 += r7\nr0 += ${n}\nexit`)
        .join('\n')}
      f7: r0 = *(u8 *)(r1 +2)
      exit`,
    expect: 64n * 3n + 1n + 2n * 2n + 3n * 4n + 4n * 8n + 5n * 16n + 6n * 32n,
    inlined: [1, 2, 2, 0, 2, 2, 2, 0],
  },
  {
    what: 'a byte of the packet that is not there leaves only the callee',
    type: 'socket_filter',
    text: `
      r6 = r1
      r2 = 3
      call f
      r7 = r0
      r1 = r6
      call g
      r0 += r7
      r0 += 5
      exit
    f:
      r6 = r1
      r0 = *(u8 *)skb[1000]
      r0 += 100
      exit
    g:
      r6 = r1
      r0 = *(u16 *)skb[12]
      exit`,
    btf: [0, 9, 13],
    expect: 0x0800n + 5n,
    inlined: [2, 0, 0],
  },
];

/** What a socket filter sees begins behind the Ethernet header. */
const PACKET = new Uint8Array(64).fill(0x08, 26, 27);
const COUNTED = Uint8Array.from({ length: 32 }, (_, i) => i + 1);

/** The program, and how many calls of each function are inlined. */
async function load(source: TextSource) {
  const kernel = await testKernel();
  const program = loadText(kernel, source);
  const text = dumpPass(program.loaded, 'inline');
  const inlined = [...text.matchAll(/inlined calls: (.*)/g)].map(([, at]) =>
    at === 'none' ? 0 : at.split(' ').length,
  );
  return { kernel, program, inlined };
}

describe('calls between functions', () => {
  it.each(CASES)('$what', async ({ text, type = 'raw', btf, ...wanted }) => {
    const functions = btf && new Map(btf.map((at) => [at, `f${at}`]));
    const data = type === 'raw' ? COUNTED : PACKET;
    const { kernel, program, inlined } = await load({ type, text, memSize: data.length, functions });
    expect(inlined).toEqual(wanted.inlined);
    expect(runBoth(kernel, program, { data }).retval).toBe(wanted.expect);
    kernel.close();
  });

  it('each call of an inlined function has the whole budget of may_goto', async () => {
    const text = `
      call f
      r6 = r0
      call f
      r0 += r6
      exit
    f:
      r0 = 0
    next:
      may_goto out
      r0 += 1
      goto next
    out:
      exit`;
    const { kernel, program, inlined } = await load({ type: 'raw', text });
    expect(inlined).toEqual([2, 0]);
    expect(program.run64({ engine: 'jit' }).retval).toBe(2n * BigInt(MAY_GOTO_BUDGET));
    kernel.close();
  });
});
