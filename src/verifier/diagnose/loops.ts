// Where a search that hit a limit spent its steps: the instruction that the current path came by most often, which is the
// head of a loop, or the one that most branches wait at.

import type { InsnIndex } from '../../isa/insn.ts';
import type { Env } from '../env.ts';
import type { State } from '../state.ts';

export interface Hot {
  readonly insn: InsnIndex;
  readonly times: number;
}

/** Counts of visits at which nobody speaks of a loop. */
const FEW = 8;

function hottest(counts: ReadonlyMap<InsnIndex, number>): Hot | null {
  let best: Hot | null = null;
  for (const [insn, times] of counts) {
    if (best === null || times > best.times || (times === best.times && insn < best.insn)) best = { insn, times };
  }
  return best !== null && best.times > FEW ? best : null;
}

/** The head of the loop that the current path goes round. */
export function loopOf(env: Env): Hot | null {
  const counts = new Map<InsnIndex, number>();
  const count = (insn: InsnIndex) => counts.set(insn, (counts.get(insn) ?? 0) + 1);
  for (let st: State | null = env.state; st !== null; st = st.parent)
    for (let h = st.history; h !== null; h = h.older) count(h.idx);
  return hottest(counts);
}

/** The branch that waits most often. */
export function waitingAt(env: Env): Hot | null {
  const counts = new Map<InsnIndex, number>();
  for (const { prevInsnIdx } of env.pending) counts.set(prevInsnIdx, (counts.get(prevInsnIdx) ?? 0) + 1);
  return hottest(counts);
}
