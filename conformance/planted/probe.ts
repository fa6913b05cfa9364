// Runs inside a copy of the project (plant.ts), as a process of its own: what do the vectors, state embedding and the
// replayed live differential say of this verifier? In: a Task as JSON in argv. Out: Findings as JSON on stdout.

import { readFileSync } from 'node:fs';
import { verify } from '../../src/verifier/index.ts';
import { embedPrograms } from '../embed/campaign.ts';
import { embedRows } from '../embed/rows.ts';
import { readVerifierRows, type VerifierRow } from '../vectors.ts';
import { firstDifference, type LiveAnswers, quickRows } from './live.ts';

export interface Task {
  /** Files with verifier rows. */
  readonly vectors: readonly string[];
  /** File with LiveAnswers, if Linux was asked. */
  readonly live: string | null;
  /** Rows that the verifier as it is answers otherwise than Linux, or that take it long. */
  readonly except: readonly string[];
  readonly seed: number;
  /** Random programs for embedding. */
  readonly count: number;
}

/** By way of finding: what was found first; null = nothing; undefined = not tried. */
export interface Findings {
  readonly vectors?: string | null;
  readonly embed?: string | null;
  readonly live?: string | null;
}

/** What breaks down is found, too; but not a bug whose text names what is not there (any more). */
function found(look: () => string | null): string | null {
  try {
    return look();
  } catch (e) {
    if (e instanceof ReferenceError) throw e;
    return `breaks down: ${e instanceof Error ? e.message.split('\n')[0] : e}`;
  }
}

function inVectors(rows: readonly VerifierRow[]): string | null {
  for (const row of rows) {
    const { ok } = verify(row.input);
    if (ok !== (row.kernel.verdict === 'ACCEPT')) return `${ok ? 'false accept' : 'false reject'} of ${row.id}`;
  }
  return null;
}

function embedded(rows: readonly VerifierRow[], { seed, count }: Task): string | null {
  const { violations } = embedPrograms({ seed, from: 0, count, inputs: 5, maxViolations: 1, shrink: false });
  if (violations.length > 0) return `program ${violations[0].index}, ${violations[0].violation.mode}`;
  const first = embedRows(rows).violations[0];
  return first === undefined ? null : `row ${first.id}, ${first.violation.mode}`;
}

export function probe(task: Task): Findings {
  const quick = quickRows(task.vectors.flatMap(readVerifierRows));
  const rows = quick.filter((r) => !task.except.includes(r.id));
  const embed = found(() => embedded(rows, task));
  if (quick.length === 0) return { embed };
  const vectors = found(() => inVectors(rows));
  if (task.live === null) return { vectors, embed };
  const answers = JSON.parse(readFileSync(task.live, 'utf8')) as LiveAnswers;
  return { vectors, embed, live: found(() => firstDifference(quick, answers)) };
}
