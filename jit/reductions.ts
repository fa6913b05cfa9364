// Pass `reductions`: loops that add up consecutive numbers of memory, sixteen bytes at a time.
//
//   head: r4 = *(u16 *)(r5 -4); w2 += w4; if w1 > 748 goto out; r4 = r5; r5 += 2; w1 += 1; if r4 > r3 goto out; goto head
//
// In front of such a loop stands another one (lower_reduction.ts) that does as many rounds as are certain to be followed
// by one more, and leaves the registers as these rounds would: the loop itself does the rest, and is as it was. That no
// test of a round ends the loop is computed from the registers at run time; nothing is taken from the verifier but that
// pointers don't wrap. Rounds that are certain to come may read their bytes early: nothing in the loop writes memory.
//
// The shape: one way around, with tests that leave. On the way each register is a sum of what registers held at the head
// plus a constant, a number that was loaded, the sum, or something else that must be gone at the next head.

import { type CompareOp, NEGATED } from '../src/isa/conditions.ts';
import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import { usesArena } from '../src/runtime/program_arena.ts';
import { type Compilation, type Fn, isPointer } from './compilation.ts';
import { DEAD } from './demand.ts';
import { slotPart } from './slots.ts';

/** What vregs held at the head, added up, plus a constant; `cut`: the low 32 bits of that. */
export interface Affine {
  readonly vregs: readonly number[];
  readonly plus: number;
  readonly cut: boolean;
}

/** The loop goes on while low < high or low <= high (ordered), or low != high; a round brings them nearer by `step`. */
export interface Test {
  readonly low: Affine;
  readonly high: Affine;
  readonly step: number;
  readonly ordered: boolean;
  readonly width: 32 | 64;
}

/** What a round adds to a vreg. */
interface Step {
  readonly vreg: number;
  readonly step: number;
  readonly cut: boolean;
}

export interface Reduction {
  /** Where the numbers are added to. */
  readonly sum: number;
  readonly width: 32 | 64;
  /** Where the first number is, and the size of each, which is also from one to the next. */
  readonly from: Affine;
  readonly size: 1 | 2 | 4;
  readonly steps: readonly Step[];
  readonly tests: readonly Test[];
}

/** By block: the loop it heads. */
export type Reductions = ReadonlyMap<number, Reduction>;

export const NO_REDUCTIONS: Reductions = new Map();

const MAX_BLOCKS = 8;
const MAX_TERMS = 3;

export function reductions(c: Compilation): void {
  if (c.facts === null) return;
  for (const fn of c.fns) if (fn.parts === null) fn.reductions = reductionsOf(c, fn);
}

function reductionsOf(c: Compilation, fn: Fn): Reductions {
  const found = new Map<number, Reduction>();
  fn.cfg.blocks.forEach(({ preds }, head) => {
    const latches = preds.filter((p) => p >= head);
    const way = latches.length === 1 ? wayAround(fn, head, latches[0]) : null;
    const reduction = way && new Round(c, fn, way).reduction();
    if (reduction) found.set(head, reduction);
  });
  return found;
}

/** The blocks from head to latch, if there is no other way to the latch. */
function wayAround(fn: Fn, head: number, latch: number): number[] | null {
  const way = [latch];
  while (way[0] !== head) {
    const { preds } = fn.cfg.blocks[way[0]];
    if (preds.length !== 1 || way.length === MAX_BLOCKS) return null;
    way.unshift(preds[0]);
  }
  return way;
}

/** Numbers of `size` bytes, the first one at `from`. */
interface Numbers {
  readonly from: Affine;
  readonly size: 1 | 2 | 4;
}

type Value =
  | ({ readonly kind: 'affine' } & Affine)
  | ({ readonly kind: 'number' } & Numbers)
  | ({ readonly kind: 'sum'; readonly vreg: number; readonly width: 32 | 64 } & Numbers)
  | { readonly kind: 'other' };

const OTHER: Value = { kind: 'other' };
const constant = (plus: number): Value => ({ kind: 'affine', vregs: [], plus, cut: false });

/** A test while the steps are not known yet. */
interface Draft extends Omit<Test, 'step'> {
  readonly op: CompareOp;
}

/** One round, instruction by instruction. */
class Round {
  readonly #c: Compilation;
  readonly #fn: Fn;
  readonly #way: readonly number[];
  readonly #values = new Map<number, Value>();
  readonly #drafts: Draft[] = [];

  constructor(c: Compilation, fn: Fn, way: readonly number[]) {
    this.#c = c;
    this.#fn = fn;
    this.#way = way;
  }

  reduction(): Reduction | null {
    const { blocks } = this.#fn.cfg;
    for (const [i, block] of this.#way.entries()) {
      const next = this.#way[(i + 1) % this.#way.length];
      for (let at = blocks[block].start; at <= blocks[block].last; at++) {
        const op = this.#c.ops[at];
        if (op !== undefined && !this.#execute(at, this.#c.insns[at], op, blocks[block].taken === next)) return null;
      }
    }
    return this.#result();
  }

  #value(vreg: number): Value {
    return this.#values.get(vreg) ?? { kind: 'affine', vregs: [vreg], plus: 0, cut: false };
  }

  /** False: the loop has to stay as it is. */
  #execute(at: InsnIndex, insn: Insn, op: Op, goesOnTaken: boolean): boolean {
    switch (op.kind) {
      case 'ja':
        return true;
      case 'jmp':
        return op.op !== 'jset' && this.#test(at, insn, op, goesOnTaken ? op.op : NEGATED[op.op]);
      case 'alu':
        this.#values.set(insn.dst, this.#alu(insn, op));
        return true;
      case 'ldx':
        this.#values.set(insn.dst, this.#load(at, insn, op));
        return true;
      case 'movsx':
      case 'cast':
      case 'neg':
      case 'end':
      case 'lddw':
        this.#values.set(insn.dst, OTHER);
        return true;
      default:
        return false;
    }
  }

  #load(at: InsnIndex, { src, off }: Insn, { size, signed }: Op & { kind: 'ldx' }): Value {
    if (usesArena(this.#c.program.code, at)) return OTHER;
    const part = slotPart(this.#fn, at, size);
    if (part !== null) return part.whole && size === 8 ? this.#value(part.vreg) : OTHER;
    const address = this.#value(src);
    if (address.kind !== 'affine' || signed || size === 8) return OTHER;
    return { kind: 'number', from: { ...address, plus: address.plus + off }, size };
  }

  #alu({ dst, src, imm }: Insn, { op, width, operand }: Op & { kind: 'alu' }): Value {
    const a = op === 'mov' ? constant(0) : this.#value(dst);
    const minus = op === 'sub' && operand === 'imm';
    const b = operand === 'imm' ? constant(minus ? -imm : imm) : this.#value(src);
    if (op === 'mov' && width === 64) return b;
    if ((op !== 'add' && op !== 'mov' && !minus) || a.kind !== 'affine') return OTHER;
    if (b.kind === 'number') {
      const alone = a.vregs.length === 1 && a.plus === 0 && !a.cut;
      return alone ? { ...b, kind: 'sum', vreg: a.vregs[0], width } : OTHER;
    }
    if (b.kind !== 'affine' || (width === 64 && (a.cut || b.cut))) return OTHER;
    const vregs = [...a.vregs, ...b.vregs];
    return vregs.length > MAX_TERMS ? OTHER : { kind: 'affine', vregs, plus: a.plus + b.plus, cut: width === 32 };
  }

  /** The loop goes on if `op` holds. */
  #test(at: InsnIndex, { dst, src, imm }: Insn, { width, operand }: Op & { kind: 'jmp' }, op: CompareOp): boolean {
    const a = this.#value(dst);
    const b = operand === 'imm' ? constant(imm) : this.#value(src);
    const shape = GOES_ON[op];
    if (a.kind !== 'affine' || b.kind !== 'affine' || shape === undefined) return false;
    const facts = this.#c.facts!;
    const pointers = operand === 'reg' && isPointer(facts.dst[at]) && isPointer(facts.src[at]);
    // Values below 2^32 need no more than their low halves.
    const short = width === 32 || pointers || (a.cut && operand === 'imm' && imm >= 0);
    const [low, high] = shape.flipped ? [b, a] : [a, b];
    this.#drafts.push({ low, high, op, ordered: shape.ordered, width: short ? 32 : 64 });
    return true;
  }

  #result(): Reduction | null {
    const { widths, vregs } = this.#fn;
    const needed = [...this.#values].filter(([v]) => widths!.needs[this.#way[0] * vregs + v] !== DEAD);
    const steps: Step[] = [];
    let sum: (Value & { kind: 'sum' }) | null = null;
    for (const [vreg, value] of needed) {
      if (value.kind === 'sum' && value.vreg === vreg && sum === null) sum = value;
      else if (value.kind !== 'affine' || value.vregs.length !== 1 || value.vregs[0] !== vreg) return null;
      else steps.push({ vreg, step: value.plus, cut: value.cut });
    }
    if (sum === null) return null;
    const stepOf = ({ vregs }: Affine) =>
      vregs.includes(sum.vreg) ? NaN : vregs.reduce((n, v) => n + (steps.find((s) => s.vreg === v)?.step ?? 0), 0);
    const cut = new Set(steps.filter((s) => s.cut).map((s) => s.vreg));
    const tests = this.#drafts.map((draft) => finished(draft, stepOf, cut));
    if (stepOf(sum.from) !== sum.size || tests.includes(null) || tests.length === 0) return null;
    const { width, from, size } = sum;
    const moved = steps.filter((s) => s.step !== 0 || s.cut);
    return { sum: sum.vreg, width, from, size, steps: moved, tests: tests as Test[] };
  }
}

/** What the loop goes on with: the smaller side first. */
const GOES_ON: Partial<Record<CompareOp, { readonly flipped: boolean; readonly ordered: boolean }>> = {
  jlt: { flipped: false, ordered: true },
  jle: { flipped: false, ordered: true },
  jgt: { flipped: true, ordered: true },
  jge: { flipped: true, ordered: true },
  jne: { flipped: false, ordered: false },
};

/** With the steps: one side has to move, towards the other. On 64 bits nothing may be cut, nor be a sum of registers. */
function finished(draft: Draft, stepOf: (a: Affine) => number, cut: ReadonlySet<number>): Test | null {
  const { low, high, ordered, width } = draft;
  const simple = (a: Affine) => !a.cut && a.vregs.length <= 1 && !a.vregs.some((v) => cut.has(v));
  if (width === 64 && !(simple(low) && simple(high))) return null;
  const [up, down] = [stepOf(low), -stepOf(high)];
  const step = up + down;
  if (!(up === 0 || down === 0) || step === 0 || Number.isNaN(step)) return null;
  if (step > 0) return { low, high, step, ordered, width };
  return ordered ? null : { low: high, high: low, step: -step, ordered, width };
}
