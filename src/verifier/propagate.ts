// Precision that comes from states that were explored before: a path that ends in one of them relies on what it relied on
// (kernel propagate_precision, propagate_backedges).

import type { Env } from './env.ts';
import { markAll, Trace, trace } from './precision.ts';
import type { Backedge } from './scc_visit.ts';
import { isScalarSpill, type State } from './state.ts';

/** The path of `state` ended in `old`: what is precise there must be so on this path. Answers whether that is news. */
export function propagatePrecision(env: Env, old: State, state: State): boolean {
  const t = new Trace(state.frames.length - 1);
  old.frames.forEach((frame, f) => {
    for (let r = 0; r < 10; r++) if (frame.regs[r].kind === 'scalar' && frame.regs[r].precise) t.set(r, f);
    frame.stack.forEach((slot, spi) => {
      if (isScalarSpill(slot) && slot.reg.precise) t.setSlot(f, spi);
    });
  });
  if (t.empty) return false;
  if (env.log.level === 2) logPropagation(env, t);
  return trace(env, state, t);
}

/** Loops may need some rounds until all their states agree. */
const MAX_BACKEDGE_ROUNDS = 64;

/** Everything behind a loop's entry is explored: precision along the paths that ended in open states of it. */
export function propagateBackedges(env: Env, backedges: readonly Backedge[]): void {
  for (let round = 0, changed = true; changed; round++) {
    changed = false;
    if (round >= MAX_BACKEDGE_ROUNDS) {
      for (const { state } of backedges) markAll(env, state);
      return;
    }
    for (const { state, covered } of backedges) if (propagatePrecision(env, covered, state)) changed = true;
  }
}

function logPropagation(env: Env, t: Trace): void {
  for (let f = t.frame; f >= 0; f--) {
    const names: string[] = [];
    for (let r = 0; r < 10; r++) if ((t.regs[f] & (1 << r)) !== 0) names.push(`r${r}`);
    for (let spi = 0; spi < 64; spi++) if (t.hasSlot(f, spi)) names.push(`fp${-8 * (spi + 1)}`);
    if (names.length > 0) env.log.line(`frame ${f}: propagating ${names.join(',')}`);
  }
}
