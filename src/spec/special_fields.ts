// Fields of map values that mean something to the kernel: one row per kind (kernel btf_field_type). Programs reach them
// through helpers, not with plain loads and stores; what may hold them is BPF_MAP_CREATE's to say (kernel map_check_btf).

import { BPF_MAP_TYPE as M } from '../uapi/enums.ts';

export interface SpecialRow {
  /** Bytes of the field, and where it may lie. */
  readonly size: number;
  readonly align: number;
  /** At most one in a struct. */
  readonly unique: boolean;
  /** As messages call it. */
  readonly text: string;
  /** Types of maps whose values may have one; [] = none. */
  readonly maps: readonly number[];
}

const STORAGE = [
  M.BPF_MAP_TYPE_SK_STORAGE,
  M.BPF_MAP_TYPE_INODE_STORAGE,
  M.BPF_MAP_TYPE_TASK_STORAGE,
  M.BPF_MAP_TYPE_CGRP_STORAGE,
];
const SHARED = [M.BPF_MAP_TYPE_HASH, M.BPF_MAP_TYPE_LRU_HASH, M.BPF_MAP_TYPE_ARRAY];
const PER_CPU = [M.BPF_MAP_TYPE_PERCPU_HASH, M.BPF_MAP_TYPE_LRU_PERCPU_HASH, M.BPF_MAP_TYPE_PERCPU_ARRAY];
const LOCKED = [M.BPF_MAP_TYPE_HASH, M.BPF_MAP_TYPE_ARRAY, M.BPF_MAP_TYPE_CGROUP_STORAGE, ...STORAGE];
const POINTERS = [...SHARED, ...PER_CPU, ...STORAGE];

const lock = { size: 4, align: 4, unique: true, maps: LOCKED };
const deferred = { align: 8, unique: true, maps: SHARED };
const pointer = { size: 8, align: 8, unique: false, text: 'kptr', maps: POINTERS };
const root = { size: 16, align: 8, unique: false, maps: SHARED };
const node = { align: 8, unique: false, maps: [] };

/** By the name of the struct; pointers by their type tag. */
export const SPECIAL_FIELDS = {
  bpf_spin_lock: { ...lock, text: 'bpf_spin_lock' },
  bpf_res_spin_lock: { ...lock, text: 'bpf_res_spin_lock' },
  bpf_timer: { ...deferred, size: 16, text: 'bpf_timer' },
  bpf_wq: { ...deferred, size: 16, text: 'bpf_wq' },
  bpf_task_work: { ...deferred, size: 8, text: 'bpf_task_work' },
  bpf_list_head: { ...root, text: 'bpf_list_head' },
  bpf_rb_root: { ...root, text: 'bpf_rb_root' },
  bpf_list_node: { ...node, size: 24, text: 'bpf_list_node' },
  bpf_rb_node: { ...node, size: 32, text: 'bpf_rb_node' },
  bpf_refcount: { size: 4, align: 4, unique: false, text: 'bpf_refcount', maps: POINTERS },
  kptr_untrusted: pointer,
  kptr: pointer,
  percpu_kptr: { ...pointer, text: 'percpu_kptr' },
  uptr: { ...pointer, text: 'uptr', maps: [M.BPF_MAP_TYPE_TASK_STORAGE] },
} as const satisfies Record<string, SpecialRow>;

export type SpecialType = keyof typeof SPECIAL_FIELDS;

export interface SpecialField {
  readonly type: SpecialType;
  readonly offset: number;
  /** Pointers, lists and trees: the structure of what they hold, by its name and its id in the program's BTF (0 = not known). */
  readonly to?: { readonly name: string; readonly id: number };
  /** uptr: bytes of that structure. */
  readonly size?: number;
  /** Lists and trees: where the node lies in that structure. */
  readonly node?: number;
}

export function isSpecialType(name: string): name is SpecialType {
  return Object.hasOwn(SPECIAL_FIELDS, name);
}

/** Structures of the kernel that a referenced pointer may own (those with a destructor, kernel btf_find_dtor_kfunc). */
export const OWNABLE: ReadonlySet<string> = new Set([
  'task_struct',
  'cgroup',
  'bpf_cpumask',
  'bpf_crypto_ctx',
  // Of BPF_PROG_TEST_RUN, for tests of the kernel's own.
  'prog_test_ref_kfunc',
  'prog_test_member',
]);

const POINTER_FIELDS: ReadonlySet<SpecialType> = new Set<SpecialType>([
  'kptr_untrusted',
  'kptr',
  'percpu_kptr',
  'uptr',
]);

/** Fields that hold a pointer: a load or store of the whole field may be allowed. */
export function isPointerField(type: SpecialType): boolean {
  return POINTER_FIELDS.has(type);
}
