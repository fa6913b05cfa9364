// Random programs about objects on the stack (object_random.ts) beside the live kernel: the same errno, the same number of
// instructions, the same whole log of level 2. Without one: pruning more often changes no verdict.

import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { asm } from '../src/isa/index.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_MAP_TYPE as M, BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { PROG_FLAGS } from '../src/uapi/prog_flags.ts';
import { verify } from '../src/verifier/index.ts';
import type { MapDef, ProgramInput } from '../src/verifier/verified.ts';
import { comparable } from './live_log.ts';
import { randomObjects } from './object_random.ts';

const SEEDS = Number(process.env.OBJECT_SEEDS ?? 120);
const FIRST = Number(process.env.OBJECT_FIRST ?? 1);
/** Beyond this only verdict and number of instructions would be worth the time. */
const MAX_PROCESSED = 10_000;

const VMLINUX = '/sys/kernel/btf/vmlinux';
const array: MapDef = { name: '', type: M.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 };
const ring: MapDef = { ...array, type: M.BPF_MAP_TYPE_RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 };

function inputOf(seed: number, types: KernelTypes, flags: number): ProgramInput {
  const text = randomObjects(seed).replace(/kcall (\w+)/g, (_, name) => `call ${name}#${types.funcId(name) ?? -1}`);
  const { insns, relocs } = asm(text);
  const refs = relocs.map((r) => [r.insn, { map: r.map === 'array' ? 0 : 1, kind: 'fd' as const, off: 0 }] as const);
  return {
    name: '',
    type: T.BPF_PROG_TYPE_SCHED_CLS,
    expectedAttachType: 0,
    flags,
    license: 'GPL',
    insns,
    maps: [array, ring],
    mapRefs: new Map(refs),
  };
}

const oracle = openOracle((reason) => console.warn(`random objects: no live kernel: ${reason}`));
afterAll(() => oracle?.shutdown());
const live = oracle?.kernelRelease.startsWith('6.18.') && existsSync(VMLINUX) ? oracle : null;

const seeds = Array.from({ length: SEEDS }, (_, i) => FIRST + i);

describe('random objects on the stack', () => {
  it('a state kept at every instruction changes no verdict', () => {
    const wrong = seeds.filter((seed) => {
      const often = verify(inputOf(seed, COMMON_TYPES, PROG_FLAGS.BPF_F_TEST_STATE_FREQ));
      const seldom = verify(inputOf(seed, COMMON_TYPES, 0));
      return often.ok !== seldom.ok && Math.max(often.stats.processed, seldom.stats.processed) < MAX_PROCESSED;
    });
    expect(wrong).toEqual([]);
  }, 120_000);

  it.skipIf(live === null)(
    'beside the live kernel',
    () => {
      const types = readKernelTypes(readFileSync(VMLINUX));
      let accepted = 0;
      for (const seed of seeds) {
        const input = inputOf(seed, types, seed % 3 === 0 ? PROG_FLAGS.BPF_F_TEST_STATE_FREQ : 0);
        const linux = live!.load(input, { logLevel: 2 });
        live!.unload(linux);
        if ((linux.processed ?? 0) > MAX_PROCESSED) continue;
        if (linux.verdict === 'ACCEPT') accepted++;
        const ours = verify(input, { kernelTypes: types, logLevel: 2, cpus: live!.possibleCpus });
        expect([seed, ours.ok ? null : ours.error.code]).toEqual([seed, linux.errno]);
        expect(comparable(ours.log), `seed ${seed}\n${randomObjects(seed)}`).toEqual(comparable(linux.log));
      }
      expect(accepted).toBeGreaterThan(SEEDS / 2);
    },
    240_000,
  );
});
