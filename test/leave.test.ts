// What Linux 6.18 answers to test/objects/leave and to small programs, most about what may be forgotten when states are
// compared: message, processed instructions, and the log of level 2 beside the live kernel's.

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type Oracle, openOracle } from '../conformance/kernel/oracle.ts';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { asm } from '../src/isa/asm.ts';
import { openObject } from '../src/loader/index.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { PROG_FLAGS } from '../src/uapi/prog_flags.ts';
import { type ProgramInput, verify } from '../src/verifier/index.ts';
import { comparable } from './live_log.ts';

const object = openObject(readFileSync('test/objects/leave/leave.bpf.o'));

let skipReason = '';
const oracle = openOracle((reason) => {
  skipReason = reason;
});
const live = oracle?.kernelRelease.startsWith('6.18.') ? oracle : null;
if (oracle && !live) skipReason = `Linux ${oracle.kernelRelease}`;
if (skipReason) console.warn(`leave: no comparison with the live kernel: ${skipReason}`);
const kernel = live && kernelPrograms(live, object, expect.unreachable);
afterAll(() => {
  kernel?.close();
  oracle?.shutdown();
});

function answer(input: ProgramInput): [message: string, processed: number] {
  const result = verify(input);
  return [result.ok ? '' : result.error.message, result.stats.processed];
}

function beside(linux: Oracle, program: Parameters<Oracle['load']>[0], input: ProgramInput): void {
  const theirs = linux.load(program, { logLevel: 2 });
  linux.unload(theirs);
  const ours = verify(input, { logLevel: 2, cpus: linux.possibleCpus });
  expect(ours.ok ? 'ACCEPT' : ours.error.code).toBe(theirs.errno ?? 'ACCEPT');
  expect(comparable(ours.log)).toEqual(comparable(theirs.log));
}

describe('programs of leave.bpf.o', () => {
  it.each([
    ['load_in_function', '', 15],
    ['load_in_void_function', "LD_ABS is only allowed in functions that return 'int'.", 0],
    ['result_of_tail_call', 'invalid unbounded variable-offset read from stack R6', 9],
    ['packet_after_tail_call', "R6 invalid mem access 'scalar'", 11],
    ['tail_call_of_void_function', "tail_call is only allowed in functions that return 'int'.", 0],
    ['stacks_add_up', 'combined stack size of 2 calls is 640. Too large', 17],
    ['private_stacks', '', 17],
    ['private_stacks_and_tail_call', 'combined stack size of 2 calls is 640. Too large', 20],
    ['constant_key', "R0 invalid mem access 'map_value_or_null'", 14],
    ['constant_key_on_a_cpu', "R0 invalid mem access 'map_value_or_null'", 8],
    ['callback_with_a_sum', '', 18],
    ['callback_with_a_minimum', 'At callback return the register R0 has smin=2 smax=2 should have been in [0, 1]', 10],
    [
      'callback_with_a_range',
      'At callback return the register R0 has smin=0 smax=4294967295 should have been in [0, 1]',
      17,
    ],
  ])('%s', (name, message, processed) => {
    const program = object.programs[name];
    expect(answer(programInput(object, program))).toEqual([message, processed]);
    const both = kernel?.of(program);
    if (typeof both === 'string') throw new Error(both);
    if (both) beside(live!, both.kernel, both.input);
  });

  it('two_kinds_of_sockets', () => {
    const program = { ...object.programs.two_kinds_of_sockets, flags: PROG_FLAGS.BPF_F_TEST_STATE_FREQ };
    expect(answer(programInput(object, program))).toEqual(['', 42]);
    const both = kernel?.of(program);
    if (typeof both === 'string') throw new Error(both);
    if (both) beside(live!, both.kernel, both.input);
  });

  it('need types for what leaves a function', () => {
    const { functions, prototypes, ...untyped } = programInput(object, object.programs.load_in_function);
    expect([functions?.size, prototypes?.size]).toEqual([2, 2]);
    expect(answer(untyped)).toEqual(['LD_ABS is not allowed in subprogs without BTF', 0]);
  });
});

/** Two small numbers, linked on one path, that are added to pointers behind `between`. */
const twoIndices = (between: string) => `
  call 7
  r8 = r0
  call 7
  r6 = r0
  r6 &= 7
  call 7
  r7 = r0
  r7 &= 7
  if r8 == 1 goto +1
  goto +${between.trim().split('\n').length}
  ${between}
  r0 = 0
  r1 = r10
  r1 += -16
  r1 += r6
  *(u8 *)(r1 + 0) = 0
  r1 = r10
  r1 += -16
  r1 += r7
  *(u8 *)(r1 + 0) = 0
  exit`;

/** What has another id but the same range in each turn keeps its id. */
const MAY_GOTO = `
l:
  may_goto +5
  call 7
  r6 = r0
  r6 &= 7
  r7 = r6
  goto l
  r0 = 0
  exit`;

const S32 = `
  call 7
  r6 = r0
  call 7
  r6 <<= 32
  r6 |= r0
  if r6 s< -100 goto +6
  if r6 s> 100 goto +5
  if w6 s< -5 goto +4
  if w6 s> 3 goto +3
  r1 = r10
  r1 += r6
  *(u8 *)(r1 - 8) = 0
  r0 = 0
  exit`;

/** A helper that fills what it is given, at a size that is not known. */
const FILLS = `
  r1 = 0
  *(u64 *)(r10 - 64) = r1
  call 7
  r2 = r0
  r2 &= 127
  r1 = r10
  r1 += -64
  r3 = 0
  call 113
  r0 = 0
  exit`;

/** The low half is known, the whole is not. */
const ITSELF = `
  call 7
  r7 = r0
  r7 <<= 33
  r0 = 0
  if w7 < w7 goto +1
  exit
  r0 = *(u64 *)(r0 + 0)
  exit`;

/** Holds a socket, if there is one. */
const HOLDING = (insns: string) => `
  r6 = r1
  r2 = 0
  *(u64 *)(r10 - 16) = r2
  *(u64 *)(r10 - 8) = r2
  r2 = r10
  r2 += -16
  r3 = 12
  r4 = 0
  r5 = 0
  call 84
  ${insns}
  r0 = 0
  exit`;

/** A small number, linked to one that is far from it. */
const FAR = `
  call 7
  r0 &= 7
  r0 |= 0x40000000
  r6 = r0
  r6 += -0x40000000
  r1 = r10
  r1 += -16
  r1 += r6
  r0 = 0
  exit`;

const NEW_ATOMIC = (insn: string) => `r2 = 0\n${insn}\nr0 = 0\nexit`;

describe('small programs', () => {
  const small = (text: string, type: number, flags = 0): ProgramInput => ({
    name: 'small',
    type,
    expectedAttachType: 0,
    flags,
    license: 'GPL',
    insns: asm(text).insns,
    maps: [],
    mapRefs: new Map(),
  });
  it.each([
    [
      'linked numbers are covered by independent ones',
      twoIndices('r7 = r6'),
      1,
      PROG_FLAGS.BPF_F_TEST_STATE_FREQ,
      '',
      22,
    ],
    ['... at a distance, too', twoIndices('r7 = r6\n r7 += 1\n r6 &= 3'), 1, PROG_FLAGS.BPF_F_TEST_STATE_FREQ, '', 33],
    ['a loop of may_goto', MAY_GOTO, 1, 0, '', 9],
    [
      'a negative number that fits in s32 is not known by its low half',
      S32,
      1,
      0,
      'invalid variable-offset write to stack R1 var_off=(0x0; 0xffffffffffffffff) off=-8 size=1',
      12,
    ],
    [
      'a release is a store first',
      NEW_ATOMIC('store_release((u32 *)(r1 + 0), r2)'),
      1,
      0,
      'invalid bpf_context access off=0 size=4',
      2,
    ],
    [
      '... and not into the context',
      NEW_ATOMIC('store_release((u32 *)(r1 + 8), r2)'),
      3,
      0,
      'BPF_ATOMIC stores into R1 ctx is not allowed',
      2,
    ],
    [
      'an acquire is a load first',
      NEW_ATOMIC('r2 = load_acquire((u32 *)(r1 + 1000))'),
      1,
      0,
      'invalid bpf_context access off=1000 size=4',
      2,
    ],
    ['a known half compared with itself', ITSELF, 1, 0, '', 6],
    [
      'what is held counts before what R6 is',
      HOLDING('r6 += 4\n r0 = *(u8 *)skb[0]'),
      3,
      0,
      'BPF_LD_[ABS|IND] would lead to reference leak',
      12,
    ],
    [
      'what may be NULL has no name yet',
      HOLDING('r0 = *(u32 *)(r0 + 1)'),
      3,
      PROG_FLAGS.BPF_F_STRICT_ALIGNMENT,
      'misaligned access off 0+0+1 size 4',
      11,
    ],
    ['a distance is an offset, too', FAR, 1, 0, 'fp pointer offset -1073741824 is not allowed', 8],
    ['a helper that fills the stack writes', FILLS, 5, 0, 'invalid write to stack R1 off=-64 size=127', 9],
  ])('%s', (_what, text, type, flags, message, processed) => {
    const input = small(text, type, flags);
    expect(answer(input)).toEqual([message, processed]);
    if (live) beside(live, input, input);
  });

  it.each([
    [0, 'EINVAL'],
    [2, 'EINVAL'],
    [3, 'EBADF'],
    [-1, 'EBADF'],
  ])('descriptor %i of a process: %s', (fd, errno) => {
    const lddw = [
      { code: 0x18, dst: 1, src: 1, off: 0, imm: fd },
      { code: 0, dst: 0, src: 0, off: 0, imm: 0 },
    ];
    const input = { ...small('r0 = 0\nexit', 1), insns: [...lddw, ...asm('r0 = 0\nexit').insns] };
    const result = verify(input);
    expect(result.ok ? null : result.error.code).toBe(errno);
    // The oracle has more of them open.
    if (live && fd !== 3) beside(live, input, input);
  });

  it('an acquire reads no context, into whichever register', () => {
    const input = small(NEW_ATOMIC('r1 = load_acquire((u32 *)(r1 + 0))'), 1);
    expect(answer(input)).toEqual(['BPF_ATOMIC loads from R1 ctx is not allowed', 2]);
    if (!live) return;
    const theirs = live.load(input);
    live.unload(theirs);
    expect(theirs.verdict).toBe('ACCEPT');
  });
});
