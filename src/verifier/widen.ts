// Loops whose number of iterations is not known (may_goto, callbacks): scalars that differ between two visits and
// decided nothing so far may be anything in the next one (kernel widen_imprecise_scalars).

import { type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { sameScalar } from './scalar.ts';
import { isScalarSpill, type State } from './state.ts';

function changes(before: Reg, now: Reg): boolean {
  return (
    before.kind === 'scalar' && now.kind === 'scalar' && !before.precise && !now.precise && !sameScalar(before.s, now.s)
  );
}

/** Widens `next` against `old`, a state of the same instruction and call chain. */
export function widen(old: State, next: State): void {
  next.frames.forEach((frame, f) => {
    const before = old.frames[f];
    for (let r = 0; r < 10; r++) if (changes(before.regs[r], frame.regs[r])) frame.regs[r] = UNKNOWN_SCALAR;
    frame.stack.forEach((slot, spi) => {
      const o = before.stack[spi];
      if (o === undefined || !isScalarSpill(o) || !isScalarSpill(slot) || !changes(o.reg, slot.reg)) return;
      frame.stack[spi] = { types: slot.types, reg: UNKNOWN_SCALAR };
    });
  });
}
