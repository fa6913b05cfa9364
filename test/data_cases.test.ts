// Our cases in bpf_conformance's `.data` format: every opcode row occurs, and both engines give what each case says. And
// the reader: what it takes, and one line for what it does not.

import { describe, expect, it } from 'vitest';
import { parseData, readDataCases } from '../conformance/data_file.ts';
import { LEVELS, openRunner } from '../conformance/engines.ts';
import { ROOT } from '../conformance/shared.ts';
import { runIsa } from '../conformance/suites/isa.ts';
import { asm, OPCODES, opOf } from '../src/isa/index.ts';

const cases = readDataCases(`${ROOT}/conformance/cases`);
const quiet = { step() {}, end() {} };

it('every opcode row occurs in a case', () => {
  const seen = new Set(cases.flatMap(({ insns }) => insns.map((insn) => opOf(insn)?.name)));
  expect(OPCODES.map((op) => op.name).filter((name) => !seen.has(name))).toEqual([]);
});

it.each(LEVELS)('every case comes out on both engines, level %s', async (level) => {
  const engine = level === 'auto' ? 'both' : 'jit';
  const report = runIsa(cases, await openRunner(level), { engine, verified: false, progress: quiet });
  expect(report.failed).toEqual([]);
  expect(report.passed).toBe(cases.length);
});

describe('the reader', () => {
  const insnsOf = (text: string) => parseData('t', `-- asm\n${text}\n-- result\n0\n`).insns;

  it.each([
    ['add32 %r1, -1', 'w1 += -1'],
    ['and %r1, 0xfffffff0', 'r1 &= -16'],
    ['movsx1664 %r1, %r10', 'r1 = (s16)r10'],
    ['neg32 %r9', 'w9 = -w9'],
    ['swap64 %r9', 'r9 = bswap64 r9'],
    ['be16 %r0', 'r0 = be16 r0'],
    ['lddw %r1, 0xffffffff00000001', 'r1 = 0xffffffff00000001 ll'],
    ['ldxsh %r1, [%r2-0x10]', 'r1 = *(s16 *)(r2 - 16)'],
    ['stxw [%r1], %r3', '*(u32 *)(r1 + 0) = r3'],
    ['stdw [%r1+8], -2', '*(u64 *)(r1 + 8) = -2'],
    ['lock fetch add32 [%r1+8], %r3', 'w3 = atomic_fetch_add((u32 *)(r1 + 8), w3)'],
    ['lock cmpxchg [%r1+8], %r3', 'r0 = atomic64_cmpxchg((u64 *)(r1 + 8), r0, r3)'],
    ['lock xor [%r1+8], %r3', 'lock *(u64 *)(r1 + 8) ^= r3'],
    ['call %r2', 'callx r2'],
    ['jslt32 %r1, %r2, -3', 'if w1 s< w2 goto pc-3'],
    ['a:\nja b\nja32 a\nb:\nexit', 'a: goto b\ngotol a\nb: exit'],
    ['jeq %r0, 1, exit\ncall local f\nexit\nf:\nexit', 'if r0 == 1 goto e\ncall f\ne: exit\nf: exit'],
  ])('%j', (text, kernelText) => {
    expect(insnsOf(text)).toEqual(asm(kernelText).insns);
  });

  it.each([
    ['-- asm\nexit\n', 't.data: data: neither result nor error'],
    ['-- asm\n-- result\n1', 't.data: data: no instructions'],
    ['-- asm\nadd %r0\n-- result\n1', '"add %r0": expected a number, not ""'],
    ['-- asm\nmove %r0, 1\n-- result\n1', '"move %r0, 1": expected an instruction'],
    ['-- asm\nadd %r0, 0x100000000\n-- result\n1', 'expected 32 bits, not "0x100000000"'],
    ['-- asm\nadd %r11, 1\n-- result\n1', 'expected a register, not "%r11"'],
    ['-- asm\nja nowhere\n-- result\n1', 'there is no label nowhere'],
    ['-- asm\nldxw %r0, %r1\n-- result\n1', 'expected [%rN+offset], not "%r1"'],
    ['-- raw\n0x95 nine\n-- result\n1', 'expected 64 bits, not "nine"'],
    ['-- raw\n0x95\n-- mem\n0x1\n-- result\n1', 'expected a hex byte, not "0x1"'],
  ])('refuses %j', (text, message) => {
    expect(() => parseData('t', text)).toThrow(message);
  });
});
