// The root of the library: a Kernel with both engines. The JIT with its compiler (Binaryen) is imported when something is
// compiled for the first time, so importing this file costs neither.

import { createInterpreter } from './interp/interp.ts';
import type { Engine } from './runtime/engine.ts';
import { type KernelOptions, Kernel as RuntimeKernel } from './runtime/kernel.ts';
import type { JitLevel, RunLimits, Toolchain } from './runtime/toolchain.ts';

/** Makes a JIT; undefined until loadJit() is done. */
let jitEngine: ((options: { level: 'auto' | 'optimized' } & RunLimits) => Engine) | undefined;

/** One engine for every way to ask for it, so that Kernels share what it compiled. */
const engines = new Map<string, Engine>();
function engine(level: JitLevel, { stoppable, maxSteps }: RunLimits, make: () => Engine): Engine {
  const key = `${level} ${stoppable} ${maxSteps}`;
  const known = engines.get(key) ?? make();
  engines.set(key, known);
  return known;
}

const toolchain: Toolchain = {
  interp: (limits) => engine('off', limits, () => createInterpreter(limits)),
  jit(level, limits) {
    const make = jitEngine;
    return make && engine(level, limits, () => make({ level, ...limits }));
  },
  async loadJit() {
    const jit = await import('../jit/index.ts');
    await jit.loadBinaryen();
    jitEngine = jit.jitEngine;
  },
};

/** One isolated userspace kernel: memory, maps, programs, CPUs. */
export class Kernel extends RuntimeKernel {
  constructor(options: KernelOptions = {}) {
    super(options, toolchain);
  }
}

/** Imports the JIT's compiler, so that loadSync and loadProgram can compile. load() does it by itself. */
export function loadJit(): Promise<void> {
  return toolchain.loadJit();
}

export type { MapSpec, ObjectSpec, ProgramSpec, VariableSpec } from './loader/index.ts';
export { type Kconfig, type OpenOptions, openObject } from './loader/index.ts';
export { readKernelTypes } from './loader/kernel_btf.ts';
export { BpfMap, type MapKey, type MapValue, type UpdateMode } from './maps/bpf_map.ts';
export { Batch } from './runtime/batch.ts';
export { EngineFault } from './runtime/engine_fault.ts';
export type { HelperMocking, KernelOptions } from './runtime/kernel.ts';
export type { LoadedObject, LoadOptions } from './runtime/load.ts';
export type { Program, RunOptions, VerifierReport } from './runtime/program.ts';
export { programInput } from './runtime/program_input.ts';
export type { ProgramSource } from './runtime/program_source.ts';
export { VerifierError } from './runtime/rejected.ts';
export type { Redirect, TestRunOptions, TestRunResult } from './runtime/test_run.ts';
export type { JitLevel } from './runtime/toolchain.ts';
export type { ClockOption } from './runtime/world.ts';
export { BeewasmError, BpfError, FormatError, UnsupportedError } from './uapi/errors.ts';
