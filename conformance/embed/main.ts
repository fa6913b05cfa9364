// `npm run embed`: what really happens lies in what the verifier says may happen. Random programs, then the verifier's
// vectors where they are. Exit 0 = no violation, 1 = some, 2 = usage.

import { type ParseArgsConfig, parseArgs } from 'node:util';
import { runCommand, UsageError } from '../command.ts';
import { sharedFile } from '../shared.ts';
import { startProgress } from '../suites/progress.ts';
import { readVerifierRows } from '../vectors.ts';
import { embedPrograms } from './campaign.ts';
import { embedRows } from './rows.ts';
import type { Violation, WatchCounts } from './watch.ts';

const USAGE = `usage: npm run embed -- [options]

  --count N           random programs (default 2000)
  --seconds T         stop after so long, if --count is not done by then
  --seed S            default 1
  --from I            first index (default 0)
  --inputs N          runs of each program, with different packets and map contents (default 10)
  --max-violations N  stop after so many (default 5)
  --progress N        a line on stderr every N programs (default 0: none)
  --no-vectors        random programs only`;

const DEFAULTS = { count: 2000, seconds: 1e9, seed: 1, from: 0, inputs: 10, 'max-violations': 5, progress: 0 };
type Options = Record<keyof typeof DEFAULTS, number> & { readonly vectors: boolean };

function parse(argv: readonly string[]): Options {
  const options: NonNullable<ParseArgsConfig['options']> = { 'no-vectors': { type: 'boolean' } };
  for (const name of Object.keys(DEFAULTS)) options[name] = { type: 'string' };
  let values: ReturnType<typeof parseArgs>['values'];
  try {
    ({ values } = parseArgs({ args: [...argv], options }));
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0]);
  }
  const { 'no-vectors': noVectors, ...texts } = values;
  const numbers = Object.entries(texts).map(([name, text]) => {
    if (!/^\d{1,15}$/.test(String(text))) throw new UsageError(`--${name} ${text}`);
    return [name, Number(text)];
  });
  return { ...DEFAULTS, ...Object.fromEntries(numbers), vectors: noVectors !== true };
}

function countsText({ runs, programs, states, arrivals, skipped }: WatchCounts): string[] {
  return [
    `  pruning on:  ${programs.kept} programs, ${states.kept} kept states, ${arrivals.kept} arrivals at prune points`,
    `  pruning off: ${programs.exact} programs, ${states.exact} states, ${arrivals.exact} arrivals`,
    `  runs: ${runs}`,
    ...Object.entries(skipped).map(([reason, n]) => `  left out ${n}: ${reason}`),
  ];
}

function violationsText(violations: readonly { readonly name: string; readonly violation: Violation }[]): string[] {
  return [
    `  violations: ${violations.length}`,
    ...violations.map(({ name, violation }) => `${name}: ${violation.text}\n`),
  ];
}

function randomPrograms(options: Options): boolean {
  const { count, seed, from, inputs } = options;
  const progress = startProgress(`embed seed ${seed}`, count);
  const started = performance.now();
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1);
  let done = 0;
  const result = embedPrograms({
    seed,
    from,
    count,
    inputs,
    maxViolations: options['max-violations'],
    shrink: true,
    until: started + 1000 * options.seconds,
    onProgram: (violations) => {
      progress.step(violations);
      if (options.progress > 0 && ++done % options.progress === 0) {
        process.stderr.write(`${done} programs from ${from}, seed ${seed}: ${seconds()} s, ${violations} violations\n`);
      }
    },
  });
  progress.end();
  const violations = result.violations.map((v) => ({ name: `program ${v.index}, input ${v.input}`, ...v }));
  const title = `seed ${seed}, programs ${from} to ${from + result.generated - 1} on ${inputs} inputs each: ${seconds()} s`;
  const refused = `  small programs that are refused: ${result.refused}`;
  console.log([title, ...countsText(result), refused, ...violationsText(violations)].join('\n'));
  return violations.length === 0;
}

function vectors(): boolean {
  const path = sharedFile('vectors', 'verifier-dev.json');
  if (path === null) {
    console.log('vectors: skipped, there is no ../shared/vectors/verifier-dev.json');
    return true;
  }
  const result = embedRows(readVerifierRows(path));
  const violations = result.violations.map((v) => ({ name: v.id, ...v }));
  const title = `vectors with a run: ${result.rows}, of these can't run here: ${result.unsupported}`;
  console.log([title, ...countsText(result), ...violationsText(violations)].join('\n'));
  return violations.length === 0;
}

await runCommand('embed', USAGE, (argv) => {
  const options = parse(argv);
  const fine = [randomPrograms(options), !options.vectors || vectors()];
  return !fine.includes(false);
});
