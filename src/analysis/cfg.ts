// Basic blocks and edges of one subprogram, over instruction slots.
//
// In: decoded instructions, the slot range of a subprogram, and optionally which sides of a conditional jump are alive.
// Out: the blocks that control can reach, numbered in reverse post-order (block 0 is the entry, and an edge a -> b with
// b <= a closes a loop). A block ends with its `last` instruction; a call does not end a block. Where control would leave
// the subprogram or reach something that is no instruction the edge is OUT: whoever executes it must fail there.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { Op } from '../isa/op.ts';
import { opOf } from '../isa/opcodes.ts';

/** There is no such edge. */
export const NONE = -1;
/** The edge leads to no instruction of this subprogram. */
export const OUT = -2;

export interface Block {
  /** Slots of the first and the last instruction. */
  readonly start: InsnIndex;
  readonly last: InsnIndex;
  /** Where a jump that is taken goes; NONE for a block that doesn't end with a live jump. */
  readonly taken: number;
  /** Where control falls through; NONE after exit and unconditional jumps. */
  readonly fall: number;
  /** The blocks that taken and fall name, each once. */
  readonly succs: readonly number[];
  readonly preds: readonly number[];
}

export interface Cfg {
  readonly blocks: readonly Block[];
  /** Slot -> block that holds it, by slot - start of the subprogram; NONE where control can't come. */
  readonly blockOf: Int32Array;
  readonly start: InsnIndex;
}

/** Sides of a conditional jump that can happen: bit 0 = it jumps, bit 1 = it falls through (verified.ts Facts.taken). */
export type LiveSides = (at: InsnIndex) => number;

/** The row of every slot; undefined for the second half of an lddw and for what is no instruction. */
export function opsOf(insns: readonly Insn[]): (Op | undefined)[] {
  const ops = new Array<Op | undefined>(insns.length).fill(undefined);
  for (let at = 0; at < insns.length; at++) {
    const op = opOf(insns[at]);
    if (op?.kind !== 'lddw') ops[at] = op;
    else if (at + 1 < insns.length) ops[at++] = op;
  }
  return ops;
}

/** The slot a jump or local call at `at` goes to. */
export function targetOf(insn: Insn, op: Op, at: InsnIndex): InsnIndex {
  const wide = op.kind === 'call' || (op.kind === 'ja' && op.wide);
  return at + 1 + (wide ? insn.imm : insn.off);
}

const JUMPS: ReadonlySet<Op['kind']> = new Set(['exit', 'ja', 'may_goto', 'jmp']);

/** Slots: both NONE after exit. */
interface Flow {
  readonly taken: number;
  readonly fall: number;
}

/** `op` is one of JUMPS. */
function flowOf(insn: Insn, op: Op, at: InsnIndex, sides: LiveSides): Flow {
  switch (op.kind) {
    case 'ja':
      return { taken: targetOf(insn, op, at), fall: NONE };
    case 'may_goto':
      return joined(targetOf(insn, op, at), at + 1);
    case 'jmp': {
      const alive = sides(at) & 3 || 3;
      return joined(alive & 1 ? targetOf(insn, op, at) : NONE, alive & 2 ? at + 1 : NONE);
    }
    default:
      return { taken: NONE, fall: NONE };
  }
}

/** A jump to where control goes anyway is none. */
function joined(taken: number, fall: number): Flow {
  return taken === fall ? { taken: NONE, fall } : { taken, fall };
}

/** Blocks by number in order of their starts. `taken` and `fall` are slots first, numbers of blocks in the end. */
interface Drafts {
  readonly start: Int32Array;
  readonly last: Int32Array;
  readonly taken: Int32Array;
  readonly fall: Int32Array;
}

export function buildCfg(
  insns: readonly Insn[],
  ops: readonly (Op | undefined)[],
  range: { readonly start: InsnIndex; readonly end: InsnIndex },
  sides: LiveSides = () => 3,
): Cfg {
  const { start, end } = range;
  const isInsn = (at: number) => at >= start && at < end && ops[at] !== undefined;
  const next: Next = (at) => {
    const op = ops[at]!;
    if (!JUMPS.has(op.kind)) return at + (op.kind === 'lddw' ? 2 : 1);
    const flow = flowOf(insns[at], op, at, sides);
    return flow.taken === NONE && flow.fall !== NONE ? flow.fall : flow;
  };
  const leads = findLeaders(start, end, isInsn, next);

  let count = 0;
  for (const mark of leads) if (mark === LEADER) count++;
  const draftAt = new Int32Array(end - start).fill(NONE);
  const column = () => new Int32Array(count);
  const drafts: Drafts = { start: column(), last: column(), taken: column(), fall: column() };
  for (let at = start, d = 0; at < end; at++) {
    if (leads[at - start] !== LEADER) continue;
    draftAt[at - start] = d;
    draft(drafts, d++, at, leads, start, end, next);
  }
  const draftOf = (at: number) => (at === NONE ? NONE : isInsn(at) ? draftAt[at - start] : OUT);
  for (let d = 0; d < count; d++) {
    drafts.taken[d] = draftOf(drafts.taken[d]);
    drafts.fall[d] = draftOf(drafts.fall[d]);
  }
  return finish(drafts, draftOf(start), start, end);
}

/** Where control goes after an instruction: to one slot, or the way a block ends. */
type Next = (at: InsnIndex) => Flow | InsnIndex;

/** Instructions of a block: so that what divides a function among blocks can divide any function. */
const MAX_BLOCK = 16_384;

const REACHED = 1;
const LEADER = 2;

/** Per slot: REACHED, LEADER (a block starts here), or 0. */
function findLeaders(start: number, end: number, isInsn: (at: number) => boolean, next: Next) {
  const marks = new Uint8Array(end - start);
  const work: InsnIndex[] = [];
  const lead = (at: number) => {
    if (at === NONE || !isInsn(at)) return;
    if (marks[at - start] === 0) work.push(at);
    marks[at - start] = LEADER;
  };
  lead(start);
  while (work.length > 0) {
    let at = work.pop()!;
    for (let size = 1; ; size++) {
      const to = next(at);
      if (typeof to !== 'number') {
        lead(to.taken);
        lead(to.fall);
        break;
      }
      if (!isInsn(to) || marks[to - start] !== 0) break;
      if (size === MAX_BLOCK) {
        lead(to);
        break;
      }
      marks[to - start] = REACHED;
      at = to;
    }
  }
  // What was walked through before it turned out to be a target keeps its LEADER mark; a block that was entered by
  // falling through from above starts at a leader, too, because only leaders are entered from elsewhere.
  return marks;
}

/** Fills row `d`: the block that starts at `from`. */
function draft(
  drafts: Drafts,
  d: number,
  from: InsnIndex,
  marks: Uint8Array,
  start: InsnIndex,
  end: InsnIndex,
  next: Next,
): void {
  let at = from;
  let to = next(at);
  while (typeof to === 'number' && to < end && marks[to - start] === REACHED) {
    at = to;
    to = next(at);
  }
  drafts.start[d] = from;
  drafts.last[d] = at;
  drafts.taken[d] = typeof to === 'number' ? NONE : to.taken;
  drafts.fall[d] = typeof to === 'number' ? to : to.fall;
}

/** Numbers the drafts in reverse post-order and links them. */
function finish(
  { start: starts, last: lasts, taken: takens, fall: falls }: Drafts,
  entry: number,
  start: InsnIndex,
  end: InsnIndex,
): Cfg {
  const n = starts.length;
  const order = reversePostOrder(n, entry, (d, i) => (i === 0 ? takens[d] : i === 1 ? falls[d] : undefined));
  const number = new Int32Array(n).fill(NONE);
  for (let i = 0; i < order.length; i++) number[order[i]] = i;
  const idOf = (d: number) => (d < 0 ? d : number[d]);
  const preds: number[][] = Array.from(order, () => []);
  const blockOf = new Int32Array(end - start).fill(NONE);
  const blocks = Array.from(order, (d, i): Block => {
    const taken = idOf(takens[d]);
    const fall = idOf(falls[d]);
    const succs = succsOf(taken, fall);
    for (const s of succs) preds[s].push(i);
    blockOf.fill(i, starts[d] - start, lasts[d] - start + 1);
    return { start: starts[d], last: lasts[d], taken, fall, succs, preds: preds[i] };
  });
  return { blocks, blockOf, start };
}

/** Of `taken` and `fall` those that name a block, each once. */
export function succsOf(taken: number, fall: number): number[] {
  if (taken < 0) return fall < 0 ? [] : [fall];
  return fall < 0 || fall === taken ? [taken] : [taken, fall];
}

/**
 * Nodes reachable from `entry` in reverse post-order. Of several successors the last one comes first after its node.
 * `succ` gives the i-th successor of a node, undefined behind the last one; negative ones are ignored. Iterative:
 * programs have any number of blocks.
 */
export function reversePostOrder(
  n: number,
  entry: number,
  succ: (node: number, i: number) => number | undefined,
): Int32Array {
  if (entry < 0 || entry >= n) return new Int32Array(0);
  const order = new Int32Array(n);
  let first = n;
  const seen = new Uint8Array(n);
  const path = new Int32Array(n);
  const done = new Int32Array(n); // successors of path[i] that were entered
  let depth = 0;
  path[0] = entry;
  seen[entry] = 1;
  while (depth >= 0) {
    const s = succ(path[depth], done[depth]++);
    if (s === undefined) {
      order[--first] = path[depth];
      done[depth--] = 0;
    } else if (s >= 0 && seen[s] === 0) {
      seen[s] = 1;
      path[++depth] = s;
    }
  }
  return order.subarray(first);
}
