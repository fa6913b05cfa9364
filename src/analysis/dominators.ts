// Immediate dominators of a flow graph whose nodes are numbered in reverse post-order (cfg.ts).
//
// Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm". dom(n) = n joined with the common dominators of its
// predecessors; two nodes are intersected by walking up the tree from the one with the higher number. Two sweeps suffice
// for reducible graphs.

/** idom[node]; the entry (node 0) is its own. */
export function immediateDominators(preds: readonly (readonly number[])[]): Int32Array {
  const idom = new Int32Array(preds.length).fill(-1);
  if (preds.length === 0) return idom;
  idom[0] = 0;
  const intersect = (a: number, b: number) => {
    while (a !== b) {
      while (a > b) a = idom[a];
      while (b > a) b = idom[b];
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let node = 1; node < preds.length; node++) {
      let next = -1;
      for (const p of preds[node]) {
        if (idom[p] !== -1) next = next === -1 ? p : intersect(p, next);
      }
      if (idom[node] !== next) {
        idom[node] = next;
        changed = true;
      }
    }
  }
  return idom;
}

/** Answers "does a dominate b?" (a node dominates itself) in constant time, from intervals of a walk over the tree. */
export function dominance(idom: Int32Array): (a: number, b: number) => boolean {
  const n = idom.length;
  // Children have higher numbers than their parent: sizes bottom-up, then first positions top-down, without a stack.
  const size = new Int32Array(n).fill(1);
  for (let node = n - 1; node > 0; node--) size[idom[node]] += size[node];
  const first = new Int32Array(n);
  const free = new Int32Array(n); // next free position among a node's children
  if (n > 0) free[0] = 1;
  for (let node = 1; node < n; node++) {
    const parent = idom[node];
    first[node] = free[parent];
    free[parent] += size[node];
    free[node] = first[node] + 1;
  }
  return (a, b) => first[b] >= first[a] && first[b] < first[a] + size[a];
}
