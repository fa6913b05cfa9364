// One instruction on the current state (kernel do_check_insn): checks it, changes the state, and says where the path goes
// on. Each kind of instruction has its function; STEPS ties them to the kinds.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import { imm64 } from '../isa/insn.ts';
import type { AluOp, Op, OpShape, Size } from '../isa/op.ts';
import { afterCallback, checkCallbackResult } from './callback.ts';
import type { Env } from './env.ts';
import { clearCallerSaved, helperCall } from './helper_call.ts';
import { conditionalJump } from './jump.ts';
import { linkForCopy } from './link.ts';
import { type Access, accessMemory, checkUnmodified } from './mem.ts';
import { OPERATOR, pointerAlu } from './pointer.ts';
import { markPrecise } from './precision.ts';
import { callTarget } from './program.ts';
import { checkLeaks, locksHeld } from './refs.ts';
import {
  constReg,
  isPointer,
  kindText,
  makeReg,
  NOT_INIT,
  type Reg,
  type RegKind,
  regWidth,
  scalarReg,
  UNKNOWN_SCALAR,
} from './reg.ts';
import { denied, invalid, type Reject, tooBig, tooManyBranches } from './reject.ts';
import { checkReturnCode } from './return_code.ts';
import { constant, isConst, isEmpty, type Scalar, signExtend, UNKNOWN, withLow, zext32 } from './scalar.ts';
import { aluScalar, endScalar, negScalar } from './scalar_alu.ts';
import { immediate } from './stack.ts';
import { Frame, MAX_CALL_FRAMES, sameCallsAt } from './state.ts';
import { widen } from './widen.ts';

/** Where the path goes on; END = the program exits here. */
export const END = -1;
export type Next = InsnIndex | Reject;

type Of<K extends Op['kind']> = Extract<OpShape, { kind: K }>;

/** Fields that must be zero and are not: the kernel names the class of the instruction. */
function reserved(name: string): Reject {
  return invalid(`${name} uses reserved fields`);
}

function write(env: Env, r: number, reg: Reg): void {
  env.setReg(r, reg);
  env.touchReg(r);
}

function immScalar(imm: number, width: 32 | 64): Scalar {
  return constant(BigInt.asUintN(width, BigInt(imm)));
}

// --- arithmetic ---------------------------------------------------------------------------------------------------

const DIVISIONS: ReadonlySet<AluOp> = new Set(['div', 'mod', 'sdiv', 'smod']);

function checkAluFields(op: Of<'alu'>, insn: Insn): Reject | null {
  const name = op.op === 'mov' ? 'BPF_MOV' : 'BPF_ALU';
  // Where an offset means something (division, mov of a register) it has selected the row.
  const offsetSelects = DIVISIONS.has(op.op) || (op.op === 'mov' && op.operand === 'reg');
  if (!offsetSelects && insn.off !== 0) return reserved(name);
  return (op.operand === 'reg' ? insn.imm : insn.src) !== 0 ? reserved(name) : null;
}

/** Division by a constant 0 and shifts by a constant out of range do not load. */
function checkAluImmediate(op: Of<'alu'>, insn: Insn): Reject | null {
  if (op.operand !== 'imm') return null;
  const { imm } = insn;
  if (DIVISIONS.has(op.op) && imm === 0) return invalid('div by zero');
  const shifts = op.op === 'lsh' || op.op === 'rsh' || op.op === 'arsh';
  return shifts && (imm < 0 || imm >= op.width) ? invalid(`invalid shift ${imm}`) : null;
}

function mov(env: Env, op: Of<'alu'>, insn: Insn): Next {
  if (op.operand === 'imm') {
    const bad = env.canWrite(insn.dst);
    if (bad) return bad;
    write(env, insn.dst, scalarReg(immScalar(insn.imm, op.width)));
    return env.insnIdx + 1;
  }
  const bad = env.read(insn.src) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const src = env.reg(insn.src);
  if (op.width === 64) {
    const linked = linkForCopy(env, insn.src);
    write(env, insn.dst, { ...linked, precise: false });
  } else if (src.kind !== 'scalar') {
    // Half a pointer is a number nobody knows (allowed for root).
    write(env, insn.dst, scalarReg(zext32(UNKNOWN)));
  } else {
    const fits = regWidth(src) <= 32;
    const linked = fits ? linkForCopy(env, insn.src) : unlinked(src);
    write(env, insn.dst, { ...linked, precise: false, s: zext32(linked.s) });
  }
  return env.insnIdx + 1;
}

function unlinked(reg: Reg): Reg {
  return { ...reg, id: 0, addConst: false, off: 0 };
}

function movsx(env: Env, op: Of<'movsx'>, insn: Insn): Next {
  if (insn.imm !== 0) return reserved('BPF_MOV');
  const bad = env.read(insn.src) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const src = env.reg(insn.src);
  if (src.kind !== 'scalar') {
    write(env, insn.dst, scalarReg(op.width === 64 ? UNKNOWN : zext32(UNKNOWN)));
    return env.insnIdx + 1;
  }
  const unchanged = src.s.umax < 1n << BigInt(op.bits - 1);
  const from = unchanged ? linkForCopy(env, insn.src) : unlinked(src);
  const s = signExtend(from.s, (op.bits / 8) as 1 | 2 | 4, op.width);
  write(env, insn.dst, { ...from, precise: false, s });
  return env.insnIdx + 1;
}

/** Adding a constant keeps the link to equal scalars, with a distance (kernel BPF_ADD_CONST). */
function linkAfter(op: Of<'alu'>, dst: Reg, src: Scalar): Pick<Reg, 'id' | 'addConst' | 'off'> {
  const none = { id: 0, addConst: false, off: 0 };
  if (op.op !== 'add' || op.width !== 64 || dst.id === 0 || !isConst(src)) return none;
  const delta = src.var_off.value;
  if (dst.addConst || delta > 0x7fffffffn) return none;
  return { id: dst.id, addConst: true, off: Number(delta) };
}

function sane(s: Scalar): Scalar {
  return isEmpty(s) ? { ...UNKNOWN, var_off: s.var_off } : s;
}

function alu(env: Env, op: Of<'alu'>, insn: Insn): Next {
  const malformed = checkAluFields(op, insn);
  if (malformed) return malformed;
  if (op.op === 'mov') return mov(env, op, insn);
  const bad =
    (op.operand === 'reg' ? env.read(insn.src) : null) ??
    env.read(insn.dst) ??
    checkAluImmediate(op, insn) ??
    env.canWrite(insn.dst);
  if (bad) return bad;
  const dst = env.reg(insn.dst);
  const src = op.operand === 'reg' ? env.reg(insn.src) : constReg(BigInt.asUintN(64, BigInt(insn.imm)));
  const result = aluResult(env, op, insn, dst, src);
  if ('message' in result) return result;
  write(env, insn.dst, result);
  return env.insnIdx + 1;
}

/**
 * Compilers turn `x < 0 ? K : 0` into `x s>>= 63; x &= K`: a value that is -1 or 0 meets a constant. As in Linux (kernel
 * maybe_fork_scalars) both are followed: 0 later, from this instruction again; -1 now.
 */
function forkSigns(env: Env, op: Of<'alu'>, insn: Insn, dst: Reg, src: Reg): Reg | Reject | null {
  if ((op.op !== 'and' && op.op !== 'or') || !isConst(src.s)) return null;
  const full = dst.s.smin === -1n && dst.s.smax === 0n;
  if (!full && !(dst.s.s32_min === -1 && dst.s.s32_max === 0)) return null;
  const other = env.push(env.insnIdx);
  if (other === null) return tooManyBranches(env.pending.length);
  const known = (value: bigint) => (full ? constant(BigInt.asUintN(64, value)) : withLow(dst.s, value));
  other.frame.regs[insn.dst] = { ...dst, s: known(0n) };
  const s = sane(aluScalar(op.op, op.width, known(-1n), src.s));
  return { ...dst, s, ...linkAfter(op, dst, src.s) };
}

function aluResult(env: Env, op: Of<'alu'>, insn: Insn, dst: Reg, src: Reg): Reg | Reject {
  const dstPtr = isPointer(dst);
  const srcPtr = isPointer(src);
  if (dstPtr && srcPtr) {
    if (op.op === 'sub') return UNKNOWN_SCALAR;
    return denied(`R${insn.dst} pointer ${OPERATOR[op.op]} pointer prohibited`);
  }
  if (srcPtr) {
    return markPrecise(env, insn.dst) ?? pointerAlu(env, op.op, op.width, insn.dst, src, dst, true);
  }
  if (dstPtr) {
    const reject = op.operand === 'reg' ? markPrecise(env, insn.src) : null;
    return reject ?? pointerAlu(env, op.op, op.width, insn.dst, dst, src, false);
  }
  if (dst.precise && op.operand === 'reg') markPrecise(env, insn.src);
  const forked = forkSigns(env, op, insn, dst, src);
  if (forked !== null) return forked;
  const s = sane(aluScalar(op.op as AluOp, op.width, dst.s, src.s));
  return { ...dst, s, ...linkAfter(op, dst, src.s) };
}

function neg(env: Env, op: Of<'neg'>, insn: Insn): Next {
  if (insn.src !== 0 || insn.off !== 0 || insn.imm !== 0) return reserved('BPF_NEG');
  const bad = env.read(insn.dst) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const dst = env.reg(insn.dst);
  write(env, insn.dst, dst.kind === 'scalar' ? scalarReg(sane(negScalar(op.width, dst.s))) : UNKNOWN_SCALAR);
  return env.insnIdx + 1;
}

function end(env: Env, op: Of<'end'>, insn: Insn): Next {
  if (insn.src !== 0 || insn.off !== 0) return reserved('BPF_END');
  const bad = env.read(insn.dst) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const dst = env.reg(insn.dst);
  const swaps = op.order !== 'le';
  write(env, insn.dst, dst.kind === 'scalar' ? scalarReg(sane(endScalar(op.bits, swaps, dst.s))) : UNKNOWN_SCALAR);
  return env.insnIdx + 1;
}

// --- memory -------------------------------------------------------------------------------------------------------

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
  write(env, insn.dst, result.precise ? { ...result, precise: false } : result);
  return onePointerKind(env, ptr) ?? env.insnIdx + 1;
}

/** Accesses through these are rewritten per instruction in the kernel: one instruction, one kind (save_aux_ptr_type). */
const REWRITTEN: ReadonlySet<RegKind> = new Set<RegKind>(['ctx', 'sock', 'sock_common', 'tcp_sock', 'xdp_sock']);

function onePointerKind(env: Env, ptr: Reg): Reject | null {
  const before = env.pointerKind.get(env.insnIdx);
  if (before === undefined) env.pointerKind.set(env.insnIdx, ptr.kind);
  const clash = before !== undefined && before !== ptr.kind && (REWRITTEN.has(before) || REWRITTEN.has(ptr.kind));
  return clash ? invalid('same insn cannot be used with different pointers') : null;
}

function ldx(env: Env, op: Of<'ldx'>, insn: Insn): Next {
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

function stx(env: Env, op: Of<'stx'>, insn: Insn): Next {
  return insn.imm !== 0 ? reserved('BPF_STX') : store(env, insn, op.size, false);
}

function st(env: Env, op: Of<'st'>, insn: Insn): Next {
  if (insn.src !== 0) return reserved('BPF_ST');
  const bad = env.read(insn.dst);
  if (bad) return bad;
  const ptr = env.reg(insn.dst);
  const a = access(insn, insn.dst, ptr, op.size, { write: true, value: immediate(insn.imm) });
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
function checkAtomicPointer(regno: number, ptr: Reg, verb: string): Reject | null {
  if (!NOT_ATOMIC.has(ptr.kind) || ptr.maybeNull) return null;
  return denied(`BPF_ATOMIC ${verb} R${regno} ${kindText(ptr)} is not allowed`);
}

function atomic(env: Env, op: Of<'atomic'>, insn: Insn): Next {
  const bad =
    env.read(insn.src) ??
    env.read(insn.dst) ??
    (op.op === 'cmpxchg' ? env.read(0) : null) ??
    checkAtomicPointer(insn.dst, env.reg(insn.dst), 'stores into');
  if (bad) return bad;
  const into = op.op === 'cmpxchg' ? 0 : op.fetch ? insn.src : -1;
  const unwritable = into >= 0 ? env.canWrite(into) : null;
  if (unwritable) return unwritable;
  // As in Linux the result is unknown before the pointer is looked at: a register that is both is no pointer then.
  if (into >= 0) write(env, into, UNKNOWN_SCALAR);
  const ptr = env.reg(insn.dst);
  const read = accessMemory(env, access(insn, insn.dst, ptr, op.size, { strict: true }));
  if (read !== null && 'message' in read) return read;
  const written = accessMemory(env, access(insn, insn.dst, ptr, op.size, { write: true, strict: true }));
  if (written !== null && 'message' in written) return written;
  if (into >= 0 && read !== null) write(env, into, { ...read, precise: false });
  return env.insnIdx + 1;
}

function loadAcquire(env: Env, op: Of<'load_acq'>, insn: Insn): Next {
  const bad = env.read(insn.src) ?? checkAtomicPointer(insn.src, env.reg(insn.src), 'loads from');
  return bad ?? load(env, insn, op.size, false, true);
}

function storeRelease(env: Env, op: Of<'store_rel'>, insn: Insn): Next {
  const bad = env.read(insn.dst) ?? checkAtomicPointer(insn.dst, env.reg(insn.dst), 'stores into');
  return bad ?? store(env, insn, op.size, true);
}

function lddw(env: Env, op: Of<'lddw'>, insn: Insn): Next {
  const bad = env.canWrite(insn.dst);
  if (bad) return bad;
  const ref = env.prog.input.mapRefs.get(env.insnIdx);
  if (op.pseudo === 'imm') {
    write(env, insn.dst, constReg(imm64(env.prog.insns, env.insnIdx)));
  } else if (op.pseudo === 'func') {
    if (env.prog.input.functions === undefined) return invalid('missing btf func_info');
    write(env, insn.dst, makeReg({ kind: 'func', size: callTarget(insn, env.insnIdx) }));
  } else if (ref?.kind === 'value') {
    write(env, insn.dst, makeReg({ kind: 'map_value', map: ref.map, off: ref.off }));
  } else {
    write(env, insn.dst, makeReg({ kind: 'map_ptr', map: ref!.map }));
  }
  return env.insnIdx + 2;
}

/** Legacy packet loads: the context is in R6, arguments are gone afterwards. */
function ldAbs(env: Env, op: Of<'ld_abs'> | Of<'ld_ind'>, insn: Insn): Next {
  if (!env.type.ldAbs) {
    return invalid('BPF_LD_[ABS|IND] instructions not allowed for this program type');
  }
  if (insn.dst !== 0 || insn.off !== 0 || (op.kind === 'ld_abs' && insn.src !== 0)) {
    return reserved('BPF_LD_[ABS|IND]');
  }
  const bad = env.read(6);
  if (bad) return bad;
  if (env.reg(6).kind !== 'ctx') return invalid('at the time of BPF_LD_ABS|IND R6 != pointer to skb');
  const more = (op.kind === 'ld_ind' ? env.read(insn.src) : null) ?? checkUnmodified(6, env.reg(6));
  if (more) return more;
  const leak = checkLeaks(env, 'BPF_LD_[ABS|IND]', true);
  if (leak) return leak;
  clearCallerSaved(env);
  write(env, 0, UNKNOWN_SCALAR);
  return env.insnIdx + 1;
}

// --- control flow -------------------------------------------------------------------------------------------------

function jmp(env: Env, op: Of<'jmp'>, insn: Insn): Next {
  env.jmpsProcessed++;
  return conditionalJump(env, op, insn);
}

function ja(env: Env, op: Of<'ja'>, insn: Insn): Next {
  env.jmpsProcessed++;
  if (insn.src !== 0 || insn.dst !== 0 || (op.wide ? insn.off : insn.imm) !== 0) return reserved('BPF_JA');
  return env.insnIdx + 1 + (op.wide ? insn.imm : insn.off);
}

function mayGoto(env: Env, _op: Of<'may_goto'>, insn: Insn): Next {
  env.jmpsProcessed++;
  if (insn.dst !== 0 || insn.src !== 0 || insn.imm !== 0) return reserved('BPF_JCOND');
  // Staying in the loop is the other branch: it is one iteration deeper.
  const other = env.push(env.insnIdx + 1);
  if (other === null) return tooManyBranches(env.pending.length);
  other.mayGotoDepth++;
  // The nearest kept state is the one of right here; the one before it belongs to the last iteration.
  const old = sameCallsAt(env.state.parent?.parent ?? null, other, env.insnIdx);
  if (old !== null) widen(old, other);
  return env.insnIdx + 1 + insn.off;
}

const SPIN_UNLOCK = 94;

function call(env: Env, op: Of<'call'>, insn: Insn): Next {
  env.jmpsProcessed++;
  if (insn.dst !== 0 || (op.callee !== 'kfunc' && insn.off !== 0)) return reserved('BPF_CALL');
  const unlocks = op.callee === 'helper' && insn.imm === SPIN_UNLOCK;
  if (op.callee !== 'local' && !unlocks && locksHeld(env.state)) {
    return invalid('function calls are not allowed while holding a lock');
  }
  switch (op.callee) {
    case 'local':
      return localCall(env, insn);
    case 'helper':
      return helperCall(env, insn.imm) ?? env.insnIdx + 1;
    case 'kfunc':
      return invalid('calling kernel function is not allowed');
    case 'callx':
      return invalid('unknown opcode 8d');
    default:
      return op.callee satisfies never;
  }
}

function localCall(env: Env, insn: Insn): Next {
  const { frames } = env.state;
  const target = callTarget(insn, env.insnIdx);
  if (frames.length >= MAX_CALL_FRAMES) return tooBig(`the call stack of ${frames.length + 1} frames is too deep`);
  const caller = env.frame;
  const regs: Reg[] = new Array<Reg>(11).fill(NOT_INIT);
  for (let r = 1; r <= 5; r++) regs[r] = caller.regs[r];
  regs[10] = makeReg({ kind: 'fp', frame: frames.length });
  clearCallerSaved(env);
  const subprog = env.prog.subprogOf[target];
  frames.push(new Frame(regs, [], env.insnIdx, frames.length, subprog));
  return target;
}

function exit(env: Env, _op: Of<'exit'>, insn: Insn): Next {
  env.jmpsProcessed++;
  if (insn.imm !== 0 || insn.src !== 0 || insn.dst !== 0 || insn.off !== 0) return reserved('BPF_EXIT');
  const { frames } = env.state;
  const r0 = env.reg(0);
  if (frames.length === 1) {
    return checkLeaks(env, 'BPF_EXIT instruction in main prog', true) ?? env.read(0) ?? checkReturnCode(env) ?? END;
  }
  if (r0.kind === 'fp') return invalid('cannot return stack pointer to the caller');
  if (env.frame.isCallback) {
    const bad = env.read(0) ?? checkCallbackResult(env, r0);
    if (bad) return bad;
    const { callsite } = frames.pop()!;
    afterCallback(env, callsite);
    return callsite;
  }
  const callee = frames.pop()!;
  env.setReg(0, r0);
  env.touchedRegs = 1;
  return callee.callsite + 1;
}

// ------------------------------------------------------------------------------------------------------------------

/** What a malformed variant of a known opcode is called. */
function unknownRow(insn: Insn): Reject {
  const cls = insn.code & 7;
  if (cls === 3) {
    const size = insn.code & 0x18;
    const known = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110].includes(insn.imm);
    if (known && size !== 0x00 && size !== 0x18) return invalid('invalid atomic operand size');
    return invalid(`BPF_ATOMIC uses invalid atomic opcode ${(insn.imm >>> 0).toString(16).padStart(2, '0')}`);
  }
  if (cls === 5) return reserved((insn.code & 0xf0) === 0x80 ? 'BPF_CALL' : 'BPF_JMP/JMP32');
  if ((insn.code & 0xf0) === 0xd0) return reserved('BPF_END');
  if (insn.code === 0xbf && insn.off === 1 && insn.imm !== 1 && insn.imm !== 1 << 16) {
    return invalid('addr_space_cast insn can only convert between address space 1 and 0');
  }
  return reserved((insn.code & 0xf0) === 0xb0 ? 'BPF_MOV' : 'BPF_ALU');
}

type Steps = { readonly [K in Op['kind']]: (env: Env, op: Of<K>, insn: Insn) => Next };

const STEPS: Steps = {
  alu,
  movsx,
  neg,
  end,
  jmp,
  ja,
  may_goto: mayGoto,
  call,
  exit,
  lddw,
  ld_abs: ldAbs,
  ld_ind: ldAbs,
  ldx,
  st,
  stx,
  atomic,
  load_acq: loadAcquire,
  store_rel: storeRelease,
};

/** Executes the instruction at env.insnIdx. */
export function step(env: Env): Next {
  const insn = env.prog.insns[env.insnIdx];
  const op = env.prog.ops[env.insnIdx];
  if (op === undefined) return unknownRow(insn);
  if (insn.dst <= 10 && insn.src <= 10) env.facts.operands(env.insnIdx, env.reg(insn.dst), env.reg(insn.src));
  return (STEPS[op.kind] as (env: Env, op: Op, insn: Insn) => Next)(env, op, insn);
}
