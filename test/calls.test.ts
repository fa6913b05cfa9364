// Programs around calls of helpers: what is given back must be what was got, and random programs beside the live kernel.

import { describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { generateCalls } from '../conformance/planted/calls.ts';
import { asm } from '../src/isa/asm.ts';
import { disasm } from '../src/isa/disasm.ts';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '../src/uapi/enums.ts';
import { type ProgramInput, verify } from '../src/verifier/index.ts';

const RECORDS = {
  name: 'records',
  type: BPF_MAP_TYPE.BPF_MAP_TYPE_RINGBUF,
  keySize: 0,
  valueSize: 0,
  maxEntries: 4096,
  flags: 0,
};

/** r0 = a record of `size` bytes, used by `use`, and given back as r1. r6 = a number from the context. */
function withRecord(size: string, use: string): ProgramInput {
  const { insns, relocs } = asm(`
    r6 = *(u32 *)(r1 +16)
    r1 = map records
    r2 = ${size}
    r3 = 0
    call bpf_ringbuf_reserve
    if r0 == 0 goto end
    r1 = r0
    ${use}
    r2 = 0
    call bpf_ringbuf_submit
  end:
    r0 = 1
    exit`);
  const type = BPF_PROG_TYPE.BPF_PROG_TYPE_XDP;
  const mapRefs = new Map(relocs.map(({ insn, kind, off }) => [insn, { map: 0, kind, off }]));
  return { name: 'x', type, expectedAttachType: 0, flags: 0, license: 'GPL', insns, maps: [RECORDS], mapRefs };
}

function answer(input: ProgramInput) {
  const result = verify(input, { logLevel: 1 });
  return result.ok ? 'accepted' : result.log.split('\n').find((line) => /offset|access/.test(line));
}

describe('a record is given back', () => {
  // Messages of Linux 6.18.
  it.each([
    ['r1 += 0', 'accepted'],
    ['r1 += 8', 'R1 must have zero offset when passed to release func or trusted arg to kfunc'],
    ['r1 += r6', 'variable ringbuf_mem access var_off=(0x0; 0xffffffff) disallowed'],
    ['r6 &= 8\nr1 += r6', 'variable ringbuf_mem access var_off=(0x0; 0x8) disallowed'],
  ])('%s', (moved, expected) => {
    expect(answer(withRecord('16', moved))).toBe(expected);
  });

  // There is none of more than 4 GiB, so what is known of one does not matter: Linux counts in 32 bits.
  it.each([
    ['*(u8 *)(r1 + 15) = 0', 'accepted'],
    ['*(u8 *)(r1 + 16) = 0', 'invalid access to memory, mem_size=16 off=16 size=1'],
  ])('of 2^32 + 16 bytes: %s', (use, expected) => {
    const input = withRecord('0x100000010 ll', use);
    expect(answer(input)).toBe(expected);
    const oracle = openOracle(() => {});
    if (oracle === null) return;
    const linux = oracle.load(input);
    oracle.unload(linux);
    oracle.shutdown();
    expect(linux.verdict).toBe(expected === 'accepted' ? 'ACCEPT' : 'REJECT');
  });
});

describe('random calls', () => {
  it('are judged as by the live kernel (skipped where that is not Linux 6.18)', (t) => {
    const oracle = openOracle((why) => console.log(`random calls: skipped, ${why}`));
    if (oracle === null) return t.skip();
    if (!oracle.kernelRelease.startsWith('6.18.')) {
      oracle.shutdown();
      return t.skip();
    }
    const different: string[] = [];
    for (let index = 0; index < 300; index++) {
      const input = generateCalls(2, index);
      const linux = oracle.load(input);
      oracle.unload(linux);
      if (verify(input, { cpus: oracle.possibleCpus }).ok === (linux.verdict === 'ACCEPT')) continue;
      different.push(`${index}: Linux ${linux.verdict} ${linux.message}\n${disasm(input.insns)}`);
    }
    oracle.shutdown();
    expect(different).toEqual([]);
  });
  it('are right about as often as wrong', () => {
    const accepted = Array.from({ length: 200 }, (_, i) => verify(generateCalls(3, i)).ok).filter(Boolean).length;
    expect(accepted).toBeGreaterThan(50);
    expect(accepted).toBeLessThan(150);
  });
});
