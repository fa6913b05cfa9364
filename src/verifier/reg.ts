// The abstract state of one register: what kind of value it holds and what is known of it. Immutable: a change makes a
// new Reg, so that states share registers freely. Field names are the kernel's (struct bpf_reg_state).

import { constant, isZero, type Scalar, UNKNOWN, widthOf, ZERO } from './scalar.ts';

export type RegKind =
  | 'not_init'
  | 'scalar'
  | 'ctx'
  | 'map_ptr'
  | 'map_value'
  | 'map_key'
  | 'fp'
  | 'pkt'
  | 'pkt_meta'
  | 'pkt_end'
  | 'mem'
  | 'func'
  | 'sock'
  | 'sock_common'
  | 'tcp_sock'
  | 'xdp_sock'
  | 'ringbuf_mem'
  | 'flow_keys'
  | 'tp_buffer'
  | 'buf'
  | 'btf_id'
  | 'untrusted_mem'
  | 'dynptr_ptr'
  /** Into the program's one arena: any 32-bit number; nothing more is known. */
  | 'arena'
  /** Only in slots: an iterator, a saved interrupt flag. */
  | 'stack_object';

/**
 * What is known of a pointer beside its kind (kernel enum bpf_type_flag), as bits. Who may follow a pointer into the kernel
 * and hand it on hangs on them: `trusted` is valid as long as the program runs, `rcu` inside the RCU read section,
 * `untrusted` not at all (loads may still be tried); none of these = from before Linux knew the difference.
 */
export const FLAG = {
  rdonly: 1 << 0,
  user: 1 << 1,
  percpu: 1 << 2,
  rcu: 1 << 3,
  untrusted: 1 << 4,
  trusted: 1 << 5,
  /** An object of the program's own (bpf_obj_new). */
  alloc: 1 << 6,
  /** ... that a list or tree owns. */
  nonOwning: 1 << 7,
} as const;

/** What a dynptr's memory is (kernel enum bpf_dynptr_type). */
export type DynptrType = 'local' | 'ringbuf' | 'skb' | 'xdp' | 'skb_meta';

/** Which kfuncs saved interrupt flags: those for that alone, or those that take a lock (kernel IRQ_NATIVE_KFUNC, IRQ_LOCK_KFUNC). */
export type IrqClass = 'native' | 'lock';

/** What stack slots hold that only calls may touch. Slots of a dynptr have the kind of a pointer to one, dynptr_ptr. */
export type StackObject =
  /** first: the slot at the lower address. */
  | { readonly kind: 'dynptr'; readonly type: DynptrType; readonly first: boolean }
  /** `type` num is struct bpf_iter_num. Not active: drained. depth: elements that this path got. */
  | { readonly kind: 'iter'; readonly type: string; readonly active: boolean; readonly depth: number }
  | { readonly kind: 'irq_flag'; readonly type: IrqClass };

export class Reg {
  readonly kind: RegKind;
  /** FLAG.* */
  readonly flags: number;
  /** The pointer may be NULL (PTR_MAYBE_NULL). */
  readonly maybeNull: boolean;
  /** Pointers: fixed offset. Scalars with addConst: what was added since the link. */
  readonly off: number;
  /** Scalars: the value. Pointers: the variable part of the offset. */
  readonly s: Scalar;
  /**
   * Scalars with the same id hold the same value (plus `off` with addConst); pointers with the same id come from the
   * same lookup or the same variable addition. 0 = none.
   */
  readonly id: number;
  readonly addConst: boolean;
  /** With addConst: the sum counts modulo 2^32, of values below 2^32 (kernel BPF_ADD_CONST32). */
  readonly wrap: boolean;
  /** The reference this pointer holds (see refs.ts); 0 = none. */
  readonly refObjId: number;
  /** Index of the map (map_ptr, map_value); -1 otherwise. */
  readonly map: number;
  /** map_ptr, map_value: the lookup in a map of maps that gave the map, where timers must tell maps apart (kernel map_uid). */
  readonly mapUid: number;
  /** pkt, pkt_meta: bytes known to be readable from the pointer's base; AT_PKT_END and BEYOND_PKT_END below zero. */
  readonly range: number;
  /** fp: which frame. */
  readonly frame: number;
  /** mem: size in bytes. func: slot of the function. btf_id: 0, or the id of the structure in the program's own BTF. */
  readonly size: number;
  /** btf_id: name of the kernel structure. */
  readonly btf: string;
  /** mem: id of the dynptr it is a slice of; 0 = of none. */
  readonly dynptr: number;
  /** dynptr_ptr: what it points to. */
  readonly object: StackObject | null;
  /** Scalars: the value decided something, so pruning compares it. */
  readonly precise: boolean;

  /** A copy of `like`. A constructor, since a register is made per step: it costs a fifth of `{ ...like }`. */
  constructor(like: Readonly<Reg>) {
    this.kind = like.kind;
    this.flags = like.flags;
    this.maybeNull = like.maybeNull;
    this.off = like.off;
    this.s = like.s;
    this.id = like.id;
    this.addConst = like.addConst;
    this.wrap = like.wrap;
    this.refObjId = like.refObjId;
    this.map = like.map;
    this.mapUid = like.mapUid;
    this.range = like.range;
    this.frame = like.frame;
    this.size = like.size;
    this.btf = like.btf;
    this.dynptr = like.dynptr;
    this.object = like.object;
    this.precise = like.precise;
  }
}

/** A register under construction. */
export type Draft = { -readonly [K in keyof Reg]: Reg[K] };

export const AT_PKT_END = -1;
export const BEYOND_PKT_END = -2;

const EMPTY = new Reg({
  kind: 'not_init',
  flags: 0,
  maybeNull: false,
  off: 0,
  s: ZERO,
  id: 0,
  addConst: false,
  wrap: false,
  refObjId: 0,
  map: -1,
  mapUid: 0,
  range: 0,
  frame: 0,
  size: 0,
  btf: '',
  dynptr: 0,
  object: null,
  precise: false,
});

export function makeReg(fields: Partial<Reg>): Reg {
  return Object.assign(new Reg(EMPTY), fields);
}

/** A copy to be changed. Every Reg is made so or by makeReg: all have one shape. */
export function copyReg(reg: Reg): Draft {
  return new Reg(reg);
}
export function withScalar(reg: Reg, s: Scalar): Reg {
  if (reg.s === s) return reg;
  const r = copyReg(reg);
  r.s = s;
  return r;
}
export function withPrecision(reg: Reg, precise: boolean): Reg {
  if (reg.precise === precise) return reg;
  const r = copyReg(reg);
  r.precise = precise;
  return r;
}
export function withId(reg: Reg, id: number): Reg {
  const r = copyReg(reg);
  r.id = id;
  return r;
}
/** The pointer is known not to be NULL. */
export function notNullReg(reg: Reg, id: number): Reg {
  const r = copyReg(reg);
  r.maybeNull = false;
  r.id = id;
  return r;
}
export function withRange(reg: Reg, range: number): Reg {
  const r = copyReg(reg);
  r.range = range;
  return r;
}
/** Equal to no other scalar any more. */
export function unlinked(reg: Reg): Reg {
  if (reg.id === 0 && !reg.addConst && reg.off === 0) return reg;
  const r = copyReg(reg);
  r.id = 0;
  r.addConst = false;
  r.off = 0;
  return r;
}

export const NOT_INIT: Reg = makeReg({ kind: 'not_init' });
export const UNKNOWN_SCALAR: Reg = makeReg({ kind: 'scalar', s: UNKNOWN });
export const ZERO_SCALAR: Reg = makeReg({ kind: 'scalar' });

export function scalarReg(s: Scalar): Reg {
  return makeReg({ kind: 'scalar', s });
}
/** A scalar known to be `value` (unsigned 64-bit). */
export function constReg(value: bigint): Reg {
  return makeReg({ kind: 'scalar', s: constant(value) });
}

export function isPointer(r: Reg): boolean {
  return r.kind !== 'scalar' && r.kind !== 'not_init';
}
export function isPacket(r: Reg): boolean {
  return r.kind === 'pkt' || r.kind === 'pkt_meta';
}
/** A scalar known to be 0: what a NULL argument looks like. */
export function isNull(r: Reg): boolean {
  return r.kind === 'scalar' && isZero(r.s);
}
const NEVER_NULL: ReadonlySet<RegKind> = new Set<RegKind>([
  'map_value',
  'map_ptr',
  'mem',
  'ringbuf_mem',
  'sock',
  'sock_common',
  'tcp_sock',
]);

/** A pointer that cannot be NULL at run time, so that comparing it with 0 is decided. */
export function isNotNull(r: Reg): boolean {
  if (r.maybeNull) return false;
  return NEVER_NULL.has(r.kind) || (r.kind === 'btf_id' && isTrusted(r));
}

const TRUSTED = FLAG.trusted | FLAG.alloc | FLAG.nonOwning;

/** Something beside trust is said of the pointer (kernel bpf_type_has_unsafe_modifiers). */
export function hasUnsafeFlags(r: Reg): boolean {
  return (r.flags & ~TRUSTED) !== 0;
}
/** Kinds that stand for a structure of the kernel (kernel reg2btf_ids). */
export const STRUCT_OF: Partial<Record<RegKind, string>> = {
  sock: 'sock',
  sock_common: 'sock_common',
  tcp_sock: 'tcp_sock',
  map_ptr: 'bpf_map',
};
/** Valid as long as the program runs (kernel is_trusted_reg). */
export function isTrusted(r: Reg): boolean {
  if (r.refObjId !== 0) return true;
  if (hasUnsafeFlags(r)) return false;
  return (STRUCT_OF[r.kind] !== undefined && !r.maybeNull) || (r.flags & TRUSTED) !== 0;
}
export function isRcu(r: Reg): boolean {
  return (r.flags & FLAG.rcu) !== 0;
}

const TEXT: Partial<Record<RegKind, string>> = { not_init: '?', untrusted_mem: 'rdonly_untrusted_mem' };
/** In the order that Linux prints them. */
const PREFIXES: readonly (keyof typeof FLAG)[] = ['rdonly', 'user', 'percpu', 'rcu', 'untrusted', 'trusted'];

function prefixes(flags: number): string {
  return flags === 0 ? '' : PREFIXES.map((name) => ((flags & FLAG[name]) === 0 ? '' : `${name}_`)).join('');
}

/** Kernel reg_type_str: the kind as messages print it. */
export function kindText(r: Reg): string {
  const prefix = prefixes(r.flags);
  // Pointers to kernel structures are followed by the structure's name.
  if (r.kind === 'btf_id') return `${prefix}ptr_${r.maybeNull ? 'or_null_' : ''}`;
  return prefix + (TEXT[r.kind] ?? r.kind) + (r.maybeNull ? '_or_null' : '');
}

/** Bits needed for the value as an unsigned number. */
export function regWidth(r: Reg): number {
  return widthOf(r.s);
}
