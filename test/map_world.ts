// A memory with a heap and map operations, and maps opened in it: what the map and helper tests share.
import { BpfMap } from '../src/maps/bpf_map.ts';
import { createMap, type KernelMap } from '../src/maps/map.ts';
import { instantiateMapOps, type MapOps } from '../src/maps/ops.ts';
import type { ProgOwner } from '../src/maps/prog_owner.ts';
import type { MapContext } from '../src/maps/store.ts';
import { Heap } from '../src/memory/heap.ts';
import { heapStart, stackTop } from '../src/memory/layout.ts';
import { Memory } from '../src/memory/memory.ts';
import { type MapTypeName, mapTypeByName } from '../src/spec/map_types.ts';

export interface MapShape {
  readonly type: MapTypeName;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags?: number;
}

export interface OpenMap {
  readonly memory: Memory;
  readonly heap: Heap;
  readonly ops: MapOps;
  readonly ctx: MapContext;
  readonly kernelMap: KernelMap;
  readonly map: BpfMap;
  /** The map as a program sees it: operands on the program's stack. */
  readonly prog: {
    lookup(key: Uint8Array, cpu?: number): number;
    update(key: Uint8Array, value: Uint8Array, flagsLo: number, flagsHi?: number, cpu?: number): number;
    delete(key: Uint8Array, cpu?: number): number;
  };
}

export interface MapWorld {
  readonly ctx: MapContext;
  open(shape: MapShape): OpenMap;
}

/** Programs by id, of these types, as a PROG_ARRAY sees them. */
export function programs(types: Readonly<Record<number, number>>): (id: number) => ProgOwner | undefined {
  const owner = (type: number) => ({ type, expectedAttachType: 0, xdpHasFrags: false });
  return (id) => (id in types ? owner(types[id]) : undefined);
}

export function mapWorld(cpus = 1, more: Partial<MapContext> = {}): MapWorld {
  const memory = new Memory(cpus);
  const heap = new Heap(memory, heapStart(cpus));
  const ops = instantiateMapOps(memory);
  const ctx: MapContext = { memory, heap, ops, cpus, ...more };
  return {
    ctx,
    open(shape) {
      const params = { flags: 0, ...shape, name: 'm', type: mapTypeByName(shape.type)!.id };
      const kernelMap = createMap(params, ctx);
      const put = (offset: number, bytes: Uint8Array, cpu: number) => {
        const addr = stackTop(cpu) - 4096 + offset;
        memory.write(addr, bytes);
        return addr;
      };
      const prog: OpenMap['prog'] = {
        lookup: (key, cpu = 0) => kernelMap.progLookup(cpu, put(0, key, cpu)),
        update: (key, value, flagsLo, flagsHi = 0, cpu = 0) =>
          kernelMap.progUpdate(cpu, put(0, key, cpu), put(1024, value, cpu), flagsLo, flagsHi),
        delete: (key, cpu = 0) => kernelMap.progDelete(cpu, put(0, key, cpu)),
      };
      return { memory, heap, ops, ctx, kernelMap, map: new BpfMap(kernelMap), prog };
    },
  };
}

export function u32(n: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(n).buffer);
}
export function u64(n: bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(n).buffer);
}
export function hex(bytes: Uint8Array): string {
  return [...bytes].map((b) => b.toString(16).padStart(2, '0')).join('');
}
