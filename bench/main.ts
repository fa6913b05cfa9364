// `npm run bench [-- PROGRAM ... --seconds S --json --svg FILE --peer NAME=COMMAND --from FILE]`: interpreter, Wasm with one
// call per packet, Wasm batch, native C of the same source, the live kernel's JIT and any peer, in one interleaved run.
// Results are compared before anything is timed. Ratios inside one run are what counts; nanoseconds depend on the machine.

import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { guardStdout } from '../src/cli/stdout.ts';
import { BeewasmError } from '../src/uapi/errors.ts';
import { measureCall } from './call.ts';
import { chart } from './chart.ts';
import { measureLoad, SIZES } from './load.ts';
import { measureMemory } from './memory.ts';
import { findCompiler } from './native.ts';
import { machine, type Report, report } from './report.ts';
import { type Elsewhere, type Measured, measure } from './run.ts';
import { reportText } from './text.ts';
import { type Workload, workloads } from './workloads.ts';

const USAGE = `usage: bench [PROGRAM ...] [--seconds S] [--json] [--svg FILE] [--peer 'NAME=COMMAND ARG ...']... [--from FILE]
  --seconds S   per program (default 2)
  --json        the report as JSON on stdout
  --svg FILE    writes the chart
  --peer ...    one engine more; bench/peer.ts has the protocol
  --from FILE   an earlier --json report instead of measuring
`;

class UsageError extends BeewasmError {}

function takeOptions() {
  try {
    return parseArgs({
      options: {
        json: { type: 'boolean' },
        seconds: { type: 'string', default: '2' },
        svg: { type: 'string' },
        peer: { type: 'string', multiple: true, default: [] },
        from: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function takePeers(texts: readonly string[]): Elsewhere['peers'] {
  return texts.map((text) => {
    const match = /^(\w[\w.-]*)=(\S.*)$/.exec(text);
    if (match === null) throw new UsageError(`--peer wants NAME=COMMAND, not '${text}'`);
    return { name: match[1], command: match[2].trim().split(/\s+/) };
  });
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`);
}

function complain(text: string): void {
  progress('');
  process.stderr.write(`${text}\n`);
}

async function run(chosen: readonly Workload[], seconds: number, peers: Elsewhere['peers']): Promise<Report> {
  const everything = chosen.length > 1;
  progress('memory');
  const memory = await measureMemory();
  progress('calls');
  const call = await measureCall();
  const oracle = openOracle((why) => complain(`no kernel: ${why}`));
  const compiler = findCompiler();
  if (compiler === null) complain('no native: there is no C compiler');
  try {
    const all: Measured[] = [];
    for (const [i, w] of chosen.entries()) {
      progress(`${i + 1} / ${chosen.length}  ${w.name}`);
      const elsewhere = { compiler, oracle, peers };
      all.push(await measure(w, elsewhere, seconds, (why) => complain(`${w.name}: ${why}`)));
    }
    progress('loading');
    const sizes = everything ? SIZES : SIZES.slice(0, 1);
    const load = await measureLoad(oracle, sizes, seconds / 2, complain);
    return report({ machine: machine(compiler), all, load, memory, call });
  } finally {
    progress('');
    oracle?.shutdown();
  }
}

async function main(): Promise<void> {
  const { values, positionals } = takeOptions();
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const seconds = Number(values.seconds);
  if (!(seconds > 0 && seconds <= 3600)) throw new UsageError(`--seconds wants a number, not '${values.seconds}'`);
  const peers = takePeers(values.peer);
  const all = await workloads();
  const unknown = positionals.find((name) => !all.some((w) => w.name === name));
  if (unknown !== undefined) throw new UsageError(`no program '${unknown}': ${all.map((w) => w.name).join(', ')}`);
  const chosen = positionals.length === 0 ? all : all.filter((w) => positionals.includes(w.name));
  const made =
    values.from === undefined
      ? await run(chosen, seconds, peers)
      : (JSON.parse(readFileSync(values.from, 'utf8')) as Report);
  if (values.svg !== undefined) writeFileSync(values.svg, chart(made));
  process.stdout.write(`${values.json ? JSON.stringify(made, null, 1) : reportText(made)}\n`);
}

guardStdout();
try {
  await main();
} catch (error) {
  if (!(error instanceof BeewasmError)) throw error;
  process.stderr.write(`Error: ${error.message}\n${error instanceof UsageError ? USAGE : ''}`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
