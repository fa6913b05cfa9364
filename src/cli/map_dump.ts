// Contents of a live map as `bpftool map dump` prints them: hex, one element after the other, every CPU's value of a
// per-CPU map. Keyword `map dump NAME|all` of prog run and pcap.

import type { BpfMap } from '../maps/bpf_map.ts';
import { FileError } from './files.ts';
import { hexDump, plural } from './text.ts';
import type { Words } from './words.ts';

export interface MapElement {
  readonly key: Uint8Array;
  /** One per CPU; a map that is not per-CPU has one. */
  readonly values: readonly Uint8Array[];
}
export interface MapDump {
  readonly name: string;
  readonly type: string;
  readonly perCpu: boolean;
  readonly elements: readonly MapElement[];
}

/** Reads `dump NAME|all` after the keyword `map`. */
export function takeMapDump(words: Words): string {
  words.choose(['dump'], 'what to do with the map');
  return words.take('map name');
}

/** The maps that `selection` (a name or 'all') means; null = none. */
export function selectMaps(maps: Readonly<Record<string, BpfMap>>, selection: string | undefined): BpfMap[] {
  if (selection === undefined) return [];
  if (Object.hasOwn(maps, selection)) return [maps[selection]];
  if (selection === 'all') return Object.values(maps);
  throw new FileError(`there is no map '${selection}', only: ${Object.keys(maps).join(', ')}`);
}

/** An arena has no elements. */
export function dumpMap(map: BpfMap): MapDump {
  const keys = map.arena === null ? [...map.keys()] : [];
  const elements = keys.flatMap((key): MapElement[] => {
    const values = map.perCpu(key);
    return values === undefined ? [] : [{ key, values }];
  });
  return { name: map.name, type: map.type, perCpu: map.kernelMap.type.perCpu, elements };
}

export function mapDumpJson({ perCpu, elements }: MapDump): unknown {
  return elements.map(({ key, values }) =>
    perCpu ? { key, values: values.map((value, cpu) => ({ cpu, value })) } : { key, value: values[0] },
  );
}

export function mapDumpText(dump: MapDump): string {
  const lines = dump.elements.map((e) => (dump.perCpu ? perCpuText(e) : elementText(e)));
  return [`${dump.type}  name ${dump.name}`, ...lines, `Found ${plural(dump.elements.length, 'element')}`].join('\n');
}

/** bpftool print_entry_plain: short elements on one line, long ones below their names. */
function elementText({ key, values: [value] }: MapElement): string {
  const isLong = key.length > 16 || value.length > 16;
  const oneLine = key.length + value.length <= 24 && !isLong;
  const gap = isLong ? '\n' : ' ';
  return `key:${gap}${hexDump(key)}${oneLine ? '  ' : '\n'}value:${gap}${hexDump(value)}`;
}

function perCpuText({ key, values }: MapElement): string {
  const rows = values.map((v, cpu) => {
    const number = String(cpu).padStart(2, '0');
    return `value (CPU ${number}):${v.length > 16 ? '\n' : ' '}${hexDump(v)}`;
  });
  return ['key:', hexDump(key), ...rows].join('\n');
}
