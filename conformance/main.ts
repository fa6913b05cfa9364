// `npm run conformance -- isa|data|rejects|verifier --vectors FILE [...]`: beewasm against rows that say what Linux or the
// standard does. Exit 0 = everything as expected, 1 = something differs, 2 = usage.

import { progTypeById } from '../src/spec/prog_types.ts';
import { type Options, parseOptions, USAGE } from './args.ts';
import { runCommand } from './command.ts';
import { readDataCases } from './data_file.ts';
import { openRunner } from './engines.ts';
import { type Oracle, openOracle } from './kernel/oracle.ts';
import { realText } from './real_report.ts';
import { isaText, rejectsText, verifierText } from './report.ts';
import { type Explained, explain as explainOne } from './suites/explain.ts';
import { helpersText, runHelpers } from './suites/helpers.ts';
import { hostileText, runHostile } from './suites/hostile.ts';
import { runIsa } from './suites/isa.ts';
import { type Mutant, mutantsBelow, mutantsOfRows, mutantsText, runMutants } from './suites/mutants.ts';
import { plantedPassed, plantedText, runPlanted } from './suites/planted.ts';
import { startProgress } from './suites/progress.ts';
import { programsBelow, runReal } from './suites/real.ts';
import { runRejects } from './suites/rejects.ts';
import { runSpeed, speedText } from './suites/speed.ts';
import { runTwinsSuite, twinsText } from './suites/twins.ts';
import { runVerifier } from './suites/verifier.ts';
import { type IsaRow, readIsaRows, readVerifierRows, type VerifierRow, withoutPerfmon } from './vectors.ts';

interface Result {
  readonly report: unknown;
  readonly text: string;
  readonly passed: boolean;
}

const isa = (options: Options) => runRows(options, readIsaRows(options.vectors));
const data = (options: Options) => runRows(options, readDataCases(options.vectors));

async function runRows(options: Options, all: readonly IsaRow[]): Promise<Result> {
  const rows = all.filter((r) => r.name.includes(options.id));
  const progress = startProgress(options.suite, rows.length);
  const report = runIsa(rows, await openRunner(options.level), {
    engine: options.engine,
    verified: options.verify,
    progress,
  });
  return { report, text: isaText(report), passed: report.failed.length === 0 };
}

async function rejects(options: Options): Promise<Result> {
  const rows = readIsaRows(options.vectors).filter((r) => r.name.includes(options.id));
  const report = runRejects(rows, startProgress('rejects', rows.length));
  return { report, text: rejectsText(report), passed: report.failed.length === 0 };
}

async function verifier(options: Options): Promise<Result> {
  const rows = verifierRows(options);
  const progress = startProgress('verifier', rows.length);
  const runner = options.run ? await openRunner(options.level) : null;
  const { report, outcomes } = runVerifier(rows, runner, progress, options.perfmon);
  const passed = report.agree === report.total && report.run.different.length === 0;
  return { report, text: verifierText(report, outcomes), passed };
}

async function explain(options: Options): Promise<Result> {
  let why = '';
  const oracle = openOracle((reason) => {
    why = reason;
  });
  if (oracle === null) return { report: [], text: `explain: no live kernel: ${why}`, passed: true };
  const texts: string[] = [];
  for (const one of explained(options, oracle)) texts.push(explainOne(one, options.log, options.perfmon, oracle));
  oracle.shutdown();
  return { report: texts, text: texts.join('\n\n'), passed: true };
}

/** Rows or programs, or with --mutant what `mutants` makes of them. */
function* explained(options: Options, oracle: Oracle): Generator<Explained> {
  if (options.mutant !== '') {
    for (const m of mutantsFor(options, oracle)) if (m.id.endsWith(options.mutant)) yield m;
  } else if (options.dir === '') {
    for (const { id, input } of verifierRows(options)) yield { id, input, kernel: input, options: {} };
  } else {
    for (const { name, ...both } of programsBelow(options.dir, '', oracle, true))
      if (name.includes(options.id)) yield { id: name, ...both };
  }
}

async function real(options: Options): Promise<Result> {
  let why = '';
  const oracle = openOracle((reason) => {
    why = reason;
  });
  if (oracle === null) return { report: { suite: 'real', skipped: why }, text: `real: skipped: ${why}`, passed: true };
  const report = runReal(options.dir, options.id, oracle, (n) => startProgress('real', n));
  oracle.shutdown();
  return { report, text: realText(report), passed: !report.rows.some((r) => r.outcome.startsWith('false')) };
}

async function speed(options: Options): Promise<Result> {
  let why = '';
  const oracle = openOracle((reason) => {
    why = reason;
  });
  if (oracle === null)
    return { report: { suite: 'speed', skipped: why }, text: `speed: skipped: ${why}`, passed: true };
  const report = runSpeed(options, oracle, startProgress('speed', 0));
  oracle.shutdown();
  return { report, text: speedText(report), passed: true };
}

async function mutants(options: Options): Promise<Result> {
  let why = '';
  const oracle = openOracle((reason) => {
    why = reason;
  });
  if (oracle === null) {
    return { report: { suite: 'mutants', skipped: why }, text: `mutants: skipped: ${why}`, passed: true };
  }
  const report = runMutants(
    mutantsFor(options, oracle),
    options,
    oracle,
    startProgress('mutants', options.dir === '' ? options.count : 0),
  );
  oracle.shutdown();
  return { report, text: mutantsText(report), passed: report.false_accept.length + report.thrown.length === 0 };
}

function mutantsFor(options: Options, oracle: Oracle): Generator<Mutant> {
  return options.dir === ''
    ? mutantsOfRows(
        verifierRows(options).filter((r) => progTypeById(r.input.type)),
        options,
      )
    : mutantsBelow(options.dir, options.id, options, oracle);
}

async function twins(options: Options): Promise<Result> {
  const report = runTwinsSuite(options, startProgress('twins', options.count));
  return { report, text: twinsText(report), passed: report.differences.length === 0 };
}

async function hostile(options: Options): Promise<Result> {
  const report = runHostile(options);
  return { report, text: hostileText(report), passed: true };
}

async function planted(options: Options): Promise<Result> {
  const oracle = openOracle((reason) => process.stderr.write(`planted: no live differential: ${reason}\n`));
  const report = runPlanted(options, oracle, (n) => startProgress('planted', n));
  oracle?.shutdown();
  return { report, text: plantedText(report), passed: plantedPassed(report) };
}

function verifierRows(options: Options): VerifierRow[] {
  const rows = readVerifierRows(options.vectors).filter((r) => wanted(r, options));
  return options.perfmon ? rows : withoutPerfmon(rows);
}

function wanted(row: VerifierRow, { themes, types, id }: Options): boolean {
  return (
    (themes.length === 0 || themes.some((t) => row.theme.includes(t))) &&
    (types.length === 0 || types.includes(row.input.type)) &&
    row.id.includes(id)
  );
}

async function helpers(options: Options): Promise<Result> {
  let why = '';
  const oracle = openOracle((reason) => {
    why = reason;
  });
  if (oracle === null) {
    return { report: { suite: 'helpers', skipped: why }, text: `helpers: skipped: ${why}`, passed: true };
  }
  const report = runHelpers(options.types, options.id, oracle, (n) => startProgress('helpers', n));
  oracle.shutdown();
  return { report, text: helpersText(report), passed: report.agree === report.asked };
}

const suites = {
  isa,
  data,
  rejects,
  verifier,
  explain,
  mutants,
  twins,
  hostile,
  planted,
  real,
  speed,
  helpers,
} satisfies Record<Options['suite'], (o: Options) => Promise<Result>>;

await runCommand('conformance', USAGE, async (argv) => {
  const options = parseOptions(argv);
  const { report, text, passed } = await suites[options.suite](options);
  process.stdout.write(`${options.json ? JSON.stringify(report) : text}\n`);
  return passed;
});
