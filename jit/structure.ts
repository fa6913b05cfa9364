// Pass `structure`: basic blocks -> WebAssembly's nested blocks, loops and ifs, over the dominator tree
// (Ramsey: "Beyond Relooper"). Pure data in, pure data out; emission is lower.ts.
//
// A node is placed inside its immediate dominator's code, or, when that lies in a loop the node is not part of, right
// behind that loop. Every transfer is an explicit branch (nothing falls out of a body), so what follows an if is flat
// and nesting only grows with labels that are open at the same time:
//
//   block B7            a label: br B7 leaves the block, and 7's code stands behind it
//     loop L2           br L2 starts over
//       code 2
//       br_if B7 (2)    leave if the jump that ends block 2 is taken
//       code 3
//       br L2
//   code 7

import type { Compilation } from './compilation.ts';
import { type Flow, type FlowNode, flowOf, NONE } from './flow.ts';
import { type Loops, loopLeft, loopsOf } from './loops.ts';
import { NO_REDUCTIONS, type Reductions } from './reductions.ts';

/** Where a branch goes: out of block label `to`, or back to the head of loop `to`. */
export interface Target {
  readonly to: number;
  readonly back: boolean;
}

export type Node =
  | { readonly kind: 'block'; readonly label: number; readonly body: Node[] }
  | { readonly kind: 'loop'; readonly label: number; readonly body: Node[] }
  /** The instructions of a basic block without the jump that ends it. */
  | { readonly kind: 'code'; readonly block: number }
  /** On the jump that ends `block`: body runs if it is taken (negate: if not). */
  | { readonly kind: 'if'; readonly block: number; readonly negate: boolean; readonly body: Node[] }
  | { readonly kind: 'br_if'; readonly block: number; readonly negate: boolean; readonly target: Target }
  | { readonly kind: 'br'; readonly target: Target }
  /** What goes in front of the loop that `block` heads (reductions.ts). */
  | { readonly kind: 'reduction'; readonly block: number }
  /** Dispatch of an irreducible region: its label, and the switch over it. */
  | { readonly kind: 'set'; readonly value: number }
  | { readonly kind: 'switch'; readonly targets: readonly Target[] }
  /** Control would leave the function here: OUT of cfg.ts. */
  | { readonly kind: 'out'; readonly block: number };

export function structure(c: Compilation): void {
  for (const fn of c.fns) fn.body = structured(flowOf(fn.cfg, fn.part?.entries, fn.selects), fn.reductions);
}

interface Tree {
  readonly flow: Flow;
  readonly reductions: Reductions;
  readonly loops: Loops;
  /** Labels that stand behind a node's code (inside: label behind code; behind: label behind its loop): the last one. */
  readonly inside: Int32Array;
  readonly behind: Int32Array;
  /** By label: the one before it in the same list. */
  readonly before: Int32Array;
  readonly labelled: Uint8Array;
  /** How many nodes are placed at or below a node. */
  readonly size: Int32Array;
}

export function structured(flow: Flow, reductions: Reductions = NO_REDUCTIONS): Node[] {
  if (flow.nodes.length === 0) return [{ kind: 'out', block: NONE }];
  const tree = placed(flow, reductions);
  const root: Node[] = [];
  const work: Task[] = [{ node: 0, into: root }];
  while (work.length > 0) {
    const { node, into } = work.pop()!;
    put(tree, node, into, work);
  }
  return root;
}

/** Append the code of `node`, and what it dominates, to `into`. One list is only ever appended to by one task at a time. */
interface Task {
  readonly node: number;
  readonly into: Node[];
}

/** Bodies in bodies: Binaryen's stack ends at some thousand. Labels in a row, each in front of the next, cost none. */
const MAX_LEVEL = 200;

function placed(flow: Flow, reductions: Reductions): Tree {
  const { nodes, preds, idom } = flow;
  const n = nodes.length;
  const loops = loopsOf(flow);
  const tree: Tree = {
    flow,
    reductions,
    loops,
    inside: new Int32Array(n).fill(NONE),
    behind: new Int32Array(n).fill(NONE),
    before: new Int32Array(n).fill(NONE),
    labelled: new Uint8Array(n),
    size: new Int32Array(n).fill(1),
  };
  const owner = new Int32Array(n).fill(NONE);
  for (const node of nodes) for (const s of node.switch ?? []) tree.labelled[s] = 1;
  const left = new Int32Array(n).fill(-1);
  for (let node = 1; node < n; node++) {
    left[node] = loopLeft(loops, idom[node], node);
    if (left[node] !== -1 || isJoin(preds[node], node)) tree.labelled[node] = 1;
    owner[node] = left[node] === -1 ? idom[node] : left[node];
  }
  flatten(tree, left, owner);
  for (let node = 1; node < n; node++) {
    if (tree.labelled[node] === 0) continue;
    const list = left[node] === -1 ? tree.inside : tree.behind;
    tree.before[node] = list[owner[node]];
    list[owner[node]] = node;
  }
  for (let node = n - 1; node > 0; node--) tree.size[owner[node]] += tree.size[node];
  return tree;
}

/** Whether several edges go forward to `node`. */
function isJoin(preds: readonly number[], node: number): boolean {
  let forward = 0;
  for (const p of preds) if (p < node) forward++;
  return forward > 1;
}

/**
 * Where bodies would nest too deeply a label moves out, to a dominator further up in the same loop: its code only has to
 * stand behind that of all its predecessors.
 */
function flatten({ flow: { idom }, loops: { isHead, inner }, labelled }: Tree, left: Int32Array, owner: Int32Array) {
  const n = idom.length;
  const opens = new Uint8Array(n);
  const last = new Int32Array(n); // the highest label of an owner stands beside it, not inside
  for (let node = 1; node < n; node++) {
    if (labelled[node] === 0) continue;
    opens[owner[node]] = 1;
    if (left[node] === -1) last[owner[node]] = node;
  }
  const level = new Int32Array(n); // of the list a node stands in
  const anchor = new Int32Array(n); // the dominator that labels below a node may move to
  for (let node = 1; node < n; node++) {
    const up = owner[node];
    const label = labelled[node] === 1;
    if (left[node] !== -1) level[node] = level[up];
    else if (label && level[up] > MAX_LEVEL) {
      owner[node] = anchor[up];
      level[node] = level[owner[node]] + 1;
    } else level[node] = level[up] + isHead[up] + (label && last[up] === node ? 0 : opens[up]);
    const over = anchor[left[node] === -1 ? up : idom[up]];
    anchor[node] = level[node] > MAX_LEVEL && inner[over] === inner[node] && isHead[node] === 0 ? over : node;
  }
}

function put(tree: Tree, node: number, into: Node[], work: Task[]): void {
  let list = into;
  // The last label is the outermost block.
  const open = (last: number) => {
    for (let label = last; label !== NONE; label = tree.before[label]) {
      const body: Node[] = [];
      list.push({ kind: 'block', label, body });
      work.push({ node: label, into: list });
      list = body;
    }
  };
  open(tree.behind[node]);
  if (tree.loops.isHead[node] === 1) {
    const body: Node[] = [];
    if (tree.reductions.has(tree.flow.nodes[node].block)) {
      list.push({ kind: 'reduction', block: tree.flow.nodes[node].block });
    }
    list.push({ kind: 'loop', label: node, body });
    list = body;
  }
  open(tree.inside[node]);
  const n = tree.flow.nodes[node];
  if (n.block !== NONE) list.push({ kind: 'code', block: n.block });
  if (n.set !== NONE) list.push({ kind: 'set', value: n.set });
  leave(tree, node, n, list, work);
}

/** Appends what ends a node. */
function leave(tree: Tree, node: number, n: FlowNode, list: Node[], work: Task[]): void {
  if (n.switch !== null) {
    list.push({ kind: 'switch', targets: n.switch.map((to) => ({ to, back: to <= node })) });
    return;
  }
  const { taken, fall, block } = n;
  if (taken === NONE) {
    go(tree, node, fall, list, work);
    return;
  }
  if (fall === NONE) {
    go(tree, node, taken, list, work);
    return;
  }
  const takenTarget = targetOf(tree, node, taken);
  const fallTarget = targetOf(tree, node, fall);
  if (takenTarget !== null) {
    list.push({ kind: 'br_if', block, negate: false, target: takenTarget });
    go(tree, node, fall, list, work);
  } else if (fallTarget !== null) {
    list.push({ kind: 'br_if', block, negate: true, target: fallTarget });
    go(tree, node, taken, list, work);
  } else {
    // Both sides stand here: the smaller one inside the if, the other one flat behind it.
    const negate = sizeOf(tree, taken) > sizeOf(tree, fall);
    const body: Node[] = [];
    list.push({ kind: 'if', block, negate, body });
    go(tree, node, negate ? fall : taken, body, work);
    go(tree, node, negate ? taken : fall, list, work);
  }
}

const sizeOf = (tree: Tree, node: number) => (node < 0 ? 0 : tree.size[node]);

/** How to branch to `to`; null when its code stands right here instead (or the way leads out). */
function targetOf(tree: Tree, from: number, to: number): Target | null {
  if (to < 0) return null;
  if (to <= from) return { to, back: true };
  return tree.labelled[to] === 1 ? { to, back: false } : null;
}

function go(tree: Tree, from: number, to: number, list: Node[], work: Task[]): void {
  if (to === NONE) return; // exit: the code returns
  const target = targetOf(tree, from, to);
  if (target !== null) list.push({ kind: 'br', target });
  else if (to < 0) list.push({ kind: 'out', block: tree.flow.nodes[from].block });
  else work.push({ node: to, into: list });
}

/** The tree as indented text: a dump for people. */
export function renderNodes(nodes: readonly Node[]): string {
  const lines: string[] = [];
  const work: { node: Node; depth: number }[] = nodes.toReversed().map((node) => ({ node, depth: 0 }));
  const name = ({ to, back }: Target) => `${back ? 'L' : 'B'}${to}`;
  while (work.length > 0) {
    const { node, depth } = work.pop()!;
    const line = (text: string) => lines.push('  '.repeat(depth) + text);
    switch (node.kind) {
      case 'block':
        line(`block B${node.label}`);
        break;
      case 'loop':
        line(`loop L${node.label}`);
        break;
      case 'code':
        line(`code ${node.block}`);
        break;
      case 'if':
        line(`if ${node.negate ? 'not ' : ''}(${node.block})`);
        break;
      case 'br_if':
        line(`br_if ${name(node.target)} ${node.negate ? 'not ' : ''}(${node.block})`);
        break;
      case 'br':
        line(`br ${name(node.target)}`);
        break;
      case 'set':
        line(`set ${node.value}`);
        break;
      case 'reduction':
        line(`reduction ${node.block}`);
        break;
      case 'switch':
        line(`switch ${node.targets.map(name).join(' ')}`);
        break;
      case 'out':
        line('out');
        break;
      default:
        node satisfies never;
    }
    if ('body' in node) for (const child of node.body.toReversed()) work.push({ node: child, depth: depth + 1 });
  }
  return lines.join('\n');
}
