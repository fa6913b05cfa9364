// What the statements of small programs share: registers and slots with numbers, jumps that may still go both ways.

import type { Draft, Label } from '../fuzz/draft.ts';
import type { Random } from '../fuzz/random.ts';
import { SPAN } from '../fuzz/world.ts';

export const FP = 10;
/** The input. */
export const BASE = 6;
export const SCRATCH = 9;
export const VALUES = [0, 2, 3, 7, 8];
export const SLOTS = [-8, -16, -24];
export const JUMPS = ['jeq', 'jne', 'jgt', 'jge', 'jlt', 'jle', 'jsgt', 'jsge', 'jslt', 'jsle', 'jset'];

export interface Scope {
  readonly d: Draft;
  readonly r: Random;
  /** Jumps that may still go both ways. */
  forks: number;
  /** Loops over iterators that this is inside of. */
  iterators: number;
  /** A function to call, until it is placed. */
  callee: Label | null;
  /** Functions of single statements, to be placed behind the program. */
  readonly behind: (() => void)[];
  /** One more statement, of any kind, so deep inside of others. */
  readonly statement: (depth: number) => void;
}

export type Statement = (s: Scope, depth: number) => void;

export function block(s: Scope, depth: number): void {
  for (let n = s.r.between(1, 2); n > 0; n--) s.statement(depth + 1);
}

/** A jump that the input decides; its label is where it goes. */
export function fork({ d, r }: Scope): Label {
  const label = d.label();
  d.op('ldxb', { dst: SCRATCH, src: BASE, off: r.below(SPAN) });
  d.to(label, 'jgt64_imm', { dst: SCRATCH, imm: r.pick([1, 2, 127]) });
  return label;
}
