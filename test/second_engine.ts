// Records runs of compiled programs (module, globals, memory before, r0, memory after) and repeats them in Wasmtime:
// an engine and a compiler that share nothing with V8. Wasmtime is not a dependency: python3 with `pip install wasmtime`,
// or the Python that BEEWASM_WASMTIME names; where there is none, the reason is told.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ROOT } from '../conformance/shared.ts';
import type { Image, JitEngine } from '../jit/index.ts';
import type { Kernel, Program, RunOptions } from '../src/index.ts';
import { lockOwner, mapOpsBytes } from '../src/maps/ops.ts';
import { cpuBlock, MEMORY_BASE, MEMORY_END, PAGE, stackTop } from '../src/memory/layout.ts';
import { BpfError } from '../src/uapi/errors.ts';

const PYTHON = process.env.BEEWASM_WASMTIME ?? 'python3';
const CHUNK = 4096;

export interface Recorded {
  readonly name: string;
  readonly image: Image;
  readonly r1: number;
  readonly r2: number;
  readonly before: Uint8Array;
  /** r0, or null for a run that ended as an error. */
  readonly r0: bigint | null;
  readonly after: Uint8Array;
}

export function imageOf(program: Program): Image {
  return (program.engine as JitEngine).image(program.loaded);
}

/** Modules that need nothing of ours but memory and map operations can run elsewhere. */
export function standsAlone({ helpers, tailCalls }: Image): boolean {
  return helpers.length === 0 && !tailCalls;
}

/** One run of a program that is loaded for the JIT. */
export function record(kernel: Kernel, program: Program, input: RunOptions): Recorded {
  const executable = program.executable(0);
  const { run64 } = executable;
  let seen: Recorded | undefined;
  executable.run64 = (r1, r2) => {
    const before = kernel.memory.snapshot();
    const run = { name: program.name, image: imageOf(program), r1, r2, before };
    try {
      const r0 = run64(r1, r2);
      seen = { ...run, r0, after: kernel.memory.snapshot() };
      return r0;
    } catch (e) {
      seen = { ...run, r0: null, after: kernel.memory.snapshot() };
      throw e;
    }
  };
  try {
    program.run64(input);
  } catch (e) {
    if (!(e instanceof BpfError)) throw e;
  } finally {
    executable.run64 = run64;
  }
  if (seen === undefined) throw new Error(`${program.name} was not run`);
  return seen;
}

/** Why Wasmtime can't be asked; null when it can. */
export function wasmtimeMissing(): string | null {
  const { status, error } = spawnSync(PYTHON, ['-c', 'import wasmtime; wasmtime.SharedMemory'], { encoding: 'utf8' });
  if (error) return `${PYTHON}: ${error.message}`;
  return status === 0 ? null : `${PYTHON} has no module wasmtime (pip install wasmtime)`;
}

const base64 = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');

function chunks(bytes: Uint8Array): [number, string][] {
  const found: [number, string][] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const chunk = bytes.subarray(at, at + CHUNK);
    if (chunk.some((b) => b !== 0)) found.push([at, base64(chunk)]);
  }
  return found;
}

/** Repeats the runs; returns one line for each that came out otherwise. */
export function differencesInWasmtime(runs: readonly Recorded[]): string[] {
  const size = Math.max(...runs.map((r) => Math.max(r.before.length, r.after.length)));
  const globals = { cpu: cpuBlock(0), stack: stackTop(0), id: 0, owner: lockOwner(0) };
  const job = {
    pages: Math.ceil((MEMORY_BASE + size) / PAGE),
    max: MEMORY_END / PAGE,
    base: MEMORY_BASE,
    size,
    mapOps: base64(mapOpsBytes()),
    runs: runs.map(({ name, image, r1, r2, before }) => ({
      name,
      wasm: base64(image.wasm),
      globals,
      r1,
      r2,
      before: chunks(before),
    })),
  };
  const { status, stdout, stderr } = spawnSync(PYTHON, [join(ROOT, 'test/second_engine.py')], {
    input: JSON.stringify(job),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`Wasmtime: ${stderr}`);
  const answers = JSON.parse(stdout) as { r0?: string; error?: string; sha256: string }[];
  return runs.flatMap(({ name, r0, after }, i) => {
    const { r0: got, error, sha256 } = answers[i];
    const want = r0 === null ? undefined : `0x${r0.toString(16)}`;
    if (want !== got) return [`${name}: V8 ${want ?? 'an error'}, Wasmtime ${got ?? error}`];
    const padded = new Uint8Array(size);
    padded.set(after);
    const same = createHash('sha256').update(padded).digest('hex') === sha256;
    return same ? [] : [`${name}: memory differs after the run`];
  });
}
