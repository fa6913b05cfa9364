// What a Kernel is given from outside: the engines. The runtime imports neither the interpreter nor the JIT, so a root
// (src/index.ts, a worker) decides which of them exist.

import { BpfError } from '../uapi/errors.ts';
import type { Engine } from './engine.ts';

/** off: interpreted. auto: compiled quickly. optimized: compiled with Binaryen's inlining. */
export type JitLevel = 'off' | 'auto' | 'optimized';

export interface Toolchain {
  readonly interp: Engine;
  /** The JIT of this level; undefined until loadJit() is done. */
  jit(level: Exclude<JitLevel, 'off'>): Engine | undefined;
  /** Imports what the JIT compiles with. */
  loadJit(): Promise<void>;
}

/** The engine a level asks for. A JIT that is not there is an error, never the interpreter. */
export function engineFor(toolchain: Toolchain, level: JitLevel): Engine {
  if (level === 'off') return toolchain.interp;
  const engine = toolchain.jit(level);
  if (engine === undefined) {
    throw new BpfError('EAGAIN', `jit '${level}' needs its compiler: await loadJit() or load(), or ask for jit 'off'`);
  }
  return engine;
}
