// Where a created map lives in the shared memory, and how code reaches its elements: constants for the life of the map,
// so the JIT bakes them.

import type { Addr } from '../memory/layout.ts';
import type { MapTypeRow } from '../spec/map_types.ts';

/** Exports of the map operations module (signatures: maps/ops/index.ts). */
export type MapOpName =
  | 'array_lookup'
  | 'slot_lookup'
  | 'array_update'
  | 'array_update_all'
  | 'hash_lookup_4'
  | 'hash_lookup_8'
  | 'hash_lookup_16'
  | 'hash_lookup'
  | 'hash_update'
  | 'hash_update_all'
  | 'hash_delete'
  | 'hash_take'
  | 'hash_next_key'
  | 'hash_init'
  | 'hash_release';

/** A map operation with its leading constant arguments; the caller appends the ones of this call. */
export interface OpCall {
  readonly fn: MapOpName;
  readonly args: readonly number[];
}

/** Where the pages of an arena are. */
export interface ArenaPlacement {
  /** Address of the first page; the others follow. What is not there is zero. */
  readonly data: Addr;
  /** Address of a byte per page: bit 0 = it is there. */
  readonly table: Addr;
  /** Bytes of all pages. */
  readonly size: number;
}

export interface MapPlacement {
  /** What a program sees as `struct bpf_map *`. */
  readonly addr: Addr;
  readonly type: MapTypeRow;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /**
   * array, prog and index stores: address of element 0 on CPU 0. Element i is at values + i * stride; an `array` has an
   * element for every index below maxEntries, a `prog` or `index` slot is empty while its first u32 is 0.
   */
  readonly values: Addr;
  /** array stores: round_up(valueSize, 8). prog: 4. index: 8. */
  readonly stride: number;
  /** per-CPU stores: CPU n's copy of a value is at its address on CPU 0 + n * cpuStride. 0 = one copy for all CPUs. */
  readonly cpuStride: number;
  /** hash stores: address of the buckets. */
  readonly table: Addr;
  /** fn(...args, keyAddr): address of the value on CPU 0, or 0. null = programs can't look up. */
  readonly lookup: OpCall | null;
  /** fn(...args, owner, keyAddr, valueAddr, flagsLo, flagsHi): 0 or -errno. owner = ops.ts lockOwner(cpu). null = -EINVAL. */
  readonly update: OpCall | null;
  /** fn(...args, owner, keyAddr): 0 or -errno. null = -EINVAL. */
  readonly delete: OpCall | null;
  /** null = it is no arena. */
  readonly arena: ArenaPlacement | null;
}

/** What a placement says of all that its map does not have. */
export const NO_ELEMENTS = {
  values: 0,
  stride: 0,
  cpuStride: 0,
  table: 0,
  lookup: null,
  update: null,
  delete: null,
  arena: null,
} as const satisfies Partial<MapPlacement>;
