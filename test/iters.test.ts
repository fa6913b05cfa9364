// Iterators and dynptrs of kfuncs: what Linux 6.18 says of small programs, with the built-in prototypes and, beside the live
// kernel, with its BTF: there verdict, errno, number of instructions and the whole log of level 2 are the same.

import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { asm } from '../src/isa/index.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_MAP_TYPE as M, BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import type { MapDef, ProgramInput } from '../src/verifier/verified.ts';
import { type ObjectRow, ROWS } from './iter_programs.ts';
import { comparable } from './live_log.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const array: MapDef = { name: '', type: M.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 };
const MAPS: Readonly<Record<string, MapDef>> = {
  array,
  rb: { ...array, type: M.BPF_MAP_TYPE_RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 },
};

function inputOf({ text, type, flags }: ObjectRow, types: KernelTypes): ProgramInput {
  const { insns, relocs } = asm(text.replace(/kcall (\w+)/g, (_, name) => `call ${name}#${types.funcId(name) ?? -1}`));
  return {
    name: '',
    type: type ?? T.BPF_PROG_TYPE_SCHED_CLS,
    expectedAttachType: 0,
    flags: flags ?? 0,
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
const live = oracle?.kernelRelease.startsWith('6.18.') && existsSync(VMLINUX) ? oracle : null;
if (oracle && !live) skipReason = `Linux ${oracle.kernelRelease}`;
if (skipReason) console.warn(`iterators: no comparison with the live kernel: ${skipReason}`);
afterAll(() => oracle?.shutdown());

describe('iterators and dynptrs of kfuncs', () => {
  it.each(Object.entries(ROWS).filter(([, row]) => !row.vmlinux))('%s', (_name, row) => {
    const result = verify(inputOf(row, COMMON_TYPES));
    const said = result.ok ? null : result.log.split('\n').slice(0, -2).join('\n');
    expect(said).toBe(row.says);
  });
});

describe.skipIf(live === null)('iterators and dynptrs of kfuncs beside the live kernel', () => {
  const types = live === null ? COMMON_TYPES : readKernelTypes(readFileSync(VMLINUX));

  it.each(Object.entries(ROWS))('%s', (_name, row) => {
    const input = inputOf(row, types);
    for (const flags of [0, 8]) {
      const both = { ...input, flags: input.flags | flags };
      const linux = live!.load(both, { logLevel: 2 });
      live!.unload(linux);
      const ours = verify(both, { kernelTypes: types, logLevel: 2, cpus: live!.possibleCpus });
      if (row.differs !== undefined) expect(linux.verdict, row.differs).not.toBe(ours.ok ? 'ACCEPT' : 'REJECT');
      else {
        expect(comparable(ours.log)).toEqual(comparable(linux.log));
        expect(ours.ok ? null : ours.error.code).toBe(linux.errno);
      }
    }
  });
});
