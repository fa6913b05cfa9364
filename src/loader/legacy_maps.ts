// Maps of objects from before BTF: section `maps` (or `maps/NAME`) holds one C struct per map. Three projects wrote three
// layouts with one beginning: type, key_size, value_size, max_entries, map_flags; what follows is told by the struct's
// size, which is the distance from one symbol of the section to the next.
//   16, 20  libbpf            the beginning without or with map_flags
//   24, 28  kernel samples    inner_map_idx, numa_node       (map-in-map, or map_flags has BPF_F_NUMA_NODE)
//   24..36  iproute2, Cilium  id, pinning, inner_id, inner_idx

import { BPF_FLAGS, BPF_MAP_TYPE } from '../uapi/enums.ts';
import { FormatError, UnsupportedError } from '../uapi/errors.ts';
import { type Elf, type ElfSection, SHT, STT } from './elf.ts';
import type { MapDefinition } from './map_defs.ts';
import { Reader } from './reader.ts';
import type { MapSpec, ProgramSpec } from './spec.ts';

const SIZE = { least: 16, known: 36 } as const;
const MAP_IN_MAP: readonly number[] = [BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE.BPF_MAP_TYPE_HASH_OF_MAPS];

export interface LegacyMap extends MapDefinition {
  readonly section: number;
  /** iproute2's number of the map; 0 = none. */
  readonly id: number;
  /** Map of maps: which map its values are like, by position among the maps or by id. */
  readonly innerAt: number | null;
  readonly innerId: number;
  /** iproute2: the slot that this map has in the map of maps whose inner_id names it. */
  readonly slot: number;
}

export function isLegacyMaps(section: ElfSection): boolean {
  return section.type === SHT.PROGBITS && (section.name === 'maps' || section.name.startsWith('maps/'));
}

/** Maps of all such sections, by section and offset. */
export function readLegacyMaps(elf: Elf): LegacyMap[] {
  return linkInner(elf.sections.filter(isLegacyMaps).flatMap((section) => readSection(elf, section)));
}

function readSection(elf: Elf, section: ElfSection): LegacyMap[] {
  const named = elf.symbols.filter(
    (s) => s.shndx === section.index && s.name !== '' && (s.type === STT.NOTYPE || s.type === STT.OBJECT),
  );
  const symbols = named
    .sort((a, b) => a.value - b.value)
    .filter((s, i, all) => i === 0 || s.value !== all[i - 1].value);
  return symbols.map((symbol, i) => {
    const end = symbols[i + 1]?.value ?? section.size;
    if (symbol.value > section.size) {
      throw new FormatError('ELF', `map ${symbol.name} lies outside of section ${section.name}`);
    }
    const data = section.data.subarray(symbol.value, end);
    return readMap(section, symbol.name, symbol.value, new Reader(data, 'ELF', `map ${symbol.name}`));
  });
}

function readMap(section: ElfSection, name: string, offset: number, r: Reader): LegacyMap {
  if (r.length < SIZE.least) r.fail(`has ${r.length} bytes, a definition needs ${SIZE.least}`);
  for (let at = SIZE.known; at < r.length; at++) {
    if (r.u8(at) !== 0) throw new UnsupportedError(`definition of map ${name} with ${r.length} bytes`);
  }
  const word = (at: number) => (at + 4 <= r.length ? r.u32(at) : 0);
  const [type, flags] = [word(0), word(16)];
  const isMapInMap = MAP_IN_MAP.includes(type);
  const samples = r.length <= 28 && (isMapInMap || (flags & BPF_FLAGS.BPF_F_NUMA_NODE) !== 0);
  const spec: MapSpec = {
    name,
    type,
    keySize: word(4),
    valueSize: word(8),
    maxEntries: word(12),
    flags,
    pinning: samples ? 0 : word(24),
    mapExtra: 0n,
    keyTypeId: 0,
    valueTypeId: 0,
  };
  return {
    spec,
    offset,
    size: r.length,
    section: section.index,
    id: samples ? 0 : word(20),
    innerAt: samples && isMapInMap ? word(20) : null,
    innerId: isMapInMap ? word(28) : 0,
    slot: word(32),
  };
}

/** Gives maps of maps their inner map, and those of iproute2 the slot that it names. */
function linkInner(maps: LegacyMap[]): LegacyMap[] {
  for (const outer of maps) {
    if (!MAP_IN_MAP.includes(outer.spec.type)) continue;
    const inner = outer.innerAt === null ? maps.find((m) => m.id !== 0 && m.id === outer.innerId) : maps[outer.innerAt];
    if (inner === undefined || inner === outer) {
      throw new FormatError('ELF', `map ${outer.spec.name} names no map of the object as its inner map`);
    }
    // Maps nest once (kernel bpf_map_meta_alloc): the walk along inner maps stays finite.
    if (MAP_IN_MAP.includes(inner.spec.type))
      throw new UnsupportedError(`map ${outer.spec.name}: maps in maps in maps`);
    outer.spec.inner = { ...inner.spec, name: `${outer.spec.name}.inner` };
    if (outer.innerId !== 0 && inner.slot !== 0xffffffff) {
      outer.spec.slots = [{ index: inner.slot, symbol: inner.spec.name }];
    }
  }
  return maps;
}

/** iproute2: the program of section `ID/KEY` belongs into slot KEY of the PROG_ARRAY with that id. */
export function fillTailCalls(maps: readonly LegacyMap[], programs: readonly ProgramSpec[]): void {
  for (const program of programs) {
    const place = /^(\d+)\/(\d+)$/.exec(program.section);
    if (place === null) continue;
    const [id, index] = [Number(place[1]), Number(place[2])];
    const map = maps.find((m) => m.id === id && m.spec.type === BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY);
    if (map === undefined) continue;
    map.spec.slots ??= [];
    map.spec.slots.push({ index, symbol: program.name });
  }
}
