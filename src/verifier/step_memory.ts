// Steps that load and store: plain, atomic, acquire and release, constants and references (lddw), legacy packet loads.

import type { Insn } from '../isa/insn.ts';
import { imm64 } from '../isa/insn.ts';
import type { OpShape, Size } from '../isa/op.ts';
import { isArena } from '../spec/arena.ts';
import { isLoopedAtomic } from './arena.ts';
import type { Env } from './env.ts';
import { symbolAddress } from './helper_btf.ts';
import { mayLeaveFunction } from './leave.ts';
import { type Access, accessMemory } from './mem.ts';
import { callTarget, isGlobal } from './program.ts';
import { checkLeaks } from './refs.ts';
import {
  constReg,
  kindText,
  makeReg,
  type Reg,
  type RegKind,
  UNKNOWN_SCALAR,
  withPrecision,
  ZERO_SCALAR,
} from './reg.ts';
import { denied, invalid, type Reject } from './reject.ts';
import { clearCallerSaved, type Next, type Of, reserved, write } from './steps.ts';
import { checkUnmodified } from './unmoved.ts';

function access(insn: Insn, regno: number, ptr: Reg, size: Size, more: Partial<Access>): Access {
  return {
    regno,
    ptr,
    off: insn.off,
    size,
    write: false,
    value: null,
    valueRegno: -1,
    strict: false,
    signed: false,
    unused: false,
    ...more,
  };
}

function load(env: Env, insn: Insn, size: Size, signed: boolean, strict: boolean): Next {
  const bad = env.read(insn.src) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const ptr = env.reg(insn.src);
  const result = accessMemory(env, access(insn, insn.src, ptr, size, { strict, signed }));
  if (result === null) return env.insnIdx + 1;
  if ('message' in result) return result;
  write(env, insn.dst, withPrecision(result, false));
  return onePointerKind(env, ptr) ?? env.insnIdx + 1;
}

/** Accesses through these are rewritten per instruction in the kernel: one instruction, one kind (save_aux_ptr_type). */
const REWRITTEN: ReadonlySet<RegKind> = new Set<RegKind>([
  'ctx',
  'sock',
  'sock_common',
  'tcp_sock',
  'xdp_sock',
  'btf_id',
  'arena',
]);
/** A load from one of these can be one from any other: the kernel then expects a fault. */
const PROBED: ReadonlySet<RegKind> = new Set<RegKind>(['btf_id', 'untrusted_mem', 'mem']);

/** Of atomics only those on arenas are. Linux 6.18 does not remember the other pointers of such an atomic. */
const REWRITTEN_ATOMICS: ReadonlySet<RegKind> = new Set<RegKind>(['arena']);

function onePointerKind(env: Env, ptr: Reg, rewritten = REWRITTEN): Reject | null {
  const before = env.pointerKind.get(env.insnIdx);
  if (before === undefined) env.pointerKind.set(env.insnIdx, ptr.kind);
  if (before === undefined || before === ptr.kind || (PROBED.has(before) && PROBED.has(ptr.kind))) return null;
  const clash = rewritten.has(before) || rewritten.has(ptr.kind);
  return clash ? invalid('same insn cannot be used with different pointers') : null;
}

export function ldx(env: Env, op: Of<'ldx'>, insn: Insn): Next {
  return load(env, insn, op.size, op.signed, false);
}

function store(env: Env, insn: Insn, size: Size, strict: boolean): Next {
  const bad = env.read(insn.src) ?? env.read(insn.dst);
  if (bad) return bad;
  const value = env.reg(insn.src);
  const ptr = env.reg(insn.dst);
  const a = access(insn, insn.dst, ptr, size, { write: true, value, valueRegno: insn.src, strict });
  const result = accessMemory(env, a);
  return result !== null && 'message' in result ? result : (onePointerKind(env, ptr) ?? env.insnIdx + 1);
}

export function stx(env: Env, op: Of<'stx'>, insn: Insn): Next {
  return insn.imm !== 0 ? reserved('BPF_STX') : store(env, insn, op.size, false);
}

export function st(env: Env, op: Of<'st'>, insn: Insn): Next {
  if (insn.src !== 0) return reserved('BPF_ST');
  const bad = env.read(insn.dst);
  if (bad) return bad;
  const ptr = env.reg(insn.dst);
  const a = access(insn, insn.dst, ptr, op.size, { write: true, value: env.number(insn.imm) });
  const result = accessMemory(env, a);
  return result !== null && 'message' in result ? result : (onePointerKind(env, ptr) ?? env.insnIdx + 1);
}

const NOT_ATOMIC: ReadonlySet<RegKind> = new Set<RegKind>([
  'ctx',
  'pkt',
  'pkt_meta',
  'flow_keys',
  'sock',
  'sock_common',
  'tcp_sock',
  'xdp_sock',
]);

/** Memory that an atomic instruction can't work on (kernel atomic_ptr_type_ok). */
function checkAtomicPointer(regno: number, ptr: Reg, verb: 'stores into' | 'loads from', op: OpShape): Reject | null {
  const possible = ptr.kind === 'arena' ? !isLoopedAtomic(op) : !NOT_ATOMIC.has(ptr.kind);
  if (possible || ptr.maybeNull) return null;
  return denied(`BPF_ATOMIC ${verb} R${regno} ${kindText(ptr)} is not allowed`);
}

function noAddress(env: Env, r: number): Reject | null {
  return env.hides(env.reg(r)) ? denied(`R${r} leaks addr into mem`) : null;
}

export function atomic(env: Env, op: Of<'atomic'>, insn: Insn): Next {
  const bad =
    env.read(insn.src) ??
    env.read(insn.dst) ??
    (op.op === 'cmpxchg' ? (env.read(0) ?? noAddress(env, 0)) : null) ??
    noAddress(env, insn.src) ??
    checkAtomicPointer(insn.dst, env.reg(insn.dst), 'stores into', op);
  if (bad) return bad;
  const into = op.op === 'cmpxchg' ? 0 : op.fetch ? insn.src : -1;
  const unwritable = into >= 0 ? env.canWrite(into) : null;
  if (unwritable) return unwritable;
  // As in Linux the result is unknown before the pointer is looked at: a register that is both is no pointer then.
  if (into >= 0) write(env, into, UNKNOWN_SCALAR);
  const ptr = env.reg(insn.dst);
  const read = accessMemory(env, access(insn, insn.dst, ptr, op.size, { strict: true, unused: into < 0 }));
  if (read !== null && 'message' in read) return read;
  if (read !== null && env.hides(read)) return denied(`leaking pointer from stack off ${ptr.off + insn.off}`);
  const written = accessMemory(env, access(insn, insn.dst, ptr, op.size, { write: true, strict: true }));
  if (written !== null && 'message' in written) return written;
  if (into >= 0 && read !== null) write(env, into, withPrecision(read, false));
  return onePointerKind(env, ptr, REWRITTEN_ATOMICS) ?? env.insnIdx + 1;
}

export function loadAcquire(env: Env, op: Of<'load_acq'>, insn: Insn): Next {
  const ptr = env.reg(insn.src);
  const next = env.read(insn.src) ?? load(env, insn, op.size, false, true);
  if (typeof next !== 'number') return next;
  // The pointer as it was: Linux 6.18 looks at what the load left in the register.
  return checkAtomicPointer(insn.src, ptr, 'loads from', op) ?? next;
}

export function storeRelease(env: Env, op: Of<'store_rel'>, insn: Insn): Next {
  const ptr = env.reg(insn.dst);
  const next = env.read(insn.dst) ?? store(env, insn, op.size, true);
  if (typeof next !== 'number') return next;
  return checkAtomicPointer(insn.dst, ptr, 'stores into', op) ?? next;
}

export function lddw(env: Env, op: Of<'lddw'>, insn: Insn): Next {
  const bad = env.canWrite(insn.dst);
  if (bad) return bad;
  const ref = env.prog.input.mapRefs.get(env.insnIdx);
  if (op.pseudo === 'imm') {
    write(env, insn.dst, constReg(imm64(env.prog.insns, env.insnIdx)));
  } else if (op.pseudo === 'btf_id') {
    write(env, insn.dst, symbolAddress(env.kernelTypes, insn.imm)!);
  } else if (op.pseudo === 'func') {
    if (env.prog.input.functions === undefined) return invalid('missing btf func_info');
    const target = callTarget(insn, env.insnIdx);
    if (isGlobal(env, env.prog.subprogOf[target])) return invalid('callback function not static');
    write(env, insn.dst, makeReg({ kind: 'func', size: target }));
  } else if (ref?.kind === 'value' && isArena(env.map(ref.map))) {
    write(env, insn.dst, UNKNOWN_SCALAR);
  } else if (ref?.kind === 'value') {
    write(env, insn.dst, makeReg({ kind: 'map_value', map: ref.map, off: ref.off }));
  } else {
    write(env, insn.dst, makeReg({ kind: 'map_ptr', map: ref!.map }));
  }
  return env.insnIdx + 2;
}

/** Legacy packet loads: the context is in R6, arguments are gone afterwards. */
export function ldAbs(env: Env, op: Of<'ld_abs'> | Of<'ld_ind'>, insn: Insn): Next {
  if (!env.type.ldAbs) {
    return invalid('BPF_LD_[ABS|IND] instructions not allowed for this program type');
  }
  if (insn.dst !== 0 || insn.off !== 0 || (op.kind === 'ld_abs' && insn.src !== 0)) {
    return reserved('BPF_LD_[ABS|IND]');
  }
  const bad = env.read(6) ?? checkLeaks(env, 'BPF_LD_[ABS|IND]', true);
  if (bad) return bad;
  if (env.reg(6).kind !== 'ctx') return invalid('at the time of BPF_LD_ABS|IND R6 != pointer to skb');
  const more = (op.kind === 'ld_ind' ? env.read(insn.src) : null) ?? checkUnmodified(6, env.reg(6));
  if (more) return more;
  clearCallerSaved(env);
  write(env, 0, UNKNOWN_SCALAR);
  return env.state.frames.length > 1 ? mayLeaveFunction(env, ZERO_SCALAR) : env.insnIdx + 1;
}
