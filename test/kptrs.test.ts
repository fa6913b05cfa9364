// Pointers in map values: verdicts and messages as Linux 6.18 gives them, and beside the live kernel the whole log.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { COMMON_TYPES, type KernelStruct, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { match } from '../src/verifier/diagnose/catalogue.ts';
import { verify } from '../src/verifier/index.ts';
import { inputOf, type Row } from './kfunc_programs.ts';
import { ROWS, WITHOUT_TYPES } from './kptr_programs.ts';
import { comparable } from './live_log.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

describe('with the built-in types', () => {
  it.each(ROWS.filter((r) => !r.vmlinux))('$what', (row) => {
    const result = verify(inputOf(row, COMMON_TYPES));
    expect(result.ok ? null : result.error.message).toBe(row.message);
    if (row.message) expect(match(row.message)).not.toBeNull();
  });
});

it.each(WITHOUT_TYPES)('of what can not be destroyed: $what', (row) => {
  const types: KernelTypes = {
    ...COMMON_TYPES,
    struct: (key) => (key === 'mm_struct' ? MM : COMMON_TYPES.struct(key)),
  };
  const result = verify(inputOf(row, types), { kernelTypes: types });
  expect(result.ok ? null : result.error.message).toBe(row.message);
});
const MM: KernelStruct = { name: 'mm_struct', union: false, size: 8, fields: [] };

const live = oracle?.kernelRelease.startsWith('6.18.') && existsSync(VMLINUX) ? oracle : null;
describe.skipIf(live === null)('beside the live kernel', () => {
  const types: KernelTypes = live === null ? COMMON_TYPES : readKernelTypes(readFileSync(VMLINUX));

  it.each(ROWS)('$what', (row: Row) => {
    const input = inputOf(row, types);
    const linux = live!.load(input, { logLevel: 2 });
    live!.unload(linux);
    const own = verify(input, { kernelTypes: types, logLevel: 2, cpus: live!.possibleCpus });
    expect(comparable(own.log)).toEqual(comparable(linux.log));
    expect(own.ok ? null : own.error.code).toBe(linux.errno);
    expect(own.ok ? null : own.error.message).toBe(row.message);
  });
});
