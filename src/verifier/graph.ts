// The program as a graph of slots, within functions: where control goes from a slot, from where it comes, each function's
// slots in postorder (successors before the slot, loops aside), and the loops: strongly connected components, numbered as
// the kernel numbers them (compute_postorder, compute_scc), 0 = in no loop. In: a program whose control flow was checked.

import type { InsnIndex } from '../isa/insn.ts';
import { LDDW_CODE } from '../isa/insn.ts';
import type { Cfg } from './cfg.ts';
import { jumpTarget, leavesFunction, type Prog } from './program.ts';

export interface Graph {
  /** Slot that follows; -1 = none. */
  readonly next: Int32Array;
  /** Where a jump goes, or a function's last exit from what may leave it; -1 = no jump. */
  readonly target: Int32Array;
  /** Predecessors of slot i: preds[predsFrom[i]] up to preds[predsFrom[i + 1]]. */
  readonly preds: Int32Array;
  readonly predsFrom: Int32Array;
  /** Slots of function n in postorder: postorder[postorderFrom[n]] up to postorder[postorderFrom[n + 1]]. */
  readonly postorder: Int32Array;
  readonly postorderFrom: readonly number[];
  /** Place of each slot in `postorder`. */
  readonly position: Int32Array;
  readonly scc: Int32Array;
  /** Components up to this number are loops of jumps; above it are helpers that call a function again and again. */
  readonly loops: number;
}

export function buildGraph(prog: Prog, cfg: Cfg): Graph {
  const n = prog.insns.length;
  const next = new Int32Array(n).fill(-1);
  const target = new Int32Array(n).fill(-1);
  for (let i = 0; i < n; i++) {
    const op = prog.ops[i];
    if (op === undefined) continue;
    const insn = prog.insns[i];
    target[i] = jumpTarget(op, insn, i) ?? -1;
    if (leavesFunction(insn) && prog.subprogOf[i] > 0) target[i] = lastExit(prog, i);
    const after = i + (insn.code === LDDW_CODE ? 2 : 1);
    if (op.kind !== 'exit' && op.kind !== 'ja' && after < n) next[i] = after;
  }
  const edges = { next, target };
  const { scc, loops } = components(edges);
  // Linux 6.18 sees no loop in a helper that calls a function, and trusts marks of its states that are not complete.
  let id = loops;
  for (let i = 0; i < n; i++) if (prog.ops[i]?.kind === 'call' && cfg.force[i] === 1 && scc[i] === 0) scc[i] = ++id;
  return { ...edges, ...predecessors(edges), ...postorder(prog, edges), scc, loops };
}

/** Last exit of the function around slot `at`; -1 = it has none. */
function lastExit({ ops, subprogs, subprogOf }: Prog, at: InsnIndex): InsnIndex {
  const { start, end } = subprogs[subprogOf[at]];
  for (let i = end - 1; i >= start; i--) if (ops[i]?.kind === 'exit') return i;
  return -1;
}

type Edges = Pick<Graph, 'next' | 'target'>;

function predecessors({ next, target }: Edges): Pick<Graph, 'preds' | 'predsFrom'> {
  const n = next.length;
  const predsFrom = new Int32Array(n + 1);
  for (const succ of [next, target]) for (let i = 0; i < n; i++) if (succ[i] >= 0) predsFrom[succ[i] + 1]++;
  for (let i = 0; i < n; i++) predsFrom[i + 1] += predsFrom[i];
  const preds = new Int32Array(predsFrom[n]);
  const free = predsFrom.slice();
  for (const succ of [next, target]) for (let i = 0; i < n; i++) if (succ[i] >= 0) preds[free[succ[i]]++] = i;
  return { preds, predsFrom };
}

function postorder(prog: Prog, { next, target }: Edges): Pick<Graph, 'postorder' | 'postorderFrom' | 'position'> {
  const n = next.length;
  const order: InsnIndex[] = [];
  const postorderFrom: number[] = [];
  const discovered = new Uint8Array(n);
  const explored = new Uint8Array(n);
  for (const { start } of prog.subprogs) {
    postorderFrom.push(order.length);
    const stack = [start];
    discovered[start] = 1;
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      if (explored[top]) {
        order.push(top);
        stack.pop();
        continue;
      }
      for (const s of [next[top], target[top]]) {
        if (s < 0 || discovered[s]) continue;
        discovered[s] = 1;
        stack.push(s);
      }
      explored[top] = 1;
    }
  }
  postorderFrom.push(order.length);
  const position = new Int32Array(n).fill(-1);
  order.forEach((at, i) => {
    position[at] = i;
  });
  return { postorder: Int32Array.from(order), postorderFrom, position };
}

/** Tarjan's algorithm without recursion; a slot alone in its component and without an edge to itself gets no number. */
function components({ next, target }: Edges): Pick<Graph, 'scc' | 'loops'> {
  const n = next.length;
  const scc = new Int32Array(n);
  const pre = new Uint32Array(n);
  const low = new Uint32Array(n);
  const DONE = 0xffffffff;
  let preorder = 1;
  let id = 1;
  const open: InsnIndex[] = [];
  const path: InsnIndex[] = [];
  for (let root = 0; root < n; root++) {
    if (pre[root] !== 0) continue;
    path.push(root);
    while (path.length > 0) {
      const at = path[path.length - 1];
      if (pre[at] === 0) {
        pre[at] = low[at] = preorder++;
        open.push(at);
      }
      let unvisited = -1;
      for (const s of [next[at], target[at]]) {
        if (s < 0) continue;
        if (pre[s] === 0) {
          unvisited = s;
          break;
        }
        if (low[s] < low[at]) low[at] = low[s];
      }
      if (unvisited >= 0) {
        path.push(unvisited);
        continue;
      }
      path.pop();
      if (low[at] < pre[at]) continue;
      const loop = open[open.length - 1] !== at || next[at] === at || target[at] === at;
      for (let member = -1; member !== at; ) {
        member = open.pop()!;
        low[member] = DONE;
        if (loop) scc[member] = id;
      }
      if (loop) id++;
    }
  }
  return { scc, loops: id - 1 };
}
