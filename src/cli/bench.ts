// `bench OBJ name N data_in F [init F] [seconds S]`: one program on one packet, on both engines: that they agree, how many
// nanoseconds a run takes, and how long loading takes. `init` is a packet that is run once before, to fill the program's maps.

import { Kernel, type Program } from '../index.ts';
import { programInput } from '../runtime/program_input.ts';
import { BeewasmError } from '../uapi/errors.ts';
import type { Answer, Command } from './command.ts';
import { pickProgram, readInput, readObject } from './files.ts';
import { type KernelBtf, kernelTypes, takeKernelBtf } from './kernel_btf.ts';
import { FNV_OFFSET, fnv1a64, interleaved, loadStages, STAGES, type Stage, WAYS, type Way, Ways } from './measure.ts';
import { loadOnly } from './prog_run.ts';
import { grouped, table } from './table.ts';
import type { Words } from './words.ts';

interface BenchArguments {
  path: string;
  name?: string;
  btf?: KernelBtf;
  dataIn: string;
  init?: string;
  seconds: number;
}

export interface BenchResult {
  readonly retval: number;
  readonly out_fnv1a64: string;
  readonly out_len: number;
  readonly ns: Readonly<Record<Way, number>>;
  readonly load_us: Readonly<Record<Stage, number>>;
  readonly insns: number;
}

/** Packets in a batch; fewer when one run is long. */
const BATCH = 64;

function takeArguments(words: Words): BenchArguments {
  const args: BenchArguments = { path: words.take('object file'), dataIn: '', seconds: 2 };
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
    init: (w) => {
      args.init = w.take('file after init');
    },
    seconds: (w) => {
      args.seconds = takeSeconds(w);
    },
  });
  if (args.dataIn === '') words.fail('which packet? data_in FILE');
  return args;
}

function takeSeconds(words: Words): number {
  const text = words.take('seconds');
  const seconds = /^\d*\.?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= 3600)) words.fail(`seconds has to be a number up to 3600, not '${text}'`);
  return seconds;
}

/** One run after `init` on each engine, from the same state; throws when they differ. Leaves that state with `init` done. */
function checkedRun(kernel: Kernel, program: Program, data: Uint8Array, init: Uint8Array | null) {
  const memory = kernel.memory.snapshot();
  const world = kernel.world.state();
  const begin = (engine: 'interp' | 'jit') => {
    kernel.memory.restore(memory);
    kernel.world.restore(world);
    if (init !== null) program.run({ data: init, engine });
  };
  const [interp, jit] = (['interp', 'jit'] as const).map((engine) => {
    begin(engine);
    const started = performance.now();
    const { retval, data: out } = program.run({ data, engine });
    const seconds = (performance.now() - started) / 1000;
    return { retval, out_fnv1a64: `0x${fnv1a64(FNV_OFFSET, out).toString(16)}`, out_len: out.length, seconds };
  });
  if (jit.retval !== interp.retval || jit.out_fnv1a64 !== interp.out_fnv1a64) {
    throw new BeewasmError(`${program.name}: the interpreter returns ${interp.retval}, the JIT ${jit.retval}`);
  }
  begin('jit');
  return interp;
}

async function run(args: BenchArguments): Promise<BenchResult> {
  const object = readObject(args.path, args.btf);
  const spec = pickProgram(object, args.path, args.name);
  const data = readInput(args.dataIn);
  const init = args.init === undefined ? null : readInput(args.init);
  loadOnly(object, spec);
  const kernel = new Kernel({ clock: 'virtual', seed: 1 });
  try {
    const { programs } = await kernel.load(object, { jit: 'auto', ...kernelTypes(args.btf) });
    const program = programs[spec.name];
    const { seconds, ...first } = checkedRun(kernel, program, data, init);
    // A pass of the interpreter over the batch shall take a small part of the time.
    const copies = Math.max(1, Math.min(BATCH, Math.floor((0.05 * args.seconds) / seconds)));
    const ways = new Ways(kernel, program, new Array<Uint8Array>(copies).fill(data));
    ways.sameResults();
    const ns = interleaved(ways, args.seconds * 0.6);
    ways.close();
    const input = programInput(object, spec, args.btf?.types);
    const load = loadStages(program, input, args.seconds * 0.4, kernelTypes(args.btf));
    return { ...first, ns, load_us: load, insns: spec.insns.length };
  } finally {
    kernel.close();
  }
}

function text(r: BenchResult): string {
  const columns = ['', 'ns per run', 'of interp'].map((title, i) => ({ title, align: i ? 'right' : 'left' }) as const);
  const rows = WAYS.map((way) => [way, r.ns[way].toFixed(1), `${(r.ns.interp / r.ns[way]).toFixed(1)}x`]);
  const stages = STAGES.map((stage) => [stage, grouped(r.load_us[stage]), (r.load_us[stage] / r.insns).toFixed(2)]);
  const load = ['load', 'us', 'us per insn'].map((title, i) => ({ title, align: i ? 'right' : 'left' }) as const);
  return [
    `Return value: ${r.retval}, the same on both engines; ${r.insns} insns`,
    table(columns, rows),
    '',
    table(load, stages),
  ].join('\n');
}

export const benchCommand: Command = {
  words: ['bench'],
  usage: 'OBJ [name N] [btf FILE] data_in F [init F] [seconds S]',
  summary: 'measure a program on one packet: interpreter, WebAssembly, and the stages of loading',
  async run({ words }): Promise<Answer> {
    const result = await run(takeArguments(words));
    return { json: result, text: () => text(result) };
  },
};
