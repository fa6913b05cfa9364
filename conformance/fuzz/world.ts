// The maps every random program may use, with what they hold at the start of each run. The same maps exist in a Kernel
// and in the oracle.

import { BPF_MAP_TYPE } from '../../src/uapi/enums.ts';
import type { MapDef } from '../../src/verifier/verified.ts';
import type { FuzzType } from './program.ts';
import { Random } from './random.ts';

const { BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_ARRAY, BPF_MAP_TYPE_PROG_ARRAY } = BPF_MAP_TYPE;

/** A map without flags. */
export const map = (name: string, type: number, keySize: number, valueSize: number, maxEntries: number): MapDef => ({
  name,
  type,
  keySize,
  valueSize,
  maxEntries,
  flags: 0,
});

/** Bytes of every map value, of the data of a program and of its part of the stack. */
export const SPAN = 64;

export const MAPS: readonly MapDef[] = [
  map('array', BPF_MAP_TYPE_ARRAY, 4, SPAN, 4),
  map('global', BPF_MAP_TYPE_ARRAY, 4, SPAN, 1),
  map('hash4', BPF_MAP_TYPE_HASH, 4, SPAN, 16),
  map('hash8', BPF_MAP_TYPE_HASH, 8, SPAN, 16),
  map('hash16', BPF_MAP_TYPE_HASH, 16, SPAN, 16),
  map('percpu', BPF_MAP_TYPE_PERCPU_ARRAY, 4, SPAN, 2),
  map('programs_xdp', BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4),
  map('programs_socket', BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4),
];

export const mapIndex = (name: string): number => MAPS.findIndex((m) => m.name === name);

export const GLOBAL = mapIndex('global');
/** Maps with values, for lookups and updates. */
export const DATA_MAPS = ['array', 'hash4', 'hash8', 'hash16', 'percpu'].map(mapIndex);
/** A program array belongs to the type of its first user. */
export const PROGRAMS = {
  xdp: mapIndex('programs_xdp'),
  socket_filter: mapIndex('programs_socket'),
} as const satisfies Partial<Record<FuzzType, number>>;

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Entries of MAPS[index] at the start: all of an array, a few of a hash. */
export function initialEntries(index: number): Entry[] {
  const { type, keySize, maxEntries } = MAPS[index];
  if (type === BPF_MAP_TYPE_PROG_ARRAY) return [];
  const count = type === BPF_MAP_TYPE_HASH ? 3 : maxEntries;
  const random = new Random(0x6d617073, index);
  return Array.from({ length: count }, (_, i) => ({ key: keyOf(keySize, i), value: cornerBytes(random) }));
}

/** A key as the programs write it: a small number, the rest zero. */
export function keyOf(size: number, n: number): Uint8Array {
  const key = new Uint8Array(size);
  key[0] = n;
  return key;
}

/** SPAN bytes of corner values. */
export function cornerBytes(random: Random): Uint8Array {
  const bytes = new Uint8Array(SPAN);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < SPAN; at += 8) {
    const { low, high } = random.corner64();
    view.setInt32(at, low, true);
    view.setInt32(at + 4, high, true);
  }
  return bytes;
}
