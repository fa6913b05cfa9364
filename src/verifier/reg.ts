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
  | 'btf_id'
  | 'untrusted_ptr'
  | 'untrusted_mem'
  | 'trusted_ptr';

export interface Reg {
  readonly kind: RegKind;
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
  /** pkt, pkt_meta: bytes known to be readable from the pointer's base; AT_PKT_END and BEYOND_PKT_END below zero. */
  readonly range: number;
  /** fp: which frame. */
  readonly frame: number;
  /** mem: size in bytes. func: slot of the function. */
  readonly size: number;
  /** btf_id, untrusted_ptr: name of the kernel structure. */
  readonly btf: string;
  /** Scalars: the value decided something, so pruning compares it. */
  readonly precise: boolean;
}

export const AT_PKT_END = -1;
export const BEYOND_PKT_END = -2;

const EMPTY: Reg = {
  kind: 'not_init',
  maybeNull: false,
  off: 0,
  s: ZERO,
  id: 0,
  addConst: false,
  wrap: false,
  refObjId: 0,
  map: -1,
  range: 0,
  frame: 0,
  size: 0,
  btf: '',
  precise: false,
};

/** Every Reg is made here or by spreading one, so that all have one shape. */
export function makeReg(fields: Partial<Reg>): Reg {
  return { ...EMPTY, ...fields };
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
  'trusted_ptr',
]);

/** A pointer that cannot be NULL at run time, so that comparing it with 0 is decided. */
export function isNotNull(r: Reg): boolean {
  if (r.maybeNull) return false;
  return NEVER_NULL.has(r.kind);
}

const NAMED: Partial<Record<RegKind, string>> = {
  btf_id: 'ptr_',
  untrusted_ptr: 'untrusted_ptr_',
  trusted_ptr: 'trusted_ptr_',
};
const TEXT: Partial<Record<RegKind, string>> = { not_init: '?', untrusted_mem: 'rdonly_untrusted_mem' };

/** Kernel reg_type_str: the kind as messages print it. */
export function kindText(r: Reg): string {
  // Pointers to kernel structures are followed by the structure's name.
  const name = NAMED[r.kind];
  if (name !== undefined) return name + (r.maybeNull ? 'or_null_' : '');
  return (TEXT[r.kind] ?? r.kind) + (r.maybeNull ? '_or_null' : '');
}

/** Bits needed for the value as an unsigned number. */
export function regWidth(r: Reg): number {
  return widthOf(r.s);
}
