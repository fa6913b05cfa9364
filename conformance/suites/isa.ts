// Suite `isa`: rows {mem, insns, expected_r0} run as type `raw` on the engines asked for.

import type { ProgramInput } from '../../src/verifier/verified.ts';
import { ENGINES, type EngineName, errorText, type Runner } from '../engines.ts';
import type { IsaRow } from '../vectors.ts';
import type { Progress } from './progress.ts';

export interface IsaFailure {
  readonly name: string;
  readonly engine: EngineName;
  readonly expected: string;
  readonly actual: string;
}

export interface IsaReport {
  readonly suite: 'isa';
  readonly engine: EngineName | 'both';
  readonly total: number;
  readonly passed: number;
  readonly failed: readonly IsaFailure[];
}

/** A row passes when every engine asked for gives the expected r0. With `verified` the verifier must accept it first. */
export function runIsa(
  rows: readonly IsaRow[],
  runner: Runner,
  options: { engine: EngineName | 'both'; verified: boolean; progress: Progress },
): IsaReport {
  const engines = options.engine === 'both' ? ENGINES : [options.engine];
  const failed: IsaFailure[] = [];
  let passed = 0;
  for (const row of rows) {
    const expected = row.expectedError === undefined ? hex64(row.expectedR0) : `error: ${row.expectedError}`;
    const before = failed.length;
    for (const engine of engines) {
      const actual = outcome(row, runner, engine, options.verified);
      if (actual !== expected) failed.push({ name: row.name, engine, expected, actual });
    }
    if (failed.length === before) passed++;
    options.progress.step(failed.length);
  }
  options.progress.end();
  return { suite: 'isa', engine: options.engine, total: rows.length, passed, failed };
}

/** r0 as hex, or what went wrong. */
function outcome(row: IsaRow, runner: Runner, engine: EngineName, verified: boolean): string {
  try {
    return hex64(runner.runRaw(engine, rawInput(row), row.mem, verified));
  } catch (error) {
    return errorText(error);
  }
}

export function rawInput(row: Pick<IsaRow, 'name' | 'insns' | 'mem'>): ProgramInput {
  return {
    name: row.name,
    type: -1,
    expectedAttachType: 0,
    flags: 0,
    license: 'GPL',
    insns: row.insns,
    maps: [],
    mapRefs: new Map(),
    memSize: row.mem.length,
  };
}

export function hex64(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}
