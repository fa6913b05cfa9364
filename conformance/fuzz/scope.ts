// One function while it is generated. Between any two groups of instructions this holds, so that a jump may go from any
// group to the start of any later one:
//   r0-r5, r7, r8   numbers
//   r9              a number: the counter of loops, read by anybody, written by loops alone
//   r6              the base: a pointer to SPAN bytes (or the context)
//   r10 - 64 ...    numbers: 64 bytes of any accesses ('mixed'), or eight slots, each of one size ('slots')
//   r10 - 72        main program of a type with a context: the context
//   r10 - 80        scratch of a group: pointers that are spilled and filled
//   r10 - 96        scratch of a group: 16 bytes for keys
//   r10 - 104       scratch of a group: an iterator

import type { Op, Size } from '../../src/isa/op.ts';
import { OPCODES } from '../../src/isa/opcodes.ts';
import type { Draft, Label } from './draft.ts';
import type { FuzzType } from './program.ts';
import type { Random } from './random.ts';
import { GLOBAL, SPAN } from './world.ts';

export const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8] as const;
export const COUNTER = 9;
export const BASE = 6;
export const FP = 10;
export const STACK = { data: -SPAN, context: -72, spill: -80, key: -96, iterator: -104 } as const;

/** What accesses through a pointer may do; offsets are `low` + [0, span). */
export interface Region {
  readonly low: number;
  readonly span: number;
  /** Linux wants every access aligned. */
  readonly aligned: boolean;
  /** Linux takes atomics. */
  readonly atomic: boolean;
  /** The only size, where there is one. */
  readonly only?: Size;
}

export const VALUE: Region = { low: 0, span: SPAN, aligned: false, atomic: true };
export const PACKET: Region = { low: 0, span: SPAN, aligned: false, atomic: false };
export const STACK_SPAN: Region = { low: 0, span: SPAN, aligned: true, atomic: true };
/** __sk_buff.cb */
export const SKB_CB: Region = { low: 48, span: 20, aligned: true, atomic: false, only: 4 };

/** What r1 is for a function that is called: a pointer into its caller's stack, to a map value, the context, a number. */
export type Argument = 'stack' | 'value' | 'context' | 'number';

export interface Callee {
  readonly label: Label;
  readonly argument: Argument;
}

export interface Scope {
  readonly d: Draft;
  readonly r: Random;
  readonly type: FuzzType;
  readonly verify: boolean;
  readonly isMain: boolean;
  /** What r6 points to; null: nothing can be accessed through it. */
  readonly base: Region | null;
  /** Sizes of the eight stack slots, or null ('mixed'). */
  readonly slots: readonly Size[] | null;
  /** Whether r1 of the context is at hand: spilled (main), in r6, or not. */
  readonly context: 'spilled' | 'base' | null;
  readonly tailCalls: boolean;
  readonly callees: readonly Callee[];
  /** Starts of groups in order; jumps make those that are still to come. */
  readonly starts: Label[];
  /** Groups started so far. */
  count: number;
  inLoop: boolean;
}

/** The start of the group `ahead` groups after this one. */
export function startAhead(s: Scope, ahead: number): Label {
  const at = s.count - 1 + ahead;
  while (s.starts.length <= at) s.starts.push(s.d.label());
  return s.starts[at];
}

/** Starts the next group. */
export function startGroup(s: Scope): void {
  s.count++;
  s.d.place(startAhead(s, 0));
}

const ofKind = (...kinds: Op['kind'][]): readonly Op[] => OPCODES.filter((op) => kinds.includes(op.kind));
export const ALU_ROWS = ofKind('alu', 'movsx', 'neg', 'end');
export const JUMP_ROWS = ofKind('jmp');
const PLAIN_ROWS = ofKind('ldx', 'st', 'stx');
const ATOMIC_ROWS = ofKind('atomic', 'load_acq', 'store_rel');
export const PACKET_ROWS = ofKind('ld_abs', 'ld_ind');

export const number = (s: Scope): number => s.r.pick(NUMBERS);
/** A register that is only read. */
export const source = (s: Scope): number => (s.r.chance(8) ? COUNTER : number(s));
/** `count` different numbers out of r1-r5. */
export function temps(s: Scope, count: number): number[] {
  const all = [1, 2, 3, 4, 5];
  return Array.from({ length: count }, () => all.splice(s.r.below(all.length), 1)[0]);
}

/** Makes registers numbers again after a group that used them for something else. */
export function refill(s: Scope, regs: readonly number[]): void {
  const { d, r } = s;
  for (const dst of regs) {
    const how = r.below(10);
    if (how < 3) d.op('mov64_imm', { dst, imm: r.corner32() });
    else if (how < 4) d.lddw(dst, r.corner64());
    else if (how < 5) d.op('mov32_reg', { dst, src: r.pick([7, 8]) });
    else if (how < 7) d.op('mov64_reg', { dst, src: r.pick([7, 8]) });
    else loadSlot(s, dst, r.below(8));
  }
}

/** dst = slot n of the stack. */
export function loadSlot(s: Scope, dst: number, n: number): void {
  const size = s.slots?.[n] ?? 8;
  s.d.op(`ldx${SUFFIX[size]}`, { dst, src: FP, off: STACK.data + 8 * n });
}

export const SUFFIX = { 1: 'b', 2: 'h', 4: 'w', 8: 'dw' } as const satisfies Record<Size, string>;

/** A register gets the address of the global map's value. */
export function globalValue(s: Scope, dst: number, off = 0): void {
  s.d.map(dst, { map: GLOBAL, kind: 'value', off });
}

/** One load, store or atomic at reg + region; `reg` is no number while it is used so. */
export function access(s: Scope, reg: number, region: Region): void {
  const { d, r } = s;
  const usable = NUMBERS.filter((n) => n !== reg);
  const rows = (region.atomic || !s.verify) && r.chance(50) ? ATOMIC_ROWS : PLAIN_ROWS;
  let op = r.pick(rows);
  while (!fits(op, reg, region)) op = r.pick(rows);
  const size = (op as Op & { kind: 'ldx' }).size;
  const exact = region.aligned || (s.verify && rows === ATOMIC_ROWS) || r.chance(50);
  const off = region.low + (exact ? size * r.below(Math.floor(region.span / size)) : r.between(0, region.span - size));
  if (op.kind === 'ldx' || op.kind === 'load_acq') d.op(op, { dst: r.pick(usable), src: reg, off });
  else
    d.op(op, { dst: reg, src: r.chance(5) ? orCounter(op, r.pick(usable)) : r.pick(usable), off, imm: r.corner32() });
}

/** Atomics that fetch write their source. */
const orCounter = (op: Op, other: number): number => (op.kind === 'stx' || op.kind === 'store_rel' ? COUNTER : other);

function fits(op: Op, reg: number, region: Region): boolean {
  if (region.only !== undefined) {
    return 'size' in op && op.size === region.only && !(op.kind === 'ldx' && op.signed);
  }
  return !(op.kind === 'atomic' && op.op === 'cmpxchg' && reg === 0);
}
