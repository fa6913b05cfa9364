// The flow graph that structure.ts turns into blocks and loops: one node per basic block, numbered in reverse post-order,
// and always reducible (every cycle has one entrance).
//
// Cycles with several entrances (rare: goto into a loop) get a dispatch node in front: every edge to an entrance first
// sets a label, then goes to the dispatch, which switches on it. The dispatch is then the only entrance; what is left of
// the cycle without its entrances is treated the same way.

import { type Cfg, NONE, OUT, reversePostOrder } from '../src/analysis/cfg.ts';
import { dominance, immediateDominators } from '../src/analysis/dominators.ts';
import { NO_SELECTS, type Selects } from './selects.ts';

export interface FlowNode {
  /** Basic block to execute; NONE for the nodes that were added here. */
  readonly block: number;
  /** Value the dispatch label gets; NONE = it is left alone. */
  readonly set: number;
  /** Nodes control goes to; NONE and OUT as in cfg.ts. */
  taken: number;
  fall: number;
  /** A dispatch: where label value i goes. */
  switch: number[] | null;
}

export interface Flow {
  readonly nodes: readonly FlowNode[];
  readonly preds: readonly (readonly number[])[];
  readonly idom: Int32Array;
}

export function succsOf(node: FlowNode): number[] {
  if (node.switch !== null) return node.switch;
  return node.taken >= 0 && node.taken !== node.fall ? [node.taken, node.fall] : [node.fall];
}

/** `entries`: block 0 is a switch over them. `selects`: blocks that are executed with the one before them. */
export function flowOf(cfg: Cfg, entries: readonly number[] = [], selects: Selects = NO_SELECTS): Flow {
  const nodes = cfg.blocks.map(({ taken, fall }, block): FlowNode => {
    const select = selects.get(block);
    const next = select === undefined ? { taken, fall } : { taken: NONE, fall: select.next };
    return { block, set: NONE, ...next, switch: null };
  });
  if (entries.length > 1) nodes[0].switch = [...entries];
  const flow = ordered(nodes);
  if (isReducible(flow)) return flow;
  makeReducible(nodes);
  return ordered(nodes);
}

/** The nodes renumbered in reverse post-order (node 0 is the entry), with predecessors and dominators. */
function ordered(nodes: readonly FlowNode[]): Flow {
  const order = reversePostOrder(nodes.length, 0, (i) => succsOf(nodes[i]));
  const number = new Int32Array(nodes.length).fill(NONE);
  order.forEach((old, i) => {
    number[old] = i;
  });
  const renumber = (n: number) => (n < 0 ? n : number[n]);
  const out = order.map((old): FlowNode => {
    const n = nodes[old];
    return { ...n, taken: renumber(n.taken), fall: renumber(n.fall), switch: n.switch?.map(renumber) ?? null };
  });
  const preds: number[][] = out.map(() => []);
  out.forEach((n, i) => {
    for (const s of new Set(succsOf(n))) if (s >= 0) preds[s].push(i);
  });
  return { nodes: out, preds, idom: immediateDominators(preds) };
}

/** Whether the target of every edge that goes back in reverse post-order dominates its source. */
function isReducible({ preds, idom }: Flow): boolean {
  const dominates = dominance(idom);
  return preds.every((from, node) => from.every((p) => p < node || dominates(node, p)));
}

function makeReducible(nodes: FlowNode[]): void {
  const work: number[][] = [nodes.map((_, i) => i)];
  while (work.length > 0) {
    for (const cycle of cyclesIn(nodes, work.pop()!)) {
      const entrances = entrancesOf(nodes, cycle);
      if (entrances.length > 1) addDispatch(nodes, entrances, cycle);
      const heads = new Set(entrances);
      const rest = cycle.filter((n) => !heads.has(n));
      if (rest.length > 0) work.push(rest);
    }
  }
}

/** Members of a cycle with an edge from outside (or the entry of the graph). */
function entrancesOf(nodes: readonly FlowNode[], cycle: readonly number[]): number[] {
  const inside = new Set(cycle);
  const found = new Set<number>(inside.has(0) ? [0] : []);
  nodes.forEach((n, i) => {
    if (inside.has(i)) return;
    for (const s of succsOf(n)) if (inside.has(s)) found.add(s);
  });
  return [...found].sort((a, b) => a - b);
}

/**
 * Puts a dispatch in front of the entrances. Edges from outside and edges of the cycle set the label in nodes of their
 * own: one that both shared would be a second way into the loop.
 */
function addDispatch(nodes: FlowNode[], entrances: readonly number[], cycle: readonly number[]): void {
  const count = entrances.length;
  const old = nodes.length;
  const dispatch = old + 2 * count;
  const index = new Map(entrances.map((e, i) => [e, i]));
  const inside = new Set(cycle);
  nodes.forEach((n, from) => {
    const first = inside.has(from) ? old + count : old;
    const redirect = (to: number) => (index.has(to) ? first + index.get(to)! : to);
    n.taken = redirect(n.taken);
    n.fall = redirect(n.fall);
    n.switch = n.switch?.map(redirect) ?? null;
  });
  for (const _side of ['outside', 'inside']) {
    entrances.forEach((_, set) => {
      nodes.push({ block: NONE, set, taken: NONE, fall: dispatch, switch: null });
    });
  }
  nodes.push({ block: NONE, set: NONE, taken: NONE, fall: NONE, switch: [...entrances] });
}

/** Strongly connected components with a cycle among `members` (Tarjan, iterative). */
function cyclesIn(nodes: readonly FlowNode[], members: readonly number[]): number[][] {
  const inside = new Set(members);
  const index = new Map<number, number>();
  const low = new Map<number, number>();
  const open: number[] = [];
  const isOpen = new Set<number>();
  const found: number[][] = [];
  const stack: { node: number; next: number[]; i: number }[] = [];
  const enter = (node: number) => {
    index.set(node, index.size);
    low.set(node, index.get(node)!);
    open.push(node);
    isOpen.add(node);
    stack.push({ node, next: succsOf(nodes[node]).filter((s) => s >= 0 && inside.has(s)), i: 0 });
  };
  for (const root of members) {
    if (!index.has(root)) enter(root);
    while (stack.length > 0) {
      const { node, next, i } = stack[stack.length - 1];
      if (i < next.length) {
        stack[stack.length - 1].i++;
        if (!index.has(next[i])) enter(next[i]);
        else if (isOpen.has(next[i])) low.set(node, Math.min(low.get(node)!, index.get(next[i])!));
        continue;
      }
      stack.pop();
      const parent = stack[stack.length - 1]?.node;
      if (parent !== undefined) low.set(parent, Math.min(low.get(parent)!, low.get(node)!));
      if (low.get(node) !== index.get(node)) continue;
      const component: number[] = [];
      for (let n = -1; n !== node; ) {
        n = open.pop()!;
        isOpen.delete(n);
        component.push(n);
      }
      if (component.length > 1 || next.includes(node)) found.push(component);
    }
  }
  return found;
}

export { NONE, OUT };
