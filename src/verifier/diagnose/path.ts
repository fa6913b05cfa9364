// The path that led to a rejection: its instructions, read backwards out of the histories that precision tracking keeps
// anyway, then walked once more with every state noted. Only a rejected program pays for it, and only for this one path.

import type { InsnIndex } from '../../isa/insn.ts';
import { Env, type VerifyOptions } from '../env.ts';
import { Log } from '../log.ts';
import type { Held } from '../refs.ts';
import { type Frame, type HistoryEntry, type State, startsAt } from '../state.ts';
import { step } from '../step.ts';

/** One instruction of the path and the machine before it. */
export interface PathStep {
  readonly at: InsnIndex;
  readonly frames: readonly Frame[];
  readonly held: readonly Held[];
  readonly rcuLocked: boolean;
  readonly preemptLocks: number;
}

export interface Path {
  /** Oldest first; the last one is the instruction that was refused. */
  readonly steps: readonly PathStep[];
  /** Whether the first step is the first instruction of the program. */
  readonly complete: boolean;
}

/** Longer paths are cut at a kept state: what happened so many instructions ago explains little. */
const MAX_STEPS = 20_000;
/** ... and where no state was kept, there is no path to tell of. */
const MAX_STRETCH = 100_000;

interface Trail {
  /** Newest first. */
  readonly insns: InsnIndex[];
  /** Kept states by the position in `insns` whose instruction they stand in front of. */
  readonly kept: Map<number, State>;
  /** The kept state that the trail starts in; null = the start of the program. */
  readonly start: State | null;
}

/** The way back (kernel get_prev_insn_idx), from the current instruction of `env`. */
function trailOf(env: Env): Trail | null {
  const insns: InsnIndex[] = [];
  const kept = new Map<number, State>();
  let st = env.state;
  let last = env.insnIdx;
  for (;;) {
    let newest = st.history;
    for (let at = last; at >= 0; ) {
      if (env.prog.ops[at] !== undefined || at === env.insnIdx) insns.push(at);
      if (insns.length > MAX_STRETCH) return null;
      if (at === st.firstInsnIdx && startsAt(newest, at)) break;
      const hist: HistoryEntry | null = newest !== null && newest.idx === at ? newest : null;
      if (hist !== null) newest = hist.older;
      // What the search refuses before it walks on is not in the history yet.
      if (insns.length === 1) at = env.prevInsnIdx;
      else at = hist === null ? at - 1 : hist.prevIdx;
    }
    const { parent } = st;
    if (parent === null) return { insns, kept, start: null };
    kept.set(insns.length - 1, parent);
    if (insns.length > MAX_STEPS) return { insns, kept, start: parent };
    last = parent.lastInsnIdx;
    st = parent;
  }
}

/**
 * Walks the path to the current instruction of `env` once more. null when it does not lead there again: histories do not
 * tell the ways of a jump to the next instruction apart, so both are tried, but not every mixture. `initial` makes the
 * state that programs start in.
 */
export function pathTo(env: Env, initial: () => State, options: VerifyOptions): Path | null {
  const trail = trailOf(env);
  if (trail === null) return null;
  return walk(env, trail, initial, options, false) ?? walk(env, trail, initial, options, true);
}

function walk(env: Env, trail: Trail, initial: () => State, options: VerifyOptions, jump: boolean): Path | null {
  const { insns, kept, start } = trail;
  const { logLevel: _level, onState: _onState, ...rest } = options;
  const lab = new Env(env.prog, env.cfg, env.graph, env.live, start?.clone() ?? initial(), new Log(0), {
    ...rest,
    prune: false,
  });
  while (lab.idGen < env.idGen) lab.newId();
  const steps: PathStep[] = [];
  for (let i = insns.length - 1; i >= 0; i--) {
    const at = insns[i];
    lab.state.parent = kept.get(i) ?? lab.state.parent;
    lab.state.insnIdx = lab.insnIdx = at;
    const { frames, held, rcuLocked, preemptLocks } = lab.state;
    steps.push({ at, frames: frames.map((f) => f.clone()), held, rcuLocked, preemptLocks });
    if (i > 0 && !follow(lab, insns[i - 1], jump)) return null;
    lab.prevInsnIdx = at;
  }
  return sameEnd(env, lab.state) ? { steps, complete: start === null } : null;
}

/** Executes one instruction; the state afterwards is the one that goes on at `next`. */
function follow(lab: Env, next: InsnIndex, jump: boolean): boolean {
  lab.current = null;
  lab.pending.length = 0;
  lab.state.history = null;
  const went = step(lab);
  if (typeof went !== 'number') return false;
  const other = lab.pending.find((p) => p.insnIdx === next);
  if (went === next && !(jump && other !== undefined)) return true;
  if (other === undefined) return false;
  lab.state = other.state;
  return true;
}

/**
 * Whether the registers are those that the search ended with. An atomic has written its result before it is refused, a call
 * may have destroyed its arguments.
 */
function sameEnd(env: Env, end: State): boolean {
  const { kind } = env.prog.ops[env.insnIdx] ?? {};
  if (kind === 'atomic') return true;
  return env.state.frame.regs.every((reg, r) => {
    if (kind === 'call' && r <= 5 && reg.kind === 'not_init') return true;
    const own = end.frame.regs[r];
    return own.kind === reg.kind && own.range === reg.range && own.off === reg.off && own.s.umax === reg.s.umax;
  });
}
