// Pass `promote`: stack slots whose address never escapes become locals (vregs from 11 on). Verified programs only.
//
// A forward dataflow follows which registers hold "own frame + constant", and which hold constants (sizes of helper
// arguments). Every access through such a pointer is exact; a helper reads or writes exactly the bytes its prototype
// says, and these stay in memory. Anything that can't be followed (a pointer with a variable offset, stored to memory,
// passed to another function) ends the attempt for the whole function: r10 is the only origin of such pointers, so what
// is not followed can't reach the frame.
//
// A slot becomes a local when all accesses to its bytes are plain loads and stores of the same offset and size.

import type { Cfg } from '../src/analysis/cfg.ts';
import { effects, solveForward } from '../src/analysis/liveness.ts';
import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import { STACK_FRAME } from '../src/memory/layout.ts';
import { type ArgKind, type Helper, helperById } from '../src/spec/helpers.ts';
import { type Compilation, type Fn, FP, REGS } from './compilation.ts';

/** What a register holds: no pointer into this frame, a constant, frame + offset, or maybe such a pointer. */
type Value =
  | { readonly kind: 'other' }
  | { readonly kind: 'const' | 'frame'; readonly n: number }
  | { readonly kind: 'any' };

const OTHER: Value = { kind: 'other' };
const ANY: Value = { kind: 'any' };
const isFrame = (v: Value) => v.kind === 'frame' || v.kind === 'any';

function join(a: Value, b: Value): Value {
  if (a === b || (a.kind === b.kind && 'n' in a && 'n' in b && a.n === b.n)) return a;
  return isFrame(a) || isFrame(b) ? ANY : OTHER;
}

/** A plain access to `size` bytes at `off` from the frame pointer. */
interface Access {
  readonly at: InsnIndex;
  readonly off: number;
  readonly size: number;
}

/** Thrown (inside this file only) when the frame can't be followed. */
const LOST = Symbol('lost');

export function promote(c: Compilation): void {
  if (c.facts === null) return;
  for (const fn of c.fns) if (fn.part === null && fn.parts === null) promoteIn(c, fn);
}

function promoteIn(c: Compilation, fn: Fn): void {
  const uses: FrameUses = { accesses: [], kept: new Uint8Array(STACK_FRAME) };
  try {
    follow(c, fn.cfg, uses);
  } catch (e) {
    if (e === LOST) return;
    throw e;
  }
  const vregOf = new Map<number, number>();
  // All accesses at one offset have one size here.
  for (const { at, off } of choose(uses)) {
    let vreg = vregOf.get(off);
    if (vreg === undefined) vregOf.set(off, (vreg = REGS + vregOf.size));
    fn.slots[at - fn.start] = vreg;
  }
  fn.vregs = REGS + vregOf.size;
  const from = uses.kept.indexOf(1);
  fn.frame = from < 0 ? { from: 0, to: 0 } : { from, to: uses.kept.lastIndexOf(1) + 1 };
}

/** The accesses to slots that may become locals. */
function choose({ accesses, kept }: FrameUses): Access[] {
  // Per byte: which (offset, size) covers it; two different ones spoil each other.
  const owner = new Int32Array(STACK_FRAME);
  const keyOf = (a: Access) => (a.off + STACK_FRAME) * 16 + a.size;
  for (const a of accesses) {
    const key = keyOf(a);
    for (let i = 0; i < a.size; i++) {
      const byte = a.off + STACK_FRAME + i;
      if (owner[byte] !== 0 && owner[byte] !== key) kept[byte] = 1;
      owner[byte] = key;
    }
  }
  // A spoiled byte keeps all bytes of every slot over it in memory; repeat until nothing spreads.
  for (let spread = true; spread; ) {
    spread = false;
    for (const a of accesses) {
      const bytes = kept.subarray(a.off + STACK_FRAME, a.off + STACK_FRAME + a.size);
      const spoiled = bytes.reduce((n, b) => n + b, 0);
      if (spoiled > 0 && spoiled < a.size) {
        bytes.fill(1);
        spread = true;
      }
    }
  }
  return accesses.filter((a) => kept[a.off + STACK_FRAME] === 0);
}

interface FrameUses {
  readonly accesses: Access[];
  /** Bytes of the frame that must stay in memory. */
  readonly kept: Uint8Array;
}

/** Runs the dataflow, then walks each block once more to collect the uses. Throws LOST. */
function follow(c: Compilation, cfg: Cfg, uses: FrameUses): void {
  const entries = new Array<Value[] | undefined>(cfg.blocks.length).fill(undefined);
  entries[0] = new Array<Value>(REGS).fill(OTHER);
  entries[0][FP] = { kind: 'frame', n: 0 };
  solveForward(cfg, (i) => {
    const entry = entries[i];
    if (entry === undefined) return false;
    const regs = entry.slice();
    eachInsn(c, cfg, i, (_, insn, op) => step(insn, op, regs));
    let changed = false;
    for (const s of cfg.blocks[i].succs) {
      const old = entries[s];
      const next = old === undefined ? regs.slice() : regs.map((v, r) => join(old[r], v));
      if (old !== undefined && next.every((v, r) => v === old[r])) continue;
      entries[s] = next;
      changed = true;
    }
    return changed;
  });
  cfg.blocks.forEach((_, i) => {
    const regs = entries[i]!.slice();
    eachInsn(c, cfg, i, (at, insn, op) => {
      collect(c, at, insn, op, regs, uses);
      step(insn, op, regs);
    });
  });
}

function eachInsn(c: Compilation, cfg: Cfg, block: number, visit: (at: InsnIndex, insn: Insn, op: Op) => void): void {
  const { start, last } = cfg.blocks[block];
  for (let at = start; at <= last; at++) {
    const op = c.ops[at];
    if (op !== undefined) visit(at, c.insns[at], op);
  }
}

/** Next state of the registers. */
function step(insn: Insn, op: Op, regs: Value[]): void {
  const { def, clobber } = effects(insn, op);
  const value = op.kind === 'alu' ? aluValue(insn, op, regs) : OTHER;
  for (let r = 0; r < FP; r++) if ((def | clobber) & (1 << r)) regs[r] = def & (1 << r) ? value : OTHER;
}

function aluValue(insn: Insn, op: Op & { kind: 'alu' }, regs: readonly Value[]): Value {
  const a = regs[insn.dst];
  const b: Value = op.operand === 'imm' ? { kind: 'const', n: insn.imm } : regs[insn.src];
  if (op.op === 'mov') {
    if (op.width === 64) return b;
    return b.kind === 'const' && b.n >= 0 ? b : OTHER;
  }
  // Linux turns every other operation on a pointer into a scalar, which can't be used as an address.
  if (op.width === 32 || (op.op !== 'add' && op.op !== 'sub')) return OTHER;
  if (a.kind === 'frame' && b.kind === 'const') return { kind: 'frame', n: op.op === 'add' ? a.n + b.n : a.n - b.n };
  return isFrame(a) || isFrame(b) ? ANY : OTHER;
}

/** Notes what the instruction does with the frame. */
function collect(c: Compilation, at: InsnIndex, insn: Insn, op: Op, regs: readonly Value[], uses: FrameUses): void {
  switch (op.kind) {
    case 'ldx':
      access(regs[insn.src], insn.off, op.size, at, !op.signed, uses);
      return;
    case 'st':
      access(regs[insn.dst], insn.off, op.size, at, true, uses);
      return;
    case 'stx':
      if (isFrame(regs[insn.src])) throw LOST;
      access(regs[insn.dst], insn.off, op.size, at, true, uses);
      return;
    case 'load_acq':
      access(regs[insn.src], insn.off, op.size, at, false, uses);
      return;
    case 'store_rel':
    case 'atomic':
      if (isFrame(regs[insn.src]) || isFrame(regs[0])) throw LOST;
      access(regs[insn.dst], insn.off, op.size, at, false, uses);
      return;
    case 'call':
      if (op.callee === 'helper') {
        collectHelper(c, at, helperById(insn.imm), regs, uses);
        return;
      }
      for (let r = 1; r <= 5; r++) if (isFrame(regs[r])) throw LOST;
      return;
    default:
      return;
  }
}

function access(base: Value, off: number, size: number, at: InsnIndex, plain: boolean, uses: FrameUses): void {
  if (base.kind === 'any') throw LOST;
  if (base.kind !== 'frame') return;
  const from = base.n + off;
  if (from < -STACK_FRAME || from + size > 0) throw LOST;
  if (plain) uses.accesses.push({ at, off: from, size });
  else keep(from, size, uses);
}

function keep(from: number, size: number, uses: FrameUses): void {
  if (from < -STACK_FRAME || from + size > 0 || size < 0) throw LOST;
  uses.kept.fill(1, from + STACK_FRAME, from + STACK_FRAME + size);
}

function collectHelper(
  c: Compilation,
  at: InsnIndex,
  helper: Helper | undefined,
  regs: readonly Value[],
  uses: FrameUses,
): void {
  if (helper === undefined) throw LOST;
  helper.args.forEach((kind, i) => {
    const value = regs[i + 1];
    if (value.kind === 'any') throw LOST;
    if (value.kind === 'frame') keep(value.n, sizeOfArg(c, at, kind, regs[i + 2]), uses);
  });
}

/** Bytes a helper may touch behind a pointer argument. */
function sizeOfArg(c: Compilation, at: InsnIndex, kind: ArgKind, next: Value | undefined): number {
  const map = c.facts!.callMap[at];
  switch (kind) {
    case 'map_key':
    case 'map_value':
    case 'uninit_map_value':
      if (map < 0) throw LOST;
      return kind === 'map_key' ? c.program.maps[map].keySize : c.program.maps[map].valueSize;
    case 'mem_rdonly':
    case 'mem_rdonly_or_null':
    case 'mem_write':
    case 'uninit_mem':
      if (next?.kind !== 'const') throw LOST;
      return next.n;
    default:
      throw LOST;
  }
}
