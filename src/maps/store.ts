// What a store (array, hash, prog, index) is to the map above it: a place in memory, and user space's view of its
// elements. One file per store beside this one; map.ts ties them to the rows of spec/map_types.ts.

import type { Heap } from '../memory/heap.ts';
import { type Addr, BOUNCE_SIZE, bounceArea, CANARY_SIZE } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import type { MapTypeRow } from '../spec/map_types.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { ArenaPages } from './arena_pages.ts';
import type { MapParams } from './create.ts';
import { lockOwner, type MapOps } from './ops.ts';
import type { MapPlacement } from './placement.ts';
import type { ProgOwner } from './prog_owner.ts';

/** The Kernel a map belongs to, as seen by one thread. */
export interface MapContext {
  readonly memory: Memory;
  readonly heap: Heap;
  readonly ops: MapOps;
  /** CPUs of the Kernel: copies of a per-CPU value. */
  readonly cpus: number;
  /** The CPU whose bounce area user operations use: this thread's. */
  readonly cpu?: number;
  /** How often this CPU was started again (lock words). */
  readonly generation?: number;
  /** Random u32 for the hash functions of maps without BPF_F_ZERO_SEED. Without it all maps hash alike. */
  readonly seed?: () => number;
  /** What a program id stands for, for PROG_ARRAY slots; undefined = there is no such program. */
  readonly progOwner?: (id: number) => ProgOwner | undefined;
  /** Whether a DEVMAP's ifindex or an XSKMAP's socket exists. Without it every one does. */
  readonly targetExists?: (map: 'devmap' | 'xskmap', target: number) => boolean;
}

/** Elements as user space sees them. A number is 0 or -errno. Access rights and lengths were checked by map.ts. */
export interface Store {
  readonly placement: MapPlacement;
  lookup(key: Uint8Array): Uint8Array | number;
  update(key: Uint8Array, value: Uint8Array, flagsLo: number, flagsHi: number): number;
  delete(key: Uint8Array): number;
  /** lookup_and_delete. */
  take(key: Uint8Array): Uint8Array | number;
  nextKey(key: Uint8Array | null): Uint8Array | number;
  /** Whether such a program may refer to the map; if it is the first one, the map is its kind's from now on. */
  admits?(program: ProgOwner): boolean;
  /** Of an arena. */
  readonly pages?: ArenaPages;
  /** Gives the memory back. */
  release(): void;
}

/** Places a map in the heap. Throws BpfError ENOMEM. */
export type OpenStore = (params: MapParams, type: MapTypeRow, ctx: MapContext) => Store;

/** Bytes behind a map's address: nothing reads them, but the address must be the map's alone. */
const MAP_OBJECT_SIZE = 64;

export const NOT_SUPPORTED = -ERRNO.ENOTSUPP;

export function roundUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}

/** Bytes of a value in a user buffer: round_up(value_size, 8) for each CPU of a per-CPU map. */
export function userValueSize(valueSize: number, type: MapTypeRow, cpus: number): number {
  return type.perCpu ? roundUp(valueSize, 8) * cpus : valueSize;
}

/** What a lookup that found `at` (0: nothing) gives user space: a copy of the value, of every CPU's where it is per CPU. */
export function readElement(memory: Memory, placement: MapPlacement, cpus: number, at: Addr): Uint8Array | number {
  if (at === 0) return -ERRNO.ENOENT;
  const { type, valueSize, cpuStride } = placement;
  if (!type.perCpu) return memory.bytes(at, valueSize).slice();
  const padded = roundUp(valueSize, 8);
  const all = new Uint8Array(padded * cpus);
  for (let cpu = 0; cpu < cpus; cpu++) all.set(memory.bytes(at + cpu * cpuStride, padded), cpu * padded);
  return all;
}

/** Where user operations put key, second key and value. */
export interface Scratch {
  readonly key: Addr;
  readonly key2: Addr;
  readonly value: Addr;
}

/** The memory of one map. */
export interface Regions {
  /** What a program sees as the map's address. */
  readonly addr: Addr;
  /** One address per size asked for. */
  readonly parts: Addr[];
  readonly scratch: Scratch;
  release(): void;
}

/** Places a map: all regions or, with ENOMEM, none. Operands go to this CPU's bounce area where they fit into it. */
export function placeRegions(ctx: MapContext, sizes: readonly number[], keySize: number, valueSize: number): Regions {
  const k = roundUp(keySize, 8);
  const operands = 2 * k + roundUp(valueSize, 8);
  const bounce = operands <= BOUNCE_SIZE - CANARY_SIZE;
  const addrs = ctx.heap.allocAll([MAP_OBJECT_SIZE, ...sizes, ...(bounce ? [] : [operands])], 64);
  const key = bounce ? bounceArea(ctx.cpu ?? 0) : addrs[addrs.length - 1];
  return {
    addr: addrs[0],
    parts: addrs.slice(1, 1 + sizes.length),
    scratch: { key, key2: key + k, value: key + 2 * k },
    release() {
      for (const addr of addrs) ctx.heap.free(addr);
    },
  };
}

export function ownerOf(ctx: MapContext): number {
  return lockOwner(ctx.cpu ?? 0, ctx.generation);
}

export function u32Key(key: Uint8Array): number {
  return new DataView(key.buffer, key.byteOffset, key.byteLength).getUint32(0, true);
}

export function u32Bytes(n: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, n, true);
  return bytes;
}

/** get_next_key of every map with index keys (kernel array_map_get_next_key). */
export function nextIndex(key: Uint8Array | null, maxEntries: number): Uint8Array | number {
  const index = key === null ? 0xffffffff : u32Key(key);
  if (index >= maxEntries) return u32Bytes(0);
  if (index === maxEntries - 1) return -ERRNO.ENOENT;
  return u32Bytes(index + 1);
}
