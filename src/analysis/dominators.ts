// Immediate dominators of an acyclic flow graph: node 0 is the entry, and only edges that go to a higher number count.
//
// In a reducible graph whose nodes are numbered so that edges against the numbering close loops (reverse post-order does
// that), these are the dominators of the whole graph: such an edge goes to a dominator of its source, so every path has a
// shorter one without it over the same nodes. isReducible() says whether they are.
//
// dom(n) = n joined with the common dominators of its predecessors: one sweep. The common ancestor is found over jumps
// up the tree that are as long as those of a skew binary number (Myers: "An applicative random-access stack"), so a
// long chain with many ways to its end costs n log n.

/** idom[node]; the entry (node 0) is its own. */
export function immediateDominators(preds: readonly (readonly number[])[]): Int32Array {
  const n = preds.length;
  const idom = new Int32Array(n);
  const jump = new Int32Array(n);
  const depth = new Int32Array(n);
  const common = (x: number, y: number) => {
    let [a, b] = depth[x] >= depth[y] ? [x, y] : [y, x];
    while (depth[a] > depth[b]) a = depth[jump[a]] >= depth[b] ? jump[a] : idom[a];
    while (a !== b) {
      const far = jump[a] !== jump[b];
      a = far ? jump[a] : idom[a];
      b = far ? jump[b] : idom[b];
    }
    return a;
  };
  for (let node = 1; node < n; node++) {
    let up = -1;
    for (const p of preds[node]) if (p < node) up = up === -1 ? p : common(p, up);
    if (up === -1) up = 0;
    const over = jump[up];
    idom[node] = up;
    depth[node] = depth[up] + 1;
    jump[node] = depth[up] - depth[over] === depth[over] - depth[jump[over]] ? jump[over] : up;
  }
  return idom;
}

/** Whether the target of every edge against the numbering dominates its source. */
export function isReducible(preds: readonly (readonly number[])[], idom: Int32Array): boolean {
  const dominates = dominance(idom);
  return preds.every((from, node) => from.every((p) => p < node || dominates(node, p)));
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
