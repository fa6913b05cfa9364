// Loads and stores: may the program touch these bytes, and what does a load give (kernel check_mem_access). One function
// per kind of pointer, tied to the kinds by a table.

import type { Size } from '../isa/op.ts';
import { type CtxKind, ctxRead, ctxWritable } from '../spec/ctx.ts';
import { mapTypeById } from '../spec/map_types.ts';
import { type SockKind, sockLoadOk } from '../spec/sock.ts';
import { isPointerField, SPECIAL_FIELDS } from '../spec/special_fields.ts';
import { BPF_FLAGS } from '../uapi/enums.ts';
import { loadArgument } from './ctx_args.ts';
import type { Env } from './env.ts';
import { mapFields, structFields, untrustedMemory } from './kernel_pointer.ts';
import { accessPointer, checkWhole, pointerFieldAt } from './kptr.ts';
import {
  FLAG,
  isPacket,
  kindText,
  makeReg,
  type Reg,
  type RegKind,
  scalarReg,
  UNKNOWN_SCALAR,
  unlinked,
  withScalar,
} from './reg.ts';
import { denied, explain, invalid, type Reject } from './reject.ts';
import { constant, isConst, isZero, largest, lowest, signExtend, truncate, widthOf } from './scalar.ts';
import { checkStackBounds, readStack, writeStack } from './stack.ts';
import { tnumAdd, tnumConst, tnumIsAligned, tnumText } from './tnum.ts';
import { checkUnmodified } from './unmoved.ts';
import type { MapDef } from './verified.ts';

export interface Access {
  readonly regno: number;
  readonly ptr: Reg;
  /** Offset in the instruction. */
  readonly off: number;
  readonly size: Size;
  /** Store: what is stored (null for an atomic's write); from which register (-1: an immediate). */
  readonly write: boolean;
  readonly value: Reg | null;
  readonly valueRegno: number;
  /** Atomics must be aligned. */
  readonly strict: boolean;
  /** Sign-extending load. */
  readonly signed: boolean;
  /** A load whose result goes to no register: an atomic's. */
  readonly unused: boolean;
}

/** Result of a load before it is cut to its size; null for stores. */
type Outcome = Reg | Reject | null;

export const MAX_VAR_OFF = 1 << 29;

function isRejection(x: Outcome): x is Reject {
  return x !== null && 'message' in x;
}

const ALIGNED_NAMES: Partial<Record<RegKind, string>> = {
  map_value: 'value ',
  map_key: 'key ',
  ctx: 'context ',
  fp: 'stack ',
  flow_keys: 'flow keys ',
  sock: 'sock ',
  sock_common: 'sock_common ',
  tcp_sock: 'tcp_sock ',
  xdp_sock: 'xdp_sock ',
};

/** Kernel check_ptr_alignment: the stack is always strict, other memory only on request. */
export function checkAlignment(
  env: Env,
  a: Pick<Access, 'ptr' | 'off' | 'strict'> & { readonly size: number },
): Reject | null {
  const { ptr, size } = a;
  const strict = a.strict || env.strictAlignment || ptr.kind === 'fp';
  if (!strict || size === 1 || ptr.kind === 'arena') return null;
  // Strict packets are aligned as if NET_IP_ALIGN were 2.
  const fixed = ptr.off + a.off + (isPacket(ptr) ? 2 : 0);
  if (isConst(ptr.s) && ((ptr.s.var_off.v.lo + fixed) & (size - 1)) === 0) return null;
  if (tnumIsAligned(tnumAdd(ptr.s.var_off, tnumConst(BigInt.asUintN(64, BigInt(fixed)))), size)) return null;
  if (isPacket(ptr)) {
    return denied(`misaligned packet access off 2+${tnumText(ptr.s.var_off)}+${ptr.off}+${a.off} size ${size}`);
  }
  const name = (!ptr.maybeNull && ALIGNED_NAMES[ptr.kind]) || '';
  return denied(`misaligned ${name}access off ${tnumText(ptr.s.var_off)}+${ptr.off}+${a.off} size ${size}`);
}

/** [off, off + size) inside a region of `limit` bytes, in the words for its kind (kernel __check_mem_access). */
function checkFixed(ptr: Reg, regno: number, off: number, size: number, limit: number, zeroOk: boolean): Reject | null {
  if (off >= 0 && (size > 0 || (size === 0 && zeroOk)) && off + size <= limit) return null;
  switch (ptr.kind) {
    case 'map_value':
      return denied(`invalid access to map value, value_size=${limit} off=${off} size=${size}`);
    case 'map_key':
      return denied(`invalid access to map key, key_size=${limit} off=${off} size=${size}`);
    case 'pkt':
    case 'pkt_meta':
      return denied(`invalid access to packet, off=${off} size=${size}, R${regno}(id=${ptr.id},off=${off},r=${limit})`);
    default:
      return denied(`invalid access to memory, mem_size=${limit} off=${off} size=${size}`);
  }
}

const NEGATIVE_INDEX = 'min value is negative, either use unsigned index or do a if (index >=0) check.';

/** A region with a variable offset: both ends must fit (kernel check_mem_region_access). */
export function checkRegion(
  regno: number,
  ptr: Reg,
  off: number,
  size: number,
  limit: number,
  zeroOk: boolean,
): Reject | null {
  const low = off + lowest(ptr.s);
  const high = largest(ptr.s);
  if (low < 0 && lowest(ptr.s) < 0) {
    return denied(`R${regno} ${NEGATIVE_INDEX}`);
  }
  const atMin = checkFixed(ptr, regno, low, size, limit, zeroOk);
  if (atMin) return explain(atMin, `R${regno} min value is outside of the allowed memory range`);
  if (high >= MAX_VAR_OFF) {
    return denied(`R${regno} unbounded memory access, make sure to bounds check any such access`);
  }
  const atMax = checkFixed(ptr, regno, high + off, size, limit, zeroOk);
  return atMax && explain(atMax, `R${regno} max value is outside of the allowed memory range`);
}

/** Packet bytes: only the fixed offset counts, the range was proven behind the variable part. */
export function checkPacket(regno: number, ptr: Reg, off: number, size: number, zeroOk: boolean): Reject | null {
  if (lowest(ptr.s) < 0) return denied(`R${regno} ${NEGATIVE_INDEX}`);
  const outside = `R${regno} offset is outside of the packet` as const;
  if (ptr.range < 0) return invalid(outside);
  const reject = checkFixed(ptr, regno, off, size, ptr.range, zeroOk);
  return reject && explain(reject, outside);
}

/** Whether programs must not read from (or write into) the map. */
export function isForbidden(map: MapDef, write: boolean): boolean {
  const flags = map.flags | (mapTypeById(map.type)?.impliedFlags ?? 0);
  return (flags & (write ? BPF_FLAGS.BPF_F_RDONLY_PROG : BPF_FLAGS.BPF_F_WRONLY_PROG)) !== 0;
}

export function checkMapFlags(map: MapDef, off: number, size: number, write: boolean): Reject | null {
  if (!isForbidden(map, write)) return null;
  const verb = write ? 'write into' : 'read from';
  return denied(`${verb} map forbidden, value_size=${map.valueSize} off=${off} size=${size}`);
}

/** Value bytes, special fields excluded (kernel check_map_access). */
export function checkMapValue(
  env: Env,
  regno: number,
  ptr: Reg,
  off: number,
  size: number,
  zeroOk: boolean,
  /** By the program itself: pointers in the value may then be read and written whole. */
  direct = false,
): Reject | null {
  const map = env.map(ptr.map);
  const reject = checkRegion(regno, ptr, off, size, map.valueSize, zeroOk);
  if (reject) return reject;
  const low = lowest(ptr.s) + off;
  const high = Number(ptr.s.umax) + off + size;
  for (const field of map.specialFields ?? []) {
    const { size: bytes, text } = SPECIAL_FIELDS[field.type];
    if (low >= field.offset + bytes || field.offset >= high) continue;
    if (!isPointerField(field.type)) return denied(`${text} cannot be accessed directly by load/store`);
    const bad = direct ? checkWhole(field, ptr, off, size) : denied(`${text} cannot be accessed indirectly by helper`);
    if (bad) return bad;
  }
  return null;
}

/** Nobody can change the map any more (kernel bpf_map_is_rdonly). */
export function isConstantMap(map: MapDef): boolean {
  return (map.flags & BPF_FLAGS.BPF_F_RDONLY_PROG) !== 0 && map.frozen === true;
}

/** The type has values with an address that is known before the program runs (kernel map_direct_value_addr). */
export function hasDirectValue(map: MapDef): boolean {
  return mapTypeById(map.type)?.name === 'array';
}

/** Bytes of a frozen read-only array are constants for the program (kernel bpf_map_direct_read). */
function constantOf(map: MapDef, ptr: Reg, off: number, size: number): bigint | undefined {
  const direct = hasDirectValue(map) && map.maxEntries === 1;
  if (!isConstantMap(map) || !direct || map.contents === undefined || !isConst(ptr.s)) return undefined;
  const at = off + Number(ptr.s.var_off.value);
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(map.contents[at + i] ?? 0);
  return value;
}

/** A store that would let an address out. */
function leaks(env: Env, a: Access): boolean {
  return a.write && a.valueRegno >= 0 && a.value !== null && env.hides(a.value);
}

function mapValue(env: Env, a: Access, off: number): Outcome {
  if (leaks(env, a)) return denied(`R${a.valueRegno} leaks addr into map`);
  const map = env.map(a.ptr.map);
  const at = off + (isConst(a.ptr.s) ? a.ptr.s.var_off.v.lo : 0);
  const reject =
    checkMapFlags(map, at, a.size, a.write) ?? checkMapValue(env, a.regno, a.ptr, off, a.size, false, true);
  if (reject) return reject;
  const pointer = isConst(a.ptr.s) ? pointerFieldAt(map.specialFields, at) : undefined;
  if (pointer !== undefined) return accessPointer(env, a, pointer);
  if (a.write) return null;
  const known = constantOf(map, a.ptr, off, a.size);
  return known === undefined ? UNKNOWN_SCALAR : scalarReg(constant(known));
}

const CTX_LOADS: Record<CtxKind, (env: Env) => Reg> = {
  scalar: () => UNKNOWN_SCALAR,
  pkt: () => makeReg({ kind: 'pkt' }),
  pkt_end: () => makeReg({ kind: 'pkt_end' }),
  pkt_meta: () => makeReg({ kind: 'pkt_meta' }),
  sock: () => makeReg({ kind: 'sock' }),
  sock_or_null: (env) => makeReg({ kind: 'sock', maybeNull: true, id: env.newId() }),
  sock_common_or_null: (env) => makeReg({ kind: 'sock_common', maybeNull: true, id: env.newId() }),
  flow_keys: () => makeReg({ kind: 'flow_keys' }),
  tp_buffer: () => makeReg({ kind: 'tp_buffer' }),
  trusted_ptr_nf_hook_state: () => makeReg({ kind: 'btf_id', flags: FLAG.trusted, btf: 'nf_hook_state' }),
  trusted_ptr_sk_buff: () => makeReg({ kind: 'btf_id', flags: FLAG.trusted, btf: 'sk_buff' }),
};

function ctx(env: Env, a: Access, off: number): Outcome {
  if (leaks(env, a)) return denied(`R${a.valueRegno} leaks addr into ctx`);
  const reject = checkUnmodified(a.regno, a.ptr);
  if (reject) return reject;
  if (env.prog.target !== null) return loadArgument(env, a, off);
  const noField = denied(`invalid bpf_context access off=${off} size=${a.size}`);
  if (env.ctx === null) return noField;
  if (a.write) return ctxWritable(env.ctx, off, a.size) ? null : noField;
  const kind = ctxRead(env.ctx, off, a.size);
  // A pointer can't be sign-extended.
  if (kind === undefined || (a.signed && kind !== 'scalar')) return noField;
  return CTX_LOADS[kind](env);
}

function stack(env: Env, a: Access, off: number): Outcome {
  const reject = checkStackBounds(env, a.regno, a.ptr, off, a.size, a.write);
  if (reject) return reject;
  if (a.write) return writeStack(env, a.ptr, off, a.size, a.value, a.valueRegno);
  return readStack(env, a.regno, a.ptr, off, a.size, a.unused);
}

function packet(env: Env, a: Access, off: number): Outcome {
  if (a.write && env.type.packetAccess !== 'write') return denied('cannot write into packet');
  if (leaks(env, a)) return denied(`R${a.valueRegno} leaks addr into packet`);
  return checkPacket(a.regno, a.ptr, off, a.size, false) ?? (a.write ? null : UNKNOWN_SCALAR);
}

function plainMemory(env: Env, a: Access, off: number): Outcome {
  if (a.write && (a.ptr.flags & FLAG.rdonly) !== 0) return denied(`R${a.regno} cannot write into ${kindText(a.ptr)}`);
  if (leaks(env, a)) return denied(`R${a.valueRegno} leaks addr into mem`);
  return checkRegion(a.regno, a.ptr, off, a.size, a.ptr.size, false) ?? (a.write ? null : UNKNOWN_SCALAR);
}

/** Kernel check_sock_access. */
function socket(_env: Env, a: Access, off: number): Outcome {
  const kind = a.ptr.kind as SockKind;
  if (a.write) return denied(`R${a.regno} cannot write into ${kind}`);
  if (lowest(a.ptr.s) < 0) return denied(`R${a.regno} ${NEGATIVE_INDEX}`);
  if (sockLoadOk(kind, off, a.size)) return UNKNOWN_SCALAR;
  return denied(`R${a.regno} invalid ${kind} access off=${off} size=${a.size}`);
}

const FLOW_KEYS_SIZE = 56;

/** struct bpf_flow_keys (kernel check_flow_keys_access). */
function flowKeys(env: Env, a: Access, off: number): Outcome {
  if (leaks(env, a)) return denied(`R${a.valueRegno} leaks addr into flow keys`);
  if (off < 0 || off + a.size > FLOW_KEYS_SIZE) {
    return denied(`invalid access to flow keys off=${off} size=${a.size}`);
  }
  return a.write ? null : UNKNOWN_SCALAR;
}

/** A writable tracepoint's buffer, whose size is compared when the program is attached (kernel check_tp_buffer_access). */
function tracepointBuffer(_env: Env, { regno, ptr, size, write }: Access, off: number): Outcome {
  if (off < 0) return denied(`R${regno} invalid tracepoint buffer access: off=${off}, size=${size}`);
  if (!isZero(ptr.s)) {
    return denied(`R${regno} invalid variable buffer offset: off=${off}, var_off=${tnumText(ptr.s.var_off)}`);
  }
  return write ? null : UNKNOWN_SCALAR;
}

/** Memory whose size is compared when the program is attached (kernel check_buffer_access). */
export function checkBuffer(regno: number, ptr: Reg, off: number, size: number): Reject | null {
  const name = (ptr.flags & FLAG.rdonly) !== 0 ? 'rdonly' : 'rdwr';
  if (off < 0) return denied(`R${regno} invalid ${name} buffer access: off=${off}, size=${size}`);
  if (isZero(ptr.s)) return null;
  return denied(`R${regno} invalid variable buffer offset: off=${off}, var_off=${tnumText(ptr.s.var_off)}`);
}

function buffer(_env: Env, a: Access, off: number): Outcome {
  if (a.write && (a.ptr.flags & FLAG.rdonly) !== 0) return denied(`R${a.regno} cannot write into ${kindText(a.ptr)}`);
  return checkBuffer(a.regno, a.ptr, off, a.size) ?? (a.write ? null : UNKNOWN_SCALAR);
}

/** The key that a callback gets: it may be read. */
function mapKey(_env: Env, a: Access, off: number): Outcome {
  if (a.write) return denied(`write to change key R${a.regno} not allowed`);
  return checkRegion(a.regno, a.ptr, off, a.size, a.ptr.size, false) ?? UNKNOWN_SCALAR;
}

/** What is not there reads as 0: any byte, at any distance. */
function arena(_env: Env, a: Access): Outcome {
  return a.write ? null : UNKNOWN_SCALAR;
}

type Handler = (env: Env, a: Access, off: number) => Outcome;

const HANDLERS: Partial<Record<RegKind, Handler>> = {
  map_value: mapValue,
  map_key: mapKey,
  ctx,
  fp: stack,
  pkt: packet,
  pkt_meta: packet,
  mem: plainMemory,
  ringbuf_mem: plainMemory,
  sock: socket,
  sock_common: socket,
  tcp_sock: socket,
  xdp_sock: socket,
  flow_keys: flowKeys,
  tp_buffer: tracepointBuffer,
  buf: buffer,
  map_ptr: mapFields,
  btf_id: structFields,
  untrusted_mem: untrustedMemory,
  arena,
};

/** One access. Loads return what the register holds (cut to its size). */
export function accessMemory(env: Env, a: Access): Reg | Reject | null {
  env.facts.usesArena(env.insnIdx, a.ptr.kind === 'arena');
  const misaligned = checkAlignment(env, a);
  if (misaligned) return misaligned;
  const handler = a.ptr.maybeNull ? undefined : HANDLERS[a.ptr.kind];
  if (handler === undefined) return denied(`R${a.regno} invalid mem access '${kindText(a.ptr)}'`);
  const result = handler(env, a, a.ptr.off + a.off);
  if (result === null || isRejection(result) || result.kind !== 'scalar' || a.size === 8) return result;
  const { loaded, insnIdx } = env;
  return loaded.get(insnIdx, result, result) ?? loaded.put(insnIdx, result, result, cut(a, result));
}

/** What a load of fewer than 8 bytes leaves of a scalar. */
function cut(a: Access, result: Reg): Reg {
  const s = a.signed ? signExtend(result.s, a.size as 1 | 2 | 4, 64) : truncate(result.s, a.size);
  if (s === result.s) return result;
  // A number that became negative is no longer the one in the slot, whose id a fill brings along (Linux 6.18 keeps it).
  const sameNumber = !a.signed || widthOf(result.s) < 8 * a.size;
  return withScalar(sameNumber ? result : unlinked(result), s);
}
