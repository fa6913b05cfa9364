// A program that the verifier walks for long: a loop of known length whose body branches on numbers of the packet, keeps
// sums in registers and on the stack, and calls a helper. In: a seed, about how many instructions are to be processed; out:
// the program for both verifiers. The same seed and size give the same program.

import { asm } from '../../src/isa/index.ts';
import { BPF_PROG_TYPE } from '../../src/uapi/enums.ts';
import { verify } from '../../src/verifier/index.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import { Random } from '../fuzz/random.ts';
import type { BothPrograms } from '../suites/real.ts';

const SLOTS = 8;
/** Of so many parts one branches: the walk goes to the end first, and at most 8192 branches may wait meanwhile. */
const PARTS_PER_BRANCH = 30;
const BRANCHES = 2;

type Part = (random: Random, n: number) => string;
const slot = (random: Random) => -8 * random.between(1, SLOTS);

/** r6: context, r7: rounds, r8, r9: sums. Labels are numbered by `n`. */
const BRANCHING: readonly Part[] = [
  // Both ways leave alike but for a sum.
  (random, n) => `r0 = *(u32 *)(r6 + 0)
    r0 &= 255
    if r0 > ${random.below(255)} goto l${n}
    r8 += r0
    l${n}:`,
  // A sum on the stack, on one of two ways.
  (random, n) => `r0 = *(u32 *)(r6 + 4)
    if r0 == ${random.below(1000)} goto l${n}
    *(u64 *)(r10 ${slot(random)}) = r0
    l${n}:`,
  // A number in bounds moves a pointer into the stack.
  (random, n) => `r1 = *(u32 *)(r6 + 0)
    if r1 > ${random.between(1, SLOTS - 1)} goto l${n}
    r1 <<= 3
    r2 = r10
    r2 += ${-8 * SLOTS}
    r2 += r1
    r3 = *(u8 *)(r2 + 0)
    l${n}:`,
];

const STRAIGHT: readonly Part[] = [
  (random) => `r1 = *(u64 *)(r10 ${slot(random)})
    r1 += r8
    *(u64 *)(r10 ${slot(random)}) = r1`,
  // Arithmetic whose ranges have to be found.
  (random) => `r9 = *(u32 *)(r6 + 16)
    r9 <<= ${random.between(1, 16)}
    r9 ^= r8
    r9 &= ${random.between(1, 0xffff)}
    r8 = r9`,
  (random) => `r8 += r7
    r8 *= ${random.between(3, 9)}
    w8 >>= ${random.between(1, 8)}`,
  () => `call bpf_get_prandom_u32
    r8 = r0`,
];

function body(random: Random): string {
  const part = (n: number) => (n % PARTS_PER_BRANCH === 0 ? BRANCHING : STRAIGHT);
  return Array.from({ length: BRANCHES * PARTS_PER_BRANCH }, (_, n) => random.pick(part(n))(random, n)).join('\n');
}

function loop(seed: number, rounds: number): ProgramInput {
  const random = new Random(seed);
  const clear = Array.from({ length: SLOTS }, (_, i) => `*(u64 *)(r10 ${-8 * (i + 1)}) = r7`);
  const text = `r6 = r1
    r7 = 0
    r8 = 0
    ${clear.join('\n')}
    round:
    ${body(random)}
    r7 += 1
    if r7 < ${rounds} goto round
    r0 = 0
    exit`;
  return {
    name: 'loop',
    type: BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns: asm(text).insns,
    maps: [],
    mapRefs: new Map(),
  };
}

const processed = (input: ProgramInput) => verify(input).stats.processed;

/** As many rounds as are needed: each takes as long as the others. */
export function loopOfAbout(count: number, seed: number): BothPrograms {
  const [few, more] = [20, 40];
  const base = processed(loop(seed, few));
  const each = (processed(loop(seed, more)) - base) / (more - few);
  const input = loop(seed, Math.max(few, Math.round(few + (count - base) / each)));
  const { maps, mapRefs, ...rest } = input;
  return { name: `a loop of seed ${seed}`, input, options: {}, kernel: { ...rest, maps: [], mapRefs } };
}
