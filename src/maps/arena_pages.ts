// The memory of an arena (kernel/bpf/arena.c). In the shared memory:
//
//   addr     struct bpf_arena, as far as programs can read it
//   data     the pages, one behind the other, from the first one on: a page that is not there is all zeroes
//   table    a byte per page (page_ranges.ts)
//
// User space knows byte n of it by address userStart + n, programs by the low half of that.

import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { ARENA_PAGE } from '../spec/arena.ts';
import { COMMON_TYPES } from '../spec/kernel_struct.ts';
import { BPF_FLAGS } from '../uapi/enums.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { MapParams } from './create.ts';
import { PAGE_BITS, PageRanges } from './page_ranges.ts';
import type { ArenaPlacement } from './placement.ts';

const THERE = PAGE_BITS.present | PAGE_BITS.taken;
const low = (address: bigint) => Number(BigInt.asUintN(32, address));
const high = (address: bigint) => (address >> 32n) << 32n;
const pageOf = (offset: number) => Math.floor(offset / ARENA_PAGE);

export interface ArenaRegions {
  readonly addr: Addr;
  readonly data: Addr;
  readonly table: Addr;
  readonly stamps: Addr;
}

const ARENA_STRUCT = COMMON_TYPES.struct('bpf_arena')!;

function fieldOffset(type: string, name: string): number {
  return COMMON_TYPES.struct(type)!.fields.find((f) => f.name === name)!.off;
}

export class ArenaPages {
  readonly placement: ArenaPlacement;
  /** Bytes of all pages. */
  readonly size: number;
  readonly #memory: Memory;
  readonly #addr: Addr;
  readonly #ranges: PageRanges;
  /** User space gets no pages by touching them. */
  readonly #strict: boolean;
  #userStart = 0n;

  constructor(memory: Memory, { addr, data, table, stamps }: ArenaRegions, params: MapParams) {
    this.#memory = memory;
    this.#addr = addr;
    this.size = params.maxEntries * ARENA_PAGE;
    this.placement = { data, table, size: this.size };
    this.#ranges = new PageRanges(memory, table, stamps, params.maxEntries);
    this.#strict = (params.flags & BPF_FLAGS.BPF_F_SEGV_ON_FAULT) !== 0;
    const fields = { map_type: params.type, max_entries: params.maxEntries, map_flags: params.flags };
    for (const [name, value] of Object.entries(fields)) memory.setU32(addr + fieldOffset('bpf_map', name), value);
    if (params.mapExtra) this.mmap(params.mapExtra);
  }

  /** Where user space sees the first page; 0 = nowhere yet. */
  get userStart(): bigint {
    return this.#userStart;
  }

  /** User space maps the arena: 0 or -errno. The first address that is given stays. */
  mmap(address: bigint): number {
    if (this.#userStart !== 0n) return address === this.#userStart ? 0 : -ERRNO.EINVAL;
    if (address === 0n || address % BigInt(ARENA_PAGE) !== 0n) return -ERRNO.EINVAL;
    if (address >> 32n !== (address + BigInt(this.size) - 1n) >> 32n) return -ERRNO.ERANGE;
    this.#userStart = address;
    this.#memory.setU64(this.#addr + fieldOffset('bpf_arena', 'user_vm_start'), address);
    this.#memory.setU64(this.#addr + fieldOffset('bpf_arena', 'user_vm_end'), address + BigInt(this.size));
    return 0;
  }

  /** bpf_arena_alloc_pages: address for user space, or 0. `address`: where they must be; 0 = anywhere. */
  alloc(address: bigint, count: number): bigint {
    const ranges = this.#ranges;
    if (this.#userStart === 0n || count === 0 || count > ranges.pages) return 0n;
    const wanted = address === 0n ? ranges.find(count) : this.#wanted(address, count);
    if (wanted < 0) return 0n;
    ranges.take(wanted, count, THERE);
    return this.#userStart + BigInt(wanted * ARENA_PAGE);
  }

  #wanted(address: bigint, count: number): number {
    const page = this.#page(address);
    if (address % BigInt(ARENA_PAGE) !== 0n || page > this.#ranges.pages - count) return -1;
    return this.#ranges.isFree(page, count) ? page : -1;
  }

  /** bpf_arena_free_pages: as many of them as are in the arena. */
  free(address: bigint, count: number): void {
    const page = this.#page(address);
    const before = low(address) < low(this.#userStart);
    if (address === 0n || before || page >= this.#ranges.pages) return;
    const some = Math.min(count, this.#ranges.pages - page);
    if (some === 0) return;
    this.#ranges.free(page, some);
    this.#memory.bytes(this.placement.data + page * ARENA_PAGE, some * ARENA_PAGE).fill(0);
  }

  /** bpf_arena_reserve_pages: 0 or -errno. */
  reserve(address: bigint, count: number): number {
    if (count === 0 || address % BigInt(ARENA_PAGE) !== 0n) return 0;
    const page = this.#page(address);
    if (page + count > this.#ranges.pages) return -ERRNO.EINVAL;
    if (!this.#ranges.isFree(page, count)) return -ERRNO.EBUSY;
    this.#ranges.take(page, count, PAGE_BITS.taken);
    return 0;
  }

  /** Page of an address, by its low half as in a program; beyond all pages for one that is not in the arena. */
  #page(address: bigint): number {
    return pageOf((low(address) - low(this.#userStart)) >>> 0);
  }

  /**
   * User space touches bytes: their pages come to be, as on a page fault. The bytes themselves, or -EFAULT where that is no
   * page of the arena, it was taken without being there, or the arena was made with BPF_F_SEGV_ON_FAULT.
   */
  touch(address: bigint, length: number): Uint8Array | number {
    const start = address - this.#userStart;
    const inside = start >= 0n && start + BigInt(length) <= BigInt(this.size);
    if (this.#userStart === 0n || high(address) !== high(this.#userStart) || !inside) return -ERRNO.EFAULT;
    const offset = Number(start);
    const table = this.#memory.bytes(this.placement.table, this.#ranges.pages);
    for (let page = pageOf(offset); page * ARENA_PAGE < offset + length; page++) {
      if ((table[page] & PAGE_BITS.present) !== 0) continue;
      if (this.#strict || table[page] !== 0) return -ERRNO.EFAULT;
      this.#ranges.take(page, 1, THERE);
    }
    return this.#memory.bytes(this.placement.data + offset, length);
  }
}

/** Sizes of the regions that an arena of so many pages takes, in the order of ArenaRegions. */
export function arenaRegionSizes(pages: number): number[] {
  return [ARENA_STRUCT.size, pages * ARENA_PAGE, pages, PageRanges.stampBytes(pages)];
}
