// `npm run domain -- BITS`: every operator of the value domain on every case of numbers of BITS bits (4, 6 or 8), a line per
// part of a check. What was run is not run again with --from.

import { parseArgs } from 'node:util';
import { wantsHelp } from '../command.ts';
import { CHECK_NAMES, CHECKS, type CheckName } from './checks.ts';
import { DomainError, World } from './world.ts';

const USAGE = `usage: npm run domain -- 4|6|8 [options]

  --check TEXT     only checks whose name contains TEXT
  --parts N        parts per check (default 1; of 8 bits 32)
  --part I         only part I (0 to N-1) of each check, for several processes
  --from NAME:I    go on with part I of that check: what the last line printed names

checks: ${CHECK_NAMES.join(', ')}`;

class UsageError extends Error {}

interface Options {
  readonly bits: number;
  readonly check: string;
  readonly parts: number;
  readonly part: number | null;
  readonly from: { readonly name: CheckName; readonly part: number } | null;
}

function parse(argv: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      check: { type: 'string', default: '' },
      parts: { type: 'string' },
      part: { type: 'string' },
      from: { type: 'string' },
    },
  });
  const bits = Number(positionals[0] ?? 6);
  if (![4, 6, 8].includes(bits) || positionals.length > 1) throw new UsageError('expected 4, 6 or 8');
  const parts = natural('parts', values.parts ?? (bits === 8 ? '32' : '1'));
  if (parts < 1) throw new UsageError('--parts must be 1 or more');
  const part = values.part === undefined ? null : natural('part', values.part);
  if (part !== null && part >= parts) throw new UsageError(`--part ${part}: there are ${parts} parts`);
  return { bits, check: values.check, parts, part, from: values.from === undefined ? null : startOf(values.from) };
}

function natural(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new UsageError(`--${name} ${text} is not a number`);
  return Number(text);
}

function startOf(text: string): Options['from'] {
  const at = text.lastIndexOf(':');
  const name = CHECK_NAMES.find((n) => n === text.slice(0, at));
  if (name === undefined) throw new UsageError(`--from ${text}: there is no such check`);
  return { name, part: natural('from', text.slice(at + 1)) };
}

function run({ bits, check, parts, part, from }: Options): void {
  const world = new World(bits);
  let waiting = from !== null;
  for (const name of CHECK_NAMES) {
    const first = name === from?.name ? from.part : 0;
    if (name === from?.name) waiting = false;
    if (waiting || !name.includes(check)) continue;
    for (let at = first; at < parts; at++) {
      if (part !== null && at !== part) continue;
      const start = performance.now();
      const cases = CHECKS[name].run(world, { at, of: parts });
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      const of = parts === 1 ? '' : `:${at}`;
      console.log(`${`${name}${of}`.padEnd(34)} ${String(cases).padStart(12)} cases ${seconds.padStart(8)} s`);
    }
  }
}

function main(argv: readonly string[]): number {
  if (wantsHelp(argv)) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  try {
    run(parse(argv));
    return 0;
  } catch (error) {
    const e = error as Error & { code?: string };
    process.stderr.write(`domain: ${e.message.split('\n')[0]}\n`);
    if (e instanceof DomainError) return 1;
    if (!(e instanceof UsageError) && !e.code?.startsWith('ERR_PARSE_ARGS')) throw e;
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
}

process.exitCode = main(process.argv.slice(2));
