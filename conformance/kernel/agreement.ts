// Asks the live kernel again what a vectors file says that a kernel answered: the check that oracle and vectors are of
// one mind. In: rows; out: how many agree in verdict, errno, processed, message and run result, and which do not.

import { BPF_PROG_TYPE } from '../../src/uapi/enums.ts';
import type { IsaRow, VerifierRow } from '../vectors.ts';
import type { Oracle } from './oracle.ts';
import { runRawOnKernel } from './raw_prologue.ts';

export interface Agreement {
  readonly total: number;
  /** Per property: rows where the kernel says the same as the row, and rows where the row has that property. */
  readonly equal: Readonly<Record<string, { equal: number; of: number }>>;
  readonly differences: readonly { id: string; what: string; expected: unknown; actual: unknown }[];
}

/** Vectors cut messages at this length or a little above. */
const MESSAGE_CUT = 95;

export function verifierAgreement(oracle: Oracle, rows: readonly VerifierRow[]): Agreement {
  const tally = new Tally();
  for (const row of rows) {
    const loaded = oracle.load(row.input);
    tally.compare(row.id, 'verdict', row.kernel.verdict, loaded.verdict);
    tally.compare(row.id, 'errno', row.kernel.errno, loaded.errno);
    if (row.kernel.processed !== null) tally.compare(row.id, 'processed', row.kernel.processed, loaded.processed ?? 0);
    if (row.kernel.verdict === 'REJECT' && row.kernel.message !== null) {
      tally.compare(row.id, 'message', ...sameCut(row.kernel.message, loaded.message ?? ''));
    }
    if (row.run && loaded.verdict === 'ACCEPT') {
      const run = oracle.run(loaded.handle, runInput(row.input.type, row.run.data));
      tally.compare(row.id, 'run', row.run.retval, run.rc === 0 ? run.retval : run.rc);
    }
    oracle.unload(loaded);
    if (row.capBpfOnly) {
      const limited = oracle.load(row.input, { capBpfOnly: true });
      tally.compare(row.id, 'verdict with CAP_BPF alone', row.capBpfOnly.verdict, limited.verdict);
      oracle.unload(limited);
    }
  }
  return tally.result(rows.length);
}

/** Rows with a kernel_retval, as XDP programs behind a prologue. */
export function isaAgreement(oracle: Oracle, rows: readonly IsaRow[]): Agreement {
  const tally = new Tally();
  for (const row of rows) {
    if (row.kernelRetval === null) continue;
    tally.compare(
      row.name,
      'retval',
      Number(row.kernelRetval & 0xffffffffn),
      runRawOnKernel(oracle, row.insns, row.mem),
    );
  }
  return tally.result(rows.length);
}

/** Types whose test run takes no packet. */
const WITHOUT_DATA: readonly number[] = [
  BPF_PROG_TYPE.BPF_PROG_TYPE_RAW_TRACEPOINT,
  BPF_PROG_TYPE.BPF_PROG_TYPE_SYSCALL,
];

function runInput(type: number, data: Uint8Array): { data?: Uint8Array } {
  return WITHOUT_DATA.includes(type) ? {} : { data };
}

function sameCut(expected: string, actual: string): [string, string] {
  return expected.length < MESSAGE_CUT ? [expected, actual] : [expected, actual.slice(0, expected.length)];
}

class Tally {
  readonly equal: Record<string, { equal: number; of: number }> = {};
  readonly differences: { id: string; what: string; expected: unknown; actual: unknown }[] = [];

  compare(id: string, what: string, expected: unknown, actual: unknown): void {
    const count = (this.equal[what] ??= { equal: 0, of: 0 });
    count.of++;
    if (expected === actual) count.equal++;
    else this.differences.push({ id, what, expected, actual });
  }
  result(total: number): Agreement {
    return { total, equal: this.equal, differences: this.differences };
  }
}
