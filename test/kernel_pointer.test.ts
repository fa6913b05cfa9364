// Loads from structures of the kernel: what the verifier says (messages of Linux 6.18, asked again where it is there),
// and what programs read when they run.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { Kernel, loadJit } from '../src/index.ts';
import { asm } from '../src/isa/asm.ts';
import type { Insn } from '../src/isa/insn.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { COMMON_TYPES, MAP_STRUCTS } from '../src/spec/kernel_struct.ts';
import { BPF_MAP_TYPE, BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { UnsupportedError } from '../src/uapi/errors.ts';
import { verify } from '../src/verifier/index.ts';
import type { MapDef, ProgramInput } from '../src/verifier/verified.ts';
import { loadText } from './harness.ts';

const HASH: MapDef = {
  name: '',
  type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
  keySize: 4,
  valueSize: 48,
  maxEntries: 7,
  flags: 0,
};
const RING: MapDef = { ...HASH, type: BPF_MAP_TYPE.BPF_MAP_TYPE_RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 };
const QUEUE: MapDef = { ...HASH, type: BPF_MAP_TYPE.BPF_MAP_TYPE_QUEUE, keySize: 0 };

/** The program, behind a lddw of the map into r1 if there is one. */
function program(text: string, map?: MapDef, license = 'GPL'): ProgramInput {
  const { insns } = asm(`${text}\nexit`);
  const lddw: Insn[] = [
    { code: 0x18, dst: 1, src: 1, off: 0, imm: 0 },
    { code: 0, dst: 0, src: 0, off: 0, imm: 0 },
  ];
  return {
    name: 't',
    type: map ? T.BPF_PROG_TYPE_SOCKET_FILTER : T.BPF_PROG_TYPE_SCHED_CLS,
    expectedAttachType: 0,
    flags: 0,
    license,
    insns: map ? [...lddw, ...insns] : insns,
    maps: map ? [map] : [],
    mapRefs: new Map(map ? [[0, { map: 0, kind: 'fd', off: 0 }]] : []),
  };
}

const tcpSock = (text: string) => `
  r1 = *(u64 *)(r1 + 168)
  if r1 == 0 goto out
  call bpf_skc_to_tcp_sock
  if r0 == 0 goto out
  ${text}
  out:
  r0 = 0`;

/** [what, program, message of the rejection, or null] */
const VERDICTS: readonly (readonly [string, ProgramInput, string | null])[] = [
  ['a field', program('r0 = *(u32 *)(r1 + 76)', HASH), null],
  ['part of a field', program('r0 = *(u8 *)(r1 + 78)', HASH), null],
  ['a field, sign-extended', program('r0 = *(s16 *)(r1 + 76)', HASH), null],
  ['bytes of an array', program('r0 = *(u64 *)(r1 + 136)', HASH), null],
  [
    'behind the array',
    program('r0 = *(u64 *)(r1 + 24)\nr1 = *(u64 *)(r1 + 28)', HASH),
    'access beyond the end of member sha (mend:32) in struct bpf_map with off 28 size 8',
  ],
  ['before the map', program('r0 = *(u8 *)(r1 - 1)', HASH), 'R1 is bpf_htab invalid negative access: off=-1'],
  ['behind the map', program('r0 = *(u8 *)(r1 + 832)', HASH), 'access beyond struct bpf_htab at off 832 size 1'],
  ['a hole', program('r0 = *(u8 *)(r1 + 36)', HASH), "struct bpf_map doesn't have field at offset 36"],
  [
    'half a pointer',
    program('r0 = *(u32 *)(r1 + 40)', HASH),
    'cannot access ptr member ops with moff 40 in struct bpf_map with off 40 size 4',
  ],
  ['a store', program('*(u32 *)(r1 + 76) = 0', RING), 'only read from bpf_ringbuf_map is supported'],
  ['elements of an array', program('r0 = *(u8 *)(r1 + 400)', QUEUE), null],
  [
    'a pointer of the kernel lifts no NULL from what equals it',
    program(
      'r6 = *(u64 *)(r1 + 40)\n*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\ncall 1\nif r0 != r6 goto +1\nr0 = *(u64 *)(r0 + 0)\nr0 = 0',
      HASH,
    ),
    "R0 invalid mem access 'map_value_or_null'",
  ],
  [
    'memory nobody vouches for, at any distance',
    program('r2 = *(u64 *)(r1 + 56)\nr2 *= 7\nr0 = *(u64 *)(r2 - 3)', HASH),
    null,
  ],
  [
    '... but no store',
    program('r2 = *(u64 *)(r1 + 56)\n*(u8 *)(r2 + 0) = 0\nr0 = 0', HASH),
    'R2 cannot write into rdonly_untrusted_mem',
  ],
  ['a socket', program(tcpSock('r1 = *(u16 *)(r0 + 16)')), null],
  ['a socket, moved', program(tcpSock('r0 += 8\nr1 = *(u16 *)(r0 + 8)')), null],
  [
    'a socket, by a number',
    program(tcpSock('r2 = *(u32 *)(r10 - 4)\nr2 &= 8\nr0 += r2\nr1 = *(u16 *)(r0 + 8)')),
    'R0 is ptr_tcp_sock invalid variable offset: off=8, var_off=(0x0; 0x8)',
  ],
  ['a store into a socket', program(tcpSock('*(u16 *)(r0 + 16) = 0')), 'only read is supported'],
  [
    'a socket that may be NULL',
    program(tcpSock('').replace('if r0 == 0 goto out', 'r1 = *(u16 *)(r0 + 16)')),
    "R0 invalid mem access 'ptr_or_null_'",
  ],
  [
    'without GPL',
    program(tcpSock('r1 = *(u16 *)(r0 + 16)'), undefined, 'MIT'),
    "Cannot access kernel 'struct tcp_sock' from non-GPL compatible program",
  ],
];

it.each(VERDICTS)('%s', (_what, input, message) => {
  const result = verify(input);
  expect(result.ok ? null : result.error.message).toBe(message);
});

it('a structure that the table does not hold asks for the BTF', () => {
  const result = verify(program('r2 = *(u64 *)(r1 + 40)\nr0 = *(u64 *)(r2 + 0)', HASH));
  expect(result.ok).toBe(false);
  expect(result.log).toContain("the layout of struct bpf_map_ops is not known: verify with the kernel's BTF");
});

it('sums with an address nobody knows are unknown (Linux 6.18 keeps the number)', () => {
  const text = 'r2 = *(u64 *)(r1 + 56)\nr3 = 1\nr3 += r2\nr0 = 0\nif r3 == 1 goto +1\nr0 = r9';
  const result = verify(program(text, HASH));
  expect(result.ok ? null : result.error.message).toBe('R9 !read_ok');
});

describe('running', () => {
  const kernel = new Kernel();
  beforeAll(() => loadJit());
  afterAll(() => kernel.close());
  const shape = { keySize: 4, valueSize: 48, flags: 0 };
  const maps = {
    a: kernel.createMap({ ...shape, name: 'a', type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH, maxEntries: 0x12345, flags: 1 }),
    b: kernel.createMap({ ...shape, name: 'b', type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, maxEntries: 3 }),
  };
  const load = (text: string, jit: 'off' | 'optimized') =>
    loadText(kernel, { type: 'socket_filter', license: 'GPL', maps, text: `${text}\nexit`, jit });
  const packet = new Uint8Array(64);

  describe.each(['off', 'optimized'] as const)('jit %s', (jit) => {
    it.each([
      ['r1 = map a ll\nr0 = *(u32 *)(r1 + 76)', 0x12345],
      ['r1 = map a ll\nr0 = *(u8 *)(r1 + 77)', 0x23],
      ['r1 = map a ll\nr0 = *(u32 *)(r1 + 72)', 48],
      ['r1 = map b ll\nr0 = *(u32 *)(r1 + 64)', BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY],
      ['r1 = map a ll\nr0 = *(u32 *)(r1 + 88)', 1],
      ['r1 = map a ll\nr0 = *(s8 *)(r1 + 76)', 0x45],
      ['r1 = map a ll\nr2 = *(u64 *)(r1 + 56)\nr2 -= 9\nr0 = *(u64 *)(r2 + 0)\nr2 += 9\nr0 += r2', 0],
    ])('%s', (text, expected) => {
      expect(load(text, jit).run({ data: packet }).retval).toBe(expected);
    });
  });

  it('one instruction, two maps: refused', () => {
    const text = 'r1 = map a ll\nr2 = *(u32 *)(r10 - 4)\nif r2 == 0 goto +2\nr1 = map b ll\nr0 = *(u32 *)(r1 + 76)';
    expect(() => load(text, 'off')).toThrow(UnsupportedError);
  });
});

const VMLINUX = '/sys/kernel/btf/vmlinux';
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

describe.skipIf(oracle === null || !existsSync(VMLINUX))('beside the live kernel', () => {
  const types = oracle === null ? COMMON_TYPES : readKernelTypes(readFileSync(VMLINUX));

  it.each(VERDICTS)('%s', (_what, input, message) => {
    const linux = oracle!.load(input);
    oracle!.unload(linux);
    expect(linux.verdict === 'ACCEPT' ? null : linux.message).toBe(message);
  });

  it('the table is what its BTF says', () => {
    for (const name of new Set(Object.values(MAP_STRUCTS))) {
      const names = (t: typeof types) => t.struct(name)!.fields.map((f) => [f.name, f.off, f.count, f.type.kind]);
      expect(names(COMMON_TYPES)).toEqual(names(types));
    }
  });

  it('with its BTF, pointers are followed further', () => {
    const input = program('r2 = *(u64 *)(r1 + 40)\nr3 = *(u64 *)(r2 + 0)\nr0 = *(u32 *)(r3 + 5)', HASH);
    const linux = oracle!.load(input);
    oracle!.unload(linux);
    expect([verify(input, { kernelTypes: types }).ok, linux.verdict]).toEqual([true, 'ACCEPT']);
  });
});
