// Steps of arithmetic, moves and byte order (kernel check_alu_op, adjust_reg_min_max_vals): scalars, or a pointer and a
// scalar; which registers are linked afterwards.

import type { Insn } from '../isa/insn.ts';
import type { AluOp } from '../isa/op.ts';
import type { Env } from './env.ts';
import { linkForCopy } from './link.ts';
import { OPERATOR, pointerAlu } from './pointer.ts';
import { markPrecise } from './precision.ts';
import {
  copyReg,
  isPointer,
  type Reg,
  regWidth,
  scalarReg,
  UNKNOWN_SCALAR,
  unlinked,
  withPrecision,
  withScalar,
} from './reg.ts';
import { denied, invalid, type Reject, tooManyBranches } from './reject.ts';
import {
  constant,
  highest,
  isConst,
  isEmpty,
  lowest,
  numberIn,
  onlyKnownBits,
  type Scalar,
  signExtend,
  UNKNOWN,
  widthOf,
  withLow,
  zext32,
} from './scalar.ts';
import { aluScalar, endScalar, negScalar } from './scalar_alu.ts';
import { maskNumbers } from './speculation.ts';
import { type Next, type Of, reserved, write } from './steps.ts';

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
    write(env, insn.dst, env.number(op.width === 64 ? insn.imm : insn.imm >>> 0));
    return env.insnIdx + 1;
  }
  const bad = env.read(insn.src) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const src = env.reg(insn.src);
  if (op.width === 64) {
    const linked = linkForCopy(env, insn.src);
    write(env, insn.dst, withPrecision(linked, false));
  } else if (env.hides(src)) {
    return denied(`R${insn.src} partial copy of pointer`);
  } else if (src.kind !== 'scalar') {
    // Half a pointer is a number nobody knows (allowed for root).
    write(env, insn.dst, scalarReg(zext32(UNKNOWN)));
  } else {
    const fits = regWidth(src) <= 32;
    const linked = fits ? linkForCopy(env, insn.src) : unlinked(src);
    write(env, insn.dst, withScalar(withPrecision(linked, false), zeroExtended(env, linked.s)));
  }
  return env.insnIdx + 1;
}

function zeroExtended(env: Env, s: Scalar): Scalar {
  const { computed, insnIdx } = env;
  return computed.get(insnIdx, s, s) ?? computed.put(insnIdx, s, s, zext32(s));
}

export function movsx(env: Env, op: Of<'movsx'>, insn: Insn): Next {
  if (insn.imm !== 0) return reserved('BPF_MOV');
  const bad = env.read(insn.src) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const src = env.reg(insn.src);
  if (env.hides(src)) {
    return denied(`R${insn.src} ${op.width === 64 ? 'sign-extension part' : 'partial copy'} of pointer`);
  }
  if (src.kind !== 'scalar') {
    write(env, insn.dst, scalarReg(op.width === 64 ? UNKNOWN : zext32(UNKNOWN)));
    return env.insnIdx + 1;
  }
  const unchanged = widthOf(src.s) < op.bits;
  const from = unchanged ? linkForCopy(env, insn.src) : unlinked(src);
  const s = signExtend(from.s, (op.bits / 8) as 1 | 2 | 4, op.width);
  write(env, insn.dst, withScalar(withPrecision(from, false), s));
  return env.insnIdx + 1;
}

const S32_MIN = -(2 ** 31);

const NO_LINK: Link = { id: 0, addConst: false, off: 0, wrap: false };
type Link = Pick<Reg, 'id' | 'addConst' | 'off' | 'wrap'>;

/** Adding or subtracting a constant keeps the link to equal scalars, with a distance (kernel BPF_ADD_CONST). */
function linkAfter(op: Of<'alu'>, dst: Reg, src: Scalar): Link {
  if ((op.op !== 'add' && op.op !== 'sub') || dst.id === 0 || !isConst(src)) return NO_LINK;
  // 32-bit sums say nothing of what was above bit 31.
  const wrap = op.width === 32;
  const number = numberIn(src);
  if (wrap && (regWidth(dst) > 32 || !Number.isSafeInteger(number))) return NO_LINK;
  const value = wrap ? number | 0 : number;
  if (dst.addConst || value !== (value | 0) || (op.op === 'sub' && value === S32_MIN)) return NO_LINK;
  return { id: dst.id, addConst: true, off: op.op === 'sub' ? 0 - value : value, wrap };
}

function sane(s: Scalar): Scalar {
  return isEmpty(s) ? onlyKnownBits(s) : s;
}

export function alu(env: Env, op: Of<'alu'>, insn: Insn): Next {
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
  const src = op.operand === 'reg' ? env.reg(insn.src) : env.number(insn.imm);
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
  const full = lowest(dst.s) === -1 && highest(dst.s) === 0;
  if (!full && !(dst.s.s32_min === -1 && dst.s.s32_max === 0)) return null;
  const other = env.push(env.insnIdx);
  if (other === null) return tooManyBranches(env.pending.length);
  const known = (value: bigint) => (full ? constant(BigInt.asUintN(64, value)) : withLow(dst.s, value));
  other.frame.regs[insn.dst] = withScalar(dst, known(0n));
  const s = sane(aluScalar(op.op, op.width, known(-1n), src.s));
  return withResult(dst, s, linkAfter(op, dst, src.s));
}

function withResult(dst: Reg, s: Scalar, { id, addConst, off, wrap }: Link): Reg {
  const r = copyReg(dst);
  r.s = s;
  r.id = id;
  r.addConst = addConst;
  r.off = off;
  r.wrap = wrap;
  return r;
}

function compute(env: Env, op: Of<'alu'>, a: Scalar, b: Scalar): Scalar {
  const { computed, insnIdx } = env;
  return computed.get(insnIdx, a, b) ?? computed.put(insnIdx, a, b, sane(aluScalar(op.op, op.width, a, b)));
}

function aluResult(env: Env, op: Of<'alu'>, insn: Insn, dst: Reg, src: Reg): Reg | Reject {
  const dstPtr = isPointer(dst);
  const srcPtr = isPointer(src);
  const inArena = dst.kind === 'arena' || src.kind === 'arena';
  env.facts.usesArena(env.insnIdx, inArena);
  // Whatever is done, it stays a number of 32 bits: engines compute so.
  if (inArena) return dst.kind === 'arena' ? dst : src;
  if (dstPtr && srcPtr) {
    if (op.op === 'sub' && env.perfmon) return UNKNOWN_SCALAR;
    return denied(`R${insn.dst} pointer ${OPERATOR[op.op]} pointer prohibited`);
  }
  const byRegister = op.operand === 'reg';
  const move = { op: op.op, insn, byRegister };
  if (srcPtr) {
    const reject = markPrecise(env, insn.dst);
    return reject ?? pointerAlu(env, op.width, src, { ...move, offset: dst, scalarFirst: true });
  }
  if (dstPtr) {
    const reject = byRegister ? markPrecise(env, insn.src) : null;
    return reject ?? pointerAlu(env, op.width, dst, { ...move, offset: src, scalarFirst: false });
  }
  if (dst.precise && byRegister) markPrecise(env, insn.src);
  const unmasked = maskNumbers(env, op.op, insn, byRegister);
  if (unmasked) return unmasked;
  const forked = forkSigns(env, op, insn, dst, src);
  if (forked !== null) return forked;
  return withResult(dst, compute(env, op, dst.s, src.s), linkAfter(op, dst, src.s));
}

/** Operations of one register turn an address into a number. */
function noAddress(env: Env, r: number): Reject | null {
  return env.hides(env.reg(r)) ? denied(`R${r} pointer arithmetic prohibited`) : null;
}

export function neg(env: Env, op: Of<'neg'>, insn: Insn): Next {
  if (insn.src !== 0 || insn.off !== 0 || insn.imm !== 0) return reserved('BPF_NEG');
  const bad = env.read(insn.dst) ?? noAddress(env, insn.dst) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const dst = env.reg(insn.dst);
  write(env, insn.dst, dst.kind === 'scalar' ? scalarReg(sane(negScalar(op.width, dst.s))) : UNKNOWN_SCALAR);
  return env.insnIdx + 1;
}

export function end(env: Env, op: Of<'end'>, insn: Insn): Next {
  if (insn.src !== 0 || insn.off !== 0) return reserved('BPF_END');
  const bad = env.read(insn.dst) ?? noAddress(env, insn.dst) ?? env.canWrite(insn.dst);
  if (bad) return bad;
  const dst = env.reg(insn.dst);
  const swaps = op.order !== 'le';
  write(env, insn.dst, dst.kind === 'scalar' ? scalarReg(sane(endScalar(op.bits, swaps, dst.s))) : UNKNOWN_SCALAR);
  return env.insnIdx + 1;
}
