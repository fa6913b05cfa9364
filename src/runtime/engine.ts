// The contract between the runtime and an engine (interpreter or JIT). An engine knows how instructions execute and
// nothing else: memory, maps, helpers and contexts are the runtime's.

import type { HelperTable } from '../helpers/helper.ts';
import type { MapPlacement } from '../maps/placement.ts';
import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import type { Verified } from '../verifier/verified.ts';

/** Everything of one CPU that code may use. */
export interface Cpu {
  readonly id: number;
  readonly memory: Memory;
  /** Implementations bound to this CPU. Every HelperName but bpf_tail_call is there. */
  readonly helpers: HelperTable;
  /** Exports of the map operations instance over this memory (maps/ops). */
  readonly mapOps: Readonly<Record<string, (...args: number[]) => number>>;
  /**
   * Program id -> function (r1: i32, sp: i32) -> i64, for tail calls between compiled programs. A slot holds a `miss`
   * stub until that program was linked on this CPU.
   */
  readonly table: WebAssembly.Table;
}

/** A program with the addresses of its maps: what an engine links. */
export interface LoadedProgram {
  readonly id: number;
  readonly code: Verified;
  /** placement of code.maps[i]. */
  readonly maps: readonly MapPlacement[];
  /** Width of the result. */
  readonly result: 'u32' | 'u64';
}

/** A program bound to a CPU. */
export interface Executable {
  /**
   * One run: r1, r2 on entry as u32 (r2 = 0 unless raw). Returns r0: the full 64 bits as unsigned bigint.
   * The caller has reset the tail-call count.
   */
  run64(r1: Addr, r2: number): bigint;
  /** One run whose result is 32-bit, without BigInt on the way. */
  run32(r1: Addr, r2: number): number;
  /**
   * Runs once for each of `n` records at `batch` (layout BatchRecord: u32 r1, u32 r2, u64 r0, 16 bytes) inside the engine and stores
   * every r0; the tail-call count is reset before each run.
   */
  runBatch(batch: Addr, n: number): void;
}

export interface Engine {
  readonly name: 'interp' | 'jit';
  /** `resolve` finds a tail-call target by program id (from a PROG_ARRAY slot). */
  link(program: LoadedProgram, cpu: Cpu, resolve: (id: number) => LoadedProgram | undefined): Executable;
}
