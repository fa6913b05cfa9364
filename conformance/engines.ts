// How the suites run a program: through a Kernel of the public API, on the interpreter and on the JIT. Everything a suite
// knows of beewasm's run time is behind this interface.

import { type JitLevel, Kernel, loadJit, type Program } from '../src/index.ts';
import { progTypeById } from '../src/spec/prog_types.ts';
import type { ProgramInput } from '../src/verifier/verified.ts';

export type EngineName = 'interp' | 'jit';
export const ENGINES: readonly EngineName[] = ['interp', 'jit'];

export interface Runner {
  /** r0 of a raw program over a copy of `mem`; `verified` = the verifier must accept it (VerifierError if not). */
  runRaw(engine: EngineName, input: ProgramInput, mem: Uint8Array, verified: boolean): bigint;
  /** The 32-bit result of one test run of an accepted program, with fresh maps. */
  runPacket(engine: EngineName, input: ProgramInput, data: Uint8Array): number;
}

/** What the JIT may do: compile quickly, or with Binaryen's inlining. */
export const LEVELS = ['auto', 'optimized'] as const satisfies JitLevel[];
export type Level = (typeof LEVELS)[number];

const jitOf = (engine: EngineName, level: Level): JitLevel => (engine === 'interp' ? 'off' : level);

export async function openRunner(level: Level = 'auto'): Promise<Runner> {
  await loadJit();
  const raw = new Kernel({ clock: 'virtual', seed: 1 });
  return {
    runRaw(engine, input, mem, verified) {
      const program = raw.loadProgram({ ...input, maps: [] }, { jit: jitOf(engine, level), verify: verified });
      try {
        return program.run64({ data: mem }).retval;
      } finally {
        program.close();
      }
    },
    runPacket(engine, input, data) {
      // A real clock: programs may wait for it to move.
      const kernel = new Kernel({ clock: 'real', seed: 1 });
      const { retval } = loadInput(kernel, input, engine, level).run(runInput(input, data));
      kernel.close();
      return retval;
    },
  };
}

/** What a run of the program is given: types without a packet run without. */
export function runInput(input: ProgramInput, data: Uint8Array): { data?: Uint8Array } {
  return progTypeById(input.type)?.packet ? { data } : {};
}

/** Creates and fills the maps of a program, and loads it. */
export function loadInput(kernel: Kernel, input: ProgramInput, engine: EngineName, level: Level = 'auto'): Program {
  const maps = input.maps.map((def) => {
    const map = kernel.createMap(def);
    if (def.contents) map.set(new Uint8Array(def.keySize), def.contents);
    if (def.frozen) map.freeze();
    return map;
  });
  return kernel.loadProgram({ ...input, maps }, { jit: jitOf(engine, level) });
}

/** What a run threw, as one line. Compilers throw more than Errors. */
export function errorText(error: unknown): string {
  return `error: ${error instanceof Error ? error.message.split('\n')[0] : JSON.stringify(error)}`;
}
