// `npm run demo`: the whole way in one screen. The firewall is verified and compiled to WebAssembly, a capture of real
// traffic goes through it, its maps are read, and then the same packets show how fast each engine is.

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { guardStdout } from '../../src/cli/stdout.ts';
import { styleFor, wantsColours } from '../../src/cli/style.ts';
import { bar, type Column, grouped, short, table } from '../../src/cli/table.ts';
import { type Batch, Kernel, type LoadedObject, loadJit, openObject, type Program } from '../../src/index.ts';
import { type Packet, readPcap } from '../../src/pcap/index.ts';
import { BeewasmError } from '../../src/uapi/errors.ts';
import { addressText, applyPolicy, DEFAULT_ACTION, POLICY } from './policy.ts';

// This file runs from dist/examples/firewall; the object and the capture are in the source tree.
const root = fileURLToPath(new URL('../../..', import.meta.url));
const OBJECT = join(root, 'examples/firewall/firewall.bpf.o');
const CAPTURE = join(root, 'examples/firewall/capture.pcapng');

const VERDICTS = ['XDP_ABORTED', 'XDP_DROP', 'XDP_PASS', 'XDP_TX', 'XDP_REDIRECT'];
/** enum reason of firewall.bpf.c. */
const REASONS = [
  'no rule (default)',
  'rule',
  'blocked source',
  'established connection',
  'not IP (ARP, ...)',
  'later fragment',
  'malformed',
  'bad TCP flags (scan)',
  'ping answered by XDP_TX',
  'DNS, allowed',
  'DNS, blocked name',
  'DNS, type ANY',
  'DNS, malformed',
];

const isTty = Boolean(process.stdout.isTTY);
const style = styleFor(wantsColours(process.env, isTty));
const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });

function print(text = ''): void {
  process.stdout.write(`${text}\n`);
}

function heading(title: string, detail: string): void {
  print(`\n${style.bold(style.cyan(title))}  ${style.dim(detail)}`);
}

/** A line that is drawn over; only where somebody looks. */
function progress(text: string): void {
  if (isTty) process.stdout.write(`\r\x1b[2K${style.dim(text)}`);
}

function printTable(
  columns: Column[],
  rows: string[][],
  paint?: (text: string, row: number, column: number) => string,
) {
  progress('');
  if (isTty) process.stdout.write('\r');
  const head = (text: string, row: number, column: number) =>
    row === -1 ? style.dim(text) : (paint?.(text, row, column) ?? text);
  print(table(columns, rows, { indent: '  ', paint: head }));
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
}

/** bytes -> the three u64 counters at its start, one CPU after the other added up. */
function sums(values: readonly Uint8Array[], count: number): number[] {
  const total = new Array<number>(count).fill(0);
  for (const value of values) {
    const view = new DataView(value.buffer, value.byteOffset, value.length);
    for (let i = 0; i < count; i++) total[i] += Number(view.getBigUint64(i * 8, true));
  }
  return total;
}

/** The firewall in a Kernel of its own, with its policy. Programs are not compiled yet. */
async function load(): Promise<{ kernel: Kernel; object: LoadedObject }> {
  const kernel = new Kernel({ clock: 'virtual', seed: 1 });
  const spec = openObject(new Uint8Array(await readFile(OBJECT)));
  spec.variables.default_action.set(DEFAULT_ACTION);
  const object = await kernel.load(spec, { jit: 'off' });
  applyPolicy(object, POLICY);
  return { kernel, object };
}

function showPrograms(object: LoadedObject, kernel: Kernel): void {
  const size = (p: Program) => p.loaded.code.insns.length;
  const programs = Object.values(object.programs).sort((a, b) => size(b) - size(a));
  const rows = programs.map((program) => {
    const started = performance.now();
    program.executable(0, kernel.engine('jit'));
    const compile = performance.now() - started;
    const { stats, duration } = program.verifier!;
    const insns = grouped(size(program));
    return [program.name, insns, grouped(stats.processed), ms(duration), ms(compile)];
  });
  printTable([left('program'), right('insns'), right('processed'), right('verify'), right('compile')], rows);
}

async function readCapture(): Promise<Packet[]> {
  const packets: Packet[] = [];
  for await (const packet of readPcap(createReadStream(CAPTURE))) {
    packets.push(packet);
    if (packets.length % 256 === 0) progress(`  reading: ${grouped(packets.length)} packets`);
  }
  return packets;
}

function replay(program: Program, packets: readonly Packet[], engine: 'jit' | 'interp'): Uint32Array {
  const verdicts = new Uint32Array(packets.length);
  for (let i = 0; i < packets.length; i += 256) {
    const chunk = packets.slice(i, i + 256).map((p) => p.data);
    verdicts.set(program.runBatch(chunk, { engine }), i);
    const done = Math.min(packets.length, i + 256);
    progress(`  ${engine} ${bar(done / packets.length, 30).padEnd(30)} ${grouped(done)} / ${grouped(packets.length)}`);
  }
  return verdicts;
}

const VERDICT_COLOUR = [style.yellow, style.red, style.green, style.cyan, style.cyan];

function showVerdicts(verdicts: Uint32Array, packets: readonly Packet[]): void {
  const counts = VERDICTS.map((name, action) => {
    const mine = packets.filter((_, i) => verdicts[i] === action);
    return { name, action, packets: mine.length, bytes: mine.reduce((n, p) => n + p.data.length, 0) };
  }).filter((c) => c.packets > 0);
  const rows = counts.map((c) => {
    const share = c.packets / packets.length;
    return [c.name, grouped(c.packets), grouped(c.bytes), `${(100 * share).toFixed(1)} %`, bar(share, 34)];
  });
  printTable(
    [left('verdict'), right('packets'), right('bytes'), right('share'), left('')],
    rows,
    (text, row, column) => (column === 0 || column === 4 ? VERDICT_COLOUR[counts[row].action](text) : text),
  );
}

/** Why: the program's own counters, from its PERCPU_ARRAY. */
function showReasons(object: LoadedObject): void {
  const rows = REASONS.map((name, i) => ({ name, counters: sums(object.maps.reasons.perCpu(i) ?? [], 2) }))
    .filter((r) => r.counters[0] > 0)
    .sort((a, b) => b.counters[0] - a.counters[0]);
  printTable(
    [left('reason'), right('packets'), right('bytes')],
    rows.map((r) => [r.name, ...r.counters.map(grouped)]),
  );
}

/** Who: the PERCPU_HASH keyed by source address. */
function showTalkers(object: LoadedObject): void {
  const { sources } = object.maps;
  const all = [...sources.keys()]
    .map((key) => ({ source: addressText(key), counters: sums(sources.perCpu(key) ?? [], 3) }))
    .sort((a, b) => b.counters[0] - a.counters[0] || (a.source < b.source ? -1 : 1));
  const top = all.slice(0, 8);
  const most = top[0].counters[0];
  heading('Top talkers', `${top.length} of ${grouped(all.length)} sources, read from the map 'sources'`);
  printTable(
    [left('source'), right('packets'), right('bytes'), right('dropped'), left('')],
    top.map((t) => [t.source, ...t.counters.map(grouped), bar(t.counters[0] / most, 26)]),
    (text, row, column) =>
      column === 3 && top[row].counters[2] > 0 ? style.red(text) : column === 4 ? style.cyan(text) : text,
  );
}

/** Nanoseconds per packet: the fastest of many passes over all packets within `seconds`. */
function fastest(batch: Batch, pass: () => void, seconds: number): number {
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + seconds * 1000;
  do {
    const started = performance.now();
    pass();
    best = Math.min(best, performance.now() - started);
  } while (performance.now() < end);
  return (best * 1e6) / batch.length;
}

function showSpeed(program: Program, packets: readonly Packet[]): void {
  const data = packets.map((p) => p.data);
  const measure = (name: string, engine: 'jit' | 'interp', seconds: number, pass: (batch: Batch) => void) => {
    progress(`  measuring: ${name}`);
    using batch = program.batch(data, { engine });
    return { name, ns: fastest(batch, () => pass(batch), seconds) };
  };
  const results = [
    measure('interpreter', 'interp', 0.6, (b) => b.run()),
    measure('Wasm, one call per packet', 'jit', 0.6, (b) => b.runEach()),
    measure('Wasm, batch', 'jit', 0.6, (b) => b.run()),
  ];
  const most = Math.max(...results.map((r) => 1 / r.ns));
  const rows = results.map(({ name, ns }) => [
    name,
    ns.toFixed(ns < 100 ? 1 : 0),
    short(1e9 / ns),
    `${(results[0].ns / ns).toFixed(1)}×`,
    bar(1 / ns / most, 20),
  ]);
  printTable(
    [left('engine'), right('ns/packet'), right('packets/s'), right(''), left('')],
    rows,
    (text, row, column) => (column === 4 || (column === 3 && row > 0) ? style.green(text) : text),
  );
}

async function main(): Promise<void> {
  print(style.bold('beewasm: an XDP firewall in WebAssembly'));
  print(style.dim(`${relative(root, OBJECT)}, as clang 16 compiled it`));

  progress('  loading the compiler (Binaryen), verifying');
  await loadJit();
  const { kernel, object } = await load();
  progress('');
  heading('Loaded', 'accepted by the verifier, compiled to WebAssembly (cold: first use)');
  showPrograms(object, kernel);

  const packets = await readCapture();
  const bytes = packets.reduce((n, p) => n + p.data.length, 0);
  const seconds = Number(packets[packets.length - 1].timestamp - packets[0].timestamp) / 1e9;
  progress('');
  heading(
    'Replayed',
    `${grouped(packets.length)} packets, ${short(bytes)}B: ${seconds.toFixed(1)} s of traffic (${basename(CAPTURE)})`,
  );
  const verdicts = replay(object.programs.xdp_fw, packets, 'jit');
  showVerdicts(verdicts, packets);
  print();
  showReasons(object);
  showTalkers(object);

  heading('Speed', 'all packets in memory, fastest of many passes');
  const second = await load();
  const same = replay(second.object.programs.xdp_fw, packets, 'interp');
  const different = same.findIndex((v, i) => v !== verdicts[i]);
  if (different >= 0) throw new Error(`interpreter and WebAssembly differ on packet ${different}`);
  showSpeed(object.programs.xdp_fw, packets);
  print(
    `\n${style.green('✓')} interpreter and WebAssembly gave the same verdict for all ${grouped(packets.length)} packets`,
  );
  print(style.dim('  Next: npx beewasm pcap examples/firewall/firewall.bpf.o name xdp_fw -r FILE'));
}

guardStdout();
try {
  await main();
} catch (error) {
  if (!(error instanceof BeewasmError)) throw error;
  process.stderr.write(`Error: ${error.message}\n`);
  process.exitCode = 1;
}
