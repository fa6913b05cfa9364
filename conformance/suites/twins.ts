// Suite `twins`: verdicts (and results of runs) that must be the same: pruning on and off, and of programs written
// otherwise. Exit 1 if any differs.

import { quickRows } from '../planted/live.ts';
import { sharedFile } from '../shared.ts';
import { runTwins, type TwinsResult } from '../twins/campaign.ts';
import { readVerifierRows } from '../vectors.ts';
import type { Progress } from './progress.ts';

export interface TwinsReport extends TwinsResult {
  readonly suite: 'twins';
  readonly seed: number;
  readonly total: number;
}

export function runTwinsSuite(
  { count, seed }: { readonly count: number; readonly seed: number },
  progress: Progress,
): TwinsReport {
  const files = ['verifier-bugclass.json', 'verifier-dev.json'].flatMap((f) => sharedFile('vectors', f) ?? []);
  const rows = quickRows(files.flatMap(readVerifierRows)).map((r) => r.input);
  const result = runTwins({
    seed,
    count,
    rows,
    onProgram: (differences) => progress.step(differences),
  });
  progress.end();
  const { accepted, refused, compared, runs, limits, unknownCovers, widened, differences } = result;
  return {
    suite: 'twins',
    seed,
    total: count,
    accepted,
    refused,
    compared,
    runs,
    limits,
    unknownCovers,
    widened,
    differences,
  };
}

export function twinsText(r: TwinsReport): string {
  const ways = Object.entries(r.compared).map(([way, n]) => `  ${way}: ${n}`);
  return [
    `twins: ${r.total} programs with seed ${r.seed}, ${r.accepted} accepted, ${r.refused} refused; verdicts compared:`,
    ...ways,
    `  at a limit, not compared: ${r.limits}; runs compared: ${r.runs}`,
    `  differ because unknown bytes cover a spilled pointer, as in Linux: ${r.unknownCovers}`,
    `  differ because numbers are widened in loops of unknown length: ${r.widened}`,
    `differences: ${r.differences.length}`,
    ...r.differences.map((d) => `program ${d.index}, ${d.way}: ${d.text}\n`),
  ].join('\n');
}
