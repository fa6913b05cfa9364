// Suite `verifier`: every row is verified and its verdict compared with Linux's; accepted rows with a `run` are run on both
// engines. A row that beewasm has no words for (a program or map type it does not know) is skipped and counts as a
// disagreement.

import { helperName } from '../../src/isa/index.ts';
import { runnableById } from '../../src/spec/helpers.ts';
import { mapTypeById } from '../../src/spec/map_types.ts';
import { progTypeById } from '../../src/spec/prog_types.ts';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '../../src/uapi/enums.ts';
import { UnsupportedError } from '../../src/uapi/errors.ts';
import { verify } from '../../src/verifier/index.ts';
import type { MapDef, VerifyResult } from '../../src/verifier/verified.ts';
import { ENGINES, type EngineName, errorText, type Runner } from '../engines.ts';
import type { VerifierRow } from '../vectors.ts';
import type { Progress } from './progress.ts';

export interface Disagreement {
  readonly id: string;
  readonly theme: string;
  /** The message of the side that rejected. */
  readonly message: string;
}

export interface VerifierReport {
  readonly suite: 'verifier';
  readonly total: number;
  readonly agree: number;
  readonly false_accept: readonly Disagreement[];
  readonly false_reject: readonly Disagreement[];
  /** Of the rows that both reject: same errno, same wording. */
  readonly errno_equal: number;
  readonly message_equal: number;
  readonly run: {
    /** Rows run on both engines, and those where both gave Linux's result. */
    readonly compared: number;
    readonly equal: number;
    readonly different: readonly { id: string; engine: EngineName; expected: number; actual: number | string }[];
    readonly skipped: readonly { id: string; helper: string }[];
  };
  readonly skipped: readonly { readonly id: string; readonly reason: string }[];
}

/** What one row came to: more than the report holds, for the text view. */
export interface RowOutcome {
  readonly row: VerifierRow;
  readonly kind: 'agree' | 'false_accept' | 'false_reject' | 'skipped';
  /** Our message, or the reason to skip. */
  readonly message: string | null;
  readonly errno: string | null;
  readonly processed: number | null;
  readonly milliseconds: number;
  readonly runs: readonly { readonly engine: EngineName; readonly actual: number | string }[];
}

export function runVerifier(
  rows: readonly VerifierRow[],
  runner: Runner | null,
  progress: Progress,
  perfmon = true,
): { report: VerifierReport; outcomes: RowOutcome[] } {
  const outcomes: RowOutcome[] = [];
  let differ = 0;
  for (const row of rows) {
    const outcome = judge(row, runner, perfmon);
    if (outcome.kind !== 'agree') differ++;
    outcomes.push(outcome);
    progress.step(differ);
  }
  progress.end();
  return { report: reportOf(outcomes), outcomes };
}

function judge(row: VerifierRow, runner: Runner | null, perfmon: boolean): RowOutcome {
  const base = { row, message: null, errno: null, processed: null, milliseconds: 0, runs: [] };
  const missing = inexpressible(row);
  if (missing) return { ...base, kind: 'skipped', message: missing };
  const start = performance.now();
  let result: VerifyResult;
  try {
    result = verify(row.input, { perfmon });
  } catch (error) {
    const why = error instanceof UnsupportedError ? error.message : `internal ${errorText(error)}`;
    return { ...base, kind: 'skipped', message: why, milliseconds: performance.now() - start };
  }
  const judged = {
    ...base,
    processed: result.stats.processed,
    milliseconds: performance.now() - start,
    message: result.ok ? null : result.error.message,
    errno: result.ok ? null : result.error.code,
  };
  if (result.ok !== (row.kernel.verdict === 'ACCEPT')) {
    return { ...judged, kind: result.ok ? 'false_accept' : 'false_reject' };
  }
  return { ...judged, kind: 'agree', runs: result.ok ? runs(row, runner) : [] };
}

function runs(row: VerifierRow, runner: Runner | null): RowOutcome['runs'] {
  if (!runner || !row.run) return [];
  const done: { engine: EngineName; actual: number | string }[] = [];
  for (const engine of ENGINES) {
    try {
      done.push({ engine, actual: runner.runPacket(engine, row.input, row.run.data) });
    } catch (error) {
      // It verifies, but calls what can't run yet.
      if (error instanceof UnsupportedError) return [];
      done.push({ engine, actual: errorText(error) });
    }
  }
  return done;
}

/** What beewasm would need to know to express the row at all; null when it knows everything. */
function inexpressible(row: VerifierRow): string | null {
  const { type, maps } = row.input;
  if (!progTypeById(type)) return `program type ${keyOf(BPF_PROG_TYPE, type)}`;
  for (const map of maps) {
    const why = inexpressibleMap(map);
    if (why) return why;
  }
  return null;
}

function inexpressibleMap(map: MapDef): string | null {
  if (!mapTypeById(map.type)) return `map type ${keyOf(BPF_MAP_TYPE, map.type)}`;
  return map.inner ? inexpressibleMap(map.inner) : null;
}

function keyOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(names).find((k) => names[k] === value) ?? String(value);
}

/** Vectors cut messages at this length or a little above. */
const MESSAGE_CUT = 95;

export function sameMessage(expected: string | null, actual: string | null): boolean {
  if (expected === null || actual === null) return expected === actual;
  return expected.length < MESSAGE_CUT ? expected === actual : actual.startsWith(expected);
}

function reportOf(outcomes: readonly RowOutcome[]): VerifierReport {
  const of = (kind: RowOutcome['kind']) => outcomes.filter((o) => o.kind === kind);
  const disagreement = ({ row, message }: RowOutcome): Disagreement => ({
    id: row.id,
    theme: row.theme,
    message: message ?? row.kernel.message ?? '',
  });
  const rejected = of('agree').filter((o) => o.errno !== null);
  const ran = outcomes.filter((o) => o.runs.length > 0);
  const different = ran.flatMap(({ row, runs }) =>
    runs
      .filter((r) => r.actual !== row.run!.retval)
      .map(({ engine, actual }) => ({ id: row.id, engine, expected: row.run!.retval, actual })),
  );
  return {
    suite: 'verifier',
    total: outcomes.length,
    agree: of('agree').length,
    false_accept: of('false_accept').map(disagreement),
    false_reject: of('false_reject').map(disagreement),
    errno_equal: rejected.filter((o) => o.errno === o.row.kernel.errno).length,
    message_equal: rejected.filter((o) => sameMessage(o.row.kernel.message, o.message)).length,
    run: {
      compared: ran.length,
      equal: ran.length - new Set(different.map((d) => d.id)).size,
      different,
      skipped: outcomes.flatMap(missingHelper),
    },
    skipped: of('skipped').map(({ row, message }) => ({ id: row.id, reason: message ?? '' })),
  };
}

/** Rows that would run if a helper existed. */
function missingHelper({ row, runs }: RowOutcome): { id: string; helper: string }[] {
  if (!row.run || runs.length > 0) return [];
  const id = row.helpers.find((h) => !runnableById(h));
  return id === undefined ? [] : [{ id: row.id, helper: helperName(id) ?? String(id) }];
}
