// Pass `split`: a function that is too large for one Wasm function (V8 allows 7,654,321 bytes) becomes several.
//
// Its blocks, in reverse post-order, are cut into parts of PART_SLOTS. A part is a function of its own (sp) -> i64 with a
// block in front that takes the registers from the CPU block and switches to where it goes on, and blocks behind for the
// ways that lead to other parts: they set the place, the last one stores the registers and returns. The function itself
// calls one part after the other (lower_split.ts) until one returns without setting a place: that was an exit.
//
//   place = (part << 16) | entry of the part

import { type Block, type Cfg, NONE } from '../src/analysis/cfg.ts';
import type { Compilation, Fn } from './compilation.ts';

/** Functions of more slots are split. Even 100 bytes for each slot are allowed then. */
const SPLIT_ABOVE = 65_536;
const PART_SLOTS = 32_768;

/** Of a place. */
export const ENTRY_BITS = 16;
const placeOf = (part: number, entry: number) => (part << ENTRY_BITS) | entry;

export function split(c: Compilation): void {
  c.fns = c.fns.flatMap((fn) => {
    const slots = fn.cfg.blocks.reduce((n, b) => n + b.last - b.start + 1, 0);
    const { splitAbove = SPLIT_ABOVE, partSlots = PART_SLOTS } = c.options;
    return slots > splitAbove ? [fn, ...splitFunction(fn, partSlots)] : [fn];
  });
}

function splitFunction(fn: Fn, partSlots: number): readonly Fn[] {
  const { blocks } = fn.cfg;
  const home = new Int32Array(blocks.length);
  let part = 0;
  let size = 0;
  blocks.forEach((b, i) => {
    size += b.last - b.start + 1;
    if (size > partSlots && i > 0) {
      part++;
      size = b.last - b.start + 1;
    }
    home[i] = part;
  });
  const members: number[][] = Array.from({ length: part + 1 }, () => []);
  home.forEach((p, i) => {
    members[p].push(i);
  });
  // Entries of a part: what other parts (and callers) jump to.
  const entry = new Int32Array(blocks.length).fill(NONE);
  const entries = members.map((list, p) => {
    const found = list.filter((i) => i === 0 || blocks[i].preds.some((from) => home[from] !== p));
    found.forEach((i, n) => {
      entry[i] = n;
    });
    return found;
  });
  const place = (i: number) => placeOf(home[i], entry[i]);
  fn.parts = members.map((list, p) => makePart(fn, p, list, entries[p], place));
  fn.cfg = { blocks: [], blockOf: new Int32Array(0), start: fn.start };
  return fn.parts;
}

function makePart(
  fn: Fn,
  p: number,
  members: readonly number[],
  entries: readonly number[],
  place: (i: number) => number,
): Fn {
  const { blocks } = fn.cfg;
  const own = new Map(members.map((old, i) => [old, i + 1]));
  const leaveAt = new Map<number, number>();
  const go = (to: number): number => {
    if (to < 0) return to;
    const inside = own.get(to);
    if (inside !== undefined) return inside;
    let leave = leaveAt.get(to);
    if (leave === undefined) leaveAt.set(to, (leave = members.length + 1 + leaveAt.size));
    return leave;
  };
  const drafts = members.map((old) => ({ ...blocks[old], taken: go(blocks[old].taken), fall: go(blocks[old].fall) }));
  const save = members.length + 1 + leaveAt.size;
  const empty = { start: 0, last: -1, taken: NONE };
  const firsts = entries.map((old) => own.get(old)!);
  const all = [
    { ...empty, fall: firsts.length === 1 ? firsts[0] : NONE, succs: firsts },
    ...drafts.map((d) => ({ ...d, succs: [...new Set([d.taken, d.fall])].filter((s) => s >= 0) })),
    ...Array.from(leaveAt, () => ({ ...empty, fall: save, succs: [save] })),
    { ...empty, fall: NONE, succs: [] as number[] },
  ];
  const start = Math.min(...drafts.map((d) => d.start));
  const end = Math.max(...drafts.map((d) => d.last)) + 1;
  return {
    ...fn,
    index: -1,
    start,
    name: `${fn.name}.${p}`,
    cfg: withPreds(all, start, end),
    slots: new Uint16Array(end - start),
    slotBytes: new Uint8Array(end - start),
    part: {
      of: fn,
      entries: firsts,
      leaves: new Map(Array.from(leaveAt, ([old, leave]) => [leave, place(old)])),
      save,
    },
  };
}

function withPreds(drafts: readonly Omit<Block, 'preds'>[], start: number, end: number): Cfg {
  const preds: number[][] = drafts.map(() => []);
  drafts.forEach((d, i) => {
    for (const s of d.succs) preds[s].push(i);
  });
  const blocks = drafts.map((d, i): Block => ({ ...d, preds: preds[i] }));
  const blockOf = new Int32Array(end - start).fill(NONE);
  blocks.forEach((b, i) => {
    if (b.last >= b.start) blockOf.fill(i, b.start - start, b.last - start + 1);
  });
  return { blocks, blockOf, start };
}
