// `prog run OBJ name N data_in F`: loads the object into a Kernel of its own and runs one program on one packet, as
// `bpftool prog run` does on the real one. The output strings are bpftool's.

import { Kernel, type ObjectSpec, type Program } from '../index.ts';
import type { ProgramSpec } from '../loader/index.ts';
import { contextOf } from '../runtime/contexts.ts';
import { mapNames } from '../runtime/program_input.ts';
import { encodeStruct } from '../runtime/struct.ts';
import type { TestRunOptions } from '../runtime/test_run.ts';
import { mapTypeById } from '../spec/map_types.ts';
import type { Answer, Command, Invocation } from './command.ts';
import { pickProgram, readInput, readObject, writeOutput } from './files.ts';
import { type KernelBtf, kernelTypes, takeKernelBtf } from './kernel_btf.ts';
import { dumpMap, type MapDump, mapDumpJson, mapDumpText, selectMaps, takeMapDump } from './map_dump.ts';
import { hexDump } from './text.ts';
import type { Words } from './words.ts';

const U32_MAX = 0xffffffff;
const MAX_CPU = 63;

interface RunArguments {
  path: string;
  name?: string;
  btf?: KernelBtf;
  dataIn?: string;
  dataOut?: string;
  ctxIn?: string;
  ctxOut?: string;
  repeat: number;
  cpu: number;
  engine: 'interp' | 'jit';
  maps?: string;
}

export interface ProgramRun {
  /** u32; for type raw all 64 bits. */
  readonly retval: number | bigint;
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
  readonly duration: number;
  readonly trace: readonly string[];
  readonly maps: readonly MapDump[];
}

function takeArguments(words: Words): RunArguments {
  const args: RunArguments = { path: words.take('object file'), repeat: 1, cpu: 0, engine: 'jit' };
  words.keywords({
    name: (w) => {
      args.name = w.take('program name');
    },
    btf: (w) => {
      args.btf = takeKernelBtf(w);
    },
    data_in: (w) => {
      args.dataIn = w.take('file after data_in');
    },
    data_out: (w) => {
      args.dataOut = w.take('file after data_out');
    },
    ctx_in: (w) => {
      args.ctxIn = w.take('file after ctx_in');
    },
    ctx_out: (w) => {
      args.ctxOut = w.take('file after ctx_out');
    },
    repeat: (w) => {
      args.repeat = w.number('repeat', U32_MAX);
    },
    cpu: (w) => {
      args.cpu = w.number('cpu', MAX_CPU);
    },
    engine: (w) => {
      args.engine = w.choose(['interp', 'jit'], 'engine') as RunArguments['engine'];
    },
    map: (w) => {
      args.maps = takeMapDump(w);
    },
  });
  return args;
}

/**
 * Only the program and what its object's PROG_ARRAYs hold gets loaded: others may be of types that don't exist here. Nor are
 * maps created that can't be, where none of these programs uses them.
 */
export function loadOnly(object: ObjectSpec, program: ProgramSpec): void {
  const targets = Object.values(object.maps).flatMap((m) => m.slots?.map((s) => s.symbol) ?? []);
  for (const p of Object.values(object.programs)) p.autoload = p === program || targets.includes(p.name);
  const used = new Set(Object.values(object.programs).flatMap((p) => (p.autoload ? mapNames(p) : [])));
  for (const map of Object.values(object.maps)) {
    const exists = map.inner === undefined && mapTypeById(map.type)?.store !== 'none';
    if (!exists && !used.has(map.name)) delete object.maps[map.name];
  }
}

async function run(args: RunArguments): Promise<ProgramRun> {
  const object = readObject(args.path, args.btf);
  const spec = pickProgram(object, args.path, args.name);
  const options: TestRunOptions = {
    ...(args.dataIn === undefined ? {} : { data: readInput(args.dataIn) }),
    ...(args.ctxIn === undefined ? {} : { ctx: readInput(args.ctxIn) }),
    repeat: args.repeat,
    cpu: args.cpu,
  };
  loadOnly(object, spec);
  const kernel = new Kernel({ cpus: args.cpu + 1 });
  try {
    const loaded = await kernel.load(object, {
      jit: args.engine === 'interp' ? 'off' : 'auto',
      ...kernelTypes(args.btf),
    });
    const program: Program = loaded.programs[spec.name];
    const maps = selectMaps(loaded.maps, args.maps);
    const result = program.type === 'raw' ? program.run64(options) : program.run(options);
    return {
      retval: result.retval,
      data: result.data,
      ctx: encodeStruct(contextOf(spec.type!).layout, result.ctx),
      duration: Math.round(result.duration),
      trace: kernel.trace.take(),
      maps: maps.map(dumpMap),
    };
  } finally {
    kernel.close();
  }
}

/** bpftool prints data for `-` and writes files for anything else. */
function output(title: string, path: string | undefined, bytes: Uint8Array): string[] {
  return path === '-' ? [`${title}:`, hexDump(bytes)] : [];
}

function text(args: RunArguments, r: ProgramRun): string {
  return [
    ...r.trace.map((line) => line.trimEnd()),
    ...output('Data', args.dataOut, r.data),
    ...output('Context', args.ctxOut, r.ctx),
    `Return value: ${r.retval}, duration${args.repeat > 1 ? ' (average)' : ''}: ${r.duration}ns`,
    ...r.maps.map((map) => `\n${mapDumpText(map)}`),
  ].join('\n');
}

function json(args: RunArguments, r: ProgramRun): unknown {
  return {
    ...(args.dataOut === '-' ? { data_out: r.data } : {}),
    ...(args.ctxOut === '-' ? { ctx_out: r.ctx } : {}),
    retval: r.retval,
    duration: r.duration,
    ...(r.trace.length > 0 ? { trace: r.trace } : {}),
    ...(args.maps === undefined ? {} : { maps: Object.fromEntries(r.maps.map((m) => [m.name, mapDumpJson(m)])) }),
  };
}

export const progRun: Command = {
  words: ['prog', 'run'],
  usage:
    'OBJ [name N] [btf FILE] [data_in F] [data_out F] [ctx_in F] [ctx_out F] [repeat N] [cpu N] [engine interp|jit] [map dump NAME|all]',
  summary: 'run a program on one packet and print what it returned',
  async run({ words }: Invocation): Promise<Answer> {
    const args = takeArguments(words);
    const result = await run(args);
    if (args.dataOut !== undefined && args.dataOut !== '-') writeOutput(args.dataOut, result.data);
    if (args.ctxOut !== undefined && args.ctxOut !== '-') writeOutput(args.ctxOut, result.ctx);
    return { json: json(args, result), text: () => text(args, result) };
  },
};
