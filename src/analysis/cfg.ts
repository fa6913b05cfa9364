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

/** Where control goes after one instruction, as slots: both NONE after exit. */
interface Flow {
  readonly taken: number;
  readonly fall: number;
}

function flowOf(insn: Insn, op: Op, at: InsnIndex, sides: LiveSides): Flow {
  switch (op.kind) {
    case 'exit':
      return { taken: NONE, fall: NONE };
    case 'ja':
      return { taken: targetOf(insn, op, at), fall: NONE };
    case 'may_goto':
      return joined(targetOf(insn, op, at), at + 1);
    case 'jmp': {
      const alive = sides(at) & 3 || 3;
      return joined(alive & 1 ? targetOf(insn, op, at) : NONE, alive & 2 ? at + 1 : NONE);
    }
    case 'lddw':
      return { taken: NONE, fall: at + 2 };
    default:
      return { taken: NONE, fall: at + 1 };
  }
}

/** A jump to where control goes anyway is none. */
function joined(taken: number, fall: number): Flow {
  return taken === fall ? { taken: NONE, fall } : { taken, fall };
}

interface Draft {
  readonly start: InsnIndex;
  readonly last: InsnIndex;
  readonly taken: InsnIndex;
  readonly fall: InsnIndex;
}

export function buildCfg(
  insns: readonly Insn[],
  ops: readonly (Op | undefined)[],
  range: { readonly start: InsnIndex; readonly end: InsnIndex },
  sides: LiveSides = () => 3,
): Cfg {
  const { start, end } = range;
  const isInsn = (at: number) => at >= start && at < end && ops[at] !== undefined;
  const flow = (at: InsnIndex) => flowOf(insns[at], ops[at]!, at, sides);
  const leads = findLeaders(start, end, isInsn, flow);

  const drafts: Draft[] = [];
  const draftAt = new Int32Array(end - start).fill(NONE);
  for (let at = start; at < end; at++) {
    if (leads[at - start] === LEADER) {
      draftAt[at - start] = drafts.length;
      drafts.push(draftFrom(at, leads, start, end, flow));
    }
  }
  const draftOf = (at: number) => (at === NONE ? NONE : isInsn(at) ? draftAt[at - start] : OUT);
  return finish(drafts, draftOf, start, end);
}

/** Instructions of a block: so that what divides a function among blocks can divide any function. */
const MAX_BLOCK = 16_384;

const REACHED = 1;
const LEADER = 2;

/** Per slot: REACHED, LEADER (a block starts here), or 0. */
function findLeaders(start: number, end: number, isInsn: (at: number) => boolean, flow: (at: InsnIndex) => Flow) {
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
      const { taken, fall } = flow(at);
      if (taken !== NONE || fall === NONE) {
        lead(taken);
        lead(fall);
        break;
      }
      if (!isInsn(fall) || marks[fall - start] !== 0) break;
      if (size === MAX_BLOCK) {
        lead(fall);
        break;
      }
      marks[fall - start] = REACHED;
      at = fall;
    }
  }
  // What was walked through before it turned out to be a target keeps its LEADER mark; a block that was entered by
  // falling through from above starts at a leader, too, because only leaders are entered from elsewhere.
  return marks;
}

function draftFrom(
  from: InsnIndex,
  marks: Uint8Array,
  start: InsnIndex,
  end: InsnIndex,
  flow: (at: InsnIndex) => Flow,
): Draft {
  let at = from;
  for (;;) {
    const { taken, fall } = flow(at);
    const goesOn = taken === NONE && fall !== NONE && fall < end && marks[fall - start] === REACHED;
    if (!goesOn) return { start: from, last: at, taken, fall };
    at = fall;
  }
}

/** Numbers the drafts in reverse post-order and links them. */
function finish(drafts: readonly Draft[], draftOf: (at: number) => number, start: InsnIndex, end: InsnIndex): Cfg {
  const order = reversePostOrder(drafts.length, draftOf(start), (d) => [
    draftOf(drafts[d].taken),
    draftOf(drafts[d].fall),
  ]);
  const number = new Int32Array(drafts.length).fill(NONE);
  order.forEach((d, i) => {
    number[d] = i;
  });
  const idOf = (at: number) => {
    const d = draftOf(at);
    return d < 0 ? d : number[d];
  };
  const preds: number[][] = order.map(() => []);
  const blocks = order.map((d, i): Block => {
    const draft = drafts[d];
    const taken = idOf(draft.taken);
    const fall = idOf(draft.fall);
    const succs = [...new Set([taken, fall])].filter((b) => b >= 0);
    for (const s of succs) preds[s].push(i);
    return { start: draft.start, last: draft.last, taken, fall, succs, preds: preds[i] };
  });
  const blockOf = new Int32Array(end - start).fill(NONE);
  blocks.forEach((b, i) => {
    blockOf.fill(i, b.start - start, b.last - start + 1);
  });
  return { blocks, blockOf, start };
}

/**
 * Nodes reachable from `entry` in reverse post-order. Of several successors the last one comes first after its node.
 * Negative successors are ignored. Iterative: programs have any number of blocks.
 */
export function reversePostOrder(n: number, entry: number, succs: (node: number) => readonly number[]): number[] {
  const seen = new Uint8Array(n);
  const post: number[] = [];
  if (entry < 0 || entry >= n) return post;
  const stack: { node: number; next: readonly number[]; i: number }[] = [];
  const enter = (node: number) => {
    seen[node] = 1;
    stack.push({ node, next: succs(node), i: 0 });
  };
  enter(entry);
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    if (top.i === top.next.length) {
      post.push(top.node);
      stack.pop();
    } else {
      const s = top.next[top.i++];
      if (s >= 0 && seen[s] === 0) enter(s);
    }
  }
  return post.reverse();
}
