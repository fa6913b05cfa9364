// What the map of a helper call changes about the call: which kinds of argument it turns into others, whether programs may
// write it, which helpers take it (kernel resolve_map_arg_type, record_func_map, check_map_func_compatibility).

import type { ArgKind, Helper, ProtoName } from '../spec/helpers.ts';
import { mapTypeById } from '../spec/map_types.ts';
import { BPF_ATTACH_TYPE, BPF_FLAGS, BPF_MAP_TYPE, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import type { Env } from './env.ts';
import { isForbidden } from './mem.ts';
import { denied, invalid, type Reject } from './reject.ts';
import type { MapDef } from './verified.ts';

export interface MapCall {
  readonly helper: Helper;
  /** The map among the arguments so far; -1 = none. */
  readonly map: number;
}

/** Some maps give or take something else than values (kernel resolve_map_arg_type). */
export function kindForMap(env: Env, { helper, map: index }: MapCall, kind: ArgKind): ArgKind | Reject {
  if (index < 0 || !VALUE_KINDS.includes(kind)) return kind;
  const row = mapTypeById(env.map(index).type);
  if (row?.found === 'sock') {
    return kind === 'map_value' ? 'btf_id_sock_common' : invalid('invalid arg_type for sockmap/sockhash');
  }
  return row?.name === 'bloom_filter' && helper.name === 'bpf_map_peek_elem' ? 'map_value' : kind;
}
const VALUE_KINDS: readonly ArgKind[] = ['map_value', 'map_value_or_null', 'uninit_map_value'];

/** Where no socket is locked, programs may change a map of sockets (kernel may_update_sockmap). */
const SOCKMAP_WRITERS: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_SOCKET_FILTER,
  T.BPF_PROG_TYPE_SCHED_CLS,
  T.BPF_PROG_TYPE_SCHED_ACT,
  T.BPF_PROG_TYPE_XDP,
  T.BPF_PROG_TYPE_SK_REUSEPORT,
  T.BPF_PROG_TYPE_FLOW_DISSECTOR,
  T.BPF_PROG_TYPE_SK_LOOKUP,
]);

function mayUseSockmap(env: Env, helper: ProtoName): boolean {
  if (helper !== 'bpf_map_update_elem' && helper !== 'bpf_map_delete_elem') return true;
  const deletes = helper === 'bpf_map_delete_elem' && env.type.id === T.BPF_PROG_TYPE_SOCK_OPS;
  const iterates = env.type.id === T.BPF_PROG_TYPE_TRACING && env.attach === BPF_ATTACH_TYPE.BPF_TRACE_ITER;
  return deletes || iterates || SOCKMAP_WRITERS.has(env.type.id);
}

/** Helpers that work on a field of the value, whatever the map is. */
const ANY_MAP: ReadonlySet<string> = new Set([
  'bpf_timer_set_callback',
  'bpf_timer_start',
  'bpf_timer_cancel',
  'bpf_kptr_xchg',
]);

export function checkMapKind(env: Env, { helper, map: index }: MapCall): Reject | null {
  if (index < 0) return null;
  const { type } = env.map(index);
  const row = mapTypeById(type);
  const { name, id } = helper;
  if (ANY_MAP.has(name)) return null;
  if (row?.helpers.includes(name) && (row.found !== 'sock' || mayUseSockmap(env, name))) return null;
  return invalid(`cannot pass map_type ${type} into func ${name}#${id}`);
}

const MAP_WRITERS = ['bpf_map_update_elem', 'bpf_map_delete_elem', 'bpf_map_push_elem', 'bpf_map_pop_elem'];

/** What the map itself forbids (kernel record_func_map, record_func_key). */
export function checkMapUse(env: Env, { helper, map: index }: MapCall): Reject | null {
  if (index < 0) return null;
  const map = env.map(index);
  const { name } = helper;
  if (isForbidden(map, true) && MAP_WRITERS.includes(name)) return denied('write into map forbidden');
  if (name === 'bpf_tail_call') env.tailCallOf(index);
  if (name === 'bpf_tail_call' && map.type !== BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY)
    return invalid('expected prog array map for tail call');
  return null;
}

/** Lookups of a constant index in an array can't fail (Linux 6.14 and later), unless another one may be shorter. */
export function elidesNull({ type, flags }: MapDef): boolean {
  return mapTypeById(type)?.store === 'array' && (flags & BPF_FLAGS.BPF_F_INNER_MAP) === 0;
}
