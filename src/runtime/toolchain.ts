// What a Kernel is given from outside: the engines. The runtime imports neither the interpreter nor the JIT, so a root
// (src/index.ts, a worker) decides which of them exist.

import { BpfError } from '../uapi/errors.ts';
import type { Engine } from './engine.ts';

/** off: interpreted. auto: compiled quickly. optimized: compiled with Binaryen's inlining. */
export type JitLevel = 'off' | 'auto' | 'optimized';

/** What ends a run that would not end by itself. */
export interface RunLimits {
  /** Verified code counts its back edges and looks at the kill word as well, not only code that nobody proved to end. */
  readonly stoppable: boolean;
  /** Instructions (interpreter) or back edges and calls (compiled) that one run may make: then EAGAIN. */
  readonly maxSteps?: number;
}

export interface Toolchain {
  interp(limits: RunLimits): Engine;
  /** The JIT of this level; undefined until loadJit() is done. */
  jit(level: Exclude<JitLevel, 'off'>, limits: RunLimits): Engine | undefined;
  /** Imports what the JIT compiles with. */
  loadJit(): Promise<void>;
}

/** The engine a level asks for. A JIT that is not there is an error, never the interpreter. */
export function engineFor(toolchain: Toolchain, level: JitLevel, limits: RunLimits): Engine {
  if (level === 'off') return toolchain.interp(limits);
  const engine = toolchain.jit(level, limits);
  if (engine === undefined) {
    throw new BpfError('EAGAIN', `jit '${level}' needs its compiler: await loadJit() or load(), or ask for jit 'off'`);
  }
  return engine;
}
