// Pass `split`: a function that is too large for one Wasm function (V8 allows 7,654,321 bytes) becomes several.
//
// Its blocks, in reverse post-order, are cut into parts. A part is a function of its own (sp) -> i64 with a
// block in front that takes the registers from the CPU block and switches to where it goes on, and blocks behind for the
// ways that lead to other parts: they set the place, the last one stores the registers and returns. The function itself
// calls one part after the other (lower_split.ts) until one returns without setting a place: that was an exit.
//
//   place = (part << 16) | entry of the part

import { type Block, type Cfg, NONE, succsOf } from '../src/analysis/cfg.ts';
import type { Compilation, Fn } from './compilation.ts';

/** Functions of more slots are split. Even 100 bytes for each slot are allowed then. */
const SPLIT_ABOVE = 65_536;
/**
 * Of a part. What grows with the square of a function stays small: Binaryen searches the open labels for each branch, and
 * V8's optimizer takes minutes (in the background) for a function of 20,000 blocks.
 */
const PART_SLOTS = 16_384;
/** What a block counts for, however short it is. */
const BLOCK_SLOTS = 8;

/** Of a place. */
export const ENTRY_BITS = 16;
const placeOf = (part: number, entry: number) => (part << ENTRY_BITS) | entry;

const slotsOf = (b: Block) => Math.max(BLOCK_SLOTS, b.last - b.start + 1);

export function split(c: Compilation): void {
  const { splitAbove = SPLIT_ABOVE, partSlots = PART_SLOTS } = c.options;
  const isLarge = ({ cfg: { blocks, blockOf } }: Fn) =>
    Math.max(blocks.length * BLOCK_SLOTS, blockOf.length) > splitAbove;
  c.fns = c.fns.flatMap((fn) => (isLarge(fn) ? [fn, ...splitFunction(fn, partSlots)] : [fn]));
}

/** Where the blocks of the function are, by old number. */
interface Homes {
  readonly blocks: readonly Block[];
  /** Part of a block, and its number there. */
  readonly part: Int32Array;
  readonly own: Int32Array;
  /** Which entry of its part it is, or NONE. */
  readonly entry: Int32Array;
  /** The block of the part in work that leads there; 0 = there is none yet. */
  readonly leave: Int32Array;
  /** The first block of each part, and one behind the last. */
  readonly first: readonly number[];
}

function splitFunction(fn: Fn, partSlots: number): readonly Fn[] {
  const { blocks } = fn.cfg;
  const part = new Int32Array(blocks.length);
  const own = new Int32Array(blocks.length);
  const first = [0];
  let size = 0;
  blocks.forEach((b, i) => {
    size += slotsOf(b);
    if (i > 0 && size > partSlots) {
      first.push(i);
      size = slotsOf(b);
    }
    part[i] = first.length - 1;
    own[i] = i - first[part[i]] + 1;
  });
  first.push(blocks.length);
  // Entries of a part: what other parts (and callers) jump to.
  const entry = new Int32Array(blocks.length).fill(NONE);
  const entries: number[][] = Array.from({ length: first.length - 1 }, () => []);
  blocks.forEach((b, i) => {
    if (i === 0 || b.preds.some((from) => part[from] !== part[i])) entry[i] = entries[part[i]].push(i) - 1;
  });
  const homes = { blocks, part, own, entry, first, leave: new Int32Array(blocks.length) };
  fn.parts = entries.map((list, p) => makePart(fn, p, list, homes));
  fn.cfg = { blocks: [], blockOf: new Int32Array(0), start: fn.start };
  return fn.parts;
}

/** Blocks of a part: 0 enters, then its own ones, those that leave it, and the one that saves the registers. */
function makePart(fn: Fn, p: number, entries: readonly number[], homes: Homes): Fn {
  const { blocks, part, own, entry, leave } = homes;
  const [first, behind] = [homes.first[p], homes.first[p + 1]];
  const outside: number[] = [];
  const go = (to: number): number => {
    if (to < 0) return to;
    if (part[to] === p) return own[to];
    if (leave[to] === 0) leave[to] = behind - first + outside.push(to);
    return leave[to];
  };
  const firsts = entries.map((old) => own[old]);
  const all: Draft[] = [{ ...EMPTY, fall: firsts.length === 1 ? firsts[0] : NONE, succs: firsts, preds: [] }];
  let start = blocks[first].start;
  let end = 0;
  for (let i = first; i < behind; i++) {
    const b = blocks[i];
    const taken = go(b.taken);
    const fall = go(b.fall);
    all.push({ start: b.start, last: b.last, taken, fall, succs: succsOf(taken, fall), preds: [] });
    start = Math.min(start, b.start);
    end = Math.max(end, b.last + 1);
  }
  const save = all.length + outside.length;
  const leaves = new Map<number, number>();
  for (const to of outside) {
    leaves.set(all.length, placeOf(part[to], entry[to]));
    all.push({ ...EMPTY, fall: save, succs: [save], preds: [] });
    leave[to] = 0;
  }
  all.push({ ...EMPTY, fall: NONE, succs: [], preds: [] });
  return {
    ...fn,
    index: -1,
    start,
    name: `${fn.name}.${p}`,
    cfg: linked(all, start, end),
    slots: new Uint16Array(end - start),
    slotBytes: new Uint8Array(end - start),
    part: { of: fn, entries: firsts, leaves, save },
  };
}

type Draft = Block & { readonly preds: number[] };

const EMPTY = { start: 0, last: -1, taken: NONE };

/** Fills in the predecessors. */
function linked(blocks: readonly Draft[], start: number, end: number): Cfg {
  const blockOf = new Int32Array(end - start).fill(NONE);
  for (let i = 0; i < blocks.length; i++) {
    const b = blocks[i];
    for (const s of b.succs) blocks[s].preds.push(i);
    if (b.last >= b.start) blockOf.fill(i, b.start - start, b.last - start + 1);
  }
  return { blocks, blockOf, start };
}
