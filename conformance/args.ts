// The command line of `npm run conformance`. Bad arguments throw UsageError: one line, exit 2.

import { parseArgs } from 'node:util';
import { progTypeByName } from '../src/spec/prog_types.ts';
import { UsageError } from './command.ts';
import { ENGINES, type EngineName, LEVELS, type Level } from './engines.ts';

export const USAGE = `usage: conformance isa|data|rejects|verifier|explain|mutants --vectors FILE [options]
       conformance real --dir DIR [options]
       conformance mutants|explain --dir DIR [options]
       conformance speed [--dir DIR] [--count N] [--seed S] [--rounds N] [options]
       conformance helpers [options]

  isa        rows {name, mem, insns, expected_r0} run as type raw
  data       the same for tests in bpf_conformance's .data format: FILE is one, or a folder of them
  rejects    rows that a load must refuse
  verifier   rows with Linux's verdict; accepted ones with a run are run on both engines
  explain    the same rows, or the programs of the objects below DIR whose name contains --id: Linux's log (live kernel) and
             ours up to where they part; --mutant TEXT: of what mutants makes with the same options, those with that end
  mutants    verifier rows, or the programs of the objects below DIR, with one or two instructions changed: the live kernel's
             verdict beside ours
  helpers    every helper with fitting and other arguments, per program type: the live kernel's answer beside ours
  twins      verdicts that must not change: pruning on and off, programs written otherwise
  hostile    programs of --count instructions and objects of --count types or records, made to cost: verdict, time, memory
  planted    bugs planted into the verifier: what finds them (--id TEXT: of that class or name)
  speed      time per processed instruction beside the live kernel, and what facts cost: the programs below --dir of
             more than 1000 processed instructions, if given, and a generated one of about --count
  real       every program of the objects below DIR that is not bound to types of the kernel: the live kernel's answer beside ours

  --engine interp|jit|both   engines of isa and data (default both)
  --level auto|optimized     what the JIT may do: compile quickly (default), or with Binaryen's inlining
  --verify                   isa, data: the verifier must accept each row first (default: verification off)
  --json                     print the report as JSON and nothing else
  --theme TEXT               verifier: only themes that contain TEXT (repeatable)
  --type NAME|NUMBER         verifier, helpers: only this program type (repeatable)
  --id TEXT                  only rows whose id (real: objects whose path, helpers: whose name) contains TEXT
  --count N --seed S         mutants, twins, planted: how many programs (mutants --dir: of each), from which seed (default
                             2000, 1); speed: processed
                             instructions of the generated program (default 776000), and its seed
  --rounds N                 speed: how often each is timed, in turns; the fastest counts (default 5)
  --no-run                   verifier: verdicts only
  --no-perfmon               verifier, explain, mutants: for a loader with CAP_BPF, but without CAP_PERFMON
  --mutant TEXT              explain: mutants whose id ends so, such as '#9943'
  --log 0|1|2                explain, hostile: log level (default 2; hostile 0)`;

export const SUITES = [
  'isa',
  'data',
  'rejects',
  'verifier',
  'explain',
  'mutants',
  'twins',
  'hostile',
  'planted',
  'real',
  'speed',
  'helpers',
] as const;
export type Suite = (typeof SUITES)[number];

/** The option that says what a suite reads. */
const INPUT = {
  isa: 'vectors',
  data: 'vectors',
  rejects: 'vectors',
  verifier: 'vectors',
  explain: 'vectors',
  mutants: 'vectors',
  twins: null,
  hostile: null,
  planted: null,
  real: 'dir',
  speed: null,
  helpers: null,
} as const satisfies Record<Suite, string | null>;

export interface Options {
  readonly suite: Suite;
  readonly vectors: string;
  /** Folder of objects, of suite real. */
  readonly dir: string;
  readonly engine: EngineName | 'both';
  readonly level: Level;
  readonly verify: boolean;
  readonly json: boolean;
  readonly themes: readonly string[];
  readonly types: readonly number[];
  readonly id: string;
  readonly run: boolean;
  readonly perfmon: boolean;
  /** Of suite explain; '' = no mutants. */
  readonly mutant: string;
  readonly log: 0 | 1 | 2;
  readonly count: number;
  readonly seed: number;
  readonly rounds: number;
}

export function parseOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv);
  const [suite, ...rest] = positionals;
  if (!isOneOf(SUITES, suite)) throw new UsageError(`expected one of ${SUITES.join(', ')}`);
  if (rest.length > 0) throw new UsageError(`unexpected argument ${rest[0]}`);
  const given = INPUT[suite];
  const other = (suite === 'mutants' || suite === 'explain') && values.dir !== undefined;
  if (given !== null && values[given] === undefined && !other)
    throw new UsageError(`--${given} ${given === 'dir' ? 'DIR' : 'FILE'} is missing`);
  const engine = values.engine ?? 'both';
  if (!isOneOf([...ENGINES, 'both'] as const, engine)) throw new UsageError(`unknown engine ${engine}`);
  const level = values.level ?? 'auto';
  if (!isOneOf(LEVELS, level)) throw new UsageError(`unknown level ${level}`);
  return {
    suite,
    vectors: values.vectors ?? '',
    dir: values.dir ?? '',
    engine,
    level,
    verify: values.verify ?? false,
    json: values.json ?? false,
    themes: values.theme ?? [],
    types: (values.type ?? []).map(progTypeNumber),
    id: values.id ?? '',
    run: !values['no-run'],
    perfmon: !values['no-perfmon'],
    mutant: values.mutant ?? '',
    log: logLevel(values.log ?? (suite === 'hostile' ? '0' : '2')),
    count: naturalNumber('count', values.count ?? (suite === 'speed' ? '776000' : '2000')),
    seed: naturalNumber('seed', values.seed ?? '1'),
    rounds: naturalNumber('rounds', values.rounds ?? '5'),
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        vectors: { type: 'string' },
        dir: { type: 'string' },
        engine: { type: 'string' },
        level: { type: 'string' },
        verify: { type: 'boolean' },
        json: { type: 'boolean' },
        theme: { type: 'string', multiple: true },
        type: { type: 'string', multiple: true },
        id: { type: 'string' },
        'no-run': { type: 'boolean' },
        'no-perfmon': { type: 'boolean' },
        mutant: { type: 'string' },
        log: { type: 'string' },
        count: { type: 'string' },
        seed: { type: 'string' },
        rounds: { type: 'string' },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0]);
  }
}

function logLevel(text: string): Options['log'] {
  const level = [0, 1, 2].find((l) => String(l) === text);
  if (level === undefined) throw new UsageError(`--log ${text} is none of 0, 1, 2`);
  return level as Options['log'];
}

function naturalNumber(name: string, text: string): number {
  const n = Number(text);
  if (!Number.isSafeInteger(n) || n < 0) throw new UsageError(`--${name} ${text} is not a number`);
  return n;
}

function progTypeNumber(text: string): number {
  const id = progTypeByName(text)?.id ?? Number(text);
  if (!Number.isInteger(id)) throw new UsageError(`unknown program type ${text}`);
  return id;
}

function isOneOf<T extends string>(all: readonly T[], value: string | undefined): value is T {
  return (all as readonly (string | undefined)[]).includes(value);
}
