// Small programs around objects on the stack, as text: made into inputs, and compared with the live kernel, where it is
// Linux 6.18: verdict, errno, number of instructions and the whole log of level 2.

import { existsSync, readFileSync } from 'node:fs';
import { afterAll, expect } from 'vitest';
import { type Oracle, openOracle } from '../conformance/kernel/oracle.ts';
import { asm } from '../src/isa/index.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_MAP_TYPE as M } from '../src/uapi/enums.ts';
import { PROG_FLAGS } from '../src/uapi/prog_flags.ts';
import { type VerifyResult, verify } from '../src/verifier/index.ts';
import type { MapDef, ProgramInput } from '../src/verifier/verified.ts';
import { comparable } from './live_log.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const array: MapDef = { name: '', type: M.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 64, maxEntries: 1, flags: 0 };
const ring: MapDef = { ...array, type: M.BPF_MAP_TYPE_RINGBUF, keySize: 0, valueSize: 0, maxEntries: 4096 };
const MAPS: Readonly<Record<string, MapDef>> = {
  array,
  rb: ring,
  urb: { ...ring, type: M.BPF_MAP_TYPE_USER_RINGBUF },
};

/** `kcall NAME` calls a kfunc, `rX = map[NAME] ll` is one of the maps array, rb (ring buffer), urb (user ring buffer). */
export function inputOf(text: string, type: number, flags = 0, types: KernelTypes = COMMON_TYPES): ProgramInput {
  const { insns, relocs } = asm(text.replace(/kcall (\w+)/g, (_, name) => `call ${name}#${types.funcId(name) ?? -1}`));
  const names = Object.keys(MAPS).filter((name) => relocs.some((r) => r.map === name));
  return {
    name: '',
    type,
    expectedAttachType: 0,
    flags,
    license: 'GPL',
    insns,
    maps: names.map((name) => MAPS[name]),
    mapRefs: new Map(relocs.map((r) => [r.insn, { map: names.indexOf(r.map), kind: 'fd' as const, off: 0 }])),
  };
}

/** What the log says before its statistics; null: accepted. */
export function refusal(result: VerifyResult): string | null {
  return result.ok ? null : result.log.split('\n').slice(0, -2).join('\n');
}

export interface LiveKernel {
  readonly oracle: Oracle;
  readonly types: KernelTypes;
}

/** The kernel until the file's tests are over; null, with a warning that names `what`: there is none to compare with. */
export function liveKernel(what: string): LiveKernel | null {
  const warn = (why: string) => console.warn(`${what}: no comparison with the live kernel: ${why}`);
  const oracle = openOracle(warn);
  if (oracle === null) return null;
  afterAll(() => oracle.shutdown());
  if (!oracle.kernelRelease.startsWith('6.18.')) warn(`Linux ${oracle.kernelRelease}`);
  else if (!existsSync(VMLINUX)) warn(`no ${VMLINUX}`);
  else return { oracle, types: readKernelTypes(readFileSync(VMLINUX)) };
  return null;
}

interface Same {
  /** Why the verdict is another one, which is then all that is compared. */
  readonly differs?: string | undefined;
  /** Longer walks are not compared. */
  readonly most?: number;
  /** Shown with a difference. */
  readonly hint?: string;
}

/** Compares one program with the kernel; whether Linux takes it. */
export function expectSame({ oracle, types }: LiveKernel, input: ProgramInput, same: Same = {}): boolean {
  const linux = oracle.load(input, { logLevel: 2 });
  oracle.unload(linux);
  const accepted = linux.verdict === 'ACCEPT';
  if ((linux.processed ?? 0) > (same.most ?? Infinity)) return accepted;
  const ours = verify(input, { kernelTypes: types, logLevel: 2, cpus: oracle.possibleCpus });
  if (same.differs !== undefined) expect(accepted, same.differs).not.toBe(ours.ok);
  else {
    expect(ours.ok ? null : ours.error.code, same.hint).toBe(linux.errno);
    expect(comparable(ours.log), same.hint).toEqual(comparable(linux.log));
  }
  return accepted;
}

/** The same, with a state kept where Linux would and at every instruction. */
export function expectSameOften(live: LiveKernel, input: ProgramInput, same: Same = {}): void {
  for (const flags of [0, PROG_FLAGS.BPF_F_TEST_STATE_FREQ]) {
    expectSame(live, { ...input, flags: input.flags | flags }, same);
  }
}
