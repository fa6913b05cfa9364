// The loops of a reducible flow graph: which innermost loop a node is in, and how loops nest.
//
// A loop is named by its head, the target of an edge that goes back. Inner loops are found first (heads from the highest
// number down) and then count as one node, so the whole costs about one visit per edge.

import type { Flow } from './flow.ts';

export interface Loops {
  readonly isHead: Uint8Array;
  /** Head of the innermost loop around a node (a head is in its own loop), or -1. */
  readonly inner: Int32Array;
  /** By head: head of the next loop around it, or -1. */
  readonly parent: Int32Array;
}

export function loopsOf({ preds }: Flow): Loops {
  const n = preds.length;
  const isHead = new Uint8Array(n);
  const inner = new Int32Array(n).fill(-1);
  const parent = new Int32Array(n).fill(-1);
  // Union-find: a node's outermost loop head so far.
  const top = Int32Array.from({ length: n }, (_, i) => i);
  const find = (x: number) => {
    while (top[x] !== x) x = top[x] = top[top[x]];
    return x;
  };
  for (let head = n - 1; head >= 0; head--) {
    if (!preds[head].some((p) => p >= head)) continue;
    const latches = preds[head].filter((p) => p >= head);
    isHead[head] = 1;
    inner[head] = head;
    const work = latches.map(find);
    while (work.length > 0) {
      const x = work.pop()!;
      if (find(x) !== x || x === head) continue;
      if (isHead[x] === 1) parent[x] = head;
      else inner[x] = head;
      top[x] = head;
      for (const p of preds[x]) {
        // Edges that go back to x stay inside of x's own loop.
        if (p >= x) continue;
        const y = find(p);
        if (y !== head) work.push(y);
      }
    }
  }
  return { isHead, inner, parent };
}

/** Head of the outermost loop that holds `x` but not `y`, or -1. Loops have higher numbers than those around them. */
export function loopLeft({ inner, parent }: Loops, x: number, y: number): number {
  let left = -1;
  for (let a = inner[x], b = inner[y]; a !== b; ) {
    if (a > b) {
      left = a;
      a = parent[a];
    } else b = parent[b];
  }
  return left;
}
