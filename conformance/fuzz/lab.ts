// Where random programs meet the engines of this project: a Kernel with the maps of world.ts, the interpreter, and JITs
// that get many programs per module. What a program leaves behind is compared to the last byte: r0, packet, context,
// redirect, and the whole memory except the engines' own scratch.

import { createJitEngine, type JitEngine, type JitOptions } from '../../jit/index.ts';
import { type BpfMap, Kernel } from '../../src/index.ts';
import { createInterpreter } from '../../src/interp/interp.ts';
import { MEMORY_BASE } from '../../src/memory/layout.ts';
import { contextOf } from '../../src/runtime/contexts.ts';
import type { Engine, Executable, LoadedProgram } from '../../src/runtime/engine.ts';
import type { Program } from '../../src/runtime/program.ts';
import { VerifierError } from '../../src/runtime/rejected.ts';
import { testRun64 } from '../../src/runtime/test_run.ts';
import { BpfError } from '../../src/uapi/errors.ts';
import { firstDifference, place } from '../../test/harness.ts';
import { type Code, type FuzzProgram, MAIN_SLOT, TARGET_SLOT } from './program.ts';
import { initialEntries, MAPS, PROGRAMS } from './world.ts';

/** An engine under test, with its name in reports. */
export interface Contender {
  readonly name: string;
  readonly engine: JitEngine;
}

/** A program that was loaded; what the verifier refused is a text. */
export interface Loaded {
  readonly source: FuzzProgram;
  readonly main: Program;
  readonly target: Program | null;
}

/** What one run showed, as text that can be compared, and the memory behind it. */
export interface Observation {
  /** null: the run ended with an error. */
  readonly retval: bigint | null;
  readonly data: Uint8Array;
  readonly text: string;
}

/** A run that takes more is left out: an endless loop of a program nobody verified. */
const MAX_STEPS = 200_000;

/** Small functions are split as huge ones are. */
export const IN_PARTS: JitOptions = { level: 'auto', splitAbove: 40, partSlots: 24 };

export async function contender(name: string, options: JitOptions): Promise<Contender> {
  return { name, engine: await createJitEngine({ maxSteps: MAX_STEPS, ...options }) };
}

export class Lab {
  readonly kernel = new Kernel({ clock: 'virtual', seed: 1 });
  readonly maps: readonly BpfMap[];
  readonly #interp: Engine;
  readonly #start: Uint8Array;
  readonly #end: Uint8Array;
  readonly #world: ReturnType<Kernel['world']['state']>;

  constructor(interp: Engine = createInterpreter({ maxSteps: MAX_STEPS })) {
    this.#interp = interp;
    this.maps = MAPS.map((params, i) => {
      const map = this.kernel.createMap(params);
      for (const { key, value } of initialEntries(i)) map.set(key, value);
      return map;
    });
    this.#start = this.kernel.memory.snapshot();
    this.#end = new Uint8Array(this.#start.length);
    this.#world = this.kernel.world.state();
  }

  /** The program on the Kernel, or what the verifier says against it. */
  load(source: FuzzProgram): Loaded | string {
    const programs: Program[] = [];
    try {
      for (const code of [source.main, source.target]) {
        if (code !== null) programs.push(this.#program(source, code));
      }
      return { source, main: programs[0], target: programs[1] ?? null };
    } catch (e) {
      for (const program of programs) program.close();
      if (e instanceof VerifierError) return e.message;
      throw e;
    }
  }

  #program({ type, verify, data }: FuzzProgram, { insns, mapRefs }: Code): Program {
    const used = [...new Set([...mapRefs.values()].map((ref) => ref.map))];
    return this.kernel.loadProgram(
      {
        type,
        insns,
        maps: used.map((i) => this.maps[i]),
        mapRefs: new Map([...mapRefs].map(([at, ref]) => [at, { ...ref, map: used.indexOf(ref.map) }])),
        ...(type === 'raw' ? { memSize: data.length } : {}),
      },
      { jit: 'off', verify, logLevel: 0 },
    );
  }

  unload({ main, target }: Loaded): void {
    main.close();
    target?.close();
  }

  /** One run from the start state. */
  #run(loaded: Loaded, engine: Engine, vary?: (maps: readonly BpfMap[]) => void): Observation {
    const { kernel } = this;
    const { memory } = kernel;
    const { source, main } = loaded;
    this.#fillSlots(loaded);
    vary?.(this.maps);
    const cpu = kernel.cpu(0);
    const link = (): Executable => engine.link(main.loaded, cpu, (id) => kernel.programById(id));
    const target = { context: contextOf(main.loaded.code.type), memory, cpu: 0 };
    try {
      const result = testRun64({ ...target, executable: link() }, { data: source.data });
      const { retval, data, redirect, ctx } = result;
      return { retval, data, text: `r0 0x${retval.toString(16)} ${json(redirect)} ${json(ctx)} data ${hex(data)}` };
    } catch (e) {
      if (e instanceof BpfError) return { retval: null, data: source.data, text: `error ${e.code}` };
      // Verified code that traps is a finding like any other.
      if (e instanceof WebAssembly.RuntimeError) return { retval: null, data: source.data, text: `trap: ${e.message}` };
      throw e;
    }
  }

  /** Puts memory, clock and random numbers back to the start; the program array holds this program. */
  #fillSlots({ source, main, target }: Loaded): void {
    this.kernel.memory.restore(this.#start);
    this.kernel.world.restore(this.#world);
    if (target === null || source.type === 'raw') return;
    const slots = this.maps[PROGRAMS[source.type]];
    slots.set(TARGET_SLOT, target);
    slots.set(MAIN_SLOT, main);
  }

  /** Runs on the interpreter, with other contents of maps where `vary` says so; nothing is kept. */
  observe(loaded: Loaded, vary?: (maps: readonly BpfMap[]) => void): Observation {
    return this.#run(loaded, this.#interp, vary);
  }

  /** Runs on the interpreter; what it leaves is what contenders are then compared with. */
  reference(loaded: Loaded): Observation {
    const seen = this.#run(loaded, this.#interp);
    this.#end.set(this.kernel.memory.u8);
    return seen;
  }

  /** What a contender does otherwise than `expected` (the last reference() was of the same program); null = nothing. */
  difference(loaded: Loaded, expected: Observation, { name, engine }: Contender): string | null {
    const seen = this.#run(loaded, engine);
    if (seen.text !== expected.text) return `${name} gives\n  ${seen.text}\nthe interpreter\n  ${expected.text}`;
    const at = firstDifference(1, this.#end, this.kernel.memory.u8);
    if (at === null) return null;
    const bytes = (from: Uint8Array) => hex(from.subarray(at - MEMORY_BASE, at - MEMORY_BASE + 8));
    const values = `interpreter ${bytes(this.#end)}, ${name} ${bytes(this.kernel.memory.u8)}`;
    return `memory differs at 0x${at.toString(16)} (${place(1, at)}): ${values}`;
  }
}

/** Compiles main programs and targets into one module; each pair may jump to each other directly. */
export function compileAll(batch: readonly Loaded[], { engine }: Contender): void {
  const slots = new Map<LoadedProgram, readonly number[]>();
  for (const { main, target } of batch) {
    const held: number[] = [];
    if (target !== null) {
      held[MAIN_SLOT] = main.id;
      held[TARGET_SLOT] = target.id;
      slots.set(target.loaded, held);
    }
    slots.set(main.loaded, held);
  }
  engine.compileTogether([...slots.keys()], (_map, index, from) => slots.get(from)![index] ?? 0);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const json = (x: unknown): string => JSON.stringify(x, (_, v) => (typeof v === 'bigint' ? v.toString() : v));
