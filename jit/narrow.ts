// Pass `narrow`: decides for every value whether it lives in an i32 or in an i64 local.
//
// Two dataflows per function: forwards, how many bits a vreg may have (bits.ts); backwards, how much of it is needed
// (demand.ts). A result is narrow (i32 local) when it fits into 32 bits or nobody needs its upper half. Arguments:
// callers run before callees forwards (bits), callees before callers backwards (needs). What a function returns is known
// before all that, from a walk in which its arguments may be anything.
//
// Every vreg has up to two locals. Which one holds the value is known at every point: FnWidths.entry at the start of a
// block, `result` after each instruction. Where a predecessor leaves a vreg in the other local, the predecessor's end
// copies it over; the local it is copied to holds nothing that is needed there, so both sides of a jump may see the copy.
//
//   left narrow, wanted wide   -> zero-extend (its upper half is needed, so it was narrow because it fits)
//   left wide, wanted narrow   -> wrap

import { targetOf } from '../src/analysis/cfg.ts';
import { solveBackward, solveForward } from '../src/analysis/liveness.ts';
import type { InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import { type Bits, defOf, FULL, resultBits } from './bits.ts';
import { type Compilation, type Fn, FP, isPointer, makesTailCalls, REGS } from './compilation.ts';
import { DEAD, demandsOf, LOW, WHOLE } from './demand.ts';

export interface Param {
  readonly reg: number;
  readonly narrow: boolean;
}

export const RESULT = { wide: 0, narrow: 1, dead: 2 } as const;

export interface FnWidths {
  /** Arguments that are read: r1-r5 ascending. */
  readonly params: readonly Param[];
  /** [block * vregs + vreg]: 1 = narrow on entry to the block. */
  readonly entry: Uint8Array;
  /** [block * vregs + vreg]: DEAD, LOW or WHOLE: what is needed on entry to the block. */
  readonly needs: Uint8Array;
  /** Per slot (- start): RESULT of what the instruction writes; dead = nobody reads it. */
  readonly result: Uint8Array;
  /** Per slot (- start): how many bits a stored value may have before it is cut to the size of a slot vreg. */
  readonly bits: Uint8Array;
}

export function narrow(c: Compilation): void {
  if (!c.openCalls) for (const fn of c.fns.toReversed()) fn.resultBits = resultBitsOf(c, fn);
  const args = new Map<Fn, Uint8Array>(c.fns.map((fn) => [fn, new Uint8Array(6)]));
  args.set(c.fns[0], Uint8Array.of(0, 32, 32, 0, 0, 0));
  const forward = new Map<Fn, Forward>();
  for (const fn of c.fns) {
    if (fn.parts !== null) continue;
    if (c.openCalls && fn.index > 0) args.get(fn)!.fill(FULL);
    forward.set(
      fn,
      bitsOf(c, fn, args.get(fn)!, (callee, bits) => joinInto(args.get(callee)!, bits)),
    );
  }
  for (const fn of c.fns.toReversed()) {
    fn.widths = fn.parts !== null ? openWidths(fn) : widthsOf(c, fn, args.get(fn)!, forward.get(fn)!);
  }
}

/** Of r0 when `fn` returns to one of the program's functions. What a tail call returns is not known. */
function resultBitsOf(c: Compilation, fn: Fn): number {
  if (fn.index <= 0 || fn.parts !== null || makesTailCalls(c, fn)) return FULL;
  return bitsOf(c, fn, ANYTHING, () => {}).exit;
}

const ANYTHING = new Uint8Array(6).fill(FULL);

/** A split function hands every argument on to its parts, whole. */
function openWidths(fn: Fn): FnWidths {
  const params = [1, 2, 3, 4, 5].map((reg) => ({ reg, narrow: false }));
  const none = new Uint8Array(tableSize(fn));
  return { params, entry: none, needs: none, result: new Uint8Array(0), bits: new Uint8Array(0) };
}

function joinInto(to: Uint8Array, from: Uint8Array): void {
  for (let i = 0; i < to.length; i++) if (from[i] > to[i]) to[i] = from[i];
}

/** A function whose first slot is no instruction has no block; its table has one row all the same. */
const tableSize = (fn: Fn) => Math.max(1, fn.cfg.blocks.length) * fn.vregs;

interface Forward {
  /** [block * vregs + vreg] on entry. */
  readonly entry: Uint8Array;
  /** Per slot: bits of the result. */
  readonly result: Uint8Array;
  /** Of r0 at the exits. */
  readonly exit: number;
}

/** Growing bits stop at these at the head of a loop, so that a counter doesn't creep up bit by bit. */
const STEPS = [0, 1, 8, 16, 24, 31, 32, 48, FULL];
const stepUp = (bits: number) => STEPS.find((s) => s >= bits)!;

function bitsOf(c: Compilation, fn: Fn, args: Uint8Array, atCall: (callee: Fn, bits: Uint8Array) => void): Forward {
  const { blocks } = fn.cfg;
  const n = fn.vregs;
  const entry = new Uint8Array(tableSize(fn));
  const result = new Uint8Array(fn.cfg.blockOf.length);
  entry.set(args.subarray(1, 6), 1);
  entry[FP] = 32;
  if (fn.part !== null) entry.fill(FULL, 0, REGS);
  const isHead = blocks.map((b, i) => b.preds.some((p) => p >= i));
  const bits: Bits = new Uint8Array(n);
  const walk = (i: number, visit?: (at: InsnIndex, op: Op) => void) => {
    bits.set(entry.subarray(i * n, i * n + n));
    for (let at = blocks[i].start; at <= blocks[i].last; at++) {
      const op = c.ops[at];
      if (op === undefined) continue;
      visit?.(at, op);
      stepBits(c, fn, at, op, bits, result);
    }
  };
  solveForward(fn.cfg, (i) => {
    walk(i);
    let changed = false;
    for (const s of blocks[i].succs) {
      for (let v = 0; v < n; v++) {
        const at = s * n + v;
        if (bits[v] <= entry[at]) continue;
        entry[at] = isHead[s] ? stepUp(bits[v]) : bits[v];
        changed = true;
      }
    }
    return changed;
  });
  let exit = 0;
  for (let i = 0; i < blocks.length; i++) {
    walk(i, (at, op) => {
      if (op.kind === 'exit') exit = Math.max(exit, bits[0]);
      if (op.kind !== 'call' || op.callee !== 'local') return;
      const callee = c.fnAt.get(targetOf(c.insns[at], op, at));
      if (callee !== undefined) atCall(callee, bits.subarray(0, 6));
    });
  }
  return { entry, result, exit };
}

function stepBits(c: Compilation, fn: Fn, at: InsnIndex, op: Op, bits: Bits, result: Uint8Array): void {
  const insn = c.insns[at];
  if (c.facts !== null) {
    // An instruction that reads a register sees a pointer there on every arrival: it is below 2^32.
    if (readsDst(op) && isPointer(c.facts.dst[at]) && bits[insn.dst] > 32) bits[insn.dst] = 32;
    if (isPointer(c.facts.src[at]) && bits[insn.src] > 32) bits[insn.src] = 32;
  }
  const def = defOf(fn, at, insn, op);
  if (def < 0) return;
  bits[def] = result[at - fn.start] = resultBits(c, fn, at, insn, op, bits);
}

const NOT_READING_DST: ReadonlySet<Op['kind']> = new Set([
  'movsx',
  'cast',
  'lddw',
  'ldx',
  'load_acq',
  'call',
  'exit',
  'ja',
]);

function readsDst(op: Op): boolean {
  return !(NOT_READING_DST.has(op.kind) || (op.kind === 'alu' && op.op === 'mov'));
}

/** Instructions that do nothing but write their result: dead when nobody reads it. */
function isPure(c: Compilation, fn: Fn, at: InsnIndex, op: Op): boolean {
  switch (op.kind) {
    case 'alu':
    case 'movsx':
    case 'cast':
    case 'neg':
    case 'end':
    case 'lddw':
      return true;
    case 'ldx': // an access the verifier checked can't fail
      return c.facts !== null;
    case 'st':
    case 'stx':
      return fn.slots[at - fn.start] > 0;
    default:
      return false;
  }
}

function widthsOf(c: Compilation, fn: Fn, args: Uint8Array, forward: Forward): FnWidths {
  const { blocks } = fn.cfg;
  const n = fn.vregs;
  const needs = new Uint8Array(tableSize(fn));
  const result = new Uint8Array(fn.cfg.blockOf.length);
  const need = new Uint8Array(n);
  const use = (vreg: number, amount: number) => {
    need[vreg] |= amount;
  };
  solveBackward(fn.cfg, (i) => {
    const { start, last, succs } = blocks[i];
    need.fill(i === fn.part?.save ? WHOLE : DEAD);
    for (const s of succs) for (let v = 0; v < n; v++) need[v] |= needs[s * n + v];
    for (let at = last; at >= start; at--) {
      const op = c.ops[at];
      if (op === undefined) continue;
      const slot = at - fn.start;
      const def = defOf(fn, at, c.insns[at], op);
      const wanted = def < 0 ? DEAD : need[def];
      if (def >= 0) {
        need[def] = DEAD;
        result[slot] = forward.result[slot] <= 32 || wanted !== WHOLE ? RESULT.narrow : RESULT.wide;
        if (wanted === DEAD && isPure(c, fn, at, op)) result[slot] = RESULT.dead;
      }
      const dead = def >= 0 && result[slot] === RESULT.dead;
      // An idiom reads what was kept for it.
      if (!dead && !fn.idioms.at.has(at)) demandsOf(c, fn, at, c.insns[at], op, wanted, forward.result[slot], use);
      const kept = fn.idioms.kept.get(at);
      if (kept !== undefined) use(kept.reg, kept.whole ? WHOLE : LOW);
    }
    let changed = false;
    for (let v = 0; v < n; v++) {
      if (needs[i * n + v] === need[v]) continue;
      needs[i * n + v] = need[v];
      changed = true;
    }
    return changed;
  });
  const entry = needs.map((wanted, i) => (forward.entry[i] <= 32 || wanted !== WHOLE ? 1 : 0));
  const params: Param[] = [];
  for (let reg = 1; reg <= 5; reg++) {
    const wanted = needs[reg];
    if (wanted !== DEAD) params.push({ reg, narrow: args[reg] <= 32 || wanted !== WHOLE });
  }
  return { params, entry, needs, result, bits: forward.result };
}
