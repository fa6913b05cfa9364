// Conditional jumps on scalars: is the outcome known (kernel is_scalar_branch_taken), and what does each outcome say
// about the operands (kernel regs_refine_cond_op). Pure.

import { NEGATED } from '../isa/conditions.ts';
import type { JmpOp, Width } from '../isa/op.ts';
import {
  type Bounds,
  isConst,
  isEmpty,
  lo32s,
  lo32u,
  maxN,
  minN,
  S32_MAX,
  S32_MIN,
  S64_MAX,
  S64_MIN,
  type Scalar,
  setUnbounded32,
  setUnbounded64,
  sync,
  U32_MAX,
} from './scalar.ts';
import { tnumIntersect, tnumOverlap, tnumSubreg, tnumSubregIsConst, tnumWithSubreg, U64_MAX } from './tnum.ts';

/** One view (64- or 32-bit) of a scalar, so that each condition is written once. */
interface View {
  readonly value: bigint;
  readonly mask: bigint;
  readonly smin: bigint;
  readonly smax: bigint;
  readonly umin: bigint;
  readonly umax: bigint;
}

function viewOf(s: Scalar, width: Width): View {
  if (width === 64) {
    const { value, mask } = s.var_off;
    return { value, mask, smin: s.smin, smax: s.smax, umin: s.umin, umax: s.umax };
  }
  const { value, mask } = tnumSubreg(s.var_off);
  return {
    value,
    mask,
    smin: BigInt(s.s32_min),
    smax: BigInt(s.s32_max),
    umin: BigInt(s.u32_min),
    umax: BigInt(s.u32_max),
  };
}

function mustBeEqual(a: View, b: View): boolean | undefined {
  const constA = a.mask === 0n;
  const constB = b.mask === 0n;
  if (constA && constB) return a.value === b.value;
  if (!tnumOverlap(a, b)) return false;
  if (a.umin > b.umax || a.umax < b.umin || a.smin > b.smax || a.smax < b.smin) return false;
  return undefined;
}

function less(aMin: bigint, aMax: bigint, bMin: bigint, bMax: bigint): boolean | undefined {
  if (aMax < bMin) return true;
  if (aMin >= bMax) return false;
  return undefined;
}

function not(x: boolean | undefined): boolean | undefined {
  return x === undefined ? undefined : !x;
}

const DECIDE: Record<JmpOp, (a: View, b: View) => boolean | undefined> = {
  jeq: mustBeEqual,
  jne: (a, b) => not(mustBeEqual(a, b)),
  jlt: (a, b) => less(a.umin, a.umax, b.umin, b.umax),
  jgt: (a, b) => less(b.umin, b.umax, a.umin, a.umax),
  jge: (a, b) => not(less(a.umin, a.umax, b.umin, b.umax)),
  jle: (a, b) => not(less(b.umin, b.umax, a.umin, a.umax)),
  jslt: (a, b) => less(a.smin, a.smax, b.smin, b.smax),
  jsgt: (a, b) => less(b.smin, b.smax, a.smin, a.smax),
  jsge: (a, b) => not(less(a.smin, a.smax, b.smin, b.smax)),
  jsle: (a, b) => not(less(b.smin, b.smax, a.smin, a.smax)),
  jset: (a, b) => {
    // Linux decides this only for a constant operand.
    const [x, c] = b.mask === 0n ? [a, b] : [b, a];
    if (c.mask !== 0n) return undefined;
    if ((x.value & c.value) !== 0n) return true;
    if (((x.value | x.mask) & c.value) === 0n) return false;
    return undefined;
  },
};

/** The low halves have nothing in common as far as their ranges tell. */
function lowHalvesDiffer(a: Scalar, b: Scalar): boolean {
  return a.u32_min > b.u32_max || a.u32_max < b.u32_min || a.s32_min > b.s32_max || a.s32_max < b.s32_min;
}

/** Whether `a op b` is known to hold (true), known not to hold (false), or open (undefined). */
export function isBranchTaken(op: JmpOp, width: Width, a: Scalar, b: Scalar): boolean | undefined {
  if (width === 64 && (op === 'jeq' || op === 'jne') && lowHalvesDiffer(a, b)) return op === 'jne';
  return DECIDE[op](viewOf(a, width), viewOf(b, width));
}

type Refine = (a: Bounds, b: Bounds) => void;

function refineEq64(a: Bounds, b: Bounds): void {
  a.umin = b.umin = maxN(a.umin, b.umin);
  a.umax = b.umax = minN(a.umax, b.umax);
  a.smin = b.smin = maxN(a.smin, b.smin);
  a.smax = b.smax = minN(a.smax, b.smax);
  a.var_off = b.var_off = tnumIntersect(a.var_off, b.var_off);
}
function refineEq32(a: Bounds, b: Bounds): void {
  a.u32_min = b.u32_min = Math.max(a.u32_min, b.u32_min);
  a.u32_max = b.u32_max = Math.min(a.u32_max, b.u32_max);
  a.s32_min = b.s32_min = Math.max(a.s32_min, b.s32_min);
  a.s32_max = b.s32_max = Math.min(a.s32_max, b.s32_max);
  const low = tnumIntersect(tnumSubreg(a.var_off), tnumSubreg(b.var_off));
  a.var_off = tnumWithSubreg(a.var_off, low);
  b.var_off = tnumWithSubreg(b.var_off, low);
}

/** a != constant: a bound that equals it moves by one. */
function refineNe64(a: Bounds, b: Bounds): void {
  const [x, c] = isConst(b) ? [a, b.var_off.value] : [b, a.var_off.value];
  if (!isConst(a) && !isConst(b)) return;
  const s = BigInt.asIntN(64, c);
  if (x.umin === c && c < U64_MAX) x.umin++;
  if (x.umax === c && c > 0n) x.umax--;
  if (x.smin === s && s < S64_MAX) x.smin++;
  if (x.smax === s && s > S64_MIN) x.smax--;
}
function refineNe32(a: Bounds, b: Bounds): void {
  const constA = tnumSubregIsConst(a.var_off);
  const constB = tnumSubregIsConst(b.var_off);
  if (!constA && !constB) return;
  const [x, v] = constB ? [a, b.var_off.value] : [b, a.var_off.value];
  const u = lo32u(v);
  const s = lo32s(v);
  if (x.u32_min === u && u < U32_MAX) x.u32_min++;
  if (x.u32_max === u && u > 0) x.u32_max--;
  if (x.s32_min === s && s < S32_MAX) x.s32_min++;
  if (x.s32_max === s && s > S32_MIN) x.s32_max--;
}

const refineLe64: Refine = (a, b) => {
  a.umax = minN(a.umax, b.umax);
  b.umin = maxN(a.umin, b.umin);
};
const refineLe32: Refine = (a, b) => {
  a.u32_max = Math.min(a.u32_max, b.u32_max);
  b.u32_min = Math.max(a.u32_min, b.u32_min);
};
const refineLt64: Refine = (a, b) => {
  a.umax = minN(a.umax, b.umax - 1n);
  b.umin = maxN(a.umin + 1n, b.umin);
};
const refineLt32: Refine = (a, b) => {
  a.u32_max = Math.min(a.u32_max, b.u32_max - 1);
  b.u32_min = Math.max(a.u32_min + 1, b.u32_min);
};
const refineSle64: Refine = (a, b) => {
  a.smax = minN(a.smax, b.smax);
  b.smin = maxN(a.smin, b.smin);
};
const refineSle32: Refine = (a, b) => {
  a.s32_max = Math.min(a.s32_max, b.s32_max);
  b.s32_min = Math.max(a.s32_min, b.s32_min);
};
const refineSlt64: Refine = (a, b) => {
  a.smax = minN(a.smax, b.smax - 1n);
  b.smin = maxN(a.smin + 1n, b.smin);
};
const refineSlt32: Refine = (a, b) => {
  a.s32_max = Math.min(a.s32_max, b.s32_max - 1);
  b.s32_min = Math.max(a.s32_min + 1, b.s32_min);
};

const swap =
  (f: Refine): Refine =>
  (a, b) =>
    f(b, a);

/** For each condition that holds: how it narrows both operands, for 64 and 32 bits. */
const REFINE: Record<Exclude<JmpOp, 'jset'>, readonly [Refine, Refine]> = {
  jeq: [refineEq64, refineEq32],
  jne: [refineNe64, refineNe32],
  jle: [refineLe64, refineLe32],
  jlt: [refineLt64, refineLt32],
  jge: [swap(refineLe64), swap(refineLe32)],
  jgt: [swap(refineLt64), swap(refineLt32)],
  jsle: [refineSle64, refineSle32],
  jslt: [refineSlt64, refineSlt32],
  jsge: [swap(refineSle64), swap(refineSle32)],
  jsgt: [swap(refineSlt64), swap(refineSlt32)],
};

/** a & constant is not 0 (holds) or is 0: a single bit is then known to be set, all bits of the constant to be clear. */
function refineJset(holds: boolean, width: Width, a: Bounds, b: Bounds): void {
  const constB = width === 64 ? isConst(b) : tnumSubregIsConst(b.var_off);
  const constA = width === 64 ? isConst(a) : tnumSubregIsConst(a.var_off);
  if (!constA && !constB) return;
  const [x, c] = constB ? [a, b.var_off.value] : [b, a.var_off.value];
  const bits = width === 64 ? c : BigInt.asUintN(32, c);
  const { value, mask } = x.var_off;
  if (holds) {
    if (bits === 0n || (bits & (bits - 1n)) !== 0n) return;
    x.var_off = { value: value | bits, mask: mask & ~bits };
  } else {
    x.var_off = { value: value & ~bits, mask: mask & ~bits };
  }
}

/** Both operands of a comparison. */
export type Operands = readonly [Scalar, Scalar];

/** Both operands, given that `a op b` came out as `holds`. */
export function refine(op: JmpOp, width: Width, holds: boolean, a: Scalar, b: Scalar): Operands {
  const x: Bounds = { ...a };
  const y: Bounds = { ...b };
  if (op === 'jset') refineJset(holds, width, x, y);
  else REFINE[holds ? op : NEGATED[op]][width === 64 ? 0 : 1](x, y);
  return [sync(x), sync(y)];
}

/**
 * A register compared with itself, given the outcome. Linux lets both sides narrow the one register, also where the
 * outcome can't happen: such a path may keep a range that looks sane.
 */
export function refineSelf(op: JmpOp, width: Width, holds: boolean, a: Scalar): Scalar {
  const x: Bounds = { ...a };
  if (op === 'jset') refineJset(holds, width, x, x);
  else REFINE[holds ? op : NEGATED[op]][width === 64 ? 0 : 1](x, x);
  return sync(x);
}

/** A path whose ranges contradict each other can't happen; its scalar keeps only its known bits. */
function sane(s: Scalar): Scalar {
  if (!isEmpty(s)) return s;
  const b: Bounds = { ...s };
  setUnbounded64(b);
  setUnbounded32(b);
  return b;
}

/** What is known of a comparison: its outcome, or where both are possible, the operands behind each. */
export interface Judgement {
  readonly outcome: boolean | undefined;
  readonly holds: Operands;
  readonly fails: Operands;
}

/** `b` is null for a register compared with itself. */
export function judge(op: JmpOp, width: Width, a: Scalar, b: Scalar | null): Judgement {
  // Linux 6.18 follows both ways of a register compared with itself.
  const outcome = b === null && !isConst(a) ? undefined : isBranchTaken(op, width, a, b ?? a);
  const other = b ?? a;
  if (outcome !== undefined) return { outcome, holds: [a, other], fails: [a, other] };
  const after = (holds: boolean): Operands => {
    if (b === null) return [sane(refineSelf(op, width, holds, a)), other];
    const [x, y] = refine(op, width, holds, a, b);
    return [sane(x), sane(y)];
  };
  return { outcome, holds: after(true), fails: after(false) };
}
