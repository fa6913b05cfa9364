// The command line of `npm run fuzz`. Bad arguments throw UsageError: one line, exit 2.

import { parseArgs } from 'node:util';
import { UsageError } from '../command.ts';

export const USAGE = `usage: npm run fuzz -- [options]

  --count N            random programs (default 10000); with --mutants: the most per planted bug
  --seconds T          stop after so long, if --count is not done by then
  --seed S             default 1; program i of a seed is the same everywhere
  --from I             first index (default 0)
  --kernel             compare with the live Linux kernel as well (needs root)
  --optimized-every N  the JIT at level 'optimized', and that of split functions, see one batch of 128 out of N
                       each (default 16; 1 = all)
  --max-failures N     stop after so many differences (default 10); each is shrunk and saved as a case
  --mutants            look for planted bugs instead: programs until each was found
  --coverage           count opcode rows in the programs instead
  --cases              replay the saved cases instead
  --json               print the report as JSON and nothing else`;

export interface Options {
  readonly mode: 'campaign' | 'mutants' | 'coverage' | 'cases';
  readonly count: number;
  readonly seconds: number;
  readonly seed: number;
  readonly from: number;
  readonly kernel: boolean;
  readonly optimizedEvery: number;
  readonly maxFailures: number;
  readonly json: boolean;
}

const OPTIONS = {
  count: { type: 'string' },
  seconds: { type: 'string' },
  seed: { type: 'string' },
  from: { type: 'string' },
  kernel: { type: 'boolean' },
  'optimized-every': { type: 'string' },
  'max-failures': { type: 'string' },
  mutants: { type: 'boolean' },
  coverage: { type: 'boolean' },
  cases: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export function parseOptions(argv: readonly string[]): Options {
  const values = parse(argv);
  const number = (
    name: 'count' | 'seconds' | 'seed' | 'from' | 'optimized-every' | 'max-failures',
    otherwise: number,
    min = 0,
  ) => {
    const text = values[name];
    if (text === undefined) return otherwise;
    const n = Number(text);
    if (!/^\d+$/.test(text) || n < min || n > Number.MAX_SAFE_INTEGER) throw new UsageError(`--${name} ${text}`);
    return n;
  };
  const modes = (['mutants', 'coverage', 'cases'] as const).filter((name) => values[name]);
  if (modes.length > 1) throw new UsageError(`--${modes.join(' and --')} exclude each other`);
  return {
    mode: modes[0] ?? 'campaign',
    count: number('count', 10_000, 1),
    seconds: number('seconds', Number.POSITIVE_INFINITY, 1),
    seed: number('seed', 1),
    from: number('from', 0),
    kernel: values.kernel ?? false,
    optimizedEvery: number('optimized-every', 16, 1),
    maxFailures: number('max-failures', 10, 1),
    json: values.json ?? false,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split('\n')[0]);
  }
}
