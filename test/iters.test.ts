// Iterators and dynptrs of kfuncs: what Linux 6.18 says of small programs, with the built-in prototypes and, beside the live
// kernel, with its BTF: there verdict, errno, number of instructions and the whole log of level 2 are the same.

import { describe, expect, it } from 'vitest';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import { expectSameOften, inputOf, liveKernel, refusal } from './live_objects.ts';
import type { ObjectRow } from './object_calls.ts';
import { ROWS } from './object_rows.ts';

const live = liveKernel('iterators');
const inputOfRow = ({ text, type, flags }: ObjectRow, types: KernelTypes) =>
  inputOf(text, type ?? T.BPF_PROG_TYPE_SCHED_CLS, flags, types);

describe('iterators and dynptrs of kfuncs', () => {
  it.each(Object.entries(ROWS).filter(([, row]) => !row.vmlinux))('%s', (_name, row) => {
    expect(refusal(verify(inputOfRow(row, COMMON_TYPES)))).toBe(row.says);
  });
});

describe.skipIf(live === null)('iterators and dynptrs of kfuncs beside the live kernel', () => {
  it.each(Object.entries(ROWS))('%s', (_name, row) => {
    expectSameOften(live!, inputOfRow(row, live!.types), { differs: row.differs });
  });
});
