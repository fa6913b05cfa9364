// The flow graph that structure.ts turns into blocks and loops: one node per basic block, numbered in reverse post-order,
// and always reducible (every cycle has one entrance).
//
// Cycles with several entrances (rare: goto into a loop) get a dispatch node in front: every edge to an entrance first
// sets a label, then goes to the dispatch, which switches on it. The dispatch is then the only entrance; what is left of
// the cycle without its entrances is treated the same way.

import { type Cfg, NONE, OUT, reversePostOrder, succsOf } from '../src/analysis/cfg.ts';
import { immediateDominators, isReducible } from '../src/analysis/dominators.ts';
import { makeReducible } from './reducible.ts';
import { NO_SELECTS, type Selects } from './selects.ts';

export interface FlowNode {
  /** Basic block to execute; NONE for the nodes that were added here. */
  readonly block: number;
  /** Value the dispatch label gets; NONE = it is left alone. */
  readonly set: number;
  /** Nodes control goes to; NONE and OUT as in cfg.ts. */
  readonly taken: number;
  readonly fall: number;
  /** A dispatch: where label value i goes. */
  readonly switch: readonly number[] | null;
}

export interface Flow {
  readonly nodes: readonly FlowNode[];
  readonly preds: readonly (readonly number[])[];
  readonly idom: Int32Array;
}

/** `entries`: block 0 is a switch over them. `selects`: blocks that are executed with the one before them. */
export function flowOf({ blocks }: Cfg, entries: readonly number[] = [], selects: Selects = NO_SELECTS): Flow {
  const nodes = blocks.map(({ taken, fall }, block): FlowNode => {
    const ways = block === 0 && entries.length > 1 ? entries : null;
    const select = selects.get(block);
    if (select === undefined) return { block, set: NONE, taken, fall, switch: ways };
    return { block, set: NONE, taken: NONE, fall: select.next, switch: ways };
  });
  const flow = selects.size === 0 ? asNumbered(nodes, blocks) : ordered(nodes);
  return isReducible(flow.preds, flow.idom) ? flow : ordered(makeReducible(flow.nodes, flow.preds));
}

/** Blocks are in reverse post-order already. */
function asNumbered(nodes: readonly FlowNode[], blocks: Cfg['blocks']): Flow {
  const preds = blocks.map((b) => b.preds);
  return { nodes, preds, idom: immediateDominators(preds) };
}

/** The nodes renumbered in reverse post-order (node 0 is the entry), with predecessors and dominators. */
function ordered(nodes: readonly FlowNode[]): Flow {
  const succ = (node: number, i: number) => {
    const n = nodes[node];
    return n.switch !== null ? n.switch[i] : i === 0 ? n.taken : i === 1 ? n.fall : undefined;
  };
  const order = reversePostOrder(nodes.length, 0, succ);
  const number = new Int32Array(nodes.length).fill(NONE);
  for (let i = 0; i < order.length; i++) number[order[i]] = i;
  const renumber = (n: number) => (n < 0 ? n : number[n]);
  const preds: number[][] = Array.from(order, () => []);
  const out = Array.from(order, (old, i): FlowNode => {
    const n = nodes[old];
    const next = { ...n, taken: renumber(n.taken), fall: renumber(n.fall), switch: n.switch?.map(renumber) ?? null };
    for (const s of next.switch ?? succsOf(next.taken, next.fall)) preds[s].push(i);
    return next;
  });
  return { nodes: out, preds, idom: immediateDominators(preds) };
}

export { NONE, OUT };
