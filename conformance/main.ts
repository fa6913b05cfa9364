// `npm run conformance -- isa|rejects|verifier --vectors FILE [...]`: beewasm against rows that say what Linux or the
// standard does. Exit 0 = everything as expected, 1 = something differs, 2 = usage.

import { BeewasmError } from '../src/uapi/errors.ts';
import { type Options, parseOptions, USAGE, UsageError } from './args.ts';
import { openRunner } from './engines.ts';
import { isaText } from './report.ts';
import { runIsa } from './suites/isa.ts';
import { startProgress } from './suites/progress.ts';
import { readIsaRows } from './vectors.ts';

interface Result {
  readonly report: unknown;
  readonly text: string;
  readonly passed: boolean;
}

async function isa(options: Options): Promise<Result> {
  const rows = readIsaRows(options.vectors).filter((r) => r.name.includes(options.id));
  const progress = startProgress('isa', rows.length);
  const report = runIsa(rows, await openRunner(), { engine: options.engine, verified: options.verify, progress });
  return { report, text: isaText(report), passed: report.failed.length === 0 };
}

const suites = { isa } satisfies Record<Options['suite'], (o: Options) => Promise<Result>>;

async function main(argv: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    const { report, text, passed } = await suites[options.suite](options);
    process.stdout.write(`${options.json ? JSON.stringify(report) : text}\n`);
    return passed ? 0 : 1;
  } catch (error) {
    if (!(error instanceof BeewasmError)) throw error;
    process.stderr.write(`conformance: ${error.message}\n`);
    if (!(error instanceof UsageError)) return 1;
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
