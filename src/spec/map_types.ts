// One row per map type: its UAPI number, the shape of its elements, and which helpers may touch it
// (kernel check_map_func_compatibility).

import { BPF_MAP_TYPE } from '../uapi/enums.ts';

export interface MapTypeRow {
  readonly name: string;
  readonly id: number;
  /** How elements are stored: array = index keys; hash = any key; prog = program ids by index; index = plain u32 targets by index. */
  readonly store: 'array' | 'hash' | 'prog' | 'index';
  readonly perCpu: boolean;
  /** Helpers that take this map as their const_map_ptr. */
  readonly helpers: readonly string[];
}

const elem = ['bpf_map_lookup_elem', 'bpf_map_update_elem', 'bpf_map_delete_elem'] as const;

export const MAP_TYPES = [
  { name: 'hash', id: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH, store: 'hash', perCpu: false, helpers: elem },
  { name: 'array', id: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, store: 'array', perCpu: false, helpers: elem },
  {
    name: 'prog_array',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY,
    store: 'prog',
    perCpu: false,
    helpers: ['bpf_tail_call'],
  },
  { name: 'percpu_hash', id: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_HASH, store: 'hash', perCpu: true, helpers: elem },
  { name: 'percpu_array', id: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY, store: 'array', perCpu: true, helpers: elem },
  {
    name: 'devmap',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_DEVMAP,
    store: 'index',
    perCpu: false,
    helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  },
  {
    name: 'cpumap',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_CPUMAP,
    store: 'index',
    perCpu: false,
    helpers: ['bpf_redirect_map'],
  },
  {
    name: 'xskmap',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_XSKMAP,
    store: 'index',
    perCpu: false,
    helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  },
] as const satisfies readonly MapTypeRow[];

export type MapTypeName = (typeof MAP_TYPES)[number]['name'];

const byId = new Map<number, MapTypeRow>(MAP_TYPES.map((r) => [r.id, r]));

export function mapTypeById(id: number): MapTypeRow | undefined {
  return byId.get(id);
}

export function mapTypeByName(name: string): MapTypeRow | undefined {
  return MAP_TYPES.find((r) => r.name === name);
}
