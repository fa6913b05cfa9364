// Suite `speed`: how long the live kernel and beewasm take to verify the same program, and what the facts for the engines
// cost. The kernel, beewasm and beewasm without facts take turns, program by program; of each the fastest turn counts, so a
// machine that does other things besides disturbs all of them alike. Times of the kernel are its own (`verification time`).

import { verify } from '../../src/verifier/index.ts';
import type { Oracle } from '../kernel/oracle.ts';
import { loopOfAbout } from '../speed/loop.ts';
import type { Progress } from './progress.ts';
import { type BothPrograms, LONG, programsBelow } from './real.ts';

export interface SpeedRow {
  readonly name: string;
  readonly processed: { readonly linux: number; readonly beewasm: number };
  /** Fastest turn, in microseconds. */
  readonly linux: number;
  readonly beewasm: number;
  readonly withoutFacts: number;
  /** CPU time of beewasm's thread and of those that collect its garbage, in microseconds: of the turn with the least. */
  readonly cpu: number;
  /** Highest resident size of this process so far. */
  readonly megabytes: number;
}

export interface SpeedReport {
  readonly suite: 'speed';
  readonly kernel: string;
  readonly rounds: number;
  /** Programs of objects: may be none. */
  readonly real: readonly SpeedRow[];
  readonly generated: SpeedRow;
}

interface Options {
  readonly dir: string;
  readonly id: string;
  readonly count: number;
  readonly seed: number;
  readonly rounds: number;
}

export function runSpeed({ dir, id, count, seed, rounds }: Options, oracle: Oracle, progress: Progress): SpeedReport {
  // First of all: later the memory of other programs counts, too.
  const generated = timed(loopOfAbout(count, seed), rounds, oracle)!;
  const real: SpeedRow[] = [];
  for (const program of dir === '' ? [] : programsBelow(dir, id, oracle)) {
    const row = timed(program, rounds, oracle);
    if (row !== null) real.push(row);
    progress.step(0);
  }
  progress.end();
  return { suite: 'speed', kernel: oracle.kernelRelease, rounds, real, generated };
}

/** null: short, or not accepted by both. */
function timed({ name, input, options, kernel }: BothPrograms, rounds: number, oracle: Oracle): SpeedRow | null {
  const first = verify(input, options);
  const processed = { linux: 0, beewasm: first.stats.processed };
  if (!first.ok || processed.beewasm <= LONG) return null;
  const best = { linux: Infinity, beewasm: Infinity, withoutFacts: Infinity, cpu: Infinity };
  const turn = (who: 'beewasm' | 'withoutFacts', facts: boolean) => {
    const start = performance.now();
    const cpu = process.cpuUsage();
    verify(input, { ...options, facts });
    const { user, system } = process.cpuUsage(cpu);
    if (facts) best.cpu = Math.min(best.cpu, user + system);
    best[who] = Math.min(best[who], (performance.now() - start) * 1000);
  };
  for (let i = 0; i < rounds; i++) {
    const loaded = oracle.load(kernel);
    oracle.unload(loaded);
    if (loaded.verdict === 'REJECT' || loaded.verifyMicroseconds === null) return null;
    processed.linux = loaded.processed ?? 0;
    best.linux = Math.min(best.linux, loaded.verifyMicroseconds);
    // Who comes first changes: the second one finds warmer caches.
    const facts = i % 2 === 0;
    turn(facts ? 'beewasm' : 'withoutFacts', facts);
    turn(facts ? 'withoutFacts' : 'beewasm', !facts);
  }
  if (processed.linux <= LONG) return null;
  return { name, processed, ...best, megabytes: Math.round(process.resourceUsage().maxRSS / 1024) };
}

const perInsn = (us: number, processed: number) => us / processed;
const ratioOf = (r: SpeedRow) => perInsn(r.beewasm, r.processed.beewasm) / perInsn(r.linux, r.processed.linux);

function line(r: SpeedRow): string {
  return [
    String(r.processed.linux).padStart(19),
    String(r.processed.beewasm).padStart(10),
    perInsn(r.linux, r.processed.linux).toFixed(2).padStart(17),
    perInsn(r.beewasm, r.processed.beewasm).toFixed(2).padStart(9),
    ratioOf(r).toFixed(2).padStart(7),
    `${((r.beewasm / r.withoutFacts - 1) * 100).toFixed(1)} %`.padStart(9),
    `  ${r.name}`,
  ].join('');
}

const HEAD = '   processed: Linux   beewasm    us/insn: Linux  beewasm  ratio    facts';

export function speedText({ kernel, rounds, real, generated }: SpeedReport): string {
  const { linux, beewasm, cpu, megabytes } = generated;
  return [
    HEAD,
    line(generated),
    `generated program: Linux ${(linux / 1e6).toFixed(2)} s, beewasm ${(beewasm / 1e6).toFixed(2)} s (CPU time ${(cpu / 1e6).toFixed(2)} s), at most ${megabytes} MB`,
    ...(real.length === 0 ? [] : ['', HEAD, ...realLines(real)]),
    `kernel ${kernel}, fastest of ${rounds}`,
  ].join('\n');
}

function realLines(real: readonly SpeedRow[]): string[] {
  const rows = [...real].sort((a, b) => b.processed.linux - a.processed.linux);
  const sum = (of: (r: SpeedRow) => number) => rows.reduce((n, r) => n + of(r), 0);
  const linux = perInsn(
    sum((r) => r.linux),
    sum((r) => r.processed.linux),
  );
  const beewasm = perInsn(
    sum((r) => r.beewasm),
    sum((r) => r.processed.beewasm),
  );
  const ratios = rows.map(ratioOf).sort((a, b) => a - b);
  const facts = sum((r) => r.beewasm) / sum((r) => r.withoutFacts) - 1;
  const equal = rows.filter((r) => r.processed.linux === r.processed.beewasm).length;
  return [
    ...rows.map(line),
    `${rows.length} programs of more than ${LONG} processed instructions (${equal} process as many as Linux):`,
    `Linux ${linux.toFixed(2)} us/insn, beewasm ${beewasm.toFixed(2)}, ratio ${(beewasm / linux).toFixed(2)}; ` +
      `median ratio ${ratios[ratios.length >> 1].toFixed(2)}, worst ${ratios.at(-1)!.toFixed(2)}; facts ${(facts * 100).toFixed(1)} %`,
  ];
}
