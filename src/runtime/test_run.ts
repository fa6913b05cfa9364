// One test run (BPF_PROG_TEST_RUN): the input becomes context and frame, the program runs `repeat` times on them as they
// then are, and what is left is the output. Throws BpfError where Linux answers an errno.

import { clearRedirect, readRedirect } from '../helpers/redirect.ts';
import { type Addr, controlWord, ctxArea, packetArea } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { BpfError } from '../uapi/errors.ts';
import type { ContextRow, RunArea } from './context.ts';
import type { Executable } from './engine.ts';
import { decodeStruct, encodeStruct, type StructValues } from './struct.ts';

export interface TestRunOptions {
  /** The packet (raw: the memory at r1). */
  readonly data?: Uint8Array;
  /** Members of the context by name, or the bytes of the struct, which may be cut. */
  readonly ctx?: StructValues | Uint8Array;
  /** Runs in a row over the same packet; 0 = 1. */
  readonly repeat?: number;
  /** The CPU it runs on. */
  readonly cpu?: number;
}

/** Where bpf_redirect or bpf_redirect_map sent the packet of the last run. */
export type Redirect =
  | { readonly kind: 'ifindex'; readonly ifindex: number }
  | { readonly kind: 'map'; readonly map: Addr; readonly index: number };

export interface TestRunResult<R = number> {
  /** r0: the low 32 bits, for `raw` all 64 as a bigint. */
  readonly retval: R;
  /** The packet after the run, metadata included. */
  readonly data: Uint8Array;
  readonly ctx: StructValues;
  /** Average nanoseconds of a run. */
  readonly duration: number;
  readonly redirect: Redirect | null;
}

/** What a run works on. */
export interface RunTarget {
  readonly context: ContextRow;
  readonly memory: Memory;
  readonly cpu: number;
  readonly executable: Executable;
}

export function cpuArea(memory: Memory, cpu: number): RunArea {
  return { memory, ctx: ctxArea(cpu), frame: packetArea(cpu) };
}

/** The context a caller gave, as the whole struct. `length` is the packet's. */
export function ctxBytes(row: ContextRow, ctx: TestRunOptions['ctx'], length: number): Uint8Array | null {
  const { layout } = row;
  if (ctx === undefined) return null;
  if (!(ctx instanceof Uint8Array)) {
    return encodeStruct(layout, { ...row.defaults?.(length), ...ctx });
  }
  if (ctx.subarray(layout.size).some((b) => b !== 0)) {
    throw new BpfError('E2BIG', `the context is longer than struct ${layout.name} (${layout.size} bytes)`);
  }
  const bytes = new Uint8Array(layout.size);
  bytes.set(ctx.subarray(0, layout.size));
  return bytes;
}

/** A run with a 32-bit result. */
export function testRun(target: RunTarget, options: TestRunOptions): TestRunResult {
  const { executable } = target;
  return runWith(target, options, (r1, r2) => executable.run32(r1, r2));
}

/** A run with a 64-bit result. */
export function testRun64(target: RunTarget, options: TestRunOptions): TestRunResult<bigint> {
  const { executable } = target;
  return runWith(target, options, (r1, r2) => executable.run64(r1, r2));
}

function runWith<R>(
  { context, memory, cpu }: RunTarget,
  options: TestRunOptions,
  call: (r1: Addr, r2: number) => R,
): TestRunResult<R> {
  const data = options.data ?? new Uint8Array(0);
  if (!(data instanceof Uint8Array)) throw new BpfError('EINVAL', 'data is not a Uint8Array');
  const repeat = repeatOf(options.repeat);
  context.frameBytes(data.length);
  const input = { data, ctx: ctxBytes(context, options.ctx, data.length) };
  const area = cpuArea(memory, cpu);
  const prepared = context.prepare(area, input);
  const { r1, r2 } = prepared;
  resetCpu(memory, cpu);
  const started = performance.now();
  let retval = call(r1, r2);
  for (let i = 1; i < repeat; i++) {
    resetCpu(memory, cpu);
    retval = call(r1, r2);
  }
  const duration = Math.round(((performance.now() - started) * 1e6) / repeat);
  const output = context.collect(area, input, prepared);
  return {
    retval,
    data: output.data,
    ctx: decodeStruct(context.layout, output.ctx),
    duration,
    redirect: redirectOf(memory, cpu),
  };
}

function repeatOf(repeat = 1): number {
  if (!Number.isInteger(repeat) || repeat < 0 || repeat > 0xffffffff) throw new BpfError('EINVAL', `repeat ${repeat}`);
  return Math.max(1, repeat);
}

/** What each run starts with. */
export function resetCpu(memory: Memory, cpu: number): void {
  memory.setU32(controlWord(cpu, 'tailCalls'), 0);
  clearRedirect(memory, cpu);
}

function redirectOf(memory: Memory, cpu: number): Redirect | null {
  const { kind, index, map } = readRedirect(memory, cpu);
  if (kind === 'none') return null;
  return kind === 'ifindex' ? { kind, ifindex: index } : { kind, map, index };
}
