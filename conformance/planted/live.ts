// The live differential as a script for many verifiers: Linux is asked once about each program (mutants of the vectors, and
// as many around calls of helpers, calls.ts), and the answers are replayed. Programs on which the verifier as it is
// disagrees, or that take Linux long, are left out.

import { progTypeById } from '../../src/spec/prog_types.ts';
import { verify } from '../../src/verifier/index.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import { isDeadly } from '../kernel/deadly.ts';
import type { Oracle } from '../kernel/oracle.ts';
import { mutate } from '../mutants/mutate.ts';
import { seeded } from '../mutants/random.ts';
import type { VerifierRow } from '../vectors.ts';
import { generateCalls } from './calls.ts';

/** By number of the program: does Linux accept it? null: left out. */
export interface LiveAnswers {
  readonly seed: number;
  /** Mutants; the programs after these are of calls.ts, as many. */
  readonly count: number;
  readonly accepts: readonly (boolean | null)[];
}

const MAX_SLOTS = 4096;
export const MAX_PROCESSED = 5000;

/** Rows of program types we have that do not take long. */
export function quickRows(rows: readonly VerifierRow[]): VerifierRow[] {
  const quick = ({ input, kernel }: VerifierRow) =>
    input.insns.length <= MAX_SLOTS && (kernel.processed ?? 0) <= MAX_PROCESSED;
  return rows.filter((r) => quick(r) && progTypeById(r.input.type) !== undefined);
}

interface Asked {
  readonly name: string;
  readonly input: ProgramInput;
}

/** The same for the same rows and seed. */
function* programs(rows: readonly VerifierRow[], seed: number, count: number): Generator<Asked> {
  const random = seeded(seed);
  for (let n = 0; n < count; n++) {
    const row = random.pick(rows);
    yield { name: `mutant ${n} of ${row.id}`, input: mutate(row.input, random) };
  }
  for (let n = 0; n < count; n++) yield { name: `calls ${n}`, input: generateCalls(seed, n) };
}

export function askLinux(rows: readonly VerifierRow[], seed: number, count: number, oracle: Oracle): LiveAnswers {
  const accepts: (boolean | null)[] = [];
  for (const { input } of programs(rows, seed, count)) {
    const ours = verify(input, { cpus: oracle.possibleCpus });
    if (isDeadly(input, ours)) {
      accepts.push(null);
      continue;
    }
    const linux = oracle.load(input);
    oracle.unload(linux);
    const quick = (linux.processed ?? 0) <= MAX_PROCESSED;
    const accepted = linux.verdict === 'ACCEPT';
    accepts.push(quick && ours.ok === accepted ? accepted : null);
  }
  return { seed, count, accepts };
}

/** The first program that this verifier answers otherwise; null = none. */
export function firstDifference(rows: readonly VerifierRow[], { seed, count, accepts }: LiveAnswers): string | null {
  let n = 0;
  for (const { name, input } of programs(rows, seed, count)) {
    const expected = accepts[n++];
    if (expected === null) continue;
    const ours = verify(input);
    if (ours.ok !== expected) return `${ours.ok ? 'false accept' : 'false reject'}, ${name}`;
  }
  return null;
}
