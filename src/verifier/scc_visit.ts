// Loops whose number of iterations is not known (kernel bpf_scc_visit). A path may end in a state that is itself still
// open (may_goto, callbacks): what that one will rely on is not known then. Such ends are noted (backedges) with the loop
// and call chain they belong to; when everything behind the state that first entered the loop is explored, precision is
// propagated along them. Until then the loop's states cover only what lies within their ranges, and keep their stack.

import type { Graph } from './graph.ts';
import type { Log } from './log.ts';
import { frameInsn, type State } from './state.ts';

/** The path of `state` ended in `covered`. */
export interface Backedge {
  readonly state: State;
  readonly covered: State;
}

export interface SccVisit {
  /** As the log shows it; null = Linux sees no loop here. */
  readonly text: string | null;
  /** The kept state that entered; null when nothing of the loop is open. */
  entry: State | null;
  backedges: Backedge[];
}

export class SccVisits {
  readonly #graph: Graph;
  readonly #log: Log | null;
  readonly #visits = new Map<string, SccVisit>();

  constructor(graph: Graph, log: Log) {
    this.#graph = graph;
    this.#log = log.level === 2 ? log : null;
  }

  /** The visit of the outermost loop that `state` is in: the calls that lead there, and its number. */
  #visitOf(state: State): SccVisit | null {
    const chain: number[] = [];
    for (let f = 0; f < state.frames.length; f++) {
      const at = frameInsn(state, f);
      const scc = this.#graph.scc[at];
      if (scc === 0) {
        chain.push(at);
        continue;
      }
      const key = `${chain.join(',')};${scc}`;
      let visit = this.#visits.get(key);
      if (visit === undefined) {
        const end = chain.indexOf(0);
        const text = `(${[...chain.slice(0, end < 0 ? chain.length : end), scc].join(',')})`;
        visit = { text: scc > this.#graph.loops ? null : text, entry: null, backedges: [] };
        this.#visits.set(key, visit);
      }
      return visit;
    }
    return null;
  }

  #say(what: string, { text }: SccVisit): void {
    if (text !== null) this.#log?.line(`SCC ${what} ${text}`);
  }

  /** A state is kept. */
  enter(state: State): void {
    const visit = this.#visitOf(state);
    state.visit = visit;
    if (visit === null || visit.entry !== null) return;
    visit.entry = state;
    this.#say('enter', visit);
  }

  /** Everything behind `state` is explored. Answers the backedges that are complete with it. */
  exit(state: State): SccVisit | null {
    const { visit } = state;
    if (visit === null || visit.entry !== state) return null;
    this.#say('exit', visit);
    visit.entry = null;
    return visit;
  }

  /** The path of `state` (a copy) ends in `covered`. */
  addBackedge(covered: State, state: State): void {
    const { visit } = covered;
    if (visit === null) return;
    this.#say('backedge', visit);
    visit.backedges.unshift({ state, covered });
  }
}

/** Whether what the paths from a kept state rely on may still be unknown. */
export function isIncomplete(state: State): boolean {
  return state.visit !== null && state.visit.backedges.length > 0;
}
