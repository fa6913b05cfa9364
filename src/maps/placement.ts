// Where a created map lives in the shared memory.

import type { Addr } from '../memory/layout.ts';
import type { MapTypeRow } from '../spec/map_types.ts';

/**
 * Where a created map lives. `addr` is what a program sees as `struct bpf_map *`. These numbers are constants for the
 * life of the map: the JIT bakes them.
 */
export interface MapPlacement {
  readonly addr: Addr;
  readonly type: MapTypeRow;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  /** array stores: address of element 0 on CPU 0; element stride = round_up(valueSize, 8); u32 slots for prog and index stores. */
  readonly values: Addr;
  /** per-CPU stores: distance from CPU n's copy to CPU n + 1's. */
  readonly cpuStride: number;
  /** hash stores: parameters of the operations in maps/ops (see there). */
  readonly table: Addr;
}
