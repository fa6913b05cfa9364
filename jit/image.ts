// What compiling yields: the Wasm binary and everything linking must know about it. Plain data: an Image can be cloned
// to a worker or written to a file.

import type { MapOpName } from '../src/maps/placement.ts';
import type { HelperName } from '../src/spec/helpers.ts';
import type { RunnableKfuncName } from '../src/spec/kfunc_abi.ts';

/** A map whose addresses and sizes the code has as constants. */
export interface BakedMap {
  readonly type: string;
  readonly numbers: readonly number[];
}

export interface Image {
  /** Several programs may be in one module (compileMany): then their images have it in common. */
  readonly wasm: Uint8Array;
  /** What the names of this program's exports begin with. */
  readonly prefix: string;
  readonly name: string;
  /** By index in the program's maps: linking refuses a program whose maps lie elsewhere. */
  readonly maps: readonly BakedMap[];
  readonly helpers: readonly HelperName[];
  readonly kfuncs: readonly RunnableKfuncName[];
  readonly mapOps: readonly MapOpName[];
  /** Programs that it may jump to without a look at the CPU's table, with their maps: linking checks these, too. */
  readonly jumps: readonly { readonly id: number; readonly maps: readonly BakedMap[] }[];
  /** It makes tail calls: it needs the CPU's table, and exports a `miss` stub. */
  readonly tailCalls: boolean;
  /** It counts down a budget (programs that were not verified, may_goto, CompileOptions.stoppable). */
  readonly budget: boolean;
  /** Slots of the program and functions emitted. */
  readonly insns: number;
  readonly functions: number;
}

/** Exported functions of every program, each name behind Image.prefix; only `miss` stands alone. */
export interface ImageExports {
  run32(r1: number, r2: number): number;
  run64(r1: number, r2: number): bigint;
  batch(addr: number, n: number): void;
  /** (r1: i32, sp: i32) -> i64: what a tail call jumps to. */
  tail: CallableFunction;
  /** Links the program in CPU.tailTarget on this CPU and jumps to it. */
  miss?: CallableFunction;
}

/** Why compiled code gave up; the first argument of the `fail` import. */
export const FAIL = {
  noInsn: 0,
  stack: 1,
  noHelper: 2,
  address: 3,
  kfunc: 4,
  notAMap: 5,
} as const;
