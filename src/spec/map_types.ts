// One row per map type: its UAPI number, the shape of its elements, what a creation may ask for, and which helpers may
// touch it (kernel check_map_func_compatibility). The operations of a `store` are in src/maps.

import { BPF_FLAGS, BPF_MAP_TYPE } from '../uapi/enums.ts';
import { ARENA_MAX_PAGES } from './arena.ts';
import type { ProtoName } from './helpers.ts';

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
  /** BPF_F_* that must be given. Else EINVAL. */
  readonly needs?: number;
  /** map_extra is the address of the first of max_entries pages, or 0; absent = it must be 0. */
  readonly mapExtra?: 'page';
}

export type MapTypeRow = StoredMapType | VerifiedMapType;

/** A map type that can be created. */
export interface StoredMapType extends MapType {
  /**
   * How elements are stored: array = index keys; hash = any key; prog = program ids by index; index = plain u32 targets by
   * index; arena = pages.
   */
  readonly store: 'array' | 'hash' | 'prog' | 'index' | 'arena';
  readonly create: MapCreateRule;
}

/** A map type that programs can be verified with, and nothing else yet. */
export interface VerifiedMapType extends MapType {
  readonly store: 'none';
}

interface MapType {
  readonly name: string;
  readonly id: number;
  readonly perCpu: boolean;
  /** BPF_F_* that the kernel adds to the map's own: what the verifier must see in MapDef.flags. */
  readonly impliedFlags?: number;
  /** What a program's lookup finds, where it is not the value: a socket (kernel mark_ptr_not_null_reg). */
  readonly found?: 'sock' | 'xdp_sock';
  /** Helpers that take this map as their const_map_ptr. */
  readonly helpers: readonly ProtoName[];
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

/** A map of values: nothing is forbidden but what needs another type of map. */
const elem = ['bpf_map_lookup_elem', 'bpf_map_update_elem', 'bpf_map_delete_elem', 'bpf_timer_init'] as const;
const each = 'bpf_for_each_map_elem';
const perCpuElem = 'bpf_map_lookup_percpu_elem';
const queue = ['bpf_map_push_elem', 'bpf_map_pop_elem', 'bpf_map_peek_elem'] as const;
const perf = [
  'bpf_perf_event_read',
  'bpf_perf_event_read_value',
  'bpf_perf_event_output',
  'bpf_skb_output',
  'bpf_xdp_output',
] as const;
const ringbuf = [
  'bpf_ringbuf_output',
  'bpf_ringbuf_reserve',
  'bpf_ringbuf_query',
  'bpf_ringbuf_reserve_dynptr',
] as const;

/** Map types that can be created. */
export const MAP_TYPES = [
  {
    name: 'hash',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
    store: 'hash',
    perCpu: false,
    create: { ...hash, flags: access | F.BPF_F_NO_PREALLOC | F.BPF_F_NUMA_NODE | F.BPF_F_ZERO_SEED },
    helpers: [...elem, each],
  },
  {
    name: 'array',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    store: 'array',
    perCpu: false,
    create: { ...array, flags: access | F.BPF_F_NUMA_NODE | F.BPF_F_MMAPABLE | F.BPF_F_INNER_MAP },
    helpers: [...elem, each],
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
    helpers: [...elem, each, perCpuElem],
  },
  {
    name: 'percpu_array',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY,
    store: 'array',
    perCpu: true,
    create: { ...array, flags: access, maxValueSize: PERCPU_MAX },
    helpers: [...elem, each, perCpuElem],
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
  {
    name: 'arena',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_ARENA,
    store: 'arena',
    perCpu: false,
    create: {
      keySize: [0],
      valueSize: [0],
      flags: F.BPF_F_MMAPABLE | F.BPF_F_SEGV_ON_FAULT | F.BPF_F_NO_USER_CONV,
      maxEntries: ARENA_MAX_PAGES,
      needs: F.BPF_F_MMAPABLE,
      mapExtra: 'page',
    },
    helpers: [],
  },
] as const satisfies readonly StoredMapType[];

/** Map types that can't be created yet. */
const VERIFIED = [
  { name: 'perf_event_array', id: BPF_MAP_TYPE.BPF_MAP_TYPE_PERF_EVENT_ARRAY, helpers: perf },
  { name: 'stack_trace', id: BPF_MAP_TYPE.BPF_MAP_TYPE_STACK_TRACE, helpers: ['bpf_get_stackid'] },
  {
    name: 'cgroup_array',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_CGROUP_ARRAY,
    helpers: ['bpf_skb_under_cgroup', 'bpf_current_task_under_cgroup'],
  },
  { name: 'lru_hash', id: BPF_MAP_TYPE.BPF_MAP_TYPE_LRU_HASH, helpers: [...elem, each] },
  {
    name: 'lru_percpu_hash',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_LRU_PERCPU_HASH,
    perCpu: true,
    helpers: [...elem, each, perCpuElem],
  },
  { name: 'lpm_trie', id: BPF_MAP_TYPE.BPF_MAP_TYPE_LPM_TRIE, helpers: elem },
  { name: 'array_of_maps', id: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY_OF_MAPS, helpers: ['bpf_map_lookup_elem'] },
  { name: 'hash_of_maps', id: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH_OF_MAPS, helpers: ['bpf_map_lookup_elem'] },
  {
    name: 'sockmap',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_SOCKMAP,
    found: 'sock',
    helpers: [
      'bpf_map_lookup_elem',
      'bpf_map_update_elem',
      'bpf_map_delete_elem',
      'bpf_sk_redirect_map',
      'bpf_msg_redirect_map',
      'bpf_sock_map_update',
      'bpf_sk_select_reuseport',
    ],
  },
  {
    name: 'sockhash',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_SOCKHASH,
    found: 'sock',
    helpers: [
      'bpf_map_lookup_elem',
      'bpf_map_update_elem',
      'bpf_map_delete_elem',
      'bpf_sk_redirect_hash',
      'bpf_msg_redirect_hash',
      'bpf_sock_hash_update',
      'bpf_sk_select_reuseport',
    ],
  },
  { name: 'cgroup_storage', id: BPF_MAP_TYPE.BPF_MAP_TYPE_CGROUP_STORAGE, helpers: ['bpf_get_local_storage'] },
  {
    name: 'percpu_cgroup_storage',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
    perCpu: true,
    helpers: ['bpf_get_local_storage'],
  },
  {
    name: 'reuseport_sockarray',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY,
    helpers: ['bpf_sk_select_reuseport'],
  },
  { name: 'queue', id: BPF_MAP_TYPE.BPF_MAP_TYPE_QUEUE, helpers: queue },
  { name: 'stack', id: BPF_MAP_TYPE.BPF_MAP_TYPE_STACK, helpers: queue },
  {
    name: 'bloom_filter',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_BLOOM_FILTER,
    helpers: ['bpf_map_push_elem', 'bpf_map_peek_elem'],
  },
  {
    name: 'devmap_hash',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_DEVMAP_HASH,
    impliedFlags: F.BPF_F_RDONLY_PROG,
    helpers: ['bpf_redirect_map', 'bpf_map_lookup_elem'],
  },
  {
    name: 'sk_storage',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_SK_STORAGE,
    helpers: ['bpf_sk_storage_get', 'bpf_sk_storage_delete'],
  },
  {
    name: 'inode_storage',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_INODE_STORAGE,
    helpers: ['bpf_inode_storage_get', 'bpf_inode_storage_delete'],
  },
  {
    name: 'task_storage',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_TASK_STORAGE,
    helpers: ['bpf_task_storage_get', 'bpf_task_storage_delete'],
  },
  {
    name: 'cgrp_storage',
    id: BPF_MAP_TYPE.BPF_MAP_TYPE_CGRP_STORAGE,
    helpers: ['bpf_cgrp_storage_get', 'bpf_cgrp_storage_delete'],
  },
  { name: 'ringbuf', id: BPF_MAP_TYPE.BPF_MAP_TYPE_RINGBUF, helpers: ringbuf },
  { name: 'user_ringbuf', id: BPF_MAP_TYPE.BPF_MAP_TYPE_USER_RINGBUF, helpers: ['bpf_user_ringbuf_drain'] },
  { name: 'struct_ops', id: BPF_MAP_TYPE.BPF_MAP_TYPE_STRUCT_OPS, helpers: [] },
] as const satisfies readonly Partial<MapTypeRow>[];

export type MapTypeName = (typeof MAP_TYPES)[number]['name'];

const byId = new Map<number, MapTypeRow>(
  [...MAP_TYPES, ...VERIFIED.map((row) => ({ perCpu: false, store: 'none' as const, ...row }))].map((r) => [r.id, r]),
);

/** Any map type of Linux 6.18. */
export function mapTypeById(id: number): MapTypeRow | undefined {
  return byId.get(id);
}

export function mapTypeByName(name: string): MapTypeRow | undefined {
  return MAP_TYPES.find((r) => r.name === name);
}
