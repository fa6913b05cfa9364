// Dynptrs (struct bpf_dynptr on the stack): what Linux 6.18 says of small programs that make, use, end and destroy them.
// The live kernel, where it is, must give the same verdict, errno, number of instructions and whole log of level 2.

import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { asm } from '../src/isa/index.ts';
import { BPF_MAP_TYPE as M } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import type { MapDef, ProgramInput } from '../src/verifier/verified.ts';
import { ROWS } from './dynptr_programs.ts';
import { comparable } from './live_log.ts';

const array: MapDef = { name: '', type: M.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 };
const MAPS: Readonly<Record<string, MapDef>> = {
  array,
  rb: { ...array, type: M.BPF_MAP_TYPE_RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 },
  urb: { ...array, type: M.BPF_MAP_TYPE_USER_RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 },
};
const XDP = 6;

function inputOf(text: string): ProgramInput {
  const { insns, relocs } = asm(text);
  return {
    name: '',
    type: XDP,
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

let skipReason = '';
const oracle = openOracle((reason) => {
  skipReason = reason;
});
const live = oracle?.kernelRelease.startsWith('6.18.') ? oracle : null;
if (oracle && !live) skipReason = `Linux ${oracle.kernelRelease}`;
if (skipReason) console.warn(`dynptrs: no comparison with the live kernel: ${skipReason}`);
afterAll(() => oracle?.shutdown());

describe('dynptrs', () => {
  it.each(Object.entries(ROWS))('%s', (_name, { text, says }) => {
    const result = verify(inputOf(text));
    expect(result.ok ? null : result.log.split('\n').slice(0, -2).join('\n')).toBe(says);
  });
});

describe.skipIf(live === null)('dynptrs beside the live kernel', () => {
  it.each(Object.entries(ROWS))('%s', (_name, { text, differs }) => {
    const input = inputOf(text);
    for (const flags of [0, 8]) {
      const linux = live!.load({ ...input, flags }, { logLevel: 2 });
      live!.unload(linux);
      const ours = verify({ ...input, flags }, { logLevel: 2, cpus: live!.possibleCpus });
      if (differs !== undefined) expect(linux.verdict, differs).not.toBe(ours.ok ? 'ACCEPT' : 'REJECT');
      else {
        expect(comparable(ours.log)).toEqual(comparable(linux.log));
        expect(ours.ok ? null : ours.error.code).toBe(linux.errno);
      }
    }
  });
});
