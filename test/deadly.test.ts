// What Linux 6.18 does not survive is known before it is asked. (It is not asked here.)
import { expect, it } from 'vitest';
import { isDeadly } from '../conformance/kernel/deadly.ts';
import { asm } from '../src/isa/asm.ts';
import type { FuncProto } from '../src/spec/func_proto.ts';
import { BPF_PROG_TYPE } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import type { ProgramInput } from '../src/verifier/verified.ts';

const TOO_MANY = 8200;

function repeated(text: string): ProgramInput {
  const body = Array.from({ length: TOO_MANY }, () => text).join('\n');
  const { insns } = asm(`r6 = *(u32 *)(r1 + 0)\nr6 <<= 32\n${body}\nr0 = 0\nexit`);
  const type = BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER;
  return { name: '', type, expectedAttachType: 0, flags: 0, license: 'GPL', insns, maps: [], mapRefs: new Map() };
}

it.each([
  ['a path for each sign', 'r1 = r6\nr1 s>>= 63\nr1 &= 5', true],
  ['a path for each way of a jump', 'call 7\nif r0 > 7 goto +1\nr0 = 5', false],
] as const)('too many paths wait: %s', (_, text, deadly) => {
  const input = repeated(text);
  const result = verify(input);
  expect(result.ok ? '' : result.error.message).toBe('The sequence of 8193 jumps is too complex.');
  expect(isDeadly(input, result)).toBe(deadly);
});

it.each([
  ['in front of', 5, true],
  ['behind', 7, false],
] as const)('a function that no path reaches, %s the one that handles exceptions', (_, dead, deadly) => {
  const { insns } = asm('r1 = 0\nif r1 == 0 goto +1\nr0 = 0\nr0 = 0\nexit\nr0 = 0\nexit\nr0 = 0\nexit');
  insns[2] = { code: 0x85, dst: 0, src: 1, off: 0, imm: dead - 3 };
  const handler = 12 - dead;
  const int = { kind: 'int', name: '', size: 4 };
  const proto = (name: string, linkage: 'static' | 'global', params: FuncProto['params'], more = {}): FuncProto => ({
    ...{ name, linkage, params, returns: int },
    ...more,
  });
  const prototypes = new Map([
    [0, proto('main', 'global', [], { exceptionCallbacks: ['handler'] })],
    [dead, proto('dead', 'static', [])],
    [handler, proto('handler', 'global', [{ type: int, pointsTo: null, tags: [] }])],
  ]);
  const functions = new Map([...prototypes].map(([start, { name }]) => [start, name]));
  const input = { ...repeated(''), insns, prototypes, functions };
  const result = verify(input);
  expect(result.ok ? '' : result.error.message).toBe('');
  expect(isDeadly(input, result)).toBe(deadly);
  const blind = verify(input, { facts: false });
  expect(isDeadly(input, blind)).toBe(deadly);
});

it('other programs are not', () => {
  const input = repeated('r1 = 1');
  expect(isDeadly(input, verify(input))).toBe(false);
});
