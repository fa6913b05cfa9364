// `explain`: for one row, program of an object or mutant, what Linux and beewasm say, log beside log up to where they part:
// the tool for finding why a verdict or a `processed` count differs. Needs the live kernel.

import { type VerifyOptions, verify } from '../../src/verifier/index.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import type { KernelProgram, Oracle } from '../kernel/oracle.ts';

/** A program as both verifiers take it. */
export interface Explained {
  readonly id: string;
  readonly input: ProgramInput;
  readonly kernel: KernelProgram;
  readonly options: VerifyOptions;
}

/**
 * Lines of statistics and timing are not compared; nor are source lines, which the oracle does not load, and the tables
 * that the kernel prints before the walk. Addresses and maps have no names in common.
 */
function comparable(log: string): string[] {
  return log
    .split('\n')
    .filter((l) => l !== '' && !/^(func#|Live regs before|\s+\d* +\d+: |verification time|stack depth|; .* @ )/.test(l))
    .map((l) => l.trimEnd().replace(/\(18\) (r\d+) = 0x[0-9a-f]+ */, '(18) $1 = ADDR '));
}

/** Lines that are shown before the first difference, and after it on either side. */
const CONTEXT = { before: 12, after: 8 };

export function explain(
  { id, input, kernel, options }: Explained,
  logLevel: 0 | 1 | 2,
  perfmon: boolean,
  oracle: Oracle,
): string {
  const linux = oracle.load(kernel, { logLevel, capBpfOnly: !perfmon });
  oracle.unload(linux);
  const ours = verify(input, { ...options, cpus: oracle.possibleCpus, logLevel, perfmon });
  const verdict = ours.ok ? 'ACCEPT' : `REJECT ${ours.error.code} ${ours.error.message}`;
  const theirs = linux.verdict === 'ACCEPT' ? 'ACCEPT' : `REJECT ${linux.errno} ${linux.message}`;
  return [
    `${id}: ${input.name}`,
    `  Linux    ${theirs}, processed ${linux.processed}`,
    `  beewasm  ${verdict}, processed ${ours.stats.processed}`,
    ...parting(comparable(linux.log), comparable(ours.log)),
  ].join('\n');
}

function parting(linux: readonly string[], ours: readonly string[]): string[] {
  const at = linux.findIndex((line, i) => line !== ours[i]);
  if (at < 0 && ours.length === linux.length) return ['  the logs are equal'];
  const from = at < 0 ? linux.length : at;
  return [
    ...linux.slice(Math.max(0, from - CONTEXT.before), from).map((l) => `    ${l}`),
    ...linux.slice(from, from + CONTEXT.after).map((l) => `  L ${l}`),
    ...ours.slice(from, from + CONTEXT.after).map((l) => `  b ${l}`),
  ];
}
