// `npm run fuzz`: random programs on the interpreter, the JIT and, with --kernel, the live kernel; --mutants, --coverage
// and --cases beside it. Exit 0 = no difference (every planted bug found, every case fine), 1 = some, 2 = usage.

import { BeewasmError } from '../../src/uapi/errors.ts';
import { runCommand } from '../command.ts';
import { openOracle } from '../kernel/oracle.ts';
import { startProgress } from '../suites/progress.ts';
import { type Options, parseOptions, USAGE } from './args.ts';
import { type CampaignResult, replay, runCampaign } from './campaign.ts';
import { readCases, saveCase } from './cases.ts';
import { coverageText, measureCoverage, NEVER } from './coverage.ts';
import { type Hunt, hunt } from './hunt.ts';
import { type Contender, contender, IN_PARTS } from './lab.ts';
import { MUTANTS } from './mutants.ts';

interface Result {
  readonly report: unknown;
  readonly text: string;
  readonly passed: boolean;
}

const levels = async (): Promise<Contender[]> => [
  await contender('jit', { level: 'auto' }),
  await contender('jit optimized', { level: 'optimized' }),
  await contender('jit in parts', IN_PARTS),
];

function kernelOracle(wanted: boolean) {
  if (!wanted) return null;
  return openOracle((why) => {
    throw new BeewasmError(`no live kernel here: ${why}`);
  });
}

async function campaign(options: Options): Promise<Result> {
  const { seed, from, count, maxFailures, kernel } = options;
  const progress = startProgress(`fuzz seed ${seed}`, count);
  const started = performance.now();
  let told = 0;
  const result = runCampaign({
    seed,
    from,
    count,
    until: started + 1000 * options.seconds,
    contenders: await levels(),
    everyOther: options.optimizedEvery,
    oracle: kernelOracle(kernel),
    maxFailures,
    shrink: true,
    onBatch(done, failures) {
      for (; told < done; told++) progress.step(failures);
    },
  });
  progress.end();
  const seconds = (performance.now() - started) / 1000;
  const saved = result.failures.map(({ index, what, program }) => {
    const name = `seed-${seed}-${index}`;
    return { index, what, case: saveCase({ name, about: `seed ${seed}, program ${index}: ${what}`, ...program }) };
  });
  const report = { seed, from, seconds, ...result, failures: saved };
  return { report, text: campaignText(options, result, saved, seconds), passed: saved.length === 0 };
}

function campaignText(
  { seed, from }: Options,
  { programs, refused, onlyLinuxTakes, compared, errors }: CampaignResult,
  failures: readonly { index: number; what: string; case: string }[],
  seconds: number,
): string {
  const each = ((1000 * seconds) / programs).toFixed(2);
  const lines = [
    `seed ${seed}, programs ${from} to ${from + programs - 1}: ${programs} in ${seconds.toFixed(1)} s (${each} ms each)`,
    `refused by our verifier: ${refused}${onlyLinuxTakes.length ? `, of these taken by Linux: ${onlyLinuxTakes.length}` : ''}`,
    ...onlyLinuxTakes.slice(0, 5).map(({ index, message }) => `  ${index}: ${message}`),
    `runs that ended with an error: ${errors}`,
    ...Object.entries(compared).map(([name, n]) => `interpreter = ${name}: ${n} compared`),
    `differences: ${failures.length}`,
    ...failures.map(({ index, what, case: path }) => `  ${index}: ${what}\n  saved as ${path}`),
  ];
  return lines.join('\n');
}

async function mutants({ seed, count }: Options): Promise<Result> {
  const progress = startProgress('mutants', MUTANTS.length);
  const hunts: Hunt[] = [];
  for (const mutant of MUTANTS) {
    hunts.push(await hunt(mutant, seed, count));
    progress.step(hunts.filter((h) => h.found === null).length);
  }
  progress.end();
  const lines = hunts.map(({ name, found }) => `${String(found ?? 'not found').padStart(9)}  ${name}`);
  const found = hunts.filter((h) => h.found !== null).length;
  const text = [
    'programs until found (the first that shows it included):',
    ...lines,
    `${found} of ${hunts.length} within ${count} programs, seed ${seed}`,
  ].join('\n');
  return { report: { seed, count, hunts }, text, passed: found === hunts.length };
}

async function coverage({ seed, count }: Options): Promise<Result> {
  const measured = measureCoverage(seed, count);
  const rare = [...measured.contains].filter(([name, share]) => share < 0.005 && !NEVER.has(name));
  const { contains, executes, ...rest } = measured;
  const rows = [...contains].map(([name, share]) => ({ name, contains: share, executes: executes.get(name) }));
  return { report: { seed, ...rest, rows }, text: coverageText(measured), passed: rare.length === 0 };
}

async function cases({ kernel }: Options): Promise<Result> {
  const contenders = await levels();
  const oracle = kernelOracle(kernel);
  const results = readCases().map((c) => ({ name: c.name, differences: replay(c, contenders, oracle) }));
  const bad = results.filter((r) => r.differences.length > 0);
  const lines = bad.flatMap((r) => [r.name, ...r.differences.map((d) => `  ${d}`)]);
  const text = [...lines, `${results.length - bad.length} of ${results.length} cases show no difference`].join('\n');
  return { report: results, text, passed: bad.length === 0 };
}

const modes = { campaign, mutants, coverage, cases } satisfies Record<Options['mode'], (o: Options) => Promise<Result>>;

const plain = (_: string, v: unknown) => (typeof v === 'bigint' ? v.toString() : v);

await runCommand('fuzz', USAGE, async (argv) => {
  const options = parseOptions(argv);
  const { report, text, passed } = await modes[options.mode](options);
  process.stdout.write(`${options.json ? JSON.stringify(report, plain) : text}\n`);
  return passed;
});
