// Conditional jumps on scalars: is the outcome known (kernel is_scalar_branch_taken), and what does each outcome say
// about the operands (kernel regs_refine_cond_op). Pure; `whole` numbers are compared, or their low halves.

import { NEGATED } from '../isa/conditions.ts';
import type { JmpOp, Width } from '../isa/op.ts';
import { onlyKnownBits, SCALARS } from './scalar.ts';
import { type Bounds, copyOf, isConst, isEmpty, type Scalar, type Scalars } from './scalars.ts';
import { Tnum, tnumIntersect, tnumOverlap, tnumSubreg, tnumSubregIsConst, tnumWithSubreg } from './tnum.ts';
import {
  ALL_ONES,
  and,
  below,
  isZero,
  less,
  maxS,
  maxU,
  minS,
  minU,
  ONE_WORD,
  or,
  same,
  type Word,
  without,
  ZERO_WORD,
} from './word.ts';

/** One view of a scalar (the whole, or its low half), so that each condition is written once. */
interface View {
  readonly known: Tnum;
  readonly smin: Word;
  readonly smax: Word;
  readonly umin: Word;
  readonly umax: Word;
}

type Outcome = boolean | undefined;

function mustBeEqual(a: View, b: View): Outcome {
  if (isZero(a.known.m) && isZero(b.known.m)) return same(a.known.v, b.known.v);
  if (!tnumOverlap(a.known, b.known)) return false;
  const apart = below(b.umax, a.umin) || below(a.umax, b.umin) || less(b.smax, a.smin) || less(a.smax, b.smin);
  return apart ? false : undefined;
}

function unsignedLess(a: View, b: View): Outcome {
  if (below(a.umax, b.umin)) return true;
  return below(a.umin, b.umax) ? undefined : false;
}
function signedLess(a: View, b: View): Outcome {
  if (less(a.smax, b.smin)) return true;
  return less(a.smin, b.smax) ? undefined : false;
}

function sharesBits(a: View, b: View): Outcome {
  // Linux decides this only for a constant operand.
  const [x, c] = isZero(b.known.m) ? [a.known, b.known] : [b.known, a.known];
  if (!isZero(c.m)) return undefined;
  if (!isZero(and(x.v, c.v))) return true;
  return isZero(and(or(x.v, x.m), c.v)) ? false : undefined;
}

function not(x: Outcome): Outcome {
  return x === undefined ? undefined : !x;
}

const DECIDE: Record<JmpOp, (a: View, b: View) => Outcome> = {
  jeq: mustBeEqual,
  jne: (a, b) => not(mustBeEqual(a, b)),
  jlt: unsignedLess,
  jgt: (a, b) => unsignedLess(b, a),
  jge: (a, b) => not(unsignedLess(a, b)),
  jle: (a, b) => not(unsignedLess(b, a)),
  jslt: signedLess,
  jsgt: (a, b) => signedLess(b, a),
  jsge: (a, b) => not(signedLess(a, b)),
  jsle: (a, b) => not(signedLess(b, a)),
  jset: sharesBits,
};

/** The low halves have nothing in common as far as their ranges tell. */
function lowHalvesDiffer(a: Scalar, b: Scalar): boolean {
  return a.u32_min > b.u32_max || a.u32_max < b.u32_min || a.s32_min > b.s32_max || a.s32_max < b.s32_min;
}

type Refine = (a: Bounds, b: Bounds) => void;

function refineEq64(a: Bounds, b: Bounds): void {
  a.uMin = b.uMin = maxU(a.uMin, b.uMin);
  a.uMax = b.uMax = minU(a.uMax, b.uMax);
  a.sMin = b.sMin = maxS(a.sMin, b.sMin);
  a.sMax = b.sMax = minS(a.sMax, b.sMax);
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

const refineLe64: Refine = (a, b) => {
  a.uMax = minU(a.uMax, b.uMax);
  b.uMin = maxU(a.uMin, b.uMin);
};
const refineLe32: Refine = (a, b) => {
  a.u32_max = Math.min(a.u32_max, b.u32_max);
  b.u32_min = Math.max(a.u32_min, b.u32_min);
};
const refineSle64: Refine = (a, b) => {
  a.sMax = minS(a.sMax, b.sMax);
  b.sMin = maxS(a.sMin, b.sMin);
};
const refineSle32: Refine = (a, b) => {
  a.s32_max = Math.min(a.s32_max, b.s32_max);
  b.s32_min = Math.max(a.s32_min, b.s32_min);
};

const swap =
  (f: Refine): Refine =>
  (a, b) =>
    f(b, a);

/** Both operands of a comparison. */
export type Operands = readonly [Scalar, Scalar];

/** Comparisons of numbers of one width. */
export class Branches {
  readonly #scalars: Scalars;
  /** For each condition that holds: how it narrows both operands, for whole numbers and for low halves. */
  readonly refinements: Record<Exclude<JmpOp, 'jset'>, readonly [Refine, Refine]>;

  constructor(scalars: Scalars) {
    this.#scalars = scalars;
    const { w, s32Min, s32Max, u32Max } = scalars;
    // Where the outcome can't happen these wrap, as in Linux.
    const refineLt64: Refine = (a, b) => {
      a.uMax = minU(a.uMax, w.sub(b.uMax, ONE_WORD));
      b.uMin = maxU(w.add(a.uMin, ONE_WORD), b.uMin);
    };
    const refineLt32: Refine = (a, b) => {
      a.u32_max = Math.min(a.u32_max, w.u(b.u32_max - 1));
      b.u32_min = Math.max(w.u(a.u32_min + 1), b.u32_min);
    };
    const refineSlt32: Refine = (a, b) => {
      a.s32_max = Math.min(a.s32_max, w.s(b.s32_max - 1));
      b.s32_min = Math.max(w.s(a.s32_min + 1), b.s32_min);
    };
    const refineSlt64: Refine = (a, b) => {
      a.sMax = minS(a.sMax, w.sub(b.sMax, ONE_WORD));
      b.sMin = maxS(w.add(a.sMin, ONE_WORD), b.sMin);
    };
    /** a != constant: a bound that equals it moves by one. */
    const refineNe64: Refine = (a, b) => {
      if (!isConst(a) && !isConst(b)) return;
      const [x, c] = isConst(b) ? [a, b.var_off.v] : [b, a.var_off.v];
      if (same(x.uMin, c) && !same(c, ALL_ONES)) x.uMin = w.add(x.uMin, ONE_WORD);
      if (same(x.uMax, c) && !same(c, ZERO_WORD)) x.uMax = w.sub(x.uMax, ONE_WORD);
      if (same(x.sMin, c) && !same(c, w.max)) x.sMin = w.add(x.sMin, ONE_WORD);
      if (same(x.sMax, c) && !same(c, w.min)) x.sMax = w.sub(x.sMax, ONE_WORD);
    };
    const refineNe32: Refine = (a, b) => {
      const constB = tnumSubregIsConst(b.var_off);
      if (!tnumSubregIsConst(a.var_off) && !constB) return;
      const [x, s] = constB ? [a, b.var_off.v.lo] : [b, a.var_off.v.lo];
      const u = w.u(s);
      if (x.u32_min === u && u < u32Max) x.u32_min++;
      if (x.u32_max === u && u > 0) x.u32_max--;
      if (x.s32_min === s && s < s32Max) x.s32_min++;
      if (x.s32_max === s && s > s32Min) x.s32_max--;
    };
    this.refinements = {
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
  }

  #view(s: Scalar, whole: boolean): View {
    if (whole) return { known: s.var_off, smin: s.sMin, smax: s.sMax, umin: s.uMin, umax: s.uMax };
    const { w } = this.#scalars;
    return {
      known: tnumSubreg(s.var_off),
      smin: w.sext(s.s32_min),
      smax: w.sext(s.s32_max),
      umin: w.zext(s.u32_min),
      umax: w.zext(s.u32_max),
    };
  }

  /** Whether `a op b` is known to hold (true), known not to hold (false), or open (undefined). */
  taken(op: JmpOp, whole: boolean, a: Scalar, b: Scalar): Outcome {
    if (whole && (op === 'jeq' || op === 'jne') && lowHalvesDiffer(a, b)) return op === 'jne';
    return DECIDE[op](this.#view(a, whole), this.#view(b, whole));
  }

  /** Narrows both operands, given that `a op b` came out as `holds`. */
  narrow(op: JmpOp, whole: boolean, holds: boolean, a: Bounds, b: Bounds): void {
    if (op === 'jset') this.refineJset(holds, whole, a, b);
    else this.refinements[holds ? op : NEGATED[op]][whole ? 0 : 1](a, b);
  }

  /** a & constant is not 0 (holds) or is 0: a single bit is then known to be set, all bits of the constant to be clear. */
  refineJset(holds: boolean, whole: boolean, a: Bounds, b: Bounds): void {
    const isKnown = (s: Scalar) => (whole ? isConst(s) : tnumSubregIsConst(s.var_off));
    if (!isKnown(a) && !isKnown(b)) return;
    const [x, c] = isKnown(b) ? [a, b.var_off.v] : [b, a.var_off.v];
    const bits: Word = whole ? c : { hi: 0, lo: c.lo };
    const { v, m } = x.var_off;
    if (!holds) {
      // Linux forgets the ranges: with fewer bits they might contradict them, on a path that can't happen.
      this.#scalars.setUnbounded64(x);
      this.#scalars.setUnbounded32(x);
      x.var_off = new Tnum(without(v, bits), without(m, bits));
    } else if (!isZero(bits) && isZero(and(bits, this.#scalars.w.sub(bits, ONE_WORD)))) {
      x.var_off = new Tnum(or(v, bits), without(m, bits));
    }
  }
}

const BRANCHES = new Branches(SCALARS);

/** Whether `a op b` is known to hold (true), known not to hold (false), or open (undefined). */
export function isBranchTaken(op: JmpOp, width: Width, a: Scalar, b: Scalar): Outcome {
  return BRANCHES.taken(op, width === 64, a, b);
}

/** Both operands, given that `a op b` came out as `holds`. */
export function refine(op: JmpOp, width: Width, holds: boolean, a: Scalar, b: Scalar): Operands {
  const x = copyOf(a);
  const y = copyOf(b);
  BRANCHES.narrow(op, width === 64, holds, x, y);
  return [SCALARS.sync(x), SCALARS.sync(y)];
}

/**
 * A register compared with itself, given the outcome. Linux lets both sides narrow the one register, also where the
 * outcome can't happen: such a path may keep a range that looks sane.
 */
export function refineSelf(op: JmpOp, width: Width, holds: boolean, a: Scalar): Scalar {
  const x = copyOf(a);
  BRANCHES.narrow(op, width === 64, holds, x, x);
  return SCALARS.sync(x);
}

/** A path whose ranges contradict each other can't happen; its scalar keeps only its known bits. */
function sane(s: Scalar): Scalar {
  return isEmpty(s) ? onlyKnownBits(s) : s;
}

/** What is known of a comparison: its outcome, or where both are possible, the operands behind each. */
export interface Judgement {
  readonly outcome: Outcome;
  readonly holds: Operands;
  readonly fails: Operands;
}

/** `b` is null for a register compared with itself. */
export function judge(op: JmpOp, width: Width, a: Scalar, b: Scalar | null): Judgement {
  const other = b ?? a;
  // Only numbers decide: Linux 6.18 does not ask whether both are the same register.
  const outcome = isBranchTaken(op, width, a, other);
  if (outcome !== undefined) return { outcome, holds: [a, other], fails: [a, other] };
  const after = (holds: boolean): Operands => {
    if (b === null) return [sane(refineSelf(op, width, holds, a)), other];
    const [x, y] = refine(op, width, holds, a, b);
    return [sane(x), sane(y)];
  };
  return { outcome, holds: after(true), fails: after(false) };
}
