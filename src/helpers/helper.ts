// What a helper implementation looks like to an engine, and the one struct through which everything from outside comes.

import type { KernelMap } from '../maps/map.ts';
import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import type { HelperName } from '../spec/helpers.ts';

/**
 * A helper's implementation: i32 arguments as numbers (spec/helpers.ts abiParams: u64 = lo, hi), i32 result or nothing
 * (64-bit results in the CPU block). It checks every address and length it gets; whatever a program passes, it answers
 * (-EFAULT) and does not throw.
 */
export type HelperImpl = (...args: number[]) => number | undefined;

/** Every helper but bpf_tail_call, which is the engines' own. */
export type BoundHelperName = Exclude<HelperName, 'bpf_tail_call'>;

/** Implementations bound to one CPU. */
export type HelperTable = { readonly [K in BoundHelperName]: HelperImpl };

/** One bpf_trace_printk: its text without a trailing newline. */
export interface TraceLine {
  readonly cpu: number;
  readonly text: string;
}

/**
 * A test's replacement of a helper: arguments by its prototype (u64 as unsigned bigint, the rest as unsigned number),
 * result by its prototype (a pointer is an address).
 */
export type HelperMock = (...args: (number | bigint)[]) => number | bigint | undefined;

/** The world as helpers see it. */
export interface HelperEnv {
  readonly memory: Memory;
  /** CLOCK_MONOTONIC, real or virtual, in ns. */
  clock(): bigint;
  /** The next random u32. */
  random(cpu: number): number;
  trace(line: TraceLine): void;
  /** The map a program sees at this address. */
  mapAt(addr: Addr): KernelMap | undefined;
  /** Asked at every call, so mocks may come and go after linking. */
  readonly mocks: ReadonlyMap<BoundHelperName, HelperMock>;
}

/** One row of src/helpers: makes the implementation for a CPU. */
export type BindHelper = (env: HelperEnv, cpu: number) => HelperImpl;
/** The rows of one file. */
export type HelperRows = { readonly [K in BoundHelperName]?: BindHelper };
