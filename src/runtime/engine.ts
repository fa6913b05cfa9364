// The contract between the runtime and an engine (interpreter or JIT). An engine knows how instructions execute and
// nothing else: memory, maps, helpers and contexts are the runtime's.
//
// Where RFC 9669 and Linux leave something open, both engines do this, so that they can be compared:
// - On entry r1 and r2 are the arguments, r10 the top of the stack, all other registers 0.
// - A callee of a bpf-to-bpf call starts with its caller's r1-r5, r0 = r6-r9 = 0 and its r10 512 bytes below the one its
//   caller started with; below stackTop - STACK_DEPTH that fails with E2BIG. After any call (helpers and ld_abs too) r1-r5
//   hold what they held before it.
// - A function's frame is the 512 bytes below the r10 it starts with. Bytes of it that this invocation did not write read
//   as 0, by instructions and by helpers. (The verifier lets programs read them, as Linux does for root.)
// - bpf_tail_call (x86 JIT order): index >= max_entries, MAX_TAIL_CALLS done, or an empty slot: the next instruction runs
//   and r0 is unchanged. Else CPU.tailCalls grows by one and the target replaces the function that called and starts with the
//   r10 that one started with.
// - may_goto: each invocation of a function may pass MAY_GOTO_BUDGET times, then every may_goto in it jumps.
// - ld_abs / ld_ind on a byte that is not there leaves the function with r0 = 0. Negative offsets: SKF_NET_OFF, SKF_LL_OFF.
// - A pointer into the arena counts with its low 32 bits; with the offset it names a byte of the 4 GiB around userStart. An
//   access of which a byte is in no page does nothing: a load (acquire or not) gives 0, an atomic that fetches leaves of its
//   register as many bits as it works on.
// - lddw of a function is codeAddr(its first slot) (layout.ts); callx calls such an address, or the helper with that number.

import type { HelperTable } from '../helpers/helper.ts';
import type { KfuncTable } from '../kfuncs/kfunc.ts';
import type { MapPlacement } from '../maps/placement.ts';
import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import type { HelperName } from '../spec/helpers.ts';
import type { Verified } from '../verifier/verified.ts';

/** Linux MAX_TAIL_CALL_CNT. */
export const MAX_TAIL_CALLS = 33;
/** Linux BPF_MAX_LOOPS. */
export const MAY_GOTO_BUDGET = 8 * 1024 * 1024;

/** Bytes and fields of a batch record. */
export const BATCH_RECORD = { size: 16, r1: 0, r2: 4, r0: 8 } as const;

/** Everything of one CPU that code may use. */
export interface Cpu {
  readonly id: number;
  readonly memory: Memory;
  /** Implementations bound to this CPU. Every HelperName but bpf_tail_call is there. */
  readonly helpers: HelperTable;
  /** The same for kfuncs. */
  readonly kfuncs: KfuncTable;
  /** Those of them that engines must call, and not replace by what they know about maps: user code stands in for them. */
  readonly mocked: ReadonlySet<HelperName>;
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

/**
 * Id of the program that a slot of a PROG_ARRAY holds now, or will when `from` runs; 0 = none. The index is below the map's
 * max_entries.
 */
export type SlotReader = (map: MapPlacement, index: number, from: LoadedProgram) => number;

export interface Engine {
  readonly name: 'interp' | 'jit';
  /**
   * Work that link() would do first for programs that are loaded together, without holding up the thread where the host
   * can. What PROG_ARRAYs hold now is a hint: it may change at any time.
   */
  prepare?(programs: readonly LoadedProgram[], slot: SlotReader): Promise<unknown>;
  /** The same at once. */
  prepareSync?(programs: readonly LoadedProgram[], slot: SlotReader): void;
  /** `resolve` finds a tail-call target by program id (from a PROG_ARRAY slot). */
  link(program: LoadedProgram, cpu: Cpu, resolve: (id: number) => LoadedProgram | undefined): Executable;
}
