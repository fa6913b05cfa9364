// Raw programs on the JIT with options of one's own, without test runs around them: r1 = a memory of 256 bytes in the
// arena, r2 = its length. For results that are known; what compares the engines is harness.ts.

import { createJitEngine, type JitOptions } from '../jit/index.ts';
import { Kernel } from '../src/index.ts';
import { createInterpreter } from '../src/interp/interp.ts';
import { asm, type Insn } from '../src/isa/index.ts';
import { type Addr, controlWord } from '../src/memory/layout.ts';
import type { Engine, Executable, LoadedProgram } from '../src/runtime/engine.ts';
import { BpfError } from '../src/uapi/errors.ts';

export const MEM_SIZE = 256;

export class Rig {
  readonly kernel = new Kernel({ clock: 'virtual', seed: 1 });
  readonly jit: Engine;
  readonly interp = createInterpreter({ maxSteps: 20_000 });
  readonly mem: Addr;

  private constructor(jit: Engine) {
    this.jit = jit;
    this.mem = this.kernel.heap.alloc(MEM_SIZE);
  }

  /** The JIT validates what it emits unless told otherwise. */
  static async open(options: JitOptions = {}): Promise<Rig> {
    return new Rig(await createJitEngine({ validate: true, ...options }));
  }

  /** A program nobody verified, from text or instructions. */
  load(code: string | readonly Insn[]): LoadedProgram {
    const insns = typeof code === 'string' ? asm(code).insns : code;
    return this.kernel.loadProgram({ type: 'raw', insns }, { jit: 'off', verify: false }).loaded;
  }

  link(program: LoadedProgram, engine = this.jit): Executable {
    return engine.link(program, this.kernel.cpu(0), (id) => this.kernel.programById(id));
  }

  setMem(bytes: Uint8Array): void {
    this.kernel.memory.bytes(this.mem, MEM_SIZE).fill(0);
    this.kernel.memory.write(this.mem, bytes);
  }

  getMem(): Uint8Array {
    return this.kernel.memory.bytes(this.mem, MEM_SIZE).slice();
  }

  /** r0 of one run. */
  run(executable: Executable): bigint {
    this.kernel.memory.setU32(controlWord(0, 'tailCalls'), 0);
    return executable.run64(this.mem, MEM_SIZE);
  }

  /** r0 on the JIT of a program that was not verified. */
  r0(code: string | readonly Insn[]): bigint {
    return this.run(this.link(this.load(code)));
  }
}

/** The errno a run ends with, or its value. */
export function outcome(run: () => bigint): string {
  try {
    return `0x${run().toString(16)}`;
  } catch (e) {
    if (e instanceof BpfError) return e.code;
    throw e;
  }
}
