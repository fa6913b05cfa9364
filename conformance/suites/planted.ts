// Suite `planted`: does anything notice when the verifier has a bug? Each bug of conformance/planted/bugs.ts is planted
// into a copy of the project, and vectors, state embedding and the live differential look for it, in a process of its own.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verify } from '../../src/verifier/index.ts';
import type { Oracle } from '../kernel/oracle.ts';
import { BUGS, type Bug } from '../planted/bugs.ts';
import { askLinux, MAX_PROCESSED, quickRows } from '../planted/live.ts';
import { withPlanted } from '../planted/plant.ts';
import type { Findings, Task } from '../planted/probe.ts';
import { sharedFile } from '../shared.ts';
import { readVerifierRows, type VerifierRow } from '../vectors.ts';
import type { Progress } from './progress.ts';

export interface PlantedRow extends Findings {
  readonly class: string;
  readonly name: string;
}

export interface PlantedReport {
  readonly suite: 'planted';
  readonly seed: number;
  readonly count: number;
  /** What was found where nothing is planted: must be nothing. */
  readonly unplanted: Findings;
  readonly rows: readonly PlantedRow[];
  readonly caught: number;
}

/** Of a verifier that never ends; much more than any other takes, also on a busy machine: what is found must not depend on that. */
const PROBE_SECONDS = 900;

/** What is found in the project with that bug (null: as it is). */
export function probePlanted(bug: Bug | null, task: Task): Findings {
  return withPlanted(bug, (root) => {
    const main = join(root, 'dist', 'conformance', 'planted', 'probe_main.js');
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, JSON.stringify(task)], {
      encoding: 'utf8',
      timeout: PROBE_SECONDS * 1000,
    });
    if (status === 0) return JSON.parse(stdout) as Findings;
    if (status === null) return { embed: 'never ends' };
    throw new Error(`the probe of '${bug?.name}' broke: ${stderr}`);
  });
}

/** Linux's count of processed instructions is not in every row. */
function isException({ input, kernel }: VerifierRow): boolean {
  const { ok, stats } = verify(input);
  return ok !== (kernel.verdict === 'ACCEPT') || stats.processed > MAX_PROCESSED;
}

const ways = ['vectors', 'embed', 'live'] as const;
const isCaught = (found: Findings) => ways.some((way) => typeof found[way] === 'string');

export function runPlanted(
  options: { readonly count: number; readonly seed: number; readonly id: string },
  oracle: Oracle | null,
  progress: (total: number) => Progress,
): PlantedReport {
  const { seed, count, id } = options;
  const bugs = BUGS.filter((b) => b.name.includes(id) || b.class.includes(id));
  const vectors = ['verifier-bugclass.json', 'verifier-dev.json'].flatMap((f) => sharedFile('vectors', f) ?? []);
  const folder = mkdtempSync(join(tmpdir(), 'beewasm-live-'));
  try {
    const rowsThere = quickRows(vectors.flatMap(readVerifierRows));
    let live: string | null = null;
    if (oracle !== null && rowsThere.length > 0) {
      live = join(folder, 'answers.json');
      writeFileSync(live, JSON.stringify(askLinux(rowsThere, seed, count, oracle)));
    }
    const except = rowsThere.filter(isException).map((r) => r.id);
    const task: Task = { vectors, live, except, seed, count };
    const unplanted = probePlanted(null, task);
    const shown = progress(bugs.length);
    const rows: PlantedRow[] = [];
    for (const bug of bugs) {
      rows.push({ class: bug.class, name: bug.name, ...probePlanted(bug, task) });
      shown.step(rows.filter((r) => !isCaught(r)).length);
    }
    shown.end();
    return { suite: 'planted', seed, count, unplanted, rows, caught: rows.filter(isCaught).length };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function plantedPassed(r: PlantedReport): boolean {
  return r.caught === r.rows.length && !isCaught(r.unplanted);
}

/** A Markdown table, as docs/soundness.md has it. */
export function plantedText(r: PlantedReport): string {
  const cell = (x: string | null | undefined) => (x === undefined ? 'not tried' : (x ?? '-'));
  const rows = r.rows.map(
    (b) => `| ${b.class} | ${b.name} | ${cell(b.vectors)} | ${cell(b.embed)} | ${cell(b.live)} |`,
  );
  const by = (way: (typeof ways)[number]) => r.rows.filter((b) => typeof b[way] === 'string').length;
  return [
    '| class | the verifier believes | vectors | embedding | live differential |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    `caught: ${r.caught} of ${r.rows.length} (vectors ${by('vectors')}, embedding ${by('embed')}, live ${by('live')}); seed ${r.seed}, ${r.count} programs each`,
    ...(isCaught(r.unplanted) ? [`FOUND WITHOUT A BUG: ${JSON.stringify(r.unplanted)}`] : []),
  ].join('\n');
}
