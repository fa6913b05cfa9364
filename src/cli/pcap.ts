// `pcap OBJ name N -r in.pcapng [-w out.pcapng] [--only XDP_DROP]`: runs a program on every packet of a capture, streaming,
// so that tcpdump can pipe in and the file may be larger than the memory. -w writes the packets as the program left them
// with their verdicts (Wireshark shows those); --only limits it to one verdict.

import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { Kernel, type Program } from '../index.ts';
import {
  LINKTYPE_ETHERNET,
  type OutgoingPacket,
  type Packet,
  readPcap,
  writePcap,
  writePcapng,
} from '../pcap/index.ts';
import { XDP_ACTION } from '../uapi/enums.ts';
import { BpfError, FormatError } from '../uapi/errors.ts';
import type { Answer, Command, Invocation } from './command.ts';
import { checkStreams, FileError, fileError, pickProgram, readObject } from './files.ts';
import { type KernelBtf, kernelTypes, takeKernelBtf } from './kernel_btf.ts';
import { dumpMap, type MapDump, mapDumpJson, mapDumpText, selectMaps, takeMapDump } from './map_dump.ts';
import { loadOnly } from './prog_run.ts';
import type { Style } from './style.ts';
import { grouped, table } from './table.ts';
import { plural } from './text.ts';
import type { Words } from './words.ts';

/** Packets of one engine call. */
const CHUNK = 256;

interface PcapArguments {
  path: string;
  name?: string;
  btf?: KernelBtf;
  engine: 'interp' | 'jit';
  maps?: string;
  input: string;
  output?: string;
  only?: number;
}

interface Tally {
  packets: number;
  bytes: number;
}

export interface PcapSummary {
  readonly program: string;
  readonly type: string;
  readonly total: Tally;
  /** By verdict. */
  readonly verdicts: ReadonlyMap<number, Tally>;
  /** Packets that no test run takes (shorter than an Ethernet header, ...), with the first reason. */
  readonly refused: { packets: number; reason: string };
  readonly written: number;
  readonly maps: readonly MapDump[];
}

function takeArguments({ words, options }: Invocation): PcapArguments {
  const path = words.take('object file');
  const { read, write, only } = options;
  if (typeof read !== 'string') return words.fail('which capture? -r FILE');
  const args: PcapArguments = { path, engine: 'jit', input: read };
  if (typeof write === 'string') args.output = write;
  if (typeof only === 'string') {
    if (args.output === undefined) words.fail('--only chooses what -w writes');
    args.only = verdictNumber(only, words);
  }
  words.keywords({
    name: (w) => {
      args.name = w.take('program name');
    },
    btf: (w) => {
      args.btf = takeKernelBtf(w);
    },
    engine: (w) => {
      args.engine = w.choose(['interp', 'jit'], 'engine') as PcapArguments['engine'];
    },
    map: (w) => {
      args.maps = takeMapDump(w);
    },
  });
  return args;
}

/** XDP_DROP, drop, or a number. */
function verdictNumber(text: string, words: Words): number {
  const name = `XDP_${text.replace(/^XDP_/i, '').toUpperCase()}`;
  if (Object.hasOwn(XDP_ACTION, name)) return XDP_ACTION[name as keyof typeof XDP_ACTION];
  if (/^\d+$/.test(text) && Number(text) <= 0xffffffff) return Number(text);
  return words.fail(`--only ${text}: expected ${Object.keys(XDP_ACTION).join(', ')} or a number`);
}

export function verdictName(type: string, verdict: number): string {
  const known = Object.entries(XDP_ACTION).find(([, number]) => number === verdict);
  return type === 'xdp' && known !== undefined ? known[0] : String(verdict);
}

/** The replay itself: what comes out are the packets with the verdicts, while `summary` counts. */
class Replay {
  readonly total: Tally = { packets: 0, bytes: 0 };
  readonly verdicts = new Map<number, Tally>();
  readonly refused = { packets: 0, reason: '' };
  readonly #program: Program;
  readonly #keepOutput: boolean;
  readonly #afterChunk: () => void;

  constructor(program: Program, keepOutput: boolean, afterChunk: () => void) {
    this.#program = program;
    this.#keepOutput = keepOutput;
    this.#afterChunk = afterChunk;
  }

  async *run(packets: AsyncIterable<Packet>): AsyncGenerator<OutgoingPacket & { xdpVerdict: number }> {
    let chunk: Packet[] = [];
    for await (const packet of packets) {
      if (packet.linkType !== LINKTYPE_ETHERNET) {
        throw new FormatError('pcap', `link type ${packet.linkType} is not Ethernet, which programs expect`);
      }
      chunk.push(packet);
      if (chunk.length < CHUNK) continue;
      yield* this.#runChunk(chunk);
      chunk = [];
    }
    yield* this.#runChunk(chunk);
  }

  *#runChunk(packets: readonly Packet[]) {
    if (packets.length === 0) return;
    try {
      const results = this.#runPackets(packets);
      this.#afterChunk();
      for (const [i, packet] of packets.entries()) {
        const { verdict, data } = results[i];
        this.#count(verdict, packet.data.length);
        // What the program did to the length happened on the wire, too.
        const originalLength = packet.originalLength + data.length - packet.data.length;
        yield { ...packet, data, originalLength, xdpVerdict: verdict };
      }
    } catch (error) {
      if (!(error instanceof BpfError)) throw error;
      yield* this.#runOneByOne(packets, error);
    }
  }

  /** A packet that can not be run spoils its whole chunk: then each is tried alone. */
  *#runOneByOne(packets: readonly Packet[], error: BpfError): Generator<OutgoingPacket & { xdpVerdict: number }> {
    if (packets.length > 1) {
      for (const packet of packets) yield* this.#runChunk([packet]);
      return;
    }
    this.refused.packets++;
    this.refused.reason ||= error.reason.replace(/^packet 0: /, '');
  }

  #runPackets(packets: readonly Packet[]): { verdict: number; data: Uint8Array }[] {
    const inputs = packets.map((p) => p.data);
    if (!this.#keepOutput) {
      return Array.from(this.#program.runBatch(inputs), (verdict, i) => ({ verdict, data: inputs[i] }));
    }
    const batch = this.#program.batch(inputs);
    try {
      batch.run();
      return Array.from(batch.retvals(), (verdict, i) => ({ verdict, data: batch.output(i).data }));
    } finally {
      batch.close();
    }
  }

  #count(verdict: number, bytes: number): void {
    let tally = this.verdicts.get(verdict);
    if (tally === undefined) this.verdicts.set(verdict, (tally = { packets: 0, bytes: 0 }));
    for (const t of [tally, this.total]) {
      t.packets++;
      t.bytes += bytes;
    }
  }
}

async function* fileChunks(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1 << 18 });
  } catch (error) {
    throw fileError('read', path, error);
  }
}

/** Writes chunks as they come; errors of the file name it. */
async function writeChunks(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const out = path === '-' ? process.stdout : createWriteStream(path);
  let failure: unknown = null;
  const failed = new Promise<void>((resolve) => {
    out.on('error', (error) => {
      failure ??= fileError('write', path, error);
      resolve();
    });
  });
  for await (const chunk of chunks) {
    if (!out.write(chunk)) await Promise.race([once(out, 'drain').catch(() => {}), failed]);
    if (failure !== null) throw failure;
  }
  if (path !== '-') await Promise.race([new Promise<void>((resolve) => out.end(resolve)), failed]);
  if (failure !== null) throw failure;
}

/** One packet behind the other through program and writer; returns how many were written. */
async function replay(args: PcapArguments, run: Replay): Promise<number> {
  const packets = run.run(readPcap(fileChunks(args.input)));
  if (args.output === undefined) {
    for await (const _ of packets);
    return 0;
  }
  let written = 0;
  async function* chosen() {
    for await (const packet of packets) {
      if (args.only !== undefined && packet.xdpVerdict !== args.only) continue;
      written++;
      yield packet;
    }
  }
  const write = args.output.endsWith('.pcap') ? writePcap : writePcapng;
  await writeChunks(args.output, write(chosen()));
  return written;
}

async function run(args: PcapArguments): Promise<PcapSummary> {
  checkStreams(args.input, args.output);
  const object = readObject(args.path, args.btf);
  const spec = pickProgram(object, args.path, args.name);
  loadOnly(object, spec);
  const kernel = new Kernel();
  try {
    const loaded = await kernel.load(object, {
      jit: args.engine === 'interp' ? 'off' : 'auto',
      ...kernelTypes(args.btf),
    });
    const program = loaded.programs[spec.name];
    if (program.type === 'raw') throw new FileError(`${spec.name} has no program type that runs on packets`);
    const maps = selectMaps(loaded.maps, args.maps);
    const runner = new Replay(program, args.output !== undefined, () => {
      for (const line of kernel.trace.take()) process.stderr.write(`${line.trimEnd()}\n`);
    });
    const written = await named(args.input, () => replay(args, runner));
    const { total, verdicts, refused } = runner;
    return { program: spec.name, type: program.type, total, verdicts, refused, written, maps: maps.map(dumpMap) };
  } finally {
    kernel.close();
  }
}

async function named<T>(path: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    if (error instanceof FormatError) throw new FileError(`${path === '-' ? 'stdin' : path}: ${error.message}`);
    throw error;
  }
}

function text(args: PcapArguments, s: PcapSummary, style: Style): string {
  const rows = [...s.verdicts]
    .sort(([a], [b]) => a - b)
    .map(([verdict, t]) => [verdictName(s.type, verdict), ...numbers(t), percent(t.packets, s.total.packets)]);
  const columns = ['verdict', 'packets', 'bytes', 'share'].map(
    (title, i) => ({ title, align: i === 0 ? 'left' : 'right' }) as const,
  );
  return [
    table(columns, [...rows, ['total', ...numbers(s.total), '']], {
      paint: (cell, row) => (row === -1 ? style.bold(cell) : cell),
    }),
    ...(s.refused.packets > 0 ? [`${plural(s.refused.packets, 'packet')} not run: ${s.refused.reason}`] : []),
    ...(args.output === undefined ? [] : [`${plural(s.written, 'packet')} written to ${args.output}`]),
    ...s.maps.map((map) => `\n${mapDumpText(map)}`),
  ].join('\n');
}

function numbers(t: Tally): string[] {
  return [grouped(t.packets), grouped(t.bytes)];
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(1)}%`;
}

function json(args: PcapArguments, s: PcapSummary): unknown {
  return {
    program: s.program,
    type: s.type,
    packets: s.total.packets,
    bytes: s.total.bytes,
    verdicts: Object.fromEntries([...s.verdicts].map(([v, t]) => [verdictName(s.type, v), t])),
    refused: s.refused.packets,
    ...(args.output === undefined ? {} : { written: s.written }),
    ...(args.maps === undefined ? {} : { maps: Object.fromEntries(s.maps.map((m) => [m.name, mapDumpJson(m)])) }),
  };
}

export const pcapCommand: Command = {
  words: ['pcap'],
  usage: 'OBJ [name N] [btf FILE] -r FILE [-w FILE] [--only VERDICT] [engine interp|jit] [map dump NAME|all]',
  summary: 'run a program on every packet of a capture (pcap or pcapng) and count its verdicts',
  options: {
    read: { type: 'string', short: 'r' },
    write: { type: 'string', short: 'w' },
    only: { type: 'string' },
  },
  async run(invocation): Promise<Answer> {
    const args = takeArguments(invocation);
    if (args.output === '-' && invocation.json) invocation.words.fail('-w - and --json both want stdout');
    const summary = await run(args);
    const answer = { json: json(args, summary), text: () => text(args, summary, invocation.style) };
    if (args.output !== '-') return answer;
    process.stderr.write(`${answer.text()}\n`); // stdout holds the capture
    return { ...answer, text: () => '' };
  },
};
