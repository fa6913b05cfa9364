// One row per map type: its UAPI number, the shape of its elements, what a creation may ask for, and which helpers may
// touch it (kernel check_map_func_compatibility). The operations of a `store` are in src/maps.

import { BPF_FLAGS, BPF_MAP_TYPE } from '../uapi/enums.ts';

/** What BPF_MAP_CREATE accepts (kernel *_alloc_check and *_alloc). The order of the checks is maps/create.ts's. */
export interface MapCreateRule {
  /** Sizes that are allowed; 'any' = every size > 0. Else EINVAL. */
  readonly keySize: 'any' | readonly number[];
  readonly valueSize: 'any' | readonly number[];
  /** BPF_F_* that are allowed. Else EINVAL. */
  readonly flags: number;
  /** Largest value_size, key_size + value_size, max_entries. Above: E2BIG. */
  readonly maxValueSize?: number;
  readonly maxElemSize?: number;
  readonly maxEntries?: number;
}

export interface MapTypeRow {
  readonly name: string;
  readonly id: number;
  /** How elements are stored: array = index keys; hash = any key; prog = program ids by index; index = plain u32 targets by index. */
  readonly store: 'array' | 'hash' | 'prog' | 'index';
  readonly perCpu: boolean;
  readonly create: MapCreateRule;
  /** BPF_F_* that the kernel adds to the map's own: what the verifier must see in MapDef.flags. */
  readonly impliedFlags?: number;
  /** What a program's lookup finds, where it is not the value: a socket (kernel mark_ptr_not_null_reg). */
  readonly found?: 'sock' | 'xdp_sock';
  /** Helpers that take this map as their const_map_ptr. */
  readonly helpers: readonly string[];
}

const F = BPF_FLAGS;
const fdAccess = F.BPF_F_RDONLY | F.BPF_F_WRONLY;
const access = fdAccess | F.BPF_F_RDONLY_PROG | F.BPF_F_WRONLY_PROG;
const u32 = [4] as const;

const INT_MAX = 2 ** 31 - 1;
/** PCPU_MIN_UNIT_SIZE: the largest per-CPU value. */
const PERCPU_MAX = 32768;
/** KMALLOC_MAX_SIZE - sizeof(struct htab_elem) - 1. */
const HASH_ELEM_MAX = 2 ** 22 - 49;
/** More buckets than this overflow the kernel's bucket array. */
const HASH_ENTRIES_MAX = 2 ** 27;

/** CONFIG_NR_CPUS of the reference kernel. */
const NR_CPUS = 256;

const hash = { keySize: 'any', valueSize: 'any', maxElemSize: HASH_ELEM_MAX, maxEntries: HASH_ENTRIES_MAX } as const;
const array = { keySize: u32, valueSize: 'any', maxValueSize: INT_MAX } as const;

const elem = ['bpf_map_lookup_elem', 'bpf_map_update_elem', 'bpf_map_delete_elem'] as const;

export const MAP_TYPES = [
  {
    name: 'hash',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
    store: 'hash',
    perCpu: false,
    create: { ...hash, flags: access | F.BPF_F_NO_PREALLOC | F.BPF_F_NUMA_NODE | F.BPF_F_ZERO_SEED },
    helpers: elem,
  },
  {
    name: 'array',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    store: 'array',
    perCpu: false,
    create: { ...array, flags: access | F.BPF_F_NUMA_NODE | F.BPF_F_MMAPABLE | F.BPF_F_INNER_MAP },
    helpers: elem,
  },
  {
    name: 'prog_array',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY,
    store: 'prog',
    perCpu: false,
    create: { keySize: u32, valueSize: u32, flags: fdAccess | F.BPF_F_NUMA_NODE },
    helpers: ['bpf_tail_call'],
  },
  {
    name: 'percpu_hash',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_HASH,
    store: 'hash',
    perCpu: true,
    create: { ...hash, flags: access | F.BPF_F_NO_PREALLOC | F.BPF_F_ZERO_SEED, maxValueSize: PERCPU_MAX },
    helpers: elem,
  },
  {
    name: 'percpu_array',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY,
    store: 'array',
    perCpu: true,
    create: { ...array, flags: access, maxValueSize: PERCPU_MAX },
    helpers: elem,
  },
  {
    name: 'devmap',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_DEVMAP,
    store: 'index',
    perCpu: false,
    create: { keySize: u32, valueSize: [4, 8], flags: fdAccess | F.BPF_F_NUMA_NODE },
    // A lookup returns the slot itself (kernel dev_map_init_map).
    impliedFlags: F.BPF_F_RDONLY_PROG,
    helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  },
  {
    name: 'cpumap',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_CPUMAP,
    store: 'index',
    perCpu: false,
    create: { keySize: u32, valueSize: [4, 8], flags: F.BPF_F_NUMA_NODE, maxEntries: NR_CPUS },
    helpers: ['bpf_redirect_map'],
  },
  {
    name: 'xskmap',
    found: 'xdp_sock',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_XSKMAP,
    store: 'index',
    perCpu: false,
    create: { keySize: u32, valueSize: u32, flags: fdAccess | F.BPF_F_NUMA_NODE },
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
