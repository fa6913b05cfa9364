// What a call from JavaScript costs: an empty program's run32 beside a WebAssembly function of the same type that does
// nothing. Nanoseconds per call, the fastest of many samples that take turns.

import type { Executable } from '../src/runtime/engine.ts';
import { loadWorkload, workloads } from './workloads.ts';

export interface CallCost {
  readonly program_ns: number;
  readonly function_ns: number;
}

/** (module (func (export "f") (param i32 i32) (result i32) (i32.const 2))) */
const EMPTY = Uint8Array.of(
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f],
  ...[3, 2, 1, 0],
  ...[7, 5, 1, 1, 0x66, 0, 0],
  ...[10, 6, 1, 4, 0, 0x41, 2, 0x0b],
);
const CALLS = 200_000;
const SAMPLES = 60;

// Two loops and not one with a parameter: V8 would see two targets at one call.
function callProgram(executable: Executable, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum + executable.run32(0x40000000, i)) | 0;
  return sum;
}
function callFunction(f: (a: number, b: number) => number, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum = (sum + f(0x40000000, i)) | 0;
  return sum;
}

export async function measureCall(): Promise<CallCost> {
  const { kernel, program } = await loadWorkload((await workloads()).find((w) => w.name === 'empty')!);
  const executable = program.executable();
  const { f } = new WebAssembly.Instance(new WebAssembly.Module(EMPTY)).exports as {
    f: (a: number, b: number) => number;
  };
  const ns = (fn: () => number) => {
    const started = performance.now();
    const sum = fn();
    if (sum !== 2 * CALLS) throw new Error(`an empty program returns 2, the sum is ${sum}`);
    return ((performance.now() - started) * 1e6) / CALLS;
  };
  let program_ns = Infinity;
  let function_ns = Infinity;
  for (let i = 0; i < SAMPLES; i++) {
    program_ns = Math.min(
      program_ns,
      ns(() => callProgram(executable, CALLS)),
    );
    function_ns = Math.min(
      function_ns,
      ns(() => callFunction(f, CALLS)),
    );
  }
  kernel.close();
  return { program_ns, function_ns };
}
