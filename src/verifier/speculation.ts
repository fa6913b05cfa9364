// Loaders without CAP_PERFMON (VerifyOptions.perfmon: false): a CPU that guesses wrong must not get further than the
// verifier followed (kernel sanitize_ptr_alu, sanitize_speculative_path). So branches that are decided are followed both
// ways, arithmetic on pointers must have bounds that masking can enforce, and what fails on a guessed path alone is no
// error: there Linux inserts a barrier.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { AluOp } from '../isa/op.ts';
import type { Env } from './env.ts';
import { checkMapValue } from './mem.ts';
import { type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { denied, explain, type Reject, tooManyBranches } from './reject.ts';
import { isConst } from './scalar.ts';
import { tnumText } from './tnum.ts';

/** How an instruction is masked: all paths through it must agree. */
export interface Masking {
  readonly state: number;
  readonly limit: number;
}

/** Bits of Masking.state (kernel BPF_ALU_*). */
const SANITIZE_SRC = 1;
const SANITIZE_DST = 2;
const NEG_VALUE = 4;
const NON_POINTER = 8;
const IMMEDIATE = 16;

/** Errors that a barrier in front of the instruction makes good. */
const RECOVERABLE: readonly string[] = ['EPERM', 'EACCES', 'EINVAL'];

/** What is known of barriers and masks, per instruction. */
export class Speculation {
  readonly masks = new Map<InsnIndex, Masking>();
  /** A guessed path ends in front of it. */
  readonly barriers = new Set<InsnIndex>();
  /** ... or behind it: stores that a later load could overtake. */
  readonly barriersBehind = new Set<InsnIndex>();
  /** A pointer moved by an unknown number: scalars then count as they are. */
  exact = false;

  /** A step of a guessed path failed: whether the path just ends. */
  recovers(at: InsnIndex, reject: Reject): boolean {
    if (!RECOVERABLE.includes(reject.code)) return false;
    this.barriers.add(at);
    this.masks.delete(at);
    return true;
  }
}

/** Forks into a path that only a wrong guess takes. `change` makes its registers what they then would be. */
function guess(env: Env, at: InsnIndex, change: (regs: Reg[]) => void): Reject | null {
  const state = env.push(at);
  if (state === null) return tooManyBranches(env.pending.length);
  state.speculative = true;
  change(state.frame.regs);
  return null;
}

/** A branch whose outcome is known: the other way, about whose operands nothing is known. */
export function guessBranch(env: Env, insn: Insn, byRegister: boolean, at: InsnIndex): Reject | null {
  if (env.perfmon) return null;
  return guess(env, at, (regs) => {
    regs[insn.dst] = UNKNOWN_SCALAR;
    if (byRegister) regs[insn.src] = UNKNOWN_SCALAR;
  });
}

function skipsMasking(env: Env, byRegister: boolean): boolean {
  return env.perfmon || !byRegister || env.speculation.barriers.has(env.insnIdx);
}

type Failure = 'bounds' | 'type' | 'paths' | 'limit';

const WITH_IT = 'pointer arithmetic with it prohibited for !root';

function failure(why: Failure, op: AluOp, insn: Insn, scalarFirst: boolean): Reject {
  const [offset, pointer] = scalarFirst ? [insn.dst, insn.src] : [insn.src, insn.dst];
  switch (why) {
    case 'bounds':
      return denied(`R${offset} has unknown scalar with mixed signed bounds, ${WITH_IT}`);
    case 'type':
      return denied(`R${pointer} has pointer with unsupported alu operation, ${WITH_IT}`);
    case 'paths':
      return denied(`R${insn.dst} tried to ${op} from different maps, paths or scalars, ${WITH_IT}`);
    case 'limit':
      return denied(`R${insn.dst} tried to ${op} beyond pointer bounds, ${WITH_IT}`);
    default:
      return why satisfies never;
  }
}

function setMask(env: Env, mask: Masking): boolean {
  const { masks } = env.speculation;
  const old = masks.get(env.insnIdx);
  if (old && old.state !== 0 && (old.state !== mask.state || old.limit !== mask.limit)) return false;
  masks.set(env.insnIdx, mask);
  return true;
}

/** Sums of numbers: the instruction must not be one of pointers on another path (kernel sanitize_val_alu). */
export function maskNumbers(env: Env, op: AluOp, insn: Insn, byRegister: boolean): Reject | null {
  if (skipsMasking(env, byRegister) || (op !== 'add' && op !== 'sub')) return null;
  return setMask(env, { state: NON_POINTER, limit: 0 }) ? null : failure('paths', op, insn, false);
}

const MAX_STACK = 512;

/** How far a pointer may move to the left or right (kernel retrieve_ptr_limit). */
function limitOf(env: Env, ptr: Reg, left: boolean): number | Failure {
  let limit: number;
  let max: number;
  if (ptr.kind === 'fp') {
    max = MAX_STACK + (left ? 1 : 0);
    limit = -(ptr.off + Number(BigInt.asIntN(32, ptr.s.var_off.value)));
  } else if (ptr.kind === 'map_value' && !ptr.maybeNull) {
    max = env.map(ptr.map).valueSize;
    limit = Number(BigInt.asIntN(32, left ? ptr.s.smin : ptr.s.umax)) + ptr.off;
  } else {
    return 'type';
  }
  return limit >>> 0 >= max ? 'limit' : limit >>> 0;
}

/** An addition to a pointer, or a subtraction from it. */
export interface Move {
  readonly op: AluOp;
  readonly insn: Insn;
  readonly byRegister: boolean;
  readonly offset: Reg;
  /** The pointer is the second operand. */
  readonly scalarFirst: boolean;
}

/** What beforeMove says to afterMove; null = nothing is masked. */
export type Window = (Masking & { readonly left: boolean }) | null;

function isReject(x: object | null): x is Reject {
  return x !== null && 'message' in x;
}

/** Before a pointer moves: where the move may start (kernel sanitize_ptr_alu, first call). */
export function beforeMove(env: Env, ptr: Reg, move: Move): Window | Reject {
  const { op, insn, byRegister, offset, scalarFirst } = move;
  if (skipsMasking(env, byRegister) || (op !== 'add' && op !== 'sub')) return null;
  const window = env.state.speculative ? null : openWindow(env, ptr, move);
  if (typeof window === 'string') return failure(window, op, insn, scalarFirst);
  if (isConst(offset.s)) return window;
  // Masking may make the offset 0.
  const full = guess(env, env.insnIdx + 1, (regs) => {
    regs[insn.dst] = ptr;
  });
  return full ?? window;
}

function openWindow(env: Env, ptr: Reg, { op, offset, scalarFirst }: Move): Window | Failure {
  const { s } = offset;
  const constant = isConst(s);
  if (!constant && s.smin < 0n !== s.smax < 0n) return 'bounds';
  const negative = s.smin < 0n;
  const left = op === 'add' ? negative : !negative;
  const limit = limitOf(env, ptr, left);
  if (typeof limit !== 'number') return limit;
  if (!constant) env.speculation.exact = true;
  const state = (negative ? NEG_VALUE : 0) | (constant ? IMMEDIATE : 0) | (scalarFirst ? SANITIZE_DST : SANITIZE_SRC);
  return { state, limit, left };
}

/** After the move: it must end in bounds, and be masked as on other paths (sanitize_check_bounds, second call). */
export function afterMove(env: Env, result: Reg, window: Window, { op, insn, scalarFirst }: Move): Reject | null {
  if (env.perfmon) return null;
  const outside = checkMoved(env, insn.dst, result);
  if (outside) return outside;
  if (window === null || isReject(window)) return null;
  const end = limitOf(env, result, window.left);
  if (typeof end !== 'number') return failure(end, op, insn, scalarFirst);
  const mask = { state: window.state, limit: Math.abs((window.limit - end) | 0) };
  return setMask(env, mask) ? null : failure('paths', op, insn, scalarFirst);
}

function checkMoved(env: Env, regno: number, ptr: Reg): Reject | null {
  if (ptr.kind === 'fp') {
    const { var_off } = ptr.s;
    const off = ptr.off + Number(BigInt.asIntN(32, var_off.value));
    if (var_off.mask !== 0n) {
      const where = `var_off=${tnumText(var_off)} off=${off}` as const;
      return denied(`R${regno} variable stack access prohibited for !root, ${where}`);
    }
    if (off < 0 && off >= -MAX_STACK) return null;
    return denied(`R${regno} stack pointer arithmetic goes out of range, prohibited for !root; off=${off}`);
  }
  if (ptr.kind !== 'map_value') return null;
  const outside = checkMapValue(env, regno, ptr, ptr.off, 1, false);
  const line = `R${regno} pointer arithmetic of map value goes out of range, prohibited for !root` as const;
  return outside && { ...explain(outside, line), code: 'EACCES' };
}
