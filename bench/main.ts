// `npm run bench [-- PROGRAM ... --seconds S --json]`: interpreter, Wasm with one call per packet, Wasm batch, and native C of
// the same source, on the firewall and the compute programs. Results are compared before anything is timed. Ratios inside
// one run are what counts; nanoseconds depend on the machine.

import { spawnSync } from 'node:child_process';
import { arch, cpus, platform, release } from 'node:os';
import { parseArgs } from 'node:util';
import { STAGES } from '../src/cli/measure.ts';
import { guardStdout } from '../src/cli/stdout.ts';
import { styleFor, wantsColours } from '../src/cli/style.ts';
import { type Column, grouped, table } from '../src/cli/table.ts';
import { Kernel, loadJit } from '../src/index.ts';
import { findCompiler } from './native.ts';
import { ENGINES, type EngineName, type Measured, measure } from './run.ts';
import { loadWorkload, type Workload, workloads } from './workloads.ts';

function machine(compiler: string | null) {
  const version = compiler === null ? null : spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout;
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    v8: process.versions.v8,
    compiler: version?.split('\n')[0] ?? null,
  };
}

/** ns of `engine` over ns of each other engine that was measured. */
function ratios(m: Measured, engine: EngineName): Partial<Record<EngineName, number>> {
  const own = m.ns[engine]!;
  return Object.fromEntries(
    ENGINES.filter((e) => e !== engine && m.ns[e] !== undefined).map((e) => [e, own / m.ns[e]!]),
  );
}

function geomean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}

type Ratios = Partial<Record<EngineName, Partial<Record<EngineName, number>>>>;

/** Over all programs: engine -> other engine -> ratio. */
function geomeans(all: readonly Measured[]): Ratios {
  const of = (engine: EngineName) => {
    const each = all.filter((m) => m.ns[engine] !== undefined).map((m) => ratios(m, engine));
    const others = ENGINES.filter((e) => each.some((r) => r[e] !== undefined));
    return others.map((e) => [e, geomean(each.flatMap((r) => r[e] ?? []))] as const);
  };
  return Object.fromEntries(
    ENGINES.map((e) => [e, Object.fromEntries(of(e))]).filter(([, r]) => Object.keys(r).length),
  );
}

/** Microseconds per instruction: per walked one for the verifier, per instruction of the program for the rest. */
function loadRows(all: readonly Measured[]) {
  return all.flatMap((m) =>
    STAGES.map((stage) => {
      const insns = stage === 'verify' ? m.processed : m.insns;
      return { program: m.program, insns, stage, us_per_insn: m.load_us[stage] / insns };
    }),
  );
}

/** Bytes of resident memory that things cost, and of the shared memory a Kernel uses. */
async function memoryUse(w: Workload) {
  const rss = () => process.memoryUsage().rss;
  const start = rss();
  await loadJit();
  const compiler = rss() - start;
  const empty = rss();
  const kernels = Array.from({ length: 20 }, () => new Kernel());
  const kernel = Math.max(0, rss() - empty) / kernels.length;
  for (const k of kernels) k.close();
  const loaded = await loadWorkload(w);
  const shared = loaded.kernel.memory.u8.length;
  loaded.kernel.close();
  return { compiler_rss: compiler, kernel_rss: Math.round(kernel), program_shared: shared, process_rss: rss() };
}

type Memory = Awaited<ReturnType<typeof memoryUse>>;

function json(all: readonly Measured[], compiler: string | null, memory: Memory): unknown {
  return {
    machine: machine(compiler),
    rows: all.flatMap((m) =>
      ENGINES.filter((e) => m.ns[e] !== undefined).map((engine) => ({
        program: m.program,
        engine,
        ns: m.ns[engine],
        ratio_to: ratios(m, engine),
      })),
    ),
    geomean: geomeans(all),
    load: loadRows(all),
    memory,
  };
}

const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });

function nsText(ns: number | undefined): string {
  return ns === undefined ? '-' : ns < 100 ? ns.toFixed(1) : grouped(ns);
}
function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? '-' : ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0);
}

function text(all: readonly Measured[], compiler: string | null, memory: Memory): string {
  const style = styleFor(wantsColours(process.env, Boolean(process.stdout.isTTY)));
  const paint = (cell: string, row: number) => (row === -1 ? style.dim(cell) : cell);
  const mean = geomeans(all);
  const speed = table(
    [left('program'), right('interp'), right('single'), right('batch'), right('native')].concat([
      right('interp/batch'),
      right('single/native'),
      right('batch/native'),
    ]),
    [
      ...all.map((m) => [
        m.program,
        ...ENGINES.map((e) => nsText(m.ns[e])),
        ratioText(ratios(m, 'interp').jit_batch),
        ratioText(ratios(m, 'jit_single').native),
        ratioText(ratios(m, 'jit_batch').native),
      ]),
      ['geomean', '', '', '', '', mean.interp?.jit_batch, mean.jit_single?.native, mean.jit_batch?.native].map((c) =>
        typeof c === 'string' ? c : ratioText(c),
      ),
    ],
    { indent: '  ', paint },
  );
  const load = table(
    [left('program'), right('insns'), right('processed'), ...STAGES.map(right)],
    all.map((m) => {
      const rows = loadRows([m]).map((r) => r.us_per_insn.toFixed(2));
      return [m.program, grouped(m.insns), grouped(m.processed), ...rows];
    }),
    { indent: '  ', paint },
  );
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const { cpu, node, compiler: cc } = machine(compiler);
  return [
    style.dim(`${cpu}, Node ${node}, ${cc ?? 'no C compiler for the native column'}`),
    '',
    `${style.bold('Nanoseconds per packet')}, the fastest of all rounds`,
    speed,
    '',
    `${style.bold('Loading')}, us per instruction: verify per processed one, the rest per instruction`,
    load,
    '',
    `${style.bold('Memory')}: compiler ${mb(memory.compiler_rss)}, a Kernel ${mb(memory.kernel_rss)}, ` +
      `shared memory of ${all[0].program} ${mb(memory.program_shared)}, process ${mb(memory.process_rss)}`,
  ].join('\n');
}

/** null: an option that there is not. */
function takeArguments() {
  try {
    return parseArgs({
      options: { json: { type: 'boolean' }, seconds: { type: 'string', default: '2' } },
      allowPositionals: true,
    });
  } catch {
    return null;
  }
}

async function main(): Promise<void> {
  const { values, positionals } = takeArguments() ?? { values: { json: false, seconds: '' }, positionals: [] };
  const seconds = Number(values.seconds);
  const all = await workloads();
  const unknown = positionals.find((name) => !all.some((w) => w.name === name));
  if (!(seconds > 0) || unknown !== undefined) {
    const names = all.map((w) => w.name).join(', ');
    process.stderr.write(`Error: usage: bench [PROGRAM ...] [--seconds S] [--json]; programs: ${names}\n`);
    process.exitCode = 2;
    return;
  }
  const compiler = findCompiler();
  const chosen = positionals.length === 0 ? all : all.filter((w) => positionals.includes(w.name));
  const memory = await memoryUse(chosen[0]);
  const measured: Measured[] = [];
  for (const [i, w] of chosen.entries()) {
    const say = (line: string) => process.stderr.write(`\r\x1b[2K${line}`);
    if (process.stderr.isTTY) say(`${i + 1} / ${chosen.length}  ${w.name}`);
    measured.push(await measure(w, compiler, seconds, (why) => process.stderr.write(`${w.name}: no native: ${why}\n`)));
    if (process.stderr.isTTY) say('');
  }
  const answer = values.json ? JSON.stringify(json(measured, compiler, memory)) : text(measured, compiler, memory);
  process.stdout.write(`${answer}\n`);
}

guardStdout();
await main();
