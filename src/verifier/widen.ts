// Loops whose number of iterations is not known (may_goto, callbacks, iterators): scalars that differ between two visits and
// decided nothing so far may be anything in the next one (kernel widen_imprecise_scalars). Ids are compared up to renaming.

import { IdMap, regsExact } from './equal.ts';
import { type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { isScalarSpill, type State } from './state.ts';

const ids = new IdMap();

function changes(before: Reg, now: Reg): boolean {
  return (
    before.kind === 'scalar' && now.kind === 'scalar' && !before.precise && !now.precise && !regsExact(before, now, ids)
  );
}

/** Widens `next` against `old`, a state of the same instruction and call chain. */
export function widen(old: State, next: State): void {
  ids.clear();
  for (let f = next.frames.length - 1; f >= 0; f--) {
    const { regs, stack } = next.frames[f];
    const before = old.frames[f];
    for (let r = 0; r < 10; r++) if (changes(before.regs[r], regs[r])) regs[r] = UNKNOWN_SCALAR;
    for (let spi = 0; spi < Math.min(stack.length, before.stack.length); spi++) {
      const [was, slot] = [before.stack[spi], stack[spi]];
      if (!isScalarSpill(was) || !isScalarSpill(slot) || !changes(was.reg, slot.reg)) continue;
      stack[spi] = { types: slot.types, reg: UNKNOWN_SCALAR };
    }
  }
}
