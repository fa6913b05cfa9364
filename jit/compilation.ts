// What the passes of compile.ts hand on: one record per program and one per function, filled pass by pass.
//
// A "vreg" is what becomes a Wasm local: 0-10 are the registers, 11 and up are promoted stack slots (promote.ts).

import type { Cfg } from '../src/analysis/cfg.ts';
import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import type { MapPlacement } from '../src/maps/placement.ts';
import type { LoadedProgram } from '../src/runtime/engine.ts';
import { type HelperName, helperById } from '../src/spec/helpers.ts';
import { type Facts, REG_KIND } from '../src/verifier/verified.ts';
import type { Idioms } from './idioms.ts';
import type { FnWidths } from './narrow.ts';
import type { Reductions } from './reductions.ts';
import type { Selects } from './selects.ts';
import type { Node } from './structure.ts';
import type { Builder } from './wasm.ts';

export const REGS = 11;
export const FP = 10;

export interface CompileOptions {
  /** 'auto': what Binaryen emits as it is; 'optimized': its inlining passes run. */
  readonly level?: 'auto' | 'optimized';
  /** Verified programs count their back edges and look at the kill word, too (about a quarter slower in tight loops). */
  readonly stoppable?: boolean;
  /** Helpers that are called although more is known about their map. */
  readonly calls?: ReadonlySet<HelperName>;
  /** Validate the module before it is emitted. */
  readonly validate?: boolean;
  /** Keep names of functions in the binary (for dumps and stack traces). */
  readonly names?: boolean;
  /** Slots above which a function is split, and slots of a part: tests make them small. */
  readonly splitAbove?: number;
  readonly partSlots?: number;
  /** Called with the module as text, in which every statement names its instruction as `bpf:SLOT`. */
  readonly onText?: (wat: string) => void;
  /** The passes to run instead of PASSES (compile.ts): experiments, and tests that plant bugs. */
  readonly passes?: readonly Pass[];
  /** Stands between lowering and the builder of the module, to observe it or to change what is built. */
  readonly tap?: (b: Builder) => Builder;
  /** Called after each pass; `dump` renders its result as text that a person can diff. */
  readonly onPass?: (name: string, ms: number, dump: () => string) => void;
}

/** A step of compiling. */
export interface Pass {
  readonly name: string;
  readonly fn: (c: Compilation) => void;
  readonly dump: (c: Compilation) => string;
}

/** Bytes [from, to) of a frame; 0 = r10 - 512. */
export interface FrameRange {
  readonly from: number;
  readonly to: number;
}

/** One of the functions that a large one was split into (split.ts). */
export interface Part {
  readonly of: Fn;
  /** Blocks where it may start, by the number other parts use. */
  readonly entries: readonly number[];
  /** Blocks without instructions: which place (see placeOf) of another part each goes to. */
  readonly leaves: ReadonlyMap<number, number>;
  /** The block without instructions behind all of them: hands the registers over. */
  readonly save: number;
}

/** One subprogram that is emitted. */
export interface Fn {
  /** Position in Compilation.fns; 0 is the program's entry. */
  readonly index: number;
  readonly start: InsnIndex;
  /** Of the function in the module. */
  readonly name: string;
  cfg: Cfg;
  /** Functions it calls, by start slot. */
  readonly callees: readonly InsnIndex[];
  /** It changes r10: only programs that were not verified do. */
  readonly writesFp: boolean;
  /** By inline.ts: call slots where the callee's code stands instead of a call. */
  inlined: ReadonlySet<InsnIndex>;
  /** By inline.ts: false where every call of it is inlined. */
  emitted: boolean;
  /** By promote.ts: number of vregs, and the slot vreg an access at `start + i` goes to (0: it goes to memory). */
  vregs: number;
  slots: Uint16Array;
  /** ... which of its bytes such an access begins at, and how many bytes the slot vregs have, from vreg REGS on. */
  slotBytes: Uint8Array;
  slotSizes: readonly number[];
  /** By promote.ts: the bytes of the frame, from its lowest one, that accesses in memory may touch. */
  frame: FrameRange;
  /** By split.ts: this function only calls its parts, or is one of them. */
  parts: readonly Fn[] | null;
  part: Part | null;
  /** By idioms.ts. */
  idioms: Idioms;
  /** By narrow.ts: how many bits r0 may have when it returns, whatever its arguments are. */
  resultBits: number;
  /** By narrow.ts. */
  widths: FnWidths | null;
  /** By selects.ts. */
  selects: Selects;
  /** By reductions.ts. */
  reductions: Reductions;
  /** By structure.ts. */
  body: readonly Node[];
}

export interface Compilation {
  readonly program: LoadedProgram;
  readonly options: CompileOptions;
  /** What names of functions and exports begin with: programs that share a module have different ones. */
  readonly prefix: string;
  readonly insns: readonly Insn[];
  readonly ops: readonly (Op | undefined)[];
  readonly facts: Facts | null;
  /** Callers before callees, the entry first. */
  fns: Fn[];
  fnAt: Map<InsnIndex, Fn>;
  /** The program in this module that a slot of a PROG_ARRAY held when it was made. */
  readonly jumpTarget: (map: MapPlacement, index: number) => Compilation | undefined;
  /** Something calls itself, or is called by address: nothing is known about arguments then. */
  openCalls: boolean;
}

/** Whether `fn` itself (not its callees) can be replaced by another program. */
export function makesTailCalls(c: Compilation, fn: Fn): boolean {
  return fn.cfg.blocks.some(({ start, last }) => {
    for (let at = start; at <= last; at++) if (isTailCall(c.insns[at], c.ops[at])) return true;
    return false;
  });
}

export const isTailCall = (insn: Insn, op: Op | undefined): boolean =>
  op?.kind === 'call' && op.callee === 'helper' && helperById(insn.imm)?.ret === 'tail_call';

const POINTERS: ReadonlySet<number> = new Set([
  REG_KIND.ctx,
  REG_KIND.stack,
  REG_KIND.packet,
  REG_KIND.packet_meta,
  REG_KIND.packet_end,
  REG_KIND.map_ptr,
  REG_KIND.map_value,
  REG_KIND.mem,
  REG_KIND.other_ptr,
]);

/** Whether every arrival holds a pointer (maybe NULL): an address below 2^32. */
export const isPointer = (kind: number): boolean => POINTERS.has(kind);
