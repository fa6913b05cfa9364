// Arguments of helper calls (kernel check_func_arg): does a register fit what the prototype asks for? One row of CHECKS
// per kind of argument; what later steps of the call need is noted in Call.

import type { ArgKind, Helper } from '../spec/helpers.ts';
import type { SpecialField } from '../spec/special_fields.ts';
import { checkDynptr, checkReleased, type DynptrUse, dynptrOf } from './dynptr.ts';
import type { Env } from './env.ts';
import { perCpuArgument, sockArgument, structArgument } from './helper_btf.ts';
import { elidesNull } from './helper_map.ts';
import { checkMemory, type MemoryUse } from './helper_mem.ts';
import { matchPointer, referencedField } from './kptr.ts';
import { spinLock } from './locks.ts';
import { checkFieldPointer } from './map_field.ts';
import { checkAlignment, checkMapValue, hasDirectValue, isConstantMap, MAX_VAR_OFF } from './mem.ts';
import { isOwnObject } from './object.ts';
import { markPrecise, markSlotPrecise } from './precision.ts';
import { FLAG, isNull, isPacket, kindText, type Reg, type RegKind } from './reg.ts';
import { denied, invalid, type Reject, refused } from './reject.ts';
import { isConst, numberIn } from './scalar.ts';
import { frameOf } from './stack.ts';
import { byteOf, byteType, EMPTY_SLOT, isScalarSpill, SLOT, spiOf } from './state.ts';
import { checkRegOff, checkUnmodified } from './unmoved.ts';

/** What earlier arguments of the same call said. */
export interface Call {
  readonly helper: Helper;
  map: number;
  /** Which lookup of a map of maps gave it (see reg.ts). */
  mapUid: number;
  /** Constant key of a lookup in an array; -1 = not known. */
  constKey: bigint;
  /** Bytes that the helper fills: register and size. */
  fill: { readonly regno: number; readonly size: number } | null;
  /** Reference of the argument that has one; what the call releases or passes on. */
  refObjId: number;
  /** Largest value of the last size argument. */
  sizeMax: bigint;
  /** Size of the memory in the result. */
  memSize: number;
  /** Field that a pointer is exchanged in. */
  kptr: SpecialField | null;
  /** First slot of the function that the helper calls; -1 = none. */
  callback: number;
  /** The per-CPU variable of which it gives a copy. */
  perCpu: Reg | null;
  /** The dynptr that the call uses: its register or first slot. */
  dynptr: Reg | null;
}

const MEMORY: readonly RegKind[] = ['fp', 'pkt', 'pkt_meta', 'map_key', 'map_value', 'mem', 'ringbuf_mem', 'buf'];
const MEMORY_TEXT = 'fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_';

function checkKind(regno: number, reg: Reg, kinds: readonly RegKind[], text: string): Reject | null {
  if (!reg.maybeNull && kinds.includes(reg.kind)) return null;
  return denied(`R${regno} type=${kindText(reg)} expected=${text}`);
}

export type Check = (env: Env, regno: number, reg: Reg, call: Call) => Reject | null;

const READ: MemoryUse = { zeroOk: false, write: false, fill: false };
const FILL: MemoryUse = { zeroOk: false, write: true, fill: true };

/** Structures of the kernel are memory for helpers that say they only read. */
function checkMemoryKind(regno: number, reg: Reg, { helper }: Call, allowed: number): Reject | null {
  if (reg.kind === 'btf_id' && !reg.maybeNull && reg.flags === FLAG.trusted) {
    if ((allowed & FLAG.rdonly) !== 0) return null;
    return denied(`${helper.name}() may write into memory pointed by R${regno} type=${kindText(reg)}`);
  }
  const flagged = (reg.flags & ~allowed) !== 0;
  return checkKind(regno, reg, flagged ? [] : MEMORY, MEMORY_TEXT);
}

/** Memory of a size that the call says elsewhere (`fixedSize`), or that the next argument checks; `allowed`: FLAG.* it may have. */
function pointerToMemory(
  fixedSize?: (env: Env, call: Call, regno: number) => number,
  use = READ,
  allowed: number = 0,
): Check {
  return (env, regno, reg, call) => {
    const bad = checkMemoryKind(regno, reg, call, allowed);
    if (bad || fixedSize === undefined) return bad;
    return checkMemory(env, regno, fixedSize(env, call, regno), use, call, true);
  };
}

function orNull(check: Check): Check {
  return (env, regno, reg, call) => (isNull(reg) ? null : check(env, regno, reg, call));
}

const valueSize = (env: Env, call: Call): number => env.map(call.map).valueSize;
const sizeInPrototype = (_env: Env, call: Call, regno: number): number => call.helper.sizes?.[regno - 1] ?? 0;

/** Memory of fixed size that must lie at a multiple of it (MEM_ALIGNED). */
function aligned(use: MemoryUse): Check {
  const check = pointerToMemory(sizeInPrototype, use);
  return (env, regno, reg, call) =>
    check(env, regno, reg, call) ??
    checkAlignment(env, { ptr: reg, off: 0, size: sizeInPrototype(env, call, regno), strict: true });
}

/** The constant that `size` bytes at a stack pointer hold, and the slot that says so; undefined when it is not known. */
function constantOnStack(env: Env, ptr: Reg, size: number): { value: bigint; spi: number } | undefined {
  if (ptr.kind !== 'fp' || !isConst(ptr.s)) return undefined;
  const off = ptr.off + numberIn(ptr.s);
  if (off >= 0) return undefined;
  const spi = spiOf(off);
  const slot = frameOf(env, ptr).stack[spi] ?? EMPTY_SLOT;
  const run = (t: number) => {
    let n = 0;
    for (let i = byteOf(off); i >= 0 && byteType(slot, i) === t; i--) n++;
    return n;
  };
  if (run(SLOT.zero) >= size) return { value: 0n, spi: -1 };
  if (!isScalarSpill(slot) || run(SLOT.spill) !== size || !isConst(slot.reg.s)) return undefined;
  return { value: slot.reg.s.var_off.value, spi };
}

function mapKey(env: Env, regno: number, reg: Reg, call: Call): Reject | null {
  const size = env.map(call.map).keySize;
  const bad = pointerToMemory(() => size)(env, regno, reg, call);
  if (bad || !elidesNull(env.map(call.map))) return bad;
  const known = constantOnStack(env, reg, size);
  if (known === undefined) return null;
  if (known.spi >= 0) markSlotPrecise(env, reg.frame, known.spi);
  call.constKey = known.value;
  return null;
}

function checkSize(zeroOk: boolean): Check {
  return (env, regno, reg, call) => {
    if (reg.kind !== 'scalar') return denied(`R${regno} type=${kindText(reg)} expected=scalar`);
    const { smin, umin, umax } = reg.s;
    call.sizeMax = umax;
    if (smin < 0n) return denied(`R${regno} min value is negative, either use unsigned or 'var &= const'`);
    if (umin === 0n && !zeroOk) return denied(`R${regno} invalid zero-sized read: u64=[${umin},${umax}]`);
    if (umax >= MAX_VAR_OFF) {
      return denied(`R${regno} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
    }
    const kind = call.helper.args[regno - 2];
    const fill = kind === 'uninit_mem';
    const use = { zeroOk, fill, write: fill || kind === 'mem_write' || kind === 'mem_write_or_null' };
    return checkMemory(env, regno - 1, Number(umax), use, call, isConst(reg.s)) ?? markPrecise(env, regno);
  };
}

function ctx(_env: Env, regno: number, reg: Reg): Reject | null {
  return checkKind(regno, reg, ['ctx'], 'ctx') ?? checkUnmodified(regno, reg);
}

/** A pointer of one of these kinds that was not moved. */
function plain(kinds: readonly RegKind[], text: string): Check {
  return (_env, regno, reg) => checkKind(regno, reg, kinds, text) ?? checkUnmodified(regno, reg);
}

const SOCKS: readonly RegKind[] = ['sock_common', 'sock', 'tcp_sock', 'xdp_sock'];

/** Size of what the helper allocates: part of what is checked, so it must be a constant. */
function allocSize(env: Env, regno: number, reg: Reg, call: Call): Reject | null {
  const bad = checkKind(regno, reg, ['scalar'], 'scalar');
  if (bad) return bad;
  if (!isConst(reg.s)) return denied(`R${regno} is not a known constant'`);
  // As in Linux a u32. Where there was more, the helper gives NULL.
  call.memSize = Number(BigInt.asUintN(32, reg.s.var_off.value));
  return markPrecise(env, regno);
}

/** Kernel check_reg_const_str. */
export function constStr(env: Env, regno: number, reg: Reg): Reject | null {
  const bad = checkKind(regno, reg, ['map_value'], 'map_value');
  if (bad) return bad;
  const map = env.map(reg.map);
  if (!isConstantMap(map) || map.contents === undefined) {
    return denied(`R${regno} does not point to a readonly map'`);
  }
  if (!isConst(reg.s)) return denied(`R${regno} is not a constant address'`);
  if (!hasDirectValue(map)) return denied('no direct value access support for this map type');
  if (map.maxEntries !== 1) return refused('ENOTSUPP', 'direct value access on string failed');
  const start = reg.off + Number(reg.s.var_off.value);
  const outside = checkMapValue(env, regno, reg, reg.off, Math.max(map.valueSize - start, 0), false);
  if (outside) return outside;
  return map.contents.indexOf(0, start) < 0 ? invalid('string is not zero-terminated') : null;
}

/** A static function of the program. */
function callback(_env: Env, regno: number, reg: Reg, call: Call): Reject | null {
  const bad = checkKind(regno, reg, ['func'], 'func') ?? checkUnmodified(regno, reg);
  call.callback = reg.size;
  return bad;
}

/** Privileged loaders may pass anything. */
function anyNumber(env: Env, regno: number, reg: Reg): Reject | null {
  return env.hides(reg) ? denied(`R${regno} leaks addr into helper function`) : null;
}

/** A dynptr; `releases`: the call ends it. */
function dynptr(use: DynptrUse, releases = false): Check {
  return (env, regno, reg, call) => {
    const bad =
      checkKind(regno, reg, ['fp', 'dynptr_ptr'], 'fp, dynptr_ptr') ??
      (releases ? checkReleased(env, regno) : reg.kind === 'fp' ? null : checkUnmodified(regno, reg)) ??
      checkDynptr(env, regno, use);
    if (!bad && use.uninit !== true) call.dynptr = dynptrOf(env, reg);
    return bad;
  };
}

/** Kernel process_timer_func. The map that follows must be the one the timer is in. */
function timer(env: Env, regno: number, reg: Reg, call: Call): Reject | null {
  const bad = checkKind(regno, reg, ['map_value'], 'map_value') ?? checkFieldPointer(env, regno, reg, 'bpf_timer');
  call.map = reg.map;
  call.mapUid = reg.mapUid;
  return bad;
}

function constMap(env: Env, regno: number, reg: Reg, call: Call): Reject | null {
  const bad = checkKind(regno, reg, ['map_ptr'], 'map_ptr') ?? checkUnmodified(regno, reg);
  if (bad) return bad;
  if (call.map >= 0 && (call.map !== reg.map || call.mapUid !== reg.mapUid)) {
    const uids = `map_uid=${call.mapUid} doesn't match map pointer in R2 map_uid=${reg.mapUid}` as const;
    return invalid(`timer pointer in R1 ${uids}`);
  }
  call.map = reg.map;
  call.mapUid = reg.mapUid;
  env.facts.call(env.insnIdx, reg.map);
  return null;
}

/** A map value, or an object of the program's own. */
function valueOrObject(regno: number, reg: Reg): Reject | null {
  if (isOwnObject(reg)) return checkUnmodified(regno, reg, true);
  return checkKind(regno, reg, ['map_value'], 'map_value, ptr_');
}

/** Kernel process_kptr_func: where bpf_kptr_xchg puts the pointer. */
function exchanged(env: Env, regno: number, reg: Reg, call: Call): Reject | null {
  const field = referencedField(env, regno, reg);
  if ('message' in field) return field;
  call.map = reg.map;
  call.kptr = field;
  return null;
}

/** What it puts there. */
function stored(env: Env, regno: number, reg: Reg, field: SpecialField): Reject | null {
  const kinds = denied(`R${regno} type=${kindText(reg)} expected=ptr_, trusted_ptr_, rcu_ptr_`);
  const { alloc, percpu, trusted, rcu } = FLAG;
  const flags = reg.flags & ~(alloc | percpu);
  if (reg.kind !== 'btf_id' || (flags !== 0 && flags !== trusted && flags !== rcu)) return kinds;
  if (reg.maybeNull) return denied(`Possibly NULL pointer passed to helper arg${regno}`);
  const bad = matchPointer(env, field, reg, regno);
  return bad && { ...bad, code: 'EACCES' };
}

const CHECKS: Record<ArgKind, Check> = {
  const_map_ptr: constMap,
  map_key: mapKey,
  map_value: pointerToMemory(valueSize),
  map_value_or_null: orNull(pointerToMemory(valueSize)),
  uninit_map_value: pointerToMemory(valueSize, FILL),
  ctx,
  ctx_or_null: orNull(ctx),
  mem_rdonly: pointerToMemory(undefined, READ, FLAG.rdonly),
  mem_rdonly_or_null: orNull(pointerToMemory(undefined, READ, FLAG.rdonly)),
  mem_write: pointerToMemory(),
  mem_write_or_null: orNull(pointerToMemory()),
  uninit_mem: pointerToMemory(),
  size: checkSize(false),
  size_or_zero: checkSize(true),
  u32: anyNumber,
  s32: anyNumber,
  u64: anyNumber,
  fixed_mem_rdonly: pointerToMemory(sizeInPrototype, READ, FLAG.rdonly),
  fixed_mem_write_aligned: aligned({ zeroOk: false, write: true, fill: false }),
  uninit_fixed_mem_aligned: aligned(FILL),
  const_str: constStr,
  sock_common: plain(SOCKS, 'sock_common, sock, tcp_sock, xdp_sock'),
  socket_or_null: orNull(plain(['sock'], 'sock')),
  btf_id_sock_common: sockArgument(false),
  btf_id_sock_common_or_null: orNull(sockArgument(true)),
  btf_id: structArgument(false),
  btf_id_or_null: orNull((env, regno, reg, call) =>
    call.kptr === null ? structArgument(true)(env, regno, reg, call) : stored(env, regno, reg, call.kptr),
  ),
  percpu_btf_id: perCpuArgument,
  spin_lock: (env, regno, reg, call) =>
    valueOrObject(regno, reg) ?? spinLock(env, regno, reg, call.helper.name === 'bpf_spin_lock'),
  timer,
  kptr_xchg_dest: (env, regno, reg, call) => valueOrObject(regno, reg) ?? exchanged(env, regno, reg, call),
  const_alloc_size_or_zero: allocSize,
  ringbuf_mem: (_env, regno, reg) => checkKind(regno, reg, ['ringbuf_mem'], 'ringbuf_mem'),
  dynptr: dynptr({ type: null }),
  dynptr_ringbuf: dynptr({ type: 'ringbuf', mutates: true }, true),
  uninit_dynptr_local: dynptr({ type: 'local', uninit: true }),
  uninit_dynptr_ringbuf: dynptr({ type: 'ringbuf', uninit: true }),
  func: callback,
  stack_or_null: orNull((_env, regno, reg) => checkKind(regno, reg, ['fp'], 'fp')),
};

/** Kernel may_access_direct_pkt_data, for helpers. */
function takesPackets({ type }: Env, helper: Helper): boolean {
  return type.packetToHelpers === true || (type.packetAccess !== undefined && helper.pktAccess === true);
}

export function checkArgument(env: Env, regno: number, kind: ArgKind, call: Call): Reject | null {
  const unreadable = env.read(regno);
  if (unreadable) return unreadable;
  const reg = env.reg(regno);
  const anything = kind === 'u32' || kind === 's32' || kind === 'u64';
  if (!anything && isPacket(reg) && !takesPackets(env, call.helper)) {
    return denied('helper access to the packet is not allowed');
  }
  const bad = CHECKS[kind](env, regno, reg, call);
  return bad ?? (anything ? null : checkReference(regno, reg, call));
}

/** Arguments that the call gives back must be held, and be what was got (kernel arg_type_is_release). */
function checkReference(regno: number, reg: Reg, call: Call): Reject | null {
  if (call.helper.releases === regno && !isNull(reg) && reg.kind !== 'fp') {
    const moved = checkRegOff(regno, reg, true);
    if (moved !== null) return moved;
    if (reg.refObjId === 0) return invalid(`R${regno} must be referenced when passed to release function`);
  }
  if (reg.refObjId === 0 || (call.kptr !== null && regno === 1)) return null;
  if (call.refObjId !== 0)
    return denied(`more than one arg with ref_obj_id R${regno} ${reg.refObjId} ${call.refObjId}`);
  call.refObjId = reg.refObjId;
  return null;
}
