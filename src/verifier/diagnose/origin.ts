// Where a value came from: walks a path backwards from the instruction that was refused and tells which instruction made
// the value in a register, through copies, arithmetic, spills and calls, and which comparison taught the most recent thing
// about it. In: the path with its states; out: labels, oldest first.

import { helperName } from '../../isa/index.ts';
import type { Insn, InsnIndex } from '../../isa/insn.ts';
import type { Op } from '../../isa/op.ts';
import type { Prog } from '../program.ts';
import { AT_PKT_END, BEYOND_PKT_END, FLAG, isPacket, isPointer, NOT_INIT, type Reg } from '../reg.ts';
import { isConst } from '../scalar.ts';
import { EMPTY_SLOT, type Frame, isSpill } from '../state.ts';
import type { MapDef } from '../verified.ts';
import type { Path, PathStep } from './path.ts';
import { describe } from './values.ts';

/** Something that happened on the way and explains the rejection. */
export interface Label {
  readonly insn: InsnIndex;
  readonly text: string;
}

/** A register or a stack slot of a frame. */
type Place = { readonly frame: number; readonly reg: number } | { readonly frame: number; readonly spi: number };

interface Tracer {
  readonly prog: Prog;
  readonly map: (index: number) => MapDef;
  readonly labels: Label[];
  /** A comparison was labelled: earlier ones say less. */
  refined: boolean;
  /** Arithmetic was labelled. */
  computed: boolean;
}

/** What the step says of the place: where to look before it; null = here the value was made. */
type Back = Place | null;

function valueAt(frames: readonly Frame[], place: Place): Reg {
  const frame = frames[place.frame];
  if (frame === undefined) return NOT_INIT;
  if ('reg' in place) return frame.regs[place.reg];
  const slot = frame.stack[place.spi] ?? EMPTY_SLOT;
  return isSpill(slot) ? slot.reg : NOT_INIT;
}

/** Of the helper or kfunc, or of the program's own global function, which is a call without a frame. */
export function calleeName(prog: Prog, at: InsnIndex): string {
  const { imm } = prog.insns[at];
  const op = prog.ops[at];
  if (op?.kind === 'call' && op.callee === 'local') return prog.input.functions?.get(at + 1 + imm) ?? 'a function';
  return prog.kfuncs.get(at)?.name ?? helperName(imm) ?? `helper ${imm}`;
}

/** What a comparison taught about a value; null = nothing worth telling. */
function learned(before: Reg, after: Reg, words: (reg: Reg) => string): string | null {
  if (before === after) return null;
  if (isPacket(before) && isPacket(after)) {
    if (after.range === before.range) return null;
    if (after.range === AT_PKT_END || after.range === BEYOND_PKT_END)
      return 'on this path the packet ends here or before';
    return `this comparison proves ${after.range} bytes of the packet, no more`;
  }
  if (before.maybeNull && !after.maybeNull) return isPointer(after) ? 'not NULL on this path' : 'NULL on this path';
  if (before.kind === 'scalar' && after.kind === 'scalar') {
    const [was, is] = [words(before), words(after)];
    return was === is ? null : `${is} on this path`;
  }
  return null;
}

function refine(t: Tracer, step: PathStep, next: PathStep, place: Place): void {
  if (t.refined) return;
  const text = learned(valueAt(step.frames, place), valueAt(next.frames, place), (reg) => describe(reg, t.map));
  if (text === null) return;
  t.labels.push({ insn: step.at, text });
  t.refined = true;
}

function made(t: Tracer, insn: InsnIndex, text: string): null {
  t.labels.push({ insn, text });
  return null;
}

/** The register was the target of arithmetic. */
function throughAlu(
  t: Tracer,
  step: PathStep,
  next: PathStep,
  insn: Insn,
  op: Op,
  place: Place & { reg: number },
): Back {
  const regs = step.frames[place.frame].regs;
  if (op.kind === 'movsx' || op.kind === 'cast') return { frame: place.frame, reg: insn.src };
  if (op.kind !== 'alu') return place;
  if (op.op === 'mov') {
    if (op.operand === 'reg') return { frame: place.frame, reg: insn.src };
    return made(t, step.at, `set to ${insn.imm} here`);
  }
  const after = valueAt(next.frames, place);
  const byRegister = op.operand === 'reg';
  const other: Place = byRegister ? { frame: place.frame, reg: insn.src } : place;
  if (isPointer(after)) {
    if (!isPointer(regs[insn.dst])) return other;
    if (byRegister && !isConst(regs[insn.src].s) && !t.computed) {
      t.labels.push({ insn: step.at, text: `moved by ${describe(regs[insn.src], t.map)} here` });
      t.computed = true;
    }
    return place;
  }
  if (!t.computed) {
    t.labels.push({ insn: step.at, text: `computed here: ${describe(after, t.map)}` });
    t.computed = true;
  }
  if (isPointer(regs[insn.dst])) return null;
  // The operand that nobody knows is the interesting one.
  return byRegister && isConst(regs[insn.dst].s) ? other : place;
}

function throughLoad(t: Tracer, step: PathStep, next: PathStep, insn: Insn, place: Place & { reg: number }): Back {
  const ptr = step.frames[place.frame].regs[insn.src];
  const value = valueAt(next.frames, place);
  if (ptr.kind === 'fp' && isConst(ptr.s)) {
    const spi = (-(ptr.off + Number(BigInt.asIntN(64, ptr.s.var_off.value)) + insn.off) - 1) >> 3;
    const slot = step.frames[ptr.frame]?.stack[spi] ?? EMPTY_SLOT;
    if (spi >= 0 && isSpill(slot)) return { frame: ptr.frame, spi };
  }
  const from =
    ptr.kind === 'ctx' ? 'the context' : ptr.kind === 'fp' ? 'the stack' : isPacket(ptr) ? 'the packet' : 'memory';
  return made(t, step.at, `read from ${from} here: ${describe(value, t.map)}`);
}

/** What a call did to a pointer that it was not asked about, or that it got. */
function taken(before: Reg, after: Reg): string {
  if (!isPointer(after)) return 'ends it: afterwards it is no pointer any more';
  const lost = (after.flags & ~before.flags & FLAG.untrusted) !== 0;
  return lost
    ? 'ends what protected it: afterwards it may point to what is gone'
    : 'takes what it holds: afterwards it belongs to others';
}

/** A helper or a global function returned, or changed what it was told about. */
function throughHelper(t: Tracer, step: PathStep, next: PathStep, place: Place): Back {
  const name = calleeName(t.prog, step.at);
  const [before, after] = [valueAt(step.frames, place), valueAt(next.frames, place)];
  if ('reg' in place && place.reg === 0 && place.frame === step.frames.length - 1) {
    return made(t, step.at, `${name} returns ${describe(after, t.map)}`);
  }
  if ('reg' in place && place.reg <= 5 && place.frame === step.frames.length - 1) {
    return made(t, step.at, `the call of ${name} destroys R1 to R5`);
  }
  if (before === after) return place;
  if (isPacket(before) || before.kind === 'pkt_end') {
    return made(t, step.at, `${name} may move the packet: pointers into it are only numbers afterwards`);
  }
  return isPointer(before) ? made(t, step.at, `${name} ${taken(before, after)}`) : place;
}

/** Calls and returns of the program's own functions. */
function throughFrames(t: Tracer, step: PathStep, next: PathStep, op: Op, place: Place): Back {
  const [from, to] = [step.frames.length - 1, next.frames.length - 1];
  if (op.kind === 'exit') {
    return to < from && place.frame === to && 'reg' in place && place.reg === 0 ? { frame: from, reg: 0 } : place;
  }
  if (place.frame === to) {
    if (!('reg' in place) || place.reg > 5 || place.reg === 0)
      return made(t, step.at, 'the function starts without it');
    if (op.kind === 'call' && op.callee === 'local') return { frame: from, reg: place.reg };
    return made(
      t,
      step.at,
      `${calleeName(t.prog, step.at)} passes it: ${describe(valueAt(next.frames, place), t.map)}`,
    );
  }
  if ('reg' in place && place.frame === from && place.reg <= 5) {
    return made(t, step.at, 'the call of a function destroys R1 to R5');
  }
  return place;
}

/** A stack slot changed: by a store of the program, a helper, or (its bounds only) by something else. */
function throughSlot(
  t: Tracer,
  step: PathStep,
  next: PathStep,
  insn: Insn,
  op: Op,
  place: Place & { spi: number },
): Back {
  const current = step.frames.length - 1;
  const [before, after] = [step, next].map((s) => s.frames[place.frame]?.stack[place.spi] ?? EMPTY_SLOT);
  if (before === after) return place;
  if (op.kind === 'stx' || op.kind === 'store_rel') return { frame: current, reg: insn.src };
  if (op.kind === 'st') return made(t, step.at, `set to ${insn.imm} here`);
  return op.kind === 'call' ? throughHelper(t, step, next, place) : place;
}

function back(t: Tracer, step: PathStep, next: PathStep, place: Place): Back {
  const op = t.prog.ops[step.at];
  const insn = t.prog.insns[step.at];
  if (op === undefined) return place;
  if (op.kind === 'jmp') {
    refine(t, step, next, place);
    return place;
  }
  if (op.kind === 'exit' || next.frames.length !== step.frames.length) return throughFrames(t, step, next, op, place);
  if (!('reg' in place)) return throughSlot(t, step, next, insn, op, place);
  if (op.kind === 'call') return throughHelper(t, step, next, place);
  if (place.frame !== step.frames.length - 1) return place;
  if (op.kind === 'ld_abs' || op.kind === 'ld_ind') {
    if (place.reg > 5) return place;
    return made(t, step.at, place.reg === 0 ? 'read from the packet here' : 'a legacy packet load destroys R1 to R5');
  }
  if (op.kind === 'atomic') {
    const into = op.op === 'cmpxchg' ? 0 : op.fetch ? insn.src : -1;
    return place.reg === into ? made(t, step.at, 'the old value that the atomic operation gives') : place;
  }
  if (insn.dst !== place.reg || op.kind === 'st' || op.kind === 'stx' || op.kind === 'store_rel') return place;
  if (op.kind === 'ldx' || op.kind === 'load_acq') return throughLoad(t, step, next, insn, place);
  if (op.kind === 'lddw') return made(t, step.at, `set here: ${describe(valueAt(next.frames, place), t.map)}`);
  return throughAlu(t, step, next, insn, op, place);
}

/** The history of register `reg` of the innermost frame, as the last instruction of the path finds it; oldest first. */
export function originOf(prog: Prog, map: Tracer['map'], path: Path, reg: number): Label[] {
  const { steps } = path;
  const t: Tracer = { prog, map, labels: [], refined: false, computed: false };
  let place: Back = { frame: steps[steps.length - 1].frames.length - 1, reg };
  for (let i = steps.length - 2; i >= 0 && place !== null; i--) place = back(t, steps[i], steps[i + 1], place);
  if (place !== null && path.complete) started(t, steps[0], place);
  return t.labels.reverse();
}

/** The value was there before the first instruction. */
function started(t: Tracer, first: PathStep, place: Place): void {
  const value = valueAt(first.frames, place);
  // Everybody knows where the context comes from.
  if (value.kind === 'not_init' || value.kind === 'ctx') return;
  if (!('reg' in place) || place.reg === 10) return;
  // A global function is verified on its own.
  const who = first.at === 0 ? 'program' : 'function';
  t.labels.push({ insn: first.at, text: `the ${who} starts with it: ${describe(value, t.map)}` });
}
