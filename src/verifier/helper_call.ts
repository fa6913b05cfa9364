// A call of a helper (kernel check_helper_call): may this program call it, do the registers fit its prototype, and what
// is known afterwards. Argument kinds are rows of CHECKS; prototypes are rows of spec/protos_*.ts.

import { helperName } from '../isa/index.ts';
import { type ArgKind, type Helper, helperFor, type RetKind } from '../spec/helpers.ts';
import { mapTypeById } from '../spec/map_types.ts';
import type { Env } from './env.ts';
import {
  checkAlignment,
  checkMapFlags,
  checkMapValue,
  checkPacket,
  checkRegion,
  checkUnmodified,
  MAX_VAR_OFF,
} from './mem.ts';
import { markPrecise, markSlotPrecise } from './precision.ts';
import {
  isNull,
  isPacket,
  kindText,
  makeReg,
  NOT_INIT,
  type Reg,
  type RegKind,
  scalarReg,
  UNKNOWN_SCALAR,
} from './reg.ts';
import { denied, invalid, type Reject } from './reject.ts';
import { type Bounds, isConst, type Scalar, sync, UNKNOWN, zext32 } from './scalar.ts';
import { checkStackRange, constantOnStack, fillStack } from './stack.ts';

/** What earlier arguments of the same call said. */
interface Call {
  readonly helper: Helper;
  map: number;
  /** Constant key of a lookup in an array; -1 = not known. */
  constKey: bigint;
  /** Bytes that the helper fills: register and size. */
  fill: { readonly regno: number; readonly size: number } | null;
}

const MEMORY: readonly RegKind[] = ['fp', 'pkt', 'pkt_meta', 'map_value', 'mem'];
const MEMORY_TEXT = 'fp, pkt, pkt_meta, map_key, map_value, mem, ringbuf_mem, buf, trusted_ptr_';

function checkKind(regno: number, reg: Reg, kinds: readonly RegKind[], text: string): Reject | null {
  if (!reg.maybeNull && kinds.includes(reg.kind)) return null;
  return denied(`R${regno} type=${kindText(reg)} expected=${text}`);
}

interface MemoryUse {
  readonly zeroOk: boolean;
  /** The helper writes the bytes. */
  readonly write: boolean;
  /** ... and they need not be initialised. */
  readonly fill: boolean;
}

/** `size` bytes at a register that a helper will read or write (kernel check_helper_mem_access). */
function checkMemory(env: Env, regno: number, size: number, use: MemoryUse, call: Call, exact: boolean): Reject | null {
  const reg = env.reg(regno);
  switch (reg.kind) {
    case 'pkt':
    case 'pkt_meta':
      return checkPacket(regno, reg, reg.off, size, use.zeroOk);
    case 'map_value':
      return (
        checkMapFlags(env.map(reg.map), reg.off, size, use.write) ??
        checkMapValue(env, regno, reg, reg.off, size, use.zeroOk)
      );
    case 'mem':
      return checkRegion(regno, reg, reg.off, size, reg.size, use.zeroOk);
    case 'fp': {
      const raw = use.fill && exact && reg.s.var_off.mask === 0n;
      if (raw) call.fill = { regno, size };
      return checkStackRange(env, regno, reg, reg.off, size, { zeroOk: use.zeroOk, write: raw, clobber: use.write });
    }
    default:
      if (use.zeroOk && size === 0 && isNull(reg)) return null;
      return denied(`R${regno} type=${kindText(reg)} expected=fp`);
  }
}

type Check = (env: Env, regno: number, reg: Reg, call: Call) => Reject | null;

const READ: MemoryUse = { zeroOk: false, write: false, fill: false };
const FILL: MemoryUse = { zeroOk: false, write: true, fill: true };

/** Memory of a size that the call says elsewhere (`fixedSize`), or that the next argument checks. */
function pointerToMemory(fixedSize?: (env: Env, call: Call, regno: number) => number, use = READ): Check {
  return (env, regno, reg, call) => {
    const bad = checkKind(regno, reg, MEMORY, MEMORY_TEXT);
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

/** Kinds that the verifier can't follow yet are refused, whatever is passed. */
function unchecked(kind: ArgKind): Check {
  return (_env, regno, reg, call) =>
    denied(`R${regno} type=${kindText(reg)}: ${call.helper.name} takes ${kind}, which beewasm can't check yet`);
}

function mapKey(env: Env, regno: number, reg: Reg, call: Call): Reject | null {
  const size = env.map(call.map).keySize;
  const bad = pointerToMemory(() => size)(env, regno, reg, call);
  if (bad || !elidesNull(env, call)) return bad;
  const known = constantOnStack(env, reg, size);
  if (known === undefined) return null;
  if (known.spi >= 0) markSlotPrecise(env, reg.frame, known.spi);
  call.constKey = known.value;
  return null;
}

/** Lookups of a constant index in an array can't fail (Linux 6.14 and later). */
function elidesNull(env: Env, call: Call): boolean {
  return mapTypeById(env.map(call.map).type)?.store === 'array';
}

function checkSize(zeroOk: boolean): Check {
  return (env, regno, reg, call) => {
    if (reg.kind !== 'scalar') return denied(`R${regno} type=${kindText(reg)} expected=scalar`);
    const { smin, umin, umax } = reg.s;
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

const CHECKS: Record<ArgKind, Check> = {
  const_map_ptr: (env, regno, reg, call) => {
    const bad = checkKind(regno, reg, ['map_ptr'], 'map_ptr') ?? checkUnmodified(regno, reg);
    call.map = reg.map;
    if (!bad) env.facts.call(env.insnIdx, reg.map);
    return bad;
  },
  map_key: mapKey,
  map_value: pointerToMemory(valueSize),
  map_value_or_null: orNull(pointerToMemory(valueSize)),
  uninit_map_value: pointerToMemory(valueSize, FILL),
  ctx,
  ctx_or_null: orNull(ctx),
  mem_rdonly: pointerToMemory(),
  mem_rdonly_or_null: orNull(pointerToMemory()),
  mem_write: pointerToMemory(),
  mem_write_or_null: orNull(pointerToMemory()),
  uninit_mem: pointerToMemory(),
  size: checkSize(false),
  size_or_zero: checkSize(true),
  u32: () => null,
  s32: () => null,
  u64: () => null,
  fixed_mem_rdonly: pointerToMemory(sizeInPrototype),
  fixed_mem_write_aligned: aligned({ zeroOk: false, write: true, fill: false }),
  uninit_fixed_mem_aligned: aligned(FILL),
  const_str: unchecked('const_str'),
  sock_common: unchecked('sock_common'),
  socket_or_null: unchecked('socket_or_null'),
  btf_id_sock_common: unchecked('btf_id_sock_common'),
  btf_id: unchecked('btf_id'),
  btf_id_or_null: unchecked('btf_id_or_null'),
  percpu_btf_id: unchecked('percpu_btf_id'),
  spin_lock: unchecked('spin_lock'),
  timer: unchecked('timer'),
  kptr_xchg_dest: unchecked('kptr_xchg_dest'),
  const_alloc_size_or_zero: unchecked('const_alloc_size_or_zero'),
  ringbuf_mem: unchecked('ringbuf_mem'),
  dynptr: unchecked('dynptr'),
  dynptr_ringbuf: unchecked('dynptr_ringbuf'),
  uninit_dynptr_local: unchecked('uninit_dynptr_local'),
  uninit_dynptr_ringbuf: unchecked('uninit_dynptr_ringbuf'),
  func: unchecked('func'),
  stack_or_null: unchecked('stack_or_null'),
};

/** Kernel may_access_direct_pkt_data, for helpers. */
function takesPackets({ type }: Env, helper: Helper): boolean {
  return type.packetToHelpers === true || (type.packetAccess !== undefined && helper.pktAccess === true);
}

function checkArgument(env: Env, regno: number, kind: ArgKind, call: Call): Reject | null {
  const unreadable = env.read(regno);
  if (unreadable) return unreadable;
  const reg = env.reg(regno);
  const anything = kind === 'u32' || kind === 's32' || kind === 'u64';
  if (!anything && isPacket(reg) && !takesPackets(env, call.helper)) {
    return denied('helper access to the packet is not allowed');
  }
  return CHECKS[kind](env, regno, reg, call);
}

function s32Scalar(min: number, max: number): Scalar {
  const b: Bounds = { ...UNKNOWN, smin: BigInt(min), smax: BigInt(max), s32_min: min, s32_max: max };
  return sync(b);
}

const INT: Reg = UNKNOWN_SCALAR;

const RETURNS: Partial<Record<RetKind, (env: Env, call: Call) => Reg>> = {
  map_value_or_null: (env, call) => {
    const max = BigInt(env.map(call.map).maxEntries);
    const found = call.constKey >= 0n && call.constKey < max;
    return makeReg({ kind: 'map_value', map: call.map, maybeNull: !found, id: found ? 0 : env.newId() });
  },
  s32: () => INT,
  u32: () => INT,
  s64: () => INT,
  u64: () => INT,
  void: () => NOT_INIT,
  tail_call: () => NOT_INIT,
};

/** Helpers whose result is known better than its type says (kernel do_refine_retval_range). */
const REFINED: Record<string, (env: Env) => Scalar> = {
  bpf_get_smp_processor_id: (env) => zext32(s32Scalar(0, Math.max(env.cpus - 1, 0))),
};

function checkMapKind(env: Env, call: Call): Reject | null {
  if (call.map < 0) return null;
  const { type } = env.map(call.map);
  const row = mapTypeById(type);
  if ((row?.helpers as readonly string[] | undefined)?.includes(call.helper.name)) return null;
  const { name, id } = call.helper;
  return invalid(`cannot pass map_type ${type} into func ${name}#${id}`);
}

/** A constant index into the PROG_ARRAY is part of what the program was checked for. */
function rememberTailCallKey(env: Env, call: Call): Reject | null {
  if (call.helper.name !== 'bpf_tail_call' || call.map < 0) return null;
  const key = env.reg(3);
  const known = key.kind === 'scalar' && isConst(key.s) && key.s.umax < BigInt(env.map(call.map).maxEntries);
  return known ? markPrecise(env, 3) : null;
}

const MAX_FUNC_ID = 212;

function findHelper(env: Env, id: number): Helper | Reject {
  const name = id === 0 ? 'bpf_unspec' : (helperName(id) ?? 'unknown');
  if (id < 0 || id >= MAX_FUNC_ID) return invalid(`invalid func unknown#${id}`);
  const helper = helperFor(id, env.type.id, env.prog.input.expectedAttachType);
  if (helper === undefined) return invalid(`program of this type cannot use helper ${name}#${id}`);
  if (helper.gpl && !env.gpl) return invalid('cannot call GPL-restricted function from non-GPL compatible program');
  if (helper.mightSleep) return invalid('helper call might sleep in a non-sleepable prog');
  return helper;
}

/** A tail call of the main program does not come back when it succeeds, and changes nothing when it fails. */
function leavesProgram(env: Env, call: Call): boolean {
  return call.helper.name === 'bpf_tail_call' && env.state.frames.length === 1;
}

/** Packet pointers of every frame are no longer what they were. */
function forgetPackets(env: Env): void {
  for (const frame of env.state.frames) {
    frame.regs.forEach((reg, i) => {
      if (isPacket(reg) || reg.kind === 'pkt_end') frame.regs[i] = UNKNOWN_SCALAR;
    });
    frame.stack.forEach((slot, i) => {
      if (isPacket(slot.reg) || slot.reg.kind === 'pkt_end')
        frame.stack[i] = { types: slot.types, reg: UNKNOWN_SCALAR };
    });
  }
}

export function clearCallerSaved(env: Env): void {
  for (let r = 0; r <= 5; r++) {
    env.setReg(r, NOT_INIT);
    env.touchReg(r);
  }
}

/** The whole call. The registers afterwards are in the current frame. */
export function helperCall(env: Env, id: number): Reject | null {
  const helper = findHelper(env, id);
  if (!('name' in helper)) return helper;
  const call: Call = { helper, map: -1, constKey: -1n, fill: null };
  const checked = helper.args.length - (helper.dontCare ?? 0);
  for (let i = 0; i < checked; i++) {
    const reject = checkArgument(env, i + 1, helper.args[i], call);
    if (reject) return reject;
  }
  const reject = rememberTailCallKey(env, call);
  if (reject) return reject;
  if (call.fill) {
    const ptr = env.reg(call.fill.regno);
    fillStack(env, ptr, ptr.off, call.fill.size);
  }
  const returns = RETURNS[helper.ret];
  if (!returns) return invalid(`${helper.name} returns ${helper.ret}, which beewasm can't follow yet`);
  const ret = REFINED[helper.name] ? scalarReg(REFINED[helper.name](env)) : returns(env, call);
  const wrongMap = checkMapKind(env, call);
  if (wrongMap) return wrongMap;
  clearCallerSaved(env);
  env.setReg(0, ret);
  if (helper.changesPacket && !leavesProgram(env, call)) forgetPackets(env);
  return null;
}
