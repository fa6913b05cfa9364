// Which programs and maps of a Kernel exist, and for how long, by Linux's rules: a program lives while its handle is
// open or an open PROG_ARRAY holds it; a map lives while its handle is open or a living program uses it; a PROG_ARRAY
// whose handle is closed is emptied, so programs that jump to each other do not keep themselves alive. Ids start at 1
// and are never used again.

import type { BpfMap } from '../maps/bpf_map.ts';
import type { KernelMap } from '../maps/map.ts';
import type { ProgOwner } from '../maps/prog_owner.ts';
import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import type { LoadedProgram } from './engine.ts';

interface ProgramEntry {
  readonly loaded: LoadedProgram;
  readonly owner: ProgOwner;
  readonly maps: readonly KernelMap[];
  open: boolean;
}

interface MapEntry {
  readonly map: KernelMap;
  open: boolean;
}

export class Registry {
  readonly #memory: Memory;
  readonly #programs = new Map<number, ProgramEntry>();
  readonly #maps = new Map<Addr, MapEntry>();
  #lastId = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  nextProgramId(): number {
    return ++this.#lastId;
  }
  addProgram(loaded: LoadedProgram, owner: ProgOwner, maps: readonly KernelMap[]): void {
    this.#programs.set(loaded.id, { loaded, owner, maps, open: true });
  }
  addMap(map: KernelMap): void {
    this.#maps.set(map.placement.addr, { map, open: true });
  }

  program(id: number): LoadedProgram | undefined {
    return this.#programs.get(id)?.loaded;
  }
  /** What it is to a PROG_ARRAY. */
  progOwner(id: number): ProgOwner | undefined {
    return this.#programs.get(id)?.owner;
  }
  /** The map that programs know by this address. */
  mapAt(addr: Addr): KernelMap | undefined {
    return this.#maps.get(addr)?.map;
  }
  hasMap(map: BpfMap): boolean {
    return this.mapAt(map.kernelMap.placement.addr) === map.kernelMap;
  }

  /** The handle of a program is closed. */
  closeProgram(id: number): void {
    const entry = this.#programs.get(id);
    if (entry === undefined) return;
    entry.open = false;
    this.#reclaim();
  }
  /** The handle of a map is closed. */
  closeMap(map: KernelMap): void {
    const entry = this.#maps.get(map.placement.addr);
    if (entry?.map !== map) return;
    entry.open = false;
    if (map.type.store === 'prog') this.#slots(map).fill(0);
    this.#reclaim();
  }

  #reclaim(): void {
    const held = new Set<number>();
    for (const { map, open } of this.#maps.values()) {
      if (open && map.type.store === 'prog') for (const b of this.#programIds(map)) held.add(b);
    }
    const used = new Set<KernelMap>();
    for (const [id, { open, maps }] of this.#programs) {
      if (open || held.has(id)) for (const map of maps) used.add(map);
      else this.#programs.delete(id);
    }
    for (const [addr, { map, open }] of this.#maps) {
      if (open || used.has(map)) continue;
      this.#maps.delete(addr);
      map.release();
    }
  }

  #slots(map: KernelMap): Uint8Array {
    const { values, stride, maxEntries } = map.placement;
    return this.#memory.bytes(values, stride * maxEntries);
  }

  #programIds(map: KernelMap): number[] {
    const { values, stride, maxEntries } = map.placement;
    return Array.from({ length: maxEntries }, (_, i) => this.#memory.u32(values + i * stride));
  }
}
