// Where objects on the stack lie (kernel stack_slot_obj_get_spi): dynptrs, iterators and saved interrupt flags start at a
// slot of their own, at an offset that is known.

import type { Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';
import { isConst, numberIn } from './scalar.ts';
import { type Frame, spiOf } from './state.ts';

/** Nobody has touched the stack down there yet. */
export const OUTSIDE = -1;

/** First slot of an object of `slots` slots at the pointer: those below have the numbers behind it, downwards. */
export function objectSlot(
  ptr: Reg,
  what: 'dynptr' | 'iter' | 'irq_flag',
  slots: number,
  frame: Frame,
): number | Reject {
  if (!isConst(ptr.s)) return invalid(`${what} has to be at a constant offset`);
  const off = ptr.off + numberIn(ptr.s);
  // Linux takes fp + 0 for the slot at fp - 8 where an object has one slot: the call would get an address above the stack.
  if (off === 0 && slots === 1) return OUTSIDE;
  const spi = spiOf(off);
  if (off % 8 !== 0 || spi + 1 < slots) return invalid(`cannot pass in ${what} at an offset=${off}`);
  return spi < frame.stack.length ? spi : OUTSIDE;
}
