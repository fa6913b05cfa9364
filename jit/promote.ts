// Pass `promote`: stack slots whose address never escapes become locals (vregs from 11 on). Verified programs only.
//
// A forward dataflow follows which registers hold "own frame + constant", and which hold constants (sizes of helper
// arguments). Every access through such a pointer is exact; a helper reads or writes exactly the bytes its prototype
// says, and these stay in memory. Anything that can't be followed (a pointer with a variable offset, stored to memory,
// passed to another function) ends the attempt for the whole function: r10 is the only origin of such pointers, so what
// is not followed can't reach the frame. Where a kfunc reads from addresses that nobody checks, numbers made of pointers
// (`r1 = -r1` twice) and strings without an end can: nothing is promoted in such a program.
//
// Bytes become a local when all accesses to them are plain loads and stores. Narrower ones than the widest (clang spills
// a register whole and fills its low half) take or replace a part of the local.

import type { Cfg } from '../src/analysis/cfg.ts';
import { effects, solveForward } from '../src/analysis/liveness.ts';
import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import { STACK_FRAME } from '../src/memory/layout.ts';
import { type ArgKind, type Helper, helperById } from '../src/spec/helpers.ts';
import { kfuncByNumber } from '../src/spec/kfunc_abi.ts';
import { DYNPTR_SIZE } from '../src/spec/proto.ts';
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
  if (c.facts === null || c.facts.readsAnyAddress) return;
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
  const units = choose(uses);
  const vregOf = new Map<Unit, number>();
  for (const { at, off } of uses.accesses) {
    const unit = units[off + STACK_FRAME];
    if (unit === undefined) continue;
    if (!vregOf.has(unit)) vregOf.set(unit, REGS + vregOf.size);
    fn.slots[at - fn.start] = vregOf.get(unit)!;
    fn.slotBytes[at - fn.start] = off + STACK_FRAME - unit.from;
  }
  fn.slotSizes = Array.from(vregOf.keys(), (unit) => unit.size);
  fn.vregs = REGS + vregOf.size;
  const from = uses.kept.indexOf(1);
  fn.frame = from < 0 ? { from: 0, to: 0 } : { from, to: uses.kept.lastIndexOf(1) + 1 };
}

/** Bytes of the frame, from its lowest one, that become a local: those of the widest access over them. */
interface Unit {
  readonly from: number;
  readonly size: number;
}

/** By byte of the frame: the unit that becomes a local. The bytes of all others are marked as kept in memory. */
function choose({ accesses, kept }: FrameUses): (Unit | undefined)[] {
  /** Size of the widest access that begins at a byte. */
  const widest = new Uint8Array(STACK_FRAME);
  for (const { off, size } of accesses) widest[off + STACK_FRAME] = Math.max(widest[off + STACK_FRAME], size);
  const units = new Array<Unit | undefined>(STACK_FRAME);
  for (let from = 0; from < STACK_FRAME; from++) {
    if (widest[from] === 0) continue;
    const size = widest[from];
    const end = from + size;
    if (kept.subarray(from, end).includes(1)) kept.fill(1, from, end);
    else units.fill({ from, size }, from, end);
    from = end - 1;
  }
  return units;
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
      if (op.callee === 'kfunc') {
        collectKfunc(insn.imm, regs, uses);
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
  // Aligned ones, as the verifier wants them: of two that overlap, one covers the other.
  if (plain && from % size === 0) uses.accesses.push({ at, off: from, size });
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

/** What a kfunc gives may point into what it was given: those bytes are in memory too. */
function collectKfunc(number: number, regs: readonly Value[], uses: FrameUses): void {
  const kfunc = kfuncByNumber(number);
  if (kfunc === undefined) throw LOST;
  kfunc.extents.forEach((extent, i) => {
    const value = regs[i + 1];
    if (!isFrame(value)) return;
    const size = extent === 'next' ? constantOf(regs[i + 2]) : extent;
    if (value.kind !== 'frame' || size === null) throw LOST;
    keep(value.n, size, uses);
  });
}

const constantOf = (value: Value): number | null => (value.kind === 'const' ? value.n : null);

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
    case 'dynptr':
    case 'uninit_dynptr_local':
      return DYNPTR_SIZE;
    default:
      throw LOST;
  }
}
