// What goes into the verifier and what comes out: plain data, no memory, no addresses. The engines get `Verified`.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import type { FuncProto } from '../spec/func_proto.ts';
import type { LocalTypes } from '../spec/local_types.ts';
import type { SpecialField } from '../spec/special_fields.ts';
import type { Diagnostic } from './diagnose/diagnostic.ts';

/** A map as the verifier sees it. */
export interface MapDef {
  readonly name: string;
  /** UAPI bpf_map_type. */
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** BPF_F_* of creation. */
  readonly flags: number;
  /** bpf_map_freeze was called: with BPF_F_RDONLY_PROG the contents are constants. */
  readonly frozen?: boolean;
  /** Value under key 0 of a frozen read-only array: .rodata. */
  readonly contents?: Uint8Array;
  /** An arena: the address of its first page in user space (map_extra, or what mmap gave); absent = none yet. */
  readonly userStart?: bigint;
  /** What a map-in-map holds. */
  readonly inner?: MapDef;
  /** Fields of the value that BTF declares special; absent = the map came without BTF. */
  readonly specialFields?: readonly SpecialField[];
}

/** The lddw at a slot refers to maps[map]: 'fd' = the map itself, 'value' = byte `off` of its value under key 0. */
export interface MapRef {
  readonly map: number;
  readonly kind: 'fd' | 'value';
  readonly off: number;
}

export interface ProgramInput {
  readonly name: string;
  /** UAPI bpf_prog_type; -1 = raw. */
  readonly type: number;
  readonly expectedAttachType: number;
  /** Id in the kernel's BTF of what the program is bound to (a function, the type of a tracepoint, a structure). */
  readonly attachBtfId?: number;
  /** Type EXT: what the program replaces. */
  readonly attachProg?: AttachProg;
  /** BPF_F_* of BPF_PROG_LOAD: 1 strict alignment, 2 any alignment, 8 test state frequency, 16 sleepable. */
  readonly flags: number;
  readonly license: string;
  readonly insns: readonly Insn[];
  readonly maps: readonly MapDef[];
  readonly mapRefs: ReadonlyMap<InsnIndex, MapRef>;
  /** type raw: bytes of the memory at r1 (r2 = this). */
  readonly memSize?: number;
  /** Names of functions by first slot; absent where BTF does not tell all functions (no func_info). */
  readonly functions?: ReadonlyMap<InsnIndex, string>;
  /** Their prototypes; without one a function is static. */
  readonly prototypes?: ReadonlyMap<InsnIndex, FuncProto>;
  /** Structures of the program's own BTF. */
  readonly localTypes?: LocalTypes;
  /** Source by slot, sorted runs: the line of a slot is the entry at or before it. */
  readonly lines?: ReadonlyMap<InsnIndex, SourceLine>;
}

/** One function: slots [start, end). The first one is the program's entry. */
export interface Subprog {
  readonly start: InsnIndex;
  readonly end: InsnIndex;
}

/** What a register held on arrival at an instruction, merged over all arrivals. 0 = never seen, MIXED = differs. */
export const REG_KIND = {
  unseen: 0,
  scalar: 1,
  ctx: 2,
  stack: 3,
  packet: 4,
  packet_meta: 5,
  packet_end: 6,
  map_ptr: 7,
  map_value: 8,
  mem: 9,
  other_ptr: 10,
  mixed: 255,
} as const;

/**
 * What the verifier proved and an engine may rely on. Pruned arrivals are included. Nothing about scalar values is here:
 * pruning ignores scalars that are not precise, so the engines do their own dataflow for those.
 */
export interface Facts {
  /** Per slot: 1 = some path reached it. */
  readonly reached: Uint8Array;
  /** Per conditional jump slot: bit 0 = some arrival jumped, bit 1 = some arrival fell through. */
  readonly taken: Uint8Array;
  /** Per slot: REG_KIND of insn.dst before the instruction (for call, exit: 0). */
  readonly dst: Uint8Array;
  /** Per slot: REG_KIND of insn.src before the instruction, where the instruction reads it. */
  readonly src: Uint8Array;
  /** Per call slot: index of the one map that every arrival passes as const_map_ptr; -1 = none or different ones. */
  readonly callMap: Int32Array;
  /** Loads from structures of the kernel, by slot; null = of different ones. */
  readonly kernelLoads: ReadonlyMap<InsnIndex, KernelLoad | null>;
  /**
   * Programs with an arena, per slot of arithmetic or an access to memory: bit 0 = some arrival does it with an arena pointer,
   * bit 1 = some arrival does not (never both for an access). An arena pointer is no address in the shared memory.
   */
  readonly arena: Uint8Array | null;
  /** Some path reads stack bytes that it did not write (allowed for root): engines must then agree on what is there. */
  readonly readsUninitStack: boolean;
  /** An argument that may be anything (__arg_untrusted) was given something that is no structure of the kernel. */
  readonly readsAnything: boolean;
  /** A kfunc gets an address that nobody checks (a string's): it may read any byte of any frame, written or not. */
  readonly readsAnyAddress: boolean;
}

/** What a load reads: `off` bytes into the map with index `map`; -1 = into another structure. */
export interface KernelLoad {
  readonly map: number;
  readonly off: number;
}

/** A symbol of the kernel; an lddw takes the address, a call calls it. */
export interface Ksym {
  readonly name: string;
  readonly of: 'func' | 'variable';
}

/** A function of an accepted program, as programs see it that replace it. */
export interface TypedFunc {
  readonly proto: FuncProto;
  /** Calls fit its prototype; of the entry: it takes the context alone. */
  readonly reliable: boolean;
  readonly handlesExceptions: boolean;
  /** What it and those that it calls may do. */
  readonly effects: { readonly changesPacket: boolean; readonly mightSleep: boolean };
}

/** The function that a program of type EXT replaces (libbpf's attach target). */
export interface AttachProg {
  /** `verified` of the accepted program that it belongs to. */
  readonly program: Verified;
  readonly func: string;
}

/** A program an engine can run. With facts = null nothing was proven (verification was off). */
export interface Verified {
  readonly name: string;
  readonly type: number;
  readonly insns: readonly Insn[];
  readonly subprogs: readonly Subprog[];
  readonly maps: readonly MapDef[];
  readonly mapRefs: ReadonlyMap<InsnIndex, MapRef>;
  /** Functions of the kernel that are called, and symbols whose address is taken, by slot. */
  readonly ksyms?: ReadonlyMap<InsnIndex, Ksym>;
  readonly facts: Facts | null;
  /** Expected attach type; of a program that replaces another one's function: that one's, as `type` is. */
  readonly attachType: number;
  /** It replaces a function of another program. */
  readonly extends: boolean;
  /** Its functions; absent where it came without BTF. */
  readonly typedFuncs?: readonly TypedFunc[];
}

export interface VerifierStats {
  /** Instructions walked, as in `processed N insns`. */
  readonly processed: number;
  readonly maxStatesPerInsn: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly markRead: number;
  /** Bytes of stack per subprogram. */
  readonly stackDepths: readonly number[];
}

interface Verdict {
  /** The kernel's log, at the level that was asked for. */
  readonly log: string;
  readonly stats: VerifierStats;
  /** Why a program is refused, for people and tools: one so far, as the search stops at the first. Empty when it is accepted. */
  readonly diagnostics: readonly Diagnostic[];
}

export type VerifyResult =
  | (Verdict & { readonly ok: true; readonly verified: Verified })
  | (Verdict & { readonly ok: false; readonly error: VerifierError });

/** A rejection: the errno Linux answers, its message (last line of the log before `processed`), where, and the log. */
export interface VerifierError {
  readonly code: string;
  readonly errno: number;
  readonly message: string;
  /** The sentence that says why: mostly the same. */
  readonly summary: string;
  readonly insn: InsnIndex | null;
  readonly source: SourceLine | null;
}
