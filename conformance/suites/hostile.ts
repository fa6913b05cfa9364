// Suite `hostile`: each program of conformance/hostile/programs.ts with about N instructions: the verdict, and what it took.

import { verify } from '../../src/verifier/index.ts';
import { inputOf } from '../embed/rig.ts';
import { HOSTILE } from '../hostile/programs.ts';

export interface HostileRow {
  readonly name: string;
  readonly insns: number;
  /** null: accepted. */
  readonly refused: string | null;
  readonly processed: number;
  readonly seconds: number;
  /** Of all threads of the process. */
  readonly cpuSeconds: number;
  /** Of the process, behind the verification. */
  readonly megabytes: number;
}

export interface HostileReport {
  readonly suite: 'hostile';
  readonly rows: readonly HostileRow[];
}

const SPAN = 64;

interface Options {
  readonly count: number;
  readonly id: string;
  readonly log: 0 | 1 | 2;
}

export function runHostile({ count, id, log }: Options): HostileReport {
  const names = Object.keys(HOSTILE).filter((name) => name.includes(id));
  return { suite: 'hostile', rows: names.map((name) => judge(name, count, log)) };
}

function judge(name: string, count: number, logLevel: 0 | 1 | 2): HostileRow {
  const insns = HOSTILE[name](count);
  const started = performance.now();
  const cpu = process.cpuUsage();
  const result = verify(inputOf(insns, SPAN), { logLevel });
  const { user, system } = process.cpuUsage(cpu);
  return {
    name,
    insns: insns.length,
    refused: result.ok ? null : `${result.error.code} ${result.error.summary}`,
    processed: result.stats.processed,
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
    megabytes: Math.round(process.memoryUsage().rss / 2 ** 20),
  };
}

export function hostileText({ rows }: HostileReport): string {
  const line = (r: HostileRow) =>
    `${r.name}: ${r.insns} instructions, ${r.refused ?? 'accepted'}, processed ${r.processed}, ${r.seconds.toFixed(1)} s (CPU ${r.cpuSeconds.toFixed(1)}), ${r.megabytes} MB`;
  return rows.map(line).join('\n');
}
