// Loaders with CAP_BPF alone (perfmon: false): what Linux refuses them, what it accepts all the same, and how a CPU's wrong
// guesses are followed. Messages are those of Linux 6.18, asked again where it is there.
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { sharedFile } from '../conformance/shared.ts';
import { runVerifier } from '../conformance/suites/verifier.ts';
import { readVerifierRows, withoutPerfmon } from '../conformance/vectors.ts';
import { Kernel } from '../src/index.ts';
import { asm } from '../src/isa/asm.ts';
import type { Insn } from '../src/isa/insn.ts';
import { progTypeByName } from '../src/spec/prog_types.ts';
import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import type { MapDef, ProgramInput } from '../src/verifier/verified.ts';

const array: MapDef = {
  name: '',
  type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
  keySize: 4,
  valueSize: 48,
  maxEntries: 1,
  flags: 0,
};
const progs = { ...array, type: BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY, valueSize: 4, maxEntries: 4 };
const MAPS: Readonly<Record<string, MapDef>> = { array, p: progs, q: progs };

function program(text: string, type = 'socket_filter'): ProgramInput {
  const { insns, relocs } = asm(`${text}\nexit`);
  return {
    name: 't',
    type: progTypeByName(type)!.id,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns,
    maps: Object.values(MAPS),
    mapRefs: new Map(
      relocs.map((r) => [r.insn, { map: Object.keys(MAPS).indexOf(r.map), kind: 'fd' as const, off: 0 }]),
    ),
  };
}

/** r0 = a value of the array, in bounds [0, 48). */
const VALUE = `
  r8 = r1
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = map array ll
  call 1`;
/** r7 = a number from 0 to 15. */
const INDEX = 'r7 = *(u32 *)(r8 + 0)\nr7 &= 15';
const ZERO = 'r0 = 0';

/** [what, program, message without CAP_PERFMON; null = accepted]. With CAP_PERFMON all of them load. */
const ROWS: readonly (readonly [string, ProgramInput, string | null])[] = [
  ['an address as result', program('r0 = r1'), 'R0 leaks addr as return value'],
  ['... in a map', program(`${VALUE}\n*(u64 *)(r0 + 0) = r8\n${ZERO}`), 'R8 leaks addr into map'],
  ['... in the context', program(`*(u64 *)(r1 + 152) = r1\n${ZERO}`, 'sched_cls'), 'R1 leaks addr into ctx'],
  [
    '... for a helper',
    program(`r2 = r10\nr1 = 1\ncall 23\n${ZERO}`, 'sched_cls'),
    'R2 leaks addr into helper function',
  ],
  [
    '... on the stack of a helper',
    program(`*(u64 *)(r10 - 8) = r1\nr1 = map array ll\nr2 = r10\nr2 += -8\ncall 1\n${ZERO}`),
    'invalid read from stack R2 off -8+0 size 4',
  ],
  ['half an address', program('w0 = w1\nr0 = 0'), 'R1 partial copy of pointer'],
  ['a byte of an address', program('r0 = (s8)r1\nr0 = 0'), 'R1 sign-extension part of pointer'],
  ['a negative address', program('r1 = -r1\nr0 = 0'), 'R1 pointer arithmetic prohibited'],
  ['the distance of two', program('r2 = r10\nr2 -= r10\nr0 = 0'), 'R2 pointer -= pointer prohibited'],
  [
    'an overwritten address',
    program('*(u64 *)(r10 - 8) = r1\n*(u8 *)(r10 - 8) = 0\nr0 = 0'),
    'attempt to corrupt spilled pointer on stack',
  ],
  [
    'an address as a sum',
    program('*(u64 *)(r10 - 8) = r1\nr2 = 1\nlock *(u64 *)(r10 - 8) += r2\nr0 = 0'),
    'leaking pointer from stack off -8',
  ],
  [
    'an address in a sum',
    program('*(u64 *)(r10 - 8) = 1\nlock *(u64 *)(r10 - 8) += r1\nr0 = 0'),
    'R1 leaks addr into mem',
  ],
  ['a comparison with a number', program('r0 = 0\nif r1 == 5 goto +1\nr0 = 1'), 'R1 pointer comparison prohibited'],
  ['... with an address', program('r0 = 0\nif r1 == r10 goto +1\nr0 = 1'), 'R10 pointer comparison prohibited'],
  ['... with NULL', program(`${VALUE}\nif r0 == 0 goto +1\nr0 = 1`), null],
  ['stack that nobody wrote', program('r0 = *(u64 *)(r10 - 8)'), 'invalid read from stack R10 off=-8 size=8'],
  [
    'a packet of that size',
    program(
      'r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr2 += 4\nr0 = 0\nif r2 > r3 goto +1\nr0 = *(u32 *)(r2 - 4)',
      'sched_cls',
    ),
    null,
  ],
  [
    'a packet moved by a number',
    program('r2 = *(u32 *)(r1 + 76)\nr3 = 4\nr2 += r3\nr0 = 0', 'sched_cls'),
    'R2 has pointer with unsupported alu operation, pointer arithmetic with it prohibited for !root',
  ],
  ['a value, by a small number', program(`${VALUE}\n${INDEX}\nr0 += r7\nr0 = *(u8 *)(r0 + 0)`), null],
  [
    'a value, by any sign',
    program(`${VALUE}\n${INDEX}\nr7 += -3\nr0 += r7\nr0 = 0`),
    'R7 has unknown scalar with mixed signed bounds, pointer arithmetic with it prohibited for !root',
  ],
  [
    'a value, too far',
    program(`${VALUE}\nr0 += 48\nr0 = 0`),
    'R0 pointer arithmetic of map value goes out of range, prohibited for !root',
  ],
  [
    'a value, backwards from its start',
    program(`${VALUE}\nr1 = 1\nr0 -= r1\nr0 = 0`),
    'R0 pointer arithmetic of map value goes out of range, prohibited for !root',
  ],
  [
    'a value, moved by two numbers',
    program(`${VALUE}\n${INDEX}\nr1 = 3\nif r7 == 2 goto +1\nr1 = 5\nr0 += r1\nr0 = 0`),
    'R0 tried to add from different maps, paths or scalars, pointer arithmetic with it prohibited for !root',
  ],
  [
    'the stack, moved by a number',
    program(`r8 = r1\n${INDEX}\nr2 = r10\nr2 += -16\nr2 += r7\nr0 = 0`),
    'R2 variable stack access prohibited for !root, var_off=(0x0; 0xf) off=-16',
  ],
  [
    'the stack, too far',
    program('r2 = r10\nr2 += -513\nr0 = 0'),
    'R2 stack pointer arithmetic goes out of range, prohibited for !root; off=-513',
  ],
  [
    'a map as a structure',
    program('r1 = map array ll\nr0 = *(u32 *)(r1 + 76)'),
    "'struct bpf_array' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN",
  ],
  [
    'a helper that reads the kernel',
    program('call 35\nr0 = 0'),
    'program of this type cannot use helper bpf_get_current_task#35',
  ],
  [
    'one tail call, two maps',
    program(
      `r6 = r1\nr2 = map p ll\nr3 = *(u32 *)(r6 + 0)\nif r3 == 7 goto +2\nr2 = map q ll\nr1 = r6\ncall 12\n${ZERO}`,
    ),
    'tail_call abusing map_ptr',
  ],
  [
    'a packet after it moved',
    program(`r6 = *(u32 *)(r1 + 76)\nr2 = 0\ncall 39\nr0 = 0\nr7 = r6`, 'sched_cls'),
    'R6 !read_ok',
  ],
  ['an error on the way that no CPU goes', program('r0 = 0\nif r0 == 0 goto +1\nr0 = r1'), null],
  [
    'a loop that only a wrong guess enters',
    program('r0 = 4\nl:\nr0 += 1\nif r0 < 4 goto l\nr0 = 0'),
    'old state: R0=Pscalar(smin=smin32=0,smax=umax=smax32=umax32=3,var_off=(0x0; 0x3)) R1=ctx() R10=fp0',
  ],
];

function verdict(input: ProgramInput, perfmon: boolean): string | null {
  const result = verify(input, { perfmon, cpus: 2 });
  return result.ok ? null : result.error.message;
}

it.each(ROWS)('%s', (_what, input, message) => {
  expect([verdict(input, true), verdict(input, false)]).toEqual([null, message]);
});

it('programs that trace the kernel need it', () => {
  const input = program('r0 = 0', 'kprobe');
  const result = verify(input, { perfmon: false });
  expect(result.ok ? null : result.error.code).toBe('EPERM');
  expect(verify(input).ok).toBe(true);
});

it('guessed ways count as processed and prove nothing', () => {
  const input = program('r0 = 0\nif r0 == 0 goto +1\nr0 = 1');
  const [all, some] = [verify(input, { perfmon: false }), verify(input)];
  expect([all.stats.processed, some.stats.processed]).toEqual([5, 3]);
  expect(all.ok && [...all.verified.facts!.reached]).toEqual([1, 1, 0, 1]);
});

// Neither loop is one before a register that nobody reads any more (r0 at 5) holds the same again.
const LOOPS = `
  r0 = *(u32 *)(r1 + 8)
top:
  if r0 == 0 goto again
  goto other
out:
  r0 = 1
  exit
again:
  r0 = 1
  goto top
other:
  r0 = 3
  goto out`;

it('a loop is endless where also registers that nobody reads are the same', () => {
  const result = verify({ ...program(''), insns: asm(LOOPS).insns }, { perfmon: false });
  expect(result.ok ? null : result.error.summary).toBe('infinite loop detected at insn 1');
  expect(result.stats.processed).toBe(26);
});

it('a Kernel loads programs like that too', () => {
  const kernel = new Kernel();
  const insns: readonly Insn[] = asm('r0 = r1\nexit').insns;
  const source = { type: 'socket_filter', license: 'GPL', insns };
  expect(() => kernel.loadProgram(source, { jit: 'off', perfmon: false })).toThrow('R0 leaks addr as return value');
  kernel.loadProgram(source, { jit: 'off' });
  kernel.close();
});

const vectors = sharedFile('vectors', 'verifier-dev.json');
if (!vectors) console.log('skipped: no ../shared/vectors');
it.skipIf(!vectors)('vectors: the verdict of every row', () => {
  const rows = withoutPerfmon(readVerifierRows(vectors!));
  const { report } = runVerifier(rows, null, { step: () => {}, end: () => {} }, false);
  expect(report.false_accept).toEqual([]);
  expect(report.false_reject).toEqual([]);
  expect(report.agree).toBeGreaterThan(200);
});

const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

describe.skipIf(oracle === null)('beside the live kernel', () => {
  it.each(ROWS)('%s', (_what, input, message) => {
    const linux = oracle!.load(input, { capBpfOnly: true });
    oracle!.unload(linux);
    expect(linux.verdict === 'ACCEPT' ? null : linux.message).toBe(message);
    const { processed } = verify(input, { perfmon: false, cpus: oracle!.possibleCpus }).stats;
    expect(processed).toBe(linux.processed);
  });
});
