// The abstract states of one verification. In: a program. Out: a book, or why there is none.
//
// 'kept': pruning is on, and BPF_F_TEST_STATE_FREQ makes the search keep a state, or find one that covers, at every arrival
// at a prune point: so each concrete arrival there must lie in one that was kept. What pruning ignores counts as unknown:
// registers and slots nobody reads any more, scalars that decided nothing. And no run may come where no path came.
// 'exact': pruning is off, and the book is the tree of all paths: a run must follow one from the root, lie in each of its
// states, and everything counts.

import type { InsnIndex } from '../../src/isa/insn.ts';
import { PROG_FLAGS } from '../../src/uapi/prog_flags.ts';
import { checkCfg } from '../../src/verifier/cfg.ts';
import { buildGraph } from '../../src/verifier/graph.ts';
import { type VerifyOptions, verify } from '../../src/verifier/index.ts';
import { liveRegisters } from '../../src/verifier/liveness.ts';
import { isReject, prepare } from '../../src/verifier/program.ts';
import { isIncomplete } from '../../src/verifier/scc_visit.ts';
import type { StackLiveness } from '../../src/verifier/stack_live.ts';
import { frameInsn, type State } from '../../src/verifier/state.ts';
import type { ProgramInput, Verified } from '../../src/verifier/verified.ts';
import type { Call } from './scene.ts';

export const MODES = ['kept', 'exact'] as const;
export type Mode = (typeof MODES)[number];

/** A program that has none: refused (with the message), or with more states than anybody wants to keep. */
export interface NoBook {
  readonly mode: Mode;
  readonly why: 'refused' | 'too many states';
  readonly message: string;
}

export interface KeptBook {
  readonly mode: 'kept';
  readonly verified: Verified;
  /** Whether every arrival at the instruction must lie in one of its states. */
  expects(insn: InsnIndex): boolean;
  /** The one that contained the last arrival first. */
  statesAt(insn: InsnIndex, calls: readonly Call[]): State[];
  /** Registers of a frame that count, as a mask. */
  registers(state: State, frame: number): number;
  /** Whether slot `spi` of a frame counts: some path may read it later. */
  slot(state: State, frame: number, spi: number): boolean;
  readonly size: number;
}

/** One instruction on a path, with the state before it. */
export interface Node {
  readonly insn: InsnIndex;
  readonly state: State;
  /** How paths go on from here. */
  readonly next: Node[];
}

export interface ExactBook {
  readonly mode: 'exact';
  readonly verified: Verified;
  readonly root: Node;
  readonly size: number;
}

/** Thrown out of the verifier. */
class TooMany extends Error {}

type OnState = NonNullable<VerifyOptions['onState']>;

/** Verifies with `onState` watching; the result, or why there is none. */
function watched(
  input: ProgramInput,
  mode: Mode,
  maxStates: number,
  onState: OnState,
  onPathEnd?: () => void,
): Verified | NoBook {
  let size = 0;
  const counted: OnState = (insn, state, pending, live) => {
    if (++size > maxStates) throw new TooMany();
    onState(insn, state, pending, live);
  };
  try {
    const result = verify(input, { onState: counted, onPathEnd, prune: mode === 'kept' });
    return result.ok ? result.verified : { mode, why: 'refused', message: result.error.message };
  } catch (e) {
    if (e instanceof TooMany) return { mode, why: 'too many states', message: `more than ${maxStates}` };
    throw e;
  }
}

const isNone = (x: object): x is NoBook => 'why' in x;

export function recordKept(input: ProgramInput, maxStates: number): KeptBook | NoBook {
  const states: State[][] = Array.from(input.insns, () => []);
  let size = 0;
  const freq = { ...input, flags: input.flags | PROG_FLAGS.BPF_F_TEST_STATE_FREQ };
  const slots = new LiveSlots();
  const onState: OnState = (insn, state, _pending, live) => {
    size++;
    slots.add(state, live);
    states[insn].push(state);
  };
  const verified = watched(freq, 'kept', maxStates, onState, () => slots.settle());
  if (isNone(verified)) return verified;
  const prog = prepare(input);
  const cfg = isReject(prog) ? prog : checkCfg(prog);
  if (isReject(prog) || isReject(cfg)) throw new Error('an accepted program is refused');
  const live = liveRegisters(prog, buildGraph(prog, cfg));
  const reached = verified.facts?.reached;
  const nested = verified.subprogs.length > 1;
  return {
    mode: 'kept',
    verified,
    size,
    // Where no path came, no run may come: there is no state then.
    expects: (insn) => cfg.prune[insn] !== 0 || reached?.[insn] === 0,
    statesAt: (insn, calls) => (nested ? states[insn].filter((s) => sameCalls(s, calls)) : states[insn]),
    registers: (state, f) => live[frameInsn(state, f)],
    slot: (state, f, spi) => slots.counts(state, f, spi),
  };
}

/**
 * Which slots of kept states count: those that are live when all paths below the state have ended. Later paths may read
 * more: what the graph of jumps connects with the state's instruction, but no path that this state stands for reads.
 */
class LiveSlots {
  #open: State[] = [];
  readonly #masks = new Map<State, Int32Array>();
  #live: StackLiveness | null = null;

  add(state: State, live: StackLiveness): void {
    this.#live = live;
    this.#open.push(state);
  }

  /** A path has ended. */
  settle(): void {
    const open: State[] = [];
    for (const state of this.#open) {
      if (state.branches > 0 || isIncomplete(state)) open.push(state);
      else this.#masks.set(state, this.#maskOf(state));
    }
    this.#open = open;
  }

  #maskOf(state: State): Int32Array {
    const mask = new Int32Array(2 * state.frames.length);
    state.frames.forEach(({ stack }, f) => {
      for (let spi = 0; spi < stack.length; spi++) {
        if (this.#live?.alive(state, f, spi)) mask[2 * f + (spi >> 5)] |= 1 << (spi & 31);
      }
    });
    return mask;
  }

  counts(state: State, frame: number, spi: number): boolean {
    const mask = this.#masks.get(state);
    return mask === undefined || (mask[2 * frame + (spi >> 5)] & (1 << (spi & 31))) !== 0;
  }
}

function sameCalls(state: State, calls: readonly Call[]): boolean {
  return state.frames.length === calls.length && state.frames.every((frame, f) => frame.callsite === calls[f].callsite);
}

/**
 * Paths come depth first, and those that wait are a stack: where fewer wait than one instruction before, the last path
 * has ended and the newest of those that waited goes on behind the instruction that forked it.
 */
export function recordExact(input: ProgramInput, maxStates: number): ExactBook | NoBook {
  const forks: Node[] = [];
  let size = 0;
  let waited = 0;
  let root: Node | null = null;
  let last: Node | null = null;
  const verified = watched(input, 'exact', maxStates, (insn, state, pending) => {
    size++;
    const node: Node = { insn, state, next: [] };
    const from: Node | null = pending < waited ? forks[waited] : last;
    if (pending > waited) forks[pending] = last!;
    if (from === null) root = node;
    else from.next.push(node);
    last = node;
    waited = pending;
  });
  if (isNone(verified)) return verified;
  return { mode: 'exact', verified, root: root!, size };
}

/** What any book, of either kind, is made with. */
export function record(input: ProgramInput, mode: Mode, maxStates: number): KeptBook | ExactBook | NoBook {
  return mode === 'kept' ? recordKept(input, maxStates) : recordExact(input, maxStates);
}
