// What a row of the catalogue is: the class of a message, why the program is wrong (one sentence, with the numbers), and
// what usually fixes it. Rows are words only: they see a Case, plain data about the place, and decide nothing.

import type { MapDef } from '../verified.ts';
import type { Past } from './stack_objects.ts';

/** What a rejection is about. A small closed union: tools may dispatch on it. */
export type DiagnosticClass = keyof typeof CLASSES;

/** One line per class, for help texts and JSON consumers. */
export const CLASSES = {
  out_of_bounds: 'memory is accessed where it is not proven to exist',
  uninitialized: 'something is read that was never written',
  null_dereference: 'a pointer that may be NULL is used',
  type_mismatch: 'a register holds something else than what is needed',
  misaligned: 'an access must lie at a multiple of its size',
  pointer_arithmetic: 'a pointer is computed in a way the verifier does not allow',
  ctx_access: 'the context of the program type has no such field, or it is read-only',
  map_access: 'the map does not allow this',
  read_only: 'memory is written that may only be read',
  helper_argument: 'a helper gets an argument that does not fit',
  helper_unavailable: 'this program may not call this helper',
  leak: 'something is taken and not given back',
  reference: 'something is given back that was not taken',
  lock: 'a lock or a section (RCU, preemption, interrupts) is used in a way that is not allowed',
  return_value: 'the program returns a value that its type does not allow',
  control_flow: 'jumps and functions do not form a program',
  limits: 'the program is too large, too deep or does not end',
  malformed: 'an instruction is not encoded as the instruction set says',
  program_setup: 'program type, attach type, flags or maps do not fit together',
  unsupported: 'Linux can load this, beewasm cannot follow it yet',
} as const satisfies Record<string, string>;

/** What a path may hold or have open. */
export type Hold = 'ref' | 'lock' | 'irq' | 'rcu' | 'preempt';

/** Sections in which nothing may sleep. */
export const SECTIONS: readonly Hold[] = ['rcu', 'preempt', 'irq'];

export function forbidsSleep(hold: Hold): boolean {
  return SECTIONS.includes(hold);
}

/** The place of a rejection as its row sees it. */
export interface Case {
  /** What a placeholder of the message stood for: '{reg}' -> '2'; '' when the message has no such part. */
  part(name: string): string;
  num(name: string): number;
  /** What the line above says, in messages of several lines; '' = there is none. */
  readonly cause: { readonly why: string; readonly help: string };
  /** Number of the register the message is about; -1 = none. */
  readonly regno: number;
  /** What it held, in plain words ('a number from 0 to 65535'); 'nothing' when it was never written. */
  readonly holds: string;
  /** Kind of value as the kernel prints it: 'scalar', 'map_value_or_null', ...; '' = no register. */
  readonly kind: string;
  /** Bounds of the value (of a pointer: of the variable part of its offset). */
  readonly smin: bigint;
  readonly umax: bigint;
  /** '-255 to 255', the narrower of the two ranges. */
  readonly range: string;
  /** Pointers: the fixed offset. */
  readonly off: number;
  /** What the instruction does: 'reads', 'writes', or for a call 'bpf_xyz uses'. */
  readonly verb: string;
  readonly write: boolean;
  /** Bytes that the instruction moves; 0 = it is no load or store. */
  readonly size: number;
  /** Name of the called helper or kfunc; ''. */
  readonly helper: string;
  /** Name of the helper or kfunc that took what is still held; ''. */
  readonly taker: string;
  /** What is held or open there. */
  readonly open: readonly Hold[];
  /** What became of the object on the stack that an argument should be. */
  readonly past: Past;
  /** The map that the register points to or the call works on. */
  readonly map: MapDef | null;
  /** Name of the program type, and of its context's struct ('' = it has none). */
  readonly progType: string;
  readonly ctxStruct: string;
  /** What the result means: 'XDP_ABORTED', ... by number; [] = plain numbers. */
  readonly verdicts: readonly string[];
}

export type Words = string | ((c: Case) => string);

export interface MessageRow {
  readonly class: DiagnosticClass | ((c: Case) => DiagnosticClass);
  readonly why: Words;
  readonly help: Words;
  /** What must not be held or open: the diagnostic points to where it was taken. */
  readonly held?: readonly Hold[];
  /** What must be: it points to where that ended. */
  readonly over?: readonly Hold[];
  /**
   * About an object on the stack: it points to where that was made and where it ended. argument: the register in question
   * points to it. named: the message says where it is.
   */
  readonly object?: 'argument' | 'named';
}

export type Rows = Readonly<Record<string, MessageRow>>;

/** Where a path may leave the program, as the kernel calls it and as people do. */
const LEAVES: Readonly<Record<string, string>> = {
  'BPF_EXIT instruction in main prog': 'where the program ends',
  bpf_throw: 'where the exception is thrown',
  tail_call: 'at the tail call, which does not come back',
  'BPF_LD_[ABS|IND]': 'at the packet load, which may end the program',
};

/** '{what}' of messages about what is lost. */
export function leaving(c: Case): string {
  return LEAVES[c.part('what')] ?? `at ${c.part('what')}`;
}

/** `bytes 14..18` of an access, as half-open ranges everywhere. */
export function bytes(off: number, size: number): string {
  return size === 1 ? `byte ${off}` : `bytes ${off}..${off + size}`;
}

/** `1 byte`, `8 bytes`. */
export function amount(n: number): string {
  return `${n} ${n === 1 ? 'byte' : 'bytes'}`;
}

/** 'xdp_md' -> 'struct xdp_md'. */
export function ctxName(c: Case): string {
  return c.ctxStruct === '' ? 'the context' : `struct ${c.ctxStruct}`;
}

/** 'R2' or 'the pointer'. */
export function regName(c: Case): string {
  return c.regno < 0 ? 'the pointer' : `R${c.regno}`;
}

export function mapName(c: Case): string {
  return c.map === null || c.map.name === '' ? 'the map' : `map '${c.map.name}'`;
}

/** Largest `2^n - 1` that is not above `max`: a mask that keeps an index in range. */
export function maskBelow(max: number): number {
  return max < 0 ? 0 : 2 ** Math.floor(Math.log2(max + 1)) - 1;
}
