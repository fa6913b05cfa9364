// The verifier's vectors that Linux accepts and that come with a packet, under the watch.

import { Kernel } from '../../src/index.ts';
import { contextOf } from '../../src/runtime/contexts.ts';
import { testRun } from '../../src/runtime/test_run.ts';
import { BpfError, UnsupportedError } from '../../src/uapi/errors.ts';
import { loadInput, runInput } from '../engines.ts';
import type { VerifierRow } from '../vectors.ts';
import { type Violation, Watch, type WatchCounts } from './watch.ts';

export interface RowsResult extends WatchCounts {
  readonly rows: number;
  /** Rows that beewasm verifies but can't run. */
  readonly unsupported: number;
  readonly violations: readonly { readonly id: string; readonly violation: Violation }[];
}

export function embedRows(rows: readonly VerifierRow[]): RowsResult {
  const watch = new Watch();
  const violations: { id: string; violation: Violation }[] = [];
  const accepted = rows.filter((row) => row.kernel.verdict === 'ACCEPT' && row.run !== null);
  let unsupported = 0;
  for (const row of accepted) {
    if (!runRow(watch, row)) unsupported++;
    else if (watch.violation !== null) violations.push({ id: row.id, violation: watch.violation });
  }
  return { rows: accepted.length, unsupported, violations, ...watch.counts };
}

/** false: the row can't run here. */
function runRow(watch: Watch, { input, run }: VerifierRow): boolean {
  const kernel = new Kernel({ clock: 'real', seed: 1 });
  try {
    const { loaded } = loadInput(kernel, input, 'interp');
    watch.learn(loaded, input.memSize ?? 0, input);
    const cpu = kernel.cpu(0);
    const executable = watch.engine.link(loaded, cpu, (id) => kernel.programById(id));
    watch.begin(kernel.memory);
    testRun(
      { context: contextOf(loaded.code.type), memory: kernel.memory, cpu: 0, executable },
      runInput(input, run!.data),
    );
    return true;
  } catch (e) {
    if (e instanceof UnsupportedError) return false;
    // Programs that use up their steps; what was seen until then counts.
    if (e instanceof BpfError) return true;
    throw e;
  } finally {
    kernel.close();
  }
}
