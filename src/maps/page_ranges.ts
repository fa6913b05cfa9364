// Which pages of an arena are free, as Linux keeps it (kernel/bpf/range_tree.c), but in the shared memory:
//
//   table   a byte per page: TAKEN and PRESENT; 0 = free
//   stamps  a u32 per page, of which the first one of each run of free pages counts: the larger, the later the run was made
//
// Runs that touch are one. What is asked for is cut from the shortest run that is long enough, of equal ones from the one
// made last.

import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';

/** Bits of a page's byte. A page that is there is taken, too; the engines look at PRESENT. */
export const PAGE_BITS = { present: 1, taken: 2 } as const;

interface Run {
  readonly start: number;
  readonly end: number;
}

export class PageRanges {
  readonly pages: number;
  readonly #memory: Memory;
  readonly #table: Addr;
  readonly #stamps: Addr;
  /** u32: the last stamp. */
  readonly #counter: Addr;

  /** Bytes of the stamps and the counter. */
  static stampBytes(pages: number): number {
    return 4 * pages + 4;
  }

  /** Over a table and stamps that are zero: everything is free. */
  constructor(memory: Memory, table: Addr, stamps: Addr, pages: number) {
    this.pages = pages;
    this.#memory = memory;
    this.#table = table;
    this.#stamps = stamps;
    this.#counter = stamps + 4 * pages;
  }

  /** First page of `count` free ones; -1 = there are none. */
  find(count: number): number {
    let best: Run | null = null;
    for (const run of this.#runs()) {
      const size = run.end - run.start;
      const most = best === null ? Infinity : best.end - best.start;
      if (size < count || size > most) continue;
      if (best === null || size < most || this.#stamp(run.start) > this.#stamp(best.start)) best = run;
    }
    return best?.start ?? -1;
  }

  isFree(start: number, count: number): boolean {
    return this.#bytes.subarray(start, start + count).every((bits) => bits === 0);
  }

  /** Takes pages, free or not. */
  take(start: number, count: number, bits: number): void {
    const end = start + count;
    const bytes = this.#bytes;
    const cutsLeft = start > 0 && bytes[start - 1] === 0 && bytes[start] === 0;
    const cutsRight = end < this.pages && bytes[end] === 0 && bytes[end - 1] === 0;
    bytes.fill(bits, start, end);
    if (cutsLeft) this.#made(start - 1);
    if (cutsRight) this.#made(end);
  }

  /** Frees pages, taken or not. */
  free(start: number, count: number): void {
    if (this.isFree(start, count)) return;
    this.#bytes.fill(0, start, start + count);
    this.#made(start);
  }

  get #bytes(): Uint8Array {
    return this.#memory.bytes(this.#table, this.pages);
  }

  /** The run of free pages around `page` was made (again) just now. */
  #made(page: number): void {
    const bytes = this.#bytes;
    let start = page;
    while (start > 0 && bytes[start - 1] === 0) start--;
    const stamp = this.#memory.u32(this.#counter) + 1;
    this.#memory.setU32(this.#counter, stamp);
    this.#memory.setU32(this.#stamps + 4 * start, stamp);
  }

  #stamp(start: number): number {
    return this.#memory.u32(this.#stamps + 4 * start);
  }

  *#runs(): Iterable<Run> {
    const bytes = this.#bytes;
    for (let start = bytes.indexOf(0); start >= 0; ) {
      let end = start;
      while (end < this.pages && bytes[end] === 0) end++;
      yield { start, end };
      const next = bytes.subarray(end).indexOf(0);
      start = next < 0 ? -1 : end + next;
    }
  }
}
