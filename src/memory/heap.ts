// The heap: regions of the shared memory for maps and other kernel objects. In: a size; out: the address of that many
// zero bytes that nothing else uses. The books are JavaScript's, so no program can corrupt them. Behind every region
// stand CANARY_SIZE bytes that nobody writes: a write just past a region is found by `checkCanaries`.
// Every size is checked before it is used: sums stay below 2^53, so nothing wraps.

import { BpfError } from '../uapi/errors.ts';
import { type Addr, CANARY_SIZE, MEMORY_END, PAGE } from './layout.ts';
import type { Memory } from './memory.ts';

const MIN_ALIGN = 8;

interface Region {
  readonly addr: Addr;
  readonly end: Addr;
}

function roundUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}

export class Heap {
  readonly memory: Memory;
  /** Where memory that was never used begins. */
  #top: Addr;
  /** Address -> size as asked for, and what is occupied: size + canary. */
  readonly #used = new Map<Addr, { readonly size: number; readonly end: Addr }>();
  /** Freed memory below #top: sorted by address, no two regions touch. */
  #free: Region[] = [];

  constructor(memory: Memory, start: Addr) {
    this.memory = memory;
    this.#top = roundUp(start, PAGE) + CANARY_SIZE;
  }

  /** Address of `size` zero bytes. Throws E2BIG for what is no size, ENOMEM when the memory has no room for it. */
  alloc(size: number, align = MIN_ALIGN): Addr {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new BpfError('E2BIG', `cannot allocate ${size} bytes`);
    }
    const by = Math.max(align, MIN_ALIGN);
    if (!Number.isInteger(by) || by > PAGE || (by & (by - 1)) !== 0) throw new BpfError('EINVAL', `alignment ${align}`);
    if (size > MEMORY_END) throw new BpfError('ENOMEM', `no room for ${size} bytes`);
    const occupied = roundUp(size, MIN_ALIGN) + CANARY_SIZE;
    return this.#reuse(size, occupied, by) ?? this.#extend(size, occupied, by);
  }

  /** One region per size, or none at all: when one of them fails, the others are given back. */
  allocAll(sizes: readonly number[], align?: number): Addr[] {
    const addrs: Addr[] = [];
    try {
      for (const size of sizes) addrs.push(this.alloc(size, align));
    } catch (e) {
      for (const addr of addrs) this.free(addr);
      throw e;
    }
    return addrs;
  }

  /** First fit from what was freed. */
  #reuse(size: number, occupied: number, align: number): Addr | undefined {
    for (const [i, region] of this.#free.entries()) {
      const addr = roundUp(region.addr, align);
      const end = addr + occupied;
      if (end > region.end) continue;
      const rest = [
        { addr: region.addr, end: addr },
        { addr: end, end: region.end },
      ].filter((r) => r.end > r.addr);
      this.#free.splice(i, 1, ...rest);
      this.memory.bytes(addr, occupied).fill(0);
      this.#used.set(addr, { size, end });
      return addr;
    }
    return undefined;
  }

  #extend(size: number, occupied: number, align: number): Addr {
    const addr = roundUp(this.#top, align);
    const end = addr + occupied;
    this.memory.growTo(end);
    if (addr > this.#top) this.#addFree({ addr: this.#top, end: addr });
    this.#top = end;
    this.#used.set(addr, { size, end });
    return addr;
  }

  /** Gives a region back. Throws EINVAL when `addr` is not the start of one. */
  free(addr: Addr): void {
    const region = this.#used.get(addr);
    if (region === undefined) throw new BpfError('EINVAL', `0x${addr.toString(16)} is not an allocated region`);
    this.#used.delete(addr);
    this.#addFree({ addr, end: region.end });
  }

  #addFree(region: Region): void {
    const merged: Region[] = [];
    let { addr, end } = region;
    for (const r of this.#free) {
      if (r.end === addr) addr = r.addr;
      else if (r.addr === end) end = r.end;
      else merged.push(r);
    }
    merged.push({ addr, end });
    this.#free = merged.sort((a, b) => a.addr - b.addr);
  }

  /** Size of the region that starts at `addr`, or undefined. */
  sizeOf(addr: Addr): number | undefined {
    return this.#used.get(addr)?.size;
  }

  /** Bytes handed out and not freed. */
  get used(): number {
    let n = 0;
    for (const { size } of this.#used.values()) n += size;
    return n;
  }

  /** Addresses of the regions somebody wrote behind. Empty = all is well. */
  checkCanaries(): Addr[] {
    const broken: Addr[] = [];
    for (const [addr, { size, end }] of this.#used) {
      if (this.memory.bytes(addr + size, end - addr - size).some((b) => b !== 0)) broken.push(addr);
    }
    return broken;
  }
}
