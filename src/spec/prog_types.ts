// One row per program type: which context it gets, what it may do with the packet, which results Linux accepts, and how
// wide the result is. What a type may call is in helpers.ts; what it may read and write of its context in ctx.ts; which
// sections of an object hold it in sec_defs.ts.

import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';

/** libbpf's names (libbpf_bpf_prog_type_str). `raw` is ours: r1 = address of a memory of exactly r2 bytes, no context. */
export type ProgTypeName = (typeof PROG_TYPES)[number]['name'];

export type ReturnRange = readonly [min: number, max: number];

export interface ProgTypeRow {
  readonly name: string;
  /** UAPI bpf_prog_type; -1 for `raw`. */
  readonly id: number;
  /** Struct of the context (rows of ctx.ts); null when there is none. */
  readonly ctx: string | null;
  /** Width of the result the caller reads from R0. */
  readonly result: 'u32' | 'u64';
  /** What the numbers of the result mean, where they have names. */
  readonly verdicts?: readonly string[];
  /** Whether test_run needs a packet. */
  readonly packet: boolean;
  /** Direct packet access (kernel may_access_direct_pkt_data); absent = packet pointers can be read, but not handed to helpers. */
  readonly packetAccess?: 'read' | 'write';
  /** Every helper takes packet pointers, not only those with pktAccess. */
  readonly packetToHelpers?: true;
  /** ld_abs and ld_ind (kernel may_access_skb). */
  readonly ldAbs?: true;
  /** expected_attach_type: those that load (kernel bpf_prog_load_check_attach); absent = any. */
  readonly attach?: readonly number[];
  /** What a load means that gives attach type 0. */
  readonly attachDefault?: number;
  /** The context lies in memory as the program sees it (no kernel convert_ctx_access): functions may be given bytes of it. */
  readonly plainCtx?: true;
  /** Loads only with CAP_PERFMON (kernel is_perfmon_prog_type). */
  readonly perfmon?: true;
  /** BPF_F_SLEEPABLE; absent = refused. */
  readonly sleepable?: 'may' | 'must';
  /** Attach types for which it is refused all the same. */
  readonly neverSleepsAt?: readonly number[];
  /** Results that programs may return (kernel check_return_code); absent = any. */
  readonly returns?: ReturnRange;
  /** The same for single attach types. */
  readonly returnsAt?: Readonly<Record<number, ReturnRange>>;
}

const XDP_ACTIONS = ['XDP_ABORTED', 'XDP_DROP', 'XDP_PASS', 'XDP_TX', 'XDP_REDIRECT'] as const;
const TC_ACTIONS = [
  'TC_ACT_OK',
  'TC_ACT_RECLASSIFY',
  'TC_ACT_SHOT',
  'TC_ACT_PIPE',
  'TC_ACT_STOLEN',
  'TC_ACT_QUEUED',
  'TC_ACT_REPEAT',
  'TC_ACT_REDIRECT',
  'TC_ACT_TRAP',
] as const;
const SK_ACTIONS = ['SK_DROP', 'SK_PASS'] as const;

const BOOL = [0, 1] as const;
/** Bit 1: a flag for the caller (no port check at bind, congestion at egress). */
const BOOL_AND_FLAG = [0, 3] as const;
const ONE = [1, 1] as const;
const ZERO = [0, 0] as const;

const skb = { ctx: '__sk_buff', result: 'u32', packet: true } as const;
const plain = { result: 'u32', packet: false } as const;
const sock = { ...plain, returns: BOOL } as const;

export const PROG_TYPES = [
  { name: 'raw', id: -1, ctx: null, result: 'u64', packet: false },
  { ...skb, name: 'socket_filter', id: T.BPF_PROG_TYPE_SOCKET_FILTER, ldAbs: true },
  {
    ...plain,
    name: 'kprobe',
    plainCtx: true,
    id: T.BPF_PROG_TYPE_KPROBE,
    ctx: 'pt_regs',
    perfmon: true,
    sleepable: 'may',
    returnsAt: { [AT.BPF_TRACE_KPROBE_SESSION]: BOOL, [AT.BPF_TRACE_UPROBE_SESSION]: BOOL },
  },
  {
    ...skb,
    name: 'sched_cls',
    id: T.BPF_PROG_TYPE_SCHED_CLS,
    packetAccess: 'write',
    ldAbs: true,
    verdicts: TC_ACTIONS,
  },
  {
    ...skb,
    name: 'sched_act',
    id: T.BPF_PROG_TYPE_SCHED_ACT,
    packetAccess: 'write',
    ldAbs: true,
    verdicts: TC_ACTIONS,
  },
  { ...plain, name: 'tracepoint', plainCtx: true, id: T.BPF_PROG_TYPE_TRACEPOINT, ctx: 'trace_entry', perfmon: true },
  {
    name: 'xdp',
    id: T.BPF_PROG_TYPE_XDP,
    ctx: 'xdp_md',
    result: 'u32',
    packet: true,
    packetAccess: 'write',
    verdicts: XDP_ACTIONS,
  },
  { ...plain, name: 'perf_event', id: T.BPF_PROG_TYPE_PERF_EVENT, ctx: 'bpf_perf_event_data', perfmon: true },
  {
    ...skb,
    name: 'cgroup_skb',
    id: T.BPF_PROG_TYPE_CGROUP_SKB,
    packetAccess: 'read',
    attach: [AT.BPF_CGROUP_INET_INGRESS, AT.BPF_CGROUP_INET_EGRESS],
    returns: BOOL,
    returnsAt: { [AT.BPF_CGROUP_INET_EGRESS]: BOOL_AND_FLAG },
  },
  {
    ...sock,
    name: 'cgroup_sock',
    id: T.BPF_PROG_TYPE_CGROUP_SOCK,
    ctx: 'bpf_sock',
    attach: [
      AT.BPF_CGROUP_INET_SOCK_CREATE,
      AT.BPF_CGROUP_INET_SOCK_RELEASE,
      AT.BPF_CGROUP_INET4_POST_BIND,
      AT.BPF_CGROUP_INET6_POST_BIND,
    ],
    attachDefault: AT.BPF_CGROUP_INET_SOCK_CREATE,
  },
  { ...skb, name: 'lwt_in', id: T.BPF_PROG_TYPE_LWT_IN, packetAccess: 'read' },
  { ...skb, name: 'lwt_out', id: T.BPF_PROG_TYPE_LWT_OUT, packetAccess: 'read' },
  { ...skb, name: 'lwt_xmit', id: T.BPF_PROG_TYPE_LWT_XMIT, packetAccess: 'write' },
  { ...sock, name: 'sock_ops', id: T.BPF_PROG_TYPE_SOCK_OPS, ctx: 'bpf_sock_ops' },
  { ...skb, name: 'sk_skb', id: T.BPF_PROG_TYPE_SK_SKB, packetAccess: 'write', verdicts: SK_ACTIONS },
  { ...sock, name: 'cgroup_device', plainCtx: true, id: T.BPF_PROG_TYPE_CGROUP_DEVICE, ctx: 'bpf_cgroup_dev_ctx' },
  {
    ...plain,
    name: 'sk_msg',
    id: T.BPF_PROG_TYPE_SK_MSG,
    ctx: 'sk_msg_md',
    packetAccess: 'write',
    verdicts: SK_ACTIONS,
  },
  {
    ...plain,
    name: 'raw_tracepoint',
    plainCtx: true,
    id: T.BPF_PROG_TYPE_RAW_TRACEPOINT,
    ctx: 'bpf_raw_tracepoint_args',
    perfmon: true,
  },
  {
    ...sock,
    name: 'cgroup_sock_addr',
    id: T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
    ctx: 'bpf_sock_addr',
    attach: [
      AT.BPF_CGROUP_INET4_BIND,
      AT.BPF_CGROUP_INET6_BIND,
      AT.BPF_CGROUP_INET4_CONNECT,
      AT.BPF_CGROUP_INET6_CONNECT,
      AT.BPF_CGROUP_UDP4_SENDMSG,
      AT.BPF_CGROUP_UDP6_SENDMSG,
      AT.BPF_CGROUP_UNIX_CONNECT,
      AT.BPF_CGROUP_UNIX_SENDMSG,
      AT.BPF_CGROUP_UDP4_RECVMSG,
      AT.BPF_CGROUP_UDP6_RECVMSG,
      AT.BPF_CGROUP_UNIX_RECVMSG,
      AT.BPF_CGROUP_INET4_GETPEERNAME,
      AT.BPF_CGROUP_INET6_GETPEERNAME,
      AT.BPF_CGROUP_UNIX_GETPEERNAME,
      AT.BPF_CGROUP_INET4_GETSOCKNAME,
      AT.BPF_CGROUP_INET6_GETSOCKNAME,
      AT.BPF_CGROUP_UNIX_GETSOCKNAME,
    ],
    returnsAt: {
      [AT.BPF_CGROUP_INET4_BIND]: BOOL_AND_FLAG,
      [AT.BPF_CGROUP_INET6_BIND]: BOOL_AND_FLAG,
      [AT.BPF_CGROUP_UDP4_RECVMSG]: ONE,
      [AT.BPF_CGROUP_UDP6_RECVMSG]: ONE,
      [AT.BPF_CGROUP_UNIX_RECVMSG]: ONE,
      [AT.BPF_CGROUP_INET4_GETPEERNAME]: ONE,
      [AT.BPF_CGROUP_INET6_GETPEERNAME]: ONE,
      [AT.BPF_CGROUP_UNIX_GETPEERNAME]: ONE,
      [AT.BPF_CGROUP_INET4_GETSOCKNAME]: ONE,
      [AT.BPF_CGROUP_INET6_GETSOCKNAME]: ONE,
      [AT.BPF_CGROUP_UNIX_GETSOCKNAME]: ONE,
    },
  },
  { ...skb, name: 'lwt_seg6local', id: T.BPF_PROG_TYPE_LWT_SEG6LOCAL, packetAccess: 'read' },
  // The reference kernel is built without it; the rest of the row is Linux's source.
  { ...plain, name: 'lirc_mode2', id: T.BPF_PROG_TYPE_LIRC_MODE2, ctx: 'unsigned int' },
  {
    ...plain,
    name: 'sk_reuseport',
    id: T.BPF_PROG_TYPE_SK_REUSEPORT,
    ctx: 'sk_reuseport_md',
    packetAccess: 'read',
    attach: [AT.BPF_SK_REUSEPORT_SELECT, AT.BPF_SK_REUSEPORT_SELECT_OR_MIGRATE],
    attachDefault: AT.BPF_SK_REUSEPORT_SELECT,
    verdicts: SK_ACTIONS,
  },
  { ...skb, name: 'flow_dissector', id: T.BPF_PROG_TYPE_FLOW_DISSECTOR, packetAccess: 'read' },
  { ...sock, name: 'cgroup_sysctl', id: T.BPF_PROG_TYPE_CGROUP_SYSCTL, ctx: 'bpf_sysctl' },
  {
    ...plain,
    name: 'raw_tracepoint_writable',
    plainCtx: true,
    id: T.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
    perfmon: true,
    ctx: 'bpf_raw_tracepoint_args',
  },
  {
    ...sock,
    name: 'cgroup_sockopt',
    id: T.BPF_PROG_TYPE_CGROUP_SOCKOPT,
    ctx: 'bpf_sockopt',
    packetAccess: 'write',
    packetToHelpers: true,
    attach: [AT.BPF_CGROUP_GETSOCKOPT, AT.BPF_CGROUP_SETSOCKOPT],
  },
  {
    ...sock,
    name: 'sk_lookup',
    id: T.BPF_PROG_TYPE_SK_LOOKUP,
    ctx: 'bpf_sk_lookup',
    attach: [AT.BPF_SK_LOOKUP],
    verdicts: SK_ACTIONS,
  },
  {
    ...plain,
    name: 'syscall',
    plainCtx: true,
    id: T.BPF_PROG_TYPE_SYSCALL,
    ctx: 'syscall_args',
    attach: [0],
    sleepable: 'must',
  },
  {
    ...plain,
    name: 'tracing',
    id: T.BPF_PROG_TYPE_TRACING,
    ctx: 'void',
    plainCtx: true,
    perfmon: true,
    attach: [AT.BPF_TRACE_RAW_TP, AT.BPF_TRACE_FENTRY, AT.BPF_TRACE_FEXIT, AT.BPF_MODIFY_RETURN, AT.BPF_TRACE_ITER],
    sleepable: 'may',
    neverSleepsAt: [AT.BPF_TRACE_RAW_TP],
    returnsAt: { [AT.BPF_TRACE_FENTRY]: ZERO, [AT.BPF_TRACE_FEXIT]: ZERO, [AT.BPF_TRACE_ITER]: BOOL },
  },
  {
    ...plain,
    name: 'lsm',
    id: T.BPF_PROG_TYPE_LSM,
    ctx: 'void',
    plainCtx: true,
    perfmon: true,
    attach: [AT.BPF_LSM_MAC, AT.BPF_LSM_CGROUP],
    sleepable: 'may',
    neverSleepsAt: [AT.BPF_LSM_CGROUP],
    returnsAt: { [AT.BPF_LSM_CGROUP]: BOOL },
  },
  {
    ...plain,
    name: 'struct_ops',
    id: T.BPF_PROG_TYPE_STRUCT_OPS,
    ctx: 'void',
    plainCtx: true,
    perfmon: true,
    sleepable: 'may',
  },
  // It is verified as a program of its target's type.
  { ...plain, name: 'ext', id: T.BPF_PROG_TYPE_EXT, ctx: 'void', perfmon: true, attach: [0] },
  {
    ...plain,
    name: 'netfilter',
    plainCtx: true,
    id: T.BPF_PROG_TYPE_NETFILTER,
    ctx: 'bpf_nf_ctx',
    attach: [AT.BPF_NETFILTER],
    returns: BOOL,
    verdicts: ['NF_DROP', 'NF_ACCEPT'],
  },
] as const satisfies readonly ProgTypeRow[];

const byName = new Map<string, ProgTypeRow>(PROG_TYPES.map((r) => [r.name, r]));
const byId = new Map<number, ProgTypeRow>(PROG_TYPES.map((r) => [r.id, r]));

export function progTypeByName(name: string): ProgTypeRow | undefined {
  return byName.get(name);
}

export function progTypeById(id: number): ProgTypeRow | undefined {
  return byId.get(id);
}

/** The attach type that a load means (kernel bpf_prog_load_fixup_attach_type). */
export function attachTypeOf(type: ProgTypeRow, expected: number): number {
  return expected === 0 ? (type.attachDefault ?? 0) : expected;
}

/** Results that a program of this type and attach type may return; null = any. */
export function returnRange(type: ProgTypeRow, attach: number): ReturnRange | null {
  return type.returnsAt?.[attach] ?? type.returns ?? null;
}
