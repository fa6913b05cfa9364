// Suite `rejects`: rows that a load must refuse, with Linux's errno.

import { BPF_PROG_TYPE } from '../../src/uapi/enums.ts';
import { verify } from '../../src/verifier/index.ts';
import type { IsaRow } from '../vectors.ts';
import { rawInput } from './isa.ts';
import type { Progress } from './progress.ts';

export interface RejectsReport {
  readonly total: number;
  readonly passed: number;
  readonly errno_equal: number;
  readonly failed: readonly { readonly name: string; readonly expected: string; readonly actual: string }[];
}

/** Rows load as SOCKET_FILTER, as they did on Linux. */
export function runRejects(rows: readonly IsaRow[], progress: Progress): RejectsReport {
  const failed: { name: string; expected: string; actual: string }[] = [];
  let errnoEqual = 0;
  for (const row of rows) {
    const result = verify({ ...rawInput(row), type: BPF_PROG_TYPE.BPF_PROG_TYPE_SOCKET_FILTER, memSize: undefined });
    if (result.ok) failed.push({ name: row.name, expected: row.kernelErrno ?? 'REJECT', actual: 'ACCEPT' });
    else if (result.error.code === row.kernelErrno) errnoEqual++;
    progress.step(failed.length);
  }
  progress.end();
  return { total: rows.length, passed: rows.length - failed.length, errno_equal: errnoEqual, failed };
}
