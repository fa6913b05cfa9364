// The one way this project compares its engines: run a program on the interpreter, put memory, clock and random numbers
// back, run it on the JIT, and compare r0, the packet, the context, the redirect, trace lines and every byte of memory
// but the engines' own scratch (layout.ts scratchRanges). A difference throws an error that says where.
//
// Before each run the stacks are filled with junk, another one for each engine.
//
// The Kernel must depend on nothing outside: use testKernel(), or a virtual clock and a seed.

import {
  type JitLevel,
  Kernel,
  type KernelOptions,
  loadJit,
  type Program,
  type RunOptions,
  type TestRunResult,
} from '../src/index.ts';
import { asm } from '../src/isa/index.ts';
import type { BpfMap } from '../src/maps/bpf_map.ts';
import {
  type Addr,
  cpuBlock,
  ctxArea,
  MEMORY_BASE,
  packetArea,
  STACK_DEPTH,
  STACK_FRAME,
  scratchRanges,
  stackTop,
} from '../src/memory/layout.ts';
import type { Engine } from '../src/runtime/engine.ts';
import { Kernel as RuntimeKernel } from '../src/runtime/kernel.ts';
import type { ProgramSource } from '../src/runtime/program_source.ts';
import { BpfError } from '../src/uapi/errors.ts';

/** A Kernel that two runs see alike. The JIT's compiler is imported. */
export async function testKernel(options: KernelOptions = {}): Promise<Kernel> {
  await loadJit();
  return new Kernel({ clock: 'virtual', seed: 42, ...options });
}

/** The same with engines of one's own: of fewer steps, or with other options of the JIT. */
export function kernelWith(interp: Engine, jit: Engine): Kernel {
  return new RuntimeKernel(
    { clock: 'virtual', seed: 42 },
    { interp: () => interp, jit: () => jit, loadJit: async () => {} },
  );
}

export type TextSource = Omit<ProgramSource, 'insns' | 'maps' | 'mapRefs'> & {
  readonly text: string;
  readonly maps?: Readonly<Record<string, BpfMap>>;
  readonly verify?: boolean;
  /** Engine the program is loaded for; default 'off'. */
  readonly jit?: JitLevel;
};

/** Loads a program from assembler text; `map NAME` and `value NAME + off` refer to `maps`. */
export function loadText(
  kernel: Kernel,
  { text, maps = {}, verify = true, jit = 'off', ...source }: TextSource,
): Program {
  const { insns, relocs } = asm(text);
  const names = Object.keys(maps);
  const mapRefs = new Map(
    relocs.map((r) => {
      if (!names.includes(r.map)) throw new Error(`the text refers to map ${r.map}, which is not given`);
      return [r.insn, { map: names.indexOf(r.map), kind: r.kind, off: r.off }];
    }),
  );
  return kernel.loadProgram({ ...source, insns, mapRefs, maps: Object.values(maps) }, { jit, verify });
}

/** What one input gave on one engine: a result, or the errno of what it threw. */
type Outcome = TestRunResult<bigint> | { readonly error: string };

interface Observed<R> {
  readonly results: R;
  readonly trace: readonly string[];
  readonly memory: Uint8Array;
}

type EngineName = 'interp' | 'jit';

/**
 * Runs `inputs` in order on each engine and compares. Returns the results (r0 whole, as bigint); memory is then as after
 * them. Throws the error of a run that both engines end with the same errno.
 */
export function runBothAll(kernel: Kernel, program: Program, inputs: readonly RunOptions[]): TestRunResult<bigint>[] {
  const outcomes = both(kernel, program.name, (engine) => inputs.map((input) => outcomeOf(program, input, engine)));
  return outcomes.map((o) => {
    if ('error' in o) throw new Error(o.error);
    return o;
  });
}

/** The same for a batch: low 32 bits of each r0. */
export function runBothBatch(kernel: Kernel, program: Program, packets: readonly Uint8Array[]): Uint32Array {
  return both(kernel, program.name, (engine) => program.runBatch(packets, { engine }));
}

/** The same for one input. */
export function runBoth(kernel: Kernel, program: Program, input: RunOptions = {}): TestRunResult<bigint> {
  return runBothAll(kernel, program, [input])[0];
}

/**
 * The same for a program nobody verified, which may end with any errno. False when the interpreter runs out of steps:
 * engines count them differently, so nothing was compared, and memory is as before.
 */
export function runBothUnlessEndless(kernel: Kernel, program: Program, input: RunOptions): boolean {
  const memory = kernel.memory.snapshot();
  const world = kernel.world.state();
  soilStacks(kernel, 0xa5);
  const first = outcomeOf(program, input, 'interp');
  kernel.memory.restore(memory);
  kernel.world.restore(world);
  if ('error' in first && first.error === 'EAGAIN') return false;
  both(kernel, program.name, (engine) => [outcomeOf(program, input, engine)]);
  return true;
}

/** Does it on each engine from the same start; the results must be equal, and so must all they leave behind. */
function both<R extends ArrayLike<Outcome | number>>(kernel: Kernel, name: string, run: (e: EngineName) => R): R {
  const memory = kernel.memory.snapshot();
  const world = kernel.world.state();
  soilStacks(kernel, 0xa5);
  const interp = observe(kernel, () => run('interp'));
  kernel.memory.restore(memory);
  kernel.world.restore(world);
  soilStacks(kernel, 0x5c);
  const jit = observe(kernel, () => run('jit'));
  compare(kernel.cpus, name, interp, jit);
  return interp.results;
}

/** What earlier runs left on the stacks must not matter: each engine finds something else there. */
function soilStacks(kernel: Kernel, byte: number): void {
  for (let cpu = 0; cpu < kernel.cpus; cpu++) {
    const size = STACK_DEPTH + STACK_FRAME;
    kernel.memory.bytes(stackTop(cpu) - size, size).fill(byte);
  }
}

function observe<R>(kernel: Kernel, run: () => R): Observed<R> {
  const seen = kernel.trace.lines.length;
  const results = run();
  return { results, trace: kernel.trace.lines.slice(seen), memory: kernel.memory.snapshot() };
}

function outcomeOf(program: Program, input: RunOptions, engine: EngineName): Outcome {
  try {
    return program.run64({ ...input, engine });
  } catch (e) {
    if (e instanceof BpfError) return { error: e.code };
    throw e;
  }
}

function compare<R extends ArrayLike<Outcome | number>>(
  cpus: number,
  name: string,
  interp: Observed<R>,
  jit: Observed<R>,
): void {
  for (let i = 0; i < interp.results.length; i++) {
    const [x, y] = [interp, jit].map(({ results }) => describeOutcome(results[i]));
    if (x !== y) throw new Error(`${name}, input ${i}: the interpreter gives\n  ${x}\nand the JIT\n  ${y}`);
  }
  const [ta, tb] = [interp.trace.join('\n'), jit.trace.join('\n')];
  if (ta !== tb) throw new Error(`${name}: the interpreter traces\n${ta}\nand the JIT\n${tb}`);
  const at = firstDifference(cpus, interp.memory, jit.memory);
  if (at !== null) {
    const [x, y] = [interp, jit].map((o) => hex(o.memory.subarray(at - MEMORY_BASE, at - MEMORY_BASE + 8)));
    throw new Error(`${name}: memory differs at 0x${at.toString(16)} (${place(cpus, at)}): interpreter ${x}, JIT ${y}`);
  }
}

function describeOutcome(o: Outcome | number): string {
  if (typeof o === 'number') return `verdict ${o}`;
  if ('error' in o) return `error ${o.error}`;
  const ctx = JSON.stringify(o.ctx, (_, v) => (typeof v === 'bigint' ? v.toString() : v));
  return `r0 0x${o.retval.toString(16)}, redirect ${JSON.stringify(o.redirect)}, ctx ${ctx}, data ${hex(o.data)}`;
}

/** Address of the first byte outside scratch that differs. */
export function firstDifference(cpus: number, a: Uint8Array, b: Uint8Array): Addr | null {
  let from = 0;
  const stops = [...scratchRanges(cpus), { start: MEMORY_BASE + Math.max(a.length, b.length), end: 0 }];
  for (const { start, end } of stops) {
    const to = start - MEMORY_BASE;
    if (Buffer.compare(a.subarray(from, to), b.subarray(from, to)) !== 0) {
      for (let i = from; i < to; i++) if (a[i] !== b[i]) return MEMORY_BASE + i;
    }
    from = end - MEMORY_BASE;
  }
  return null;
}

export function place(cpus: number, addr: Addr): string {
  for (let cpu = 0; cpu < cpus; cpu++) {
    if (addr < cpuBlock(cpu + 1)) {
      if (addr >= packetArea(cpu)) return `packet of cpu ${cpu} + ${addr - packetArea(cpu)}`;
      return `context of cpu ${cpu} + ${addr - ctxArea(cpu)}`;
    }
  }
  return 'arena';
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
