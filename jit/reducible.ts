// Makes a flow graph reducible: in front of a cycle with several entrances stands a dispatch (flow.ts). Nodes are only
// added behind the given ones; their numbers mean nothing.
//
// The graph is looked at piece by piece: first all of it, then what is left of each cycle without its entrances. Only the
// members of a piece are touched for it.

import { NONE } from '../src/analysis/cfg.ts';
import type { FlowNode } from './flow.ts';

interface Draft extends FlowNode {
  taken: number;
  fall: number;
  readonly switch: number[] | null;
}

interface Graph {
  readonly nodes: Draft[];
  readonly preds: (readonly number[])[];
  /** Which piece a node was in last. */
  readonly piece: number[];
  pieces: number;
  /** Of Tarjan's algorithm; 0 = not seen. */
  readonly index: Int32Array;
  readonly low: Int32Array;
  readonly open: Uint8Array;
}

export function makeReducible(nodes: readonly FlowNode[], preds: readonly (readonly number[])[]): FlowNode[] {
  const n = nodes.length;
  const g: Graph = {
    nodes: nodes.map((node) => ({ ...node, switch: node.switch && [...node.switch] })),
    preds: [...preds],
    piece: new Array<number>(n).fill(0),
    pieces: 0,
    index: new Int32Array(n),
    low: new Int32Array(n),
    open: new Uint8Array(n),
  };
  const work: number[][] = [nodes.map((_, i) => i)];
  while (work.length > 0) {
    for (const cycle of cyclesIn(g, work.pop()!)) {
      const inside = asPiece(g, cycle);
      // Node 0 is never one of several: where it is in a cycle, every way into the cycle leads through it.
      const isEntrance = (i: number) => i === 0 || g.preds[i].some((p) => g.piece[p] !== inside);
      const entrances = cycle.filter(isEntrance).sort((a, b) => a - b);
      const rest = cycle.filter((i) => !isEntrance(i));
      if (entrances.length > 1) addDispatch(g, entrances, inside);
      if (rest.length > 0) work.push(rest);
    }
  }
  return g.nodes;
}

function asPiece(g: Graph, members: readonly number[]): number {
  g.pieces++;
  for (const i of members) g.piece[i] = g.pieces;
  return g.pieces;
}

function addNode(g: Graph, node: Draft, preds: readonly number[]): number {
  g.preds.push(preds);
  g.piece.push(0);
  return g.nodes.push(node) - 1;
}

/**
 * Puts a dispatch in front of the entrances of a cycle. Edges from outside and edges of the cycle set the label in nodes
 * of their own: one that both shared would be a second way into the loop.
 */
function addDispatch(g: Graph, entrances: readonly number[], inside: number): void {
  const setters: number[] = [];
  const dispatch = addNode(g, { block: NONE, set: NONE, taken: NONE, fall: NONE, switch: [...entrances] }, setters);
  entrances.forEach((entrance, set) => {
    const isInside = (p: number) => g.piece[p] === inside;
    const from = g.preds[entrance];
    for (const side of [from.filter((p) => !isInside(p)), from.filter(isInside)]) {
      if (side.length === 0) continue;
      const setter = addNode(g, { block: NONE, set, taken: NONE, fall: dispatch, switch: null }, side);
      for (const p of side) redirect(g.nodes[p], entrance, setter);
      setters.push(setter);
    }
    g.preds[entrance] = [dispatch];
  });
}

function redirect(node: Draft, from: number, to: number): void {
  if (node.taken === from) node.taken = to;
  if (node.fall === from) node.fall = to;
  const way = node.switch?.indexOf(from) ?? -1;
  if (way >= 0) node.switch![way] = to;
}

function succsOf({ taken, fall, switch: ways }: FlowNode): readonly number[] {
  return ways ?? [taken, fall];
}

/** Strongly connected components with a cycle among `members` (Tarjan, iterative). */
function cyclesIn(g: Graph, members: readonly number[]): number[][] {
  const { nodes, index, low, open } = g;
  const inside = asPiece(g, members);
  for (const i of members) index[i] = 0;
  let count = 0;
  const unfinished: number[] = [];
  const found: number[][] = [];
  const stack: { node: number; next: readonly number[]; i: number }[] = [];
  const enter = (node: number) => {
    index[node] = low[node] = ++count;
    open[node] = 1;
    unfinished.push(node);
    stack.push({ node, next: succsOf(nodes[node]), i: 0 });
  };
  for (const root of members) {
    if (index[root] === 0) enter(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1];
      const { node } = top;
      if (top.i < top.next.length) {
        const s = top.next[top.i++];
        if (s < 0 || g.piece[s] !== inside) continue;
        if (index[s] === 0) enter(s);
        else if (open[s] === 1) low[node] = Math.min(low[node], index[s]);
        continue;
      }
      stack.pop();
      const parent = stack.at(-1)?.node;
      if (parent !== undefined) low[parent] = Math.min(low[parent], low[node]);
      if (low[node] !== index[node]) continue;
      const component = unfinished.splice(unfinished.lastIndexOf(node));
      for (const i of component) open[i] = 0;
      if (component.length > 1 || top.next.includes(node)) found.push(component);
    }
  }
  return found;
}
