// `explain`: for one row, what Linux and beewasm say, log beside log up to where they part: the tool for finding why a
// verdict or a `processed` count differs. Needs the live kernel.

import { verify } from '../../src/verifier/index.ts';
import { openOracle } from '../kernel/oracle.ts';
import type { VerifierRow } from '../vectors.ts';

/** Lines of statistics and timing are not compared; nor are the tables that the kernel prints before the walk. */
function comparable(log: string): string[] {
  return log
    .split('\n')
    .filter((l) => l !== '' && !/^(func#|Live regs before|\s+\d* +\d+: |verification time|stack depth)/.test(l));
}

/** Lines that are shown before the first difference, and after it on either side. */
const CONTEXT = { before: 12, after: 8 };

export function explain(row: VerifierRow, logLevel: 0 | 1 | 2, perfmon: boolean): string {
  let reason = '';
  const oracle = openOracle((why) => {
    reason = why;
  });
  if (!oracle) return `${row.id}: no live kernel: ${reason}`;
  const linux = oracle.load(row.input, { logLevel, capBpfOnly: !perfmon });
  oracle.shutdown();
  const ours = verify(row.input, { logLevel, perfmon });
  const verdict = ours.ok ? 'ACCEPT' : `REJECT ${ours.error.code} ${ours.error.message}`;
  return [
    `${row.id} (${row.theme}): ${row.name}`,
    `  Linux    ${linux.verdict} ${linux.errno ?? ''} ${linux.message && !linux.handle ? linux.message : ''}, processed ${linux.processed}`,
    `  beewasm  ${verdict}, processed ${ours.stats.processed}`,
    ...parting(comparable(linux.log), comparable(ours.log)),
  ].join('\n');
}

function parting(linux: readonly string[], ours: readonly string[]): string[] {
  const at = linux.findIndex((line, i) => line.trimEnd() !== ours[i]?.trimEnd());
  if (at < 0 && ours.length === linux.length) return ['  the logs are equal'];
  const from = at < 0 ? linux.length : at;
  return [
    ...linux.slice(Math.max(0, from - CONTEXT.before), from).map((l) => `    ${l}`),
    ...linux.slice(from, from + CONTEXT.after).map((l) => `  L ${l}`),
    ...ours.slice(from, from + CONTEXT.after).map((l) => `  b ${l}`),
  ];
}
