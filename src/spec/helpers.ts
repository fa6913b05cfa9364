// All helpers of Linux 6.18: the prototypes by which the verifier checks calls, and the list of those that can also run.
// A helper is added with its name in IMPLEMENTED, one implementation in src/helpers (the two are tied by `satisfies`)
// and a test; the prototype is here already.

import { HELPER_TYPES as MEASURED } from './helper_types.ts';
import { idSet } from './id_set.ts';
import { type Abi, abiOf, type ProtoRow } from './proto.ts';
import { BASE_PROTOS } from './protos_base.ts';
import { PACKET_PROTOS } from './protos_packet.ts';
import { SOCK_PROTOS } from './protos_sock.ts';
import { TASK_PROTOS } from './protos_task.ts';
import { TRACING_HELPERS } from './tracing_helpers.ts';

export { type Abi, type ArgKind, abiOf, abiParams, abiReturn, type ProtoRow, type RetKind } from './proto.ts';

/** Every helper, 1..211. */
export const PROTOTYPES = { ...BASE_PROTOS, ...TASK_PROTOS, ...PACKET_PROTOS, ...SOCK_PROTOS } as const;

export type ProtoName = keyof typeof PROTOTYPES;

/** Helpers that can run. */
export const IMPLEMENTED = [
  'bpf_map_lookup_elem',
  'bpf_map_update_elem',
  'bpf_map_delete_elem',
  'bpf_ktime_get_ns',
  'bpf_trace_printk',
  'bpf_get_prandom_u32',
  'bpf_get_smp_processor_id',
  'bpf_tail_call',
  'bpf_skb_store_bytes',
  'bpf_get_cgroup_classid',
  'bpf_skb_vlan_push',
  'bpf_redirect',
  'bpf_get_route_realm',
  'bpf_skb_load_bytes',
  'bpf_csum_diff',
  'bpf_skb_pull_data',
  'bpf_csum_update',
  'bpf_skb_change_head',
  'bpf_xdp_adjust_head',
  'bpf_redirect_map',
  'bpf_xdp_adjust_meta',
  'bpf_xdp_adjust_tail',
  'bpf_skb_load_bytes_relative',
  'bpf_sk_lookup_tcp',
  'bpf_sk_lookup_udp',
  'bpf_sk_release',
  'bpf_sk_fullsock',
  'bpf_tcp_sock',
  'bpf_get_listener_sock',
  'bpf_skc_lookup_tcp',
  'bpf_ktime_get_boot_ns',
  'bpf_dynptr_from_mem',
  'bpf_dynptr_read',
  'bpf_dynptr_write',
  'bpf_dynptr_data',
] as const satisfies readonly ProtoName[];

export type HelperName = (typeof IMPLEMENTED)[number];

/** A helper as the verifier knows it. */
export interface Helper extends ProtoRow {
  readonly name: ProtoName;
}
/** A helper as the engines know it. */
export interface RunnableHelper extends ProtoRow {
  readonly name: HelperName;
  readonly abi: Abi;
}

const byId = new Map<number, Helper>(
  Object.entries(PROTOTYPES).map(([name, row]) => [row.id, { ...row, name: name as ProtoName }]),
);
const runnable = new Map<number, RunnableHelper>(
  IMPLEMENTED.map((name) => [PROTOTYPES[name].id, { ...PROTOTYPES[name], name, abi: abiOf(PROTOTYPES[name]) }]),
);

const HELPER_TYPES = [...MEASURED, ...TRACING_HELPERS];

/** Helpers that can run, by number. */
export const RUNNABLE: readonly RunnableHelper[] = [...runnable.values()].sort((a, b) => a.id - b.id);

/** The helper with this number, whether it can run or not; undefined when Linux 6.18 has none. */
export function helperById(id: number): Helper | undefined {
  return byId.get(id);
}

/** The helper with this number if it can run. */
export function runnableById(id: number): RunnableHelper | undefined {
  return runnable.get(id);
}

/** What the verifier holds a call from a program of this type against: the helper, or undefined when it may not call it. */
export function helperFor(id: number, progType: number, attachType: number): Helper | undefined {
  if (!mayCall(id, progType, attachType)) return undefined;
  const helper = byId.get(id);
  const own = helper?.variants?.find((v) => v.types.includes(progType));
  return helper && own ? { ...helper, ...own } : helper;
}

/** Helpers that only a loader with CAP_PERFMON may call, as Linux 6.18 answers one without it for every program type. */
export const PERFMON_HELPERS: ReadonlySet<number> = idSet(
  '6 16 22 35 55 109 112-115 117 136-141 148-149 158 165-166 175-178 180 191 196',
);

/** `raw` programs (id -1) are ours: what every Linux program type has of IMPLEMENTED. */
const RAW: ReadonlySet<number> = new Set([1, 2, 3, 5, 6, 7, 8, 12]);

function mayCall(id: number, progType: number, attachType: number): boolean {
  return (progType === -1 ? RAW : helpersOf(progType, attachType)).has(id);
}

/** Helpers of a program type, whatever its attach type, in the order of their numbers. */
export function helpersOfType(progType: number): Helper[] {
  const rows = HELPER_TYPES.filter((r) => r.type === progType);
  const ids = new Set(progType === -1 ? RAW : rows.flatMap((r) => [...idSet(r.helpers)]));
  return [...byId.values()].filter((h) => ids.has(h.id)).sort((a, b) => a.id - b.id);
}

const NONE: ReadonlySet<number> = new Set();

/** Helpers of a program type. Where the attach type matters, one that is unknown has none. */
export function helpersOf(progType: number, attachType: number): ReadonlySet<number> {
  const row = HELPER_TYPES.find((r) => r.type === progType && (r.attach === null || r.attach.includes(attachType)));
  if (row === undefined) return NONE;
  return idSet(row.helpers);
}
