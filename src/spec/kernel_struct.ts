// Structures of the kernel that programs may read: what lies where. In: a structure's name; out: its layout, from the
// table of what maps and sockets lead to (kernel_structs.ts, generated) or from a kernel's BTF (loader/kernel_btf.ts).
// Only layouts are here: beewasm has no such structures, their fields read as 0 (runtime/kernel_fields.ts).

import { BPF_MAP_TYPE as M } from '../uapi/enums.ts';
import {
  COMMON_FUNCS_END,
  commonFunc,
  commonFuncId,
  type KernelFunc,
  type KernelTarget,
  type KernelVariable,
  type TargetKind,
} from './kernel_func.ts';
import { KERNEL_STRUCTS } from './kernel_structs.ts';

export type KernelFieldType =
  | { readonly kind: 'scalar'; readonly size: number }
  | { readonly kind: 'struct'; readonly key: string }
  /** `to`: name of the structure; null = something else (void, a function, a number). `tag`: a type tag: rcu, user, percpu. */
  | { readonly kind: 'ptr'; readonly to: string | null; readonly tag?: string };

export interface KernelField {
  readonly name: string;
  /** In bytes; a bit field's is the byte of its first bit. */
  readonly off: number;
  /** End of a bit field, in bits from the structure's start; 0 = no bit field. */
  readonly bitEnd: number;
  readonly type: KernelFieldType;
  /** Elements of an array of any dimension; null = no array. */
  readonly count: number | null;
}

export interface KernelStruct {
  /** As messages name it: '(anon)' when it has no name. */
  readonly name: string;
  readonly union: boolean;
  readonly size: number;
  readonly fields: readonly KernelField[];
}

/** What is known of a kernel. Ids are those of its BTF, as instructions carry them. */
export interface KernelTypes {
  /** A structure by its name, or by the key that a field of kind 'struct' gives. */
  struct(key: string): KernelStruct | undefined;
  /** Ids are below this. */
  readonly end: number;
  /** The name of the structure that has this id. */
  structName(id: number): string | undefined;
  func(id: number): KernelFunc | undefined;
  funcId(name: string): number | undefined;
  target(id: number): KernelTarget | undefined;
  targetId(kind: TargetKind, name: string): number | undefined;
  variable(id: number): KernelVariable | undefined;
  variableId(name: string): number | undefined;
  /** Whether the kernel finds where the function or variable of this name is: not every kernel lists its variables. */
  hasAddress(name: string): boolean;
}

/** Messages show no other name for what has none. */
export const ANONYMOUS = '(anon)';

const parsed = new Map<string, KernelStruct>();

/** The generated tables: maps, sockets, and what is embedded in them; prototypes of kfuncs. */
export const COMMON_TYPES: KernelTypes = {
  end: COMMON_FUNCS_END,
  structName: () => undefined,
  func: commonFunc,
  funcId: commonFuncId,
  target: () => undefined,
  targetId: () => undefined,
  variable: () => undefined,
  variableId: () => undefined,
  hasAddress: () => true,
  struct(key) {
    const known = parsed.get(key);
    const text = known === undefined ? KERNEL_STRUCTS[key] : undefined;
    if (text === undefined) return known;
    const [kind, size, ...fields] = text.split(' ');
    const struct = {
      name: key.startsWith(ANONYMOUS) ? ANONYMOUS : key,
      union: kind === 'union',
      size: Number(size),
      fields: fields.map(parseField),
    };
    parsed.set(key, struct);
    return struct;
  },
};

/** name@off:bitEnd, name@off=type or name@off=type[count]; type = size, *struct, * or the key of what is embedded. */
function parseField(text: string): KernelField {
  const [, name, off, bits, type, count] = /^(\w*)@(\d+)(?::(\d+)|=([^[]*)(?:\[(\d+)\])?)$/.exec(text)!;
  return {
    name,
    off: Number(off),
    bitEnd: Number(bits ?? 0),
    type: parseType(type ?? '1'),
    count: count === undefined ? null : Number(count),
  };
}

function parseType(text: string): KernelFieldType {
  if (text.startsWith('*')) return { kind: 'ptr', to: text.slice(1) || null };
  return /^\d+$/.test(text) ? { kind: 'scalar', size: Number(text) } : { kind: 'struct', key: text };
}

/** A layout as a row of the table. */
export function structText({ union, size, fields }: KernelStruct): string {
  return [union ? 'union' : 'struct', size, ...fields.map(fieldText)].join(' ');
}

function fieldText({ name, off, bitEnd, type, count }: KernelField): string {
  if (bitEnd > 0) return `${name}@${off}:${bitEnd}`;
  const text = type.kind === 'scalar' ? type.size : type.kind === 'struct' ? type.key : `*${type.to ?? ''}`;
  return `${name}@${off}=${text}${count === null ? '' : `[${count}]`}`;
}

/** What a map is in the kernel, by type (map_btf_id of its operations). */
export const MAP_STRUCTS: Readonly<Record<number, string>> = {
  [M.BPF_MAP_TYPE_HASH]: 'bpf_htab',
  [M.BPF_MAP_TYPE_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_PROG_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_PERF_EVENT_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_PERCPU_HASH]: 'bpf_htab',
  [M.BPF_MAP_TYPE_PERCPU_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_STACK_TRACE]: 'bpf_stack_map',
  [M.BPF_MAP_TYPE_CGROUP_ARRAY]: 'bpf_array',
  [M.BPF_MAP_TYPE_LRU_HASH]: 'bpf_htab',
  [M.BPF_MAP_TYPE_LRU_PERCPU_HASH]: 'bpf_htab',
  [M.BPF_MAP_TYPE_LPM_TRIE]: 'lpm_trie',
  [M.BPF_MAP_TYPE_ARRAY_OF_MAPS]: 'bpf_array',
  [M.BPF_MAP_TYPE_HASH_OF_MAPS]: 'bpf_htab',
  [M.BPF_MAP_TYPE_DEVMAP]: 'bpf_dtab',
  [M.BPF_MAP_TYPE_SOCKMAP]: 'bpf_stab',
  [M.BPF_MAP_TYPE_CPUMAP]: 'bpf_cpu_map',
  [M.BPF_MAP_TYPE_XSKMAP]: 'xsk_map',
  [M.BPF_MAP_TYPE_SOCKHASH]: 'bpf_shtab',
  [M.BPF_MAP_TYPE_CGROUP_STORAGE]: 'bpf_cgroup_storage_map',
  [M.BPF_MAP_TYPE_REUSEPORT_SOCKARRAY]: 'reuseport_array',
  [M.BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE]: 'bpf_cgroup_storage_map',
  [M.BPF_MAP_TYPE_QUEUE]: 'bpf_queue_stack',
  [M.BPF_MAP_TYPE_STACK]: 'bpf_queue_stack',
  [M.BPF_MAP_TYPE_SK_STORAGE]: 'bpf_local_storage_map',
  [M.BPF_MAP_TYPE_DEVMAP_HASH]: 'bpf_dtab',
  [M.BPF_MAP_TYPE_STRUCT_OPS]: 'bpf_struct_ops_map',
  [M.BPF_MAP_TYPE_RINGBUF]: 'bpf_ringbuf_map',
  [M.BPF_MAP_TYPE_INODE_STORAGE]: 'bpf_local_storage_map',
  [M.BPF_MAP_TYPE_TASK_STORAGE]: 'bpf_local_storage_map',
  [M.BPF_MAP_TYPE_BLOOM_FILTER]: 'bpf_bloom_filter',
  [M.BPF_MAP_TYPE_USER_RINGBUF]: 'bpf_ringbuf_map',
  [M.BPF_MAP_TYPE_CGRP_STORAGE]: 'bpf_local_storage_map',
  [M.BPF_MAP_TYPE_ARENA]: 'bpf_arena',
};

/** Numbers only, nested at most four deep (kernel __btf_type_is_scalar_struct). */
export function isPlain(types: KernelTypes, key: string, depth = 0): boolean {
  const struct = types.struct(key);
  if (struct === undefined || depth > 3) return false;
  return struct.fields.every(({ type, count }) => {
    if (type.kind === 'struct') return count === null && isPlain(types, type.key, depth + 1);
    return type.kind === 'scalar' && count !== 0;
  });
}
