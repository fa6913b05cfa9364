// Which part of a slot vreg (promote.ts) a load or store is about.

import type { InsnIndex } from '../src/isa/insn.ts';
import { type Fn, REGS } from './compilation.ts';

export interface SlotPart {
  readonly vreg: number;
  /** Bits below the part. */
  readonly shift: number;
  /** Bits of the part. */
  readonly bits: number;
  /** Nothing else of the slot. */
  readonly whole: boolean;
}

/** What the load or store of `size` bytes at `at` is about; null: memory. */
export function slotPart(fn: Fn, at: InsnIndex, size: number): SlotPart | null {
  const vreg = fn.slots[at - fn.start];
  if (vreg === 0) return null;
  return { vreg, shift: 8 * fn.slotBytes[at - fn.start], bits: 8 * size, whole: fn.slotSizes[vreg - REGS] === size };
}
