// The reference interpreter: an Engine that walks predecoded steps with one switch. It is written to be read and to be
// right; the JIT is compared with it. What RFC 9669 leaves open is decided in runtime/engine.ts.
//
// Programs need not be verified: an access outside memory, an unknown instruction or a missing helper throws a BpfError
// that names the slot; it never crashes. `maxSteps` bounds a run, `onStep` sees every instruction before it executes.

import type { Addr } from '../memory/layout.ts';
import { controlWord, stackTop } from '../memory/layout.ts';
import type { Cpu, Engine, Executable, LoadedProgram } from '../runtime/engine.ts';
import { BATCH_RECORD } from '../runtime/engine.ts';
import { Machine } from './machine.ts';
import { type Code, predecode } from './predecode.ts';

export interface InterpOptions {
  /** A run that executes more instructions throws EAGAIN. Default 2^31: an endless loop ends as an error, not as a hang. */
  readonly maxSteps?: number;
  /** Called before each instruction: slot, registers (live, index = register number) and the program that runs. */
  readonly onStep?: (pc: number, regs: BigUint64Array, program: LoadedProgram) => void;
}

/** Finds what a tail call jumps to. */
export type ResolveCode = (id: number) => Code | undefined;

export function createInterpreter(options: InterpOptions = {}): Engine {
  const decoded = new WeakMap<LoadedProgram, Code>();
  const codeOf = (program: LoadedProgram): Code => {
    let code = decoded.get(program);
    if (code === undefined) decoded.set(program, (code = predecode(program)));
    return code;
  };
  return {
    name: 'interp',
    link(program, cpu, resolve) {
      const target: ResolveCode = (id) => {
        const found = resolve(id);
        return found && codeOf(found);
      };
      return executable(codeOf(program), cpu, target, options);
    },
  };
}

function executable(code: Code, cpu: Cpu, target: ResolveCode, options: InterpOptions): Executable {
  const run = (r1: Addr, r2: number) => new Machine(cpu, target, options).run(code, r1, r2, stackTop(cpu.id));
  return {
    run64: (r1, r2) => run(r1, r2)[0],
    run32: (r1, r2) => Number(BigInt.asUintN(32, run(r1, r2)[0])),
    runBatch(batch, n) {
      const { memory } = cpu;
      for (let i = 0; i < n; i++) {
        const record = batch + i * BATCH_RECORD.size;
        memory.setU32(controlWord(cpu.id, 'tailCalls'), 0);
        const regs = run(memory.u32(record + BATCH_RECORD.r1), memory.u32(record + BATCH_RECORD.r2));
        memory.setU64(record + BATCH_RECORD.r0, regs[0]);
      }
    },
  };
}
