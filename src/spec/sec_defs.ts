// Which sections of an object file hold programs of which type (libbpf's section_defs). A row stands for its name alone
// and for `name/...`: where libbpf 1.x wants the name alone, its earlier versions took more, and objects count on it. More
// specific rows stand first.

import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';

export interface SecDef {
  readonly section: string;
  /** UAPI bpf_prog_type. */
  readonly type: number;
  readonly attach: number;
  /** BPF_F_* of the load. */
  readonly flags: number;
}

const SLEEPABLE = 16;
const XDP_FRAGS = 32;

function sec(section: string, type: number, attach = 0, flags = 0): SecDef {
  return { section, type, attach, flags };
}

function sockAddr(section: string, attach: number): SecDef {
  return sec(`cgroup/${section}`, T.BPF_PROG_TYPE_CGROUP_SOCK_ADDR, attach);
}

const KPROBE = T.BPF_PROG_TYPE_KPROBE;
const TRACING = T.BPF_PROG_TYPE_TRACING;

const SEC_DEFS: readonly SecDef[] = [
  sec('raw', -1),
  sec('socket', T.BPF_PROG_TYPE_SOCKET_FILTER),
  sec('sk_reuseport/migrate', T.BPF_PROG_TYPE_SK_REUSEPORT, AT.BPF_SK_REUSEPORT_SELECT_OR_MIGRATE),
  sec('sk_reuseport', T.BPF_PROG_TYPE_SK_REUSEPORT, AT.BPF_SK_REUSEPORT_SELECT),
  sec('kprobe', KPROBE),
  sec('uprobe', KPROBE),
  sec('uprobe.s', KPROBE, 0, SLEEPABLE),
  sec('kretprobe', KPROBE),
  sec('uretprobe', KPROBE),
  sec('uretprobe.s', KPROBE, 0, SLEEPABLE),
  sec('kprobe.multi', KPROBE, AT.BPF_TRACE_KPROBE_MULTI),
  sec('kretprobe.multi', KPROBE, AT.BPF_TRACE_KPROBE_MULTI),
  sec('kprobe.session', KPROBE, AT.BPF_TRACE_KPROBE_SESSION),
  sec('uprobe.multi', KPROBE, AT.BPF_TRACE_UPROBE_MULTI),
  sec('uretprobe.multi', KPROBE, AT.BPF_TRACE_UPROBE_MULTI),
  sec('uprobe.session', KPROBE, AT.BPF_TRACE_UPROBE_SESSION),
  sec('uprobe.multi.s', KPROBE, AT.BPF_TRACE_UPROBE_MULTI, SLEEPABLE),
  sec('uretprobe.multi.s', KPROBE, AT.BPF_TRACE_UPROBE_MULTI, SLEEPABLE),
  sec('uprobe.session.s', KPROBE, AT.BPF_TRACE_UPROBE_SESSION, SLEEPABLE),
  sec('ksyscall', KPROBE),
  sec('kretsyscall', KPROBE),
  sec('usdt', KPROBE),
  sec('usdt.s', KPROBE, 0, SLEEPABLE),
  sec('tc/ingress', T.BPF_PROG_TYPE_SCHED_CLS, AT.BPF_TCX_INGRESS),
  sec('tc/egress', T.BPF_PROG_TYPE_SCHED_CLS, AT.BPF_TCX_EGRESS),
  sec('tcx/ingress', T.BPF_PROG_TYPE_SCHED_CLS, AT.BPF_TCX_INGRESS),
  sec('tcx/egress', T.BPF_PROG_TYPE_SCHED_CLS, AT.BPF_TCX_EGRESS),
  sec('netkit/primary', T.BPF_PROG_TYPE_SCHED_CLS, AT.BPF_NETKIT_PRIMARY),
  sec('netkit/peer', T.BPF_PROG_TYPE_SCHED_CLS, AT.BPF_NETKIT_PEER),
  sec('tc', T.BPF_PROG_TYPE_SCHED_CLS),
  sec('classifier', T.BPF_PROG_TYPE_SCHED_CLS),
  sec('action', T.BPF_PROG_TYPE_SCHED_ACT),
  sec('tracepoint', T.BPF_PROG_TYPE_TRACEPOINT),
  sec('tp', T.BPF_PROG_TYPE_TRACEPOINT),
  sec('raw_tracepoint', T.BPF_PROG_TYPE_RAW_TRACEPOINT),
  sec('raw_tp', T.BPF_PROG_TYPE_RAW_TRACEPOINT),
  sec('raw_tracepoint.w', T.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE),
  sec('raw_tp.w', T.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE),
  sec('tp_btf', TRACING, AT.BPF_TRACE_RAW_TP),
  sec('fentry', TRACING, AT.BPF_TRACE_FENTRY),
  sec('fmod_ret', TRACING, AT.BPF_MODIFY_RETURN),
  sec('fexit', TRACING, AT.BPF_TRACE_FEXIT),
  sec('fentry.s', TRACING, AT.BPF_TRACE_FENTRY, SLEEPABLE),
  sec('fmod_ret.s', TRACING, AT.BPF_MODIFY_RETURN, SLEEPABLE),
  sec('fexit.s', TRACING, AT.BPF_TRACE_FEXIT, SLEEPABLE),
  sec('iter', TRACING, AT.BPF_TRACE_ITER),
  sec('iter.s', TRACING, AT.BPF_TRACE_ITER, SLEEPABLE),
  sec('freplace', T.BPF_PROG_TYPE_EXT),
  sec('lsm', T.BPF_PROG_TYPE_LSM, AT.BPF_LSM_MAC),
  sec('lsm.s', T.BPF_PROG_TYPE_LSM, AT.BPF_LSM_MAC, SLEEPABLE),
  sec('lsm_cgroup', T.BPF_PROG_TYPE_LSM, AT.BPF_LSM_CGROUP),
  sec('struct_ops', T.BPF_PROG_TYPE_STRUCT_OPS),
  sec('struct_ops.s', T.BPF_PROG_TYPE_STRUCT_OPS, 0, SLEEPABLE),
  sec('syscall', T.BPF_PROG_TYPE_SYSCALL, 0, SLEEPABLE),
  sec('xdp.frags/devmap', T.BPF_PROG_TYPE_XDP, AT.BPF_XDP_DEVMAP, XDP_FRAGS),
  sec('xdp/devmap', T.BPF_PROG_TYPE_XDP, AT.BPF_XDP_DEVMAP),
  sec('xdp.frags/cpumap', T.BPF_PROG_TYPE_XDP, AT.BPF_XDP_CPUMAP, XDP_FRAGS),
  sec('xdp/cpumap', T.BPF_PROG_TYPE_XDP, AT.BPF_XDP_CPUMAP),
  sec('xdp.frags', T.BPF_PROG_TYPE_XDP, AT.BPF_XDP, XDP_FRAGS),
  sec('xdp', T.BPF_PROG_TYPE_XDP, AT.BPF_XDP),
  sec('perf_event', T.BPF_PROG_TYPE_PERF_EVENT),
  sec('lwt_in', T.BPF_PROG_TYPE_LWT_IN),
  sec('lwt_out', T.BPF_PROG_TYPE_LWT_OUT),
  sec('lwt_xmit', T.BPF_PROG_TYPE_LWT_XMIT),
  sec('lwt_seg6local', T.BPF_PROG_TYPE_LWT_SEG6LOCAL),
  sec('sockops', T.BPF_PROG_TYPE_SOCK_OPS, AT.BPF_CGROUP_SOCK_OPS),
  sec('sk_skb/stream_parser', T.BPF_PROG_TYPE_SK_SKB, AT.BPF_SK_SKB_STREAM_PARSER),
  sec('sk_skb/stream_verdict', T.BPF_PROG_TYPE_SK_SKB, AT.BPF_SK_SKB_STREAM_VERDICT),
  sec('sk_skb/verdict', T.BPF_PROG_TYPE_SK_SKB, AT.BPF_SK_SKB_VERDICT),
  sec('sk_skb', T.BPF_PROG_TYPE_SK_SKB),
  sec('sk_msg', T.BPF_PROG_TYPE_SK_MSG, AT.BPF_SK_MSG_VERDICT),
  sec('lirc_mode2', T.BPF_PROG_TYPE_LIRC_MODE2, AT.BPF_LIRC_MODE2),
  sec('flow_dissector', T.BPF_PROG_TYPE_FLOW_DISSECTOR, AT.BPF_FLOW_DISSECTOR),
  sec('cgroup_skb/ingress', T.BPF_PROG_TYPE_CGROUP_SKB, AT.BPF_CGROUP_INET_INGRESS),
  sec('cgroup_skb/egress', T.BPF_PROG_TYPE_CGROUP_SKB, AT.BPF_CGROUP_INET_EGRESS),
  sec('cgroup/skb', T.BPF_PROG_TYPE_CGROUP_SKB),
  sec('cgroup/sock_create', T.BPF_PROG_TYPE_CGROUP_SOCK, AT.BPF_CGROUP_INET_SOCK_CREATE),
  sec('cgroup/sock_release', T.BPF_PROG_TYPE_CGROUP_SOCK, AT.BPF_CGROUP_INET_SOCK_RELEASE),
  sec('cgroup/sock', T.BPF_PROG_TYPE_CGROUP_SOCK, AT.BPF_CGROUP_INET_SOCK_CREATE),
  sec('cgroup/post_bind4', T.BPF_PROG_TYPE_CGROUP_SOCK, AT.BPF_CGROUP_INET4_POST_BIND),
  sec('cgroup/post_bind6', T.BPF_PROG_TYPE_CGROUP_SOCK, AT.BPF_CGROUP_INET6_POST_BIND),
  sockAddr('bind4', AT.BPF_CGROUP_INET4_BIND),
  sockAddr('bind6', AT.BPF_CGROUP_INET6_BIND),
  sockAddr('connect4', AT.BPF_CGROUP_INET4_CONNECT),
  sockAddr('connect6', AT.BPF_CGROUP_INET6_CONNECT),
  sockAddr('connect_unix', AT.BPF_CGROUP_UNIX_CONNECT),
  sockAddr('sendmsg4', AT.BPF_CGROUP_UDP4_SENDMSG),
  sockAddr('sendmsg6', AT.BPF_CGROUP_UDP6_SENDMSG),
  sockAddr('sendmsg_unix', AT.BPF_CGROUP_UNIX_SENDMSG),
  sockAddr('recvmsg4', AT.BPF_CGROUP_UDP4_RECVMSG),
  sockAddr('recvmsg6', AT.BPF_CGROUP_UDP6_RECVMSG),
  sockAddr('recvmsg_unix', AT.BPF_CGROUP_UNIX_RECVMSG),
  sockAddr('getpeername4', AT.BPF_CGROUP_INET4_GETPEERNAME),
  sockAddr('getpeername6', AT.BPF_CGROUP_INET6_GETPEERNAME),
  sockAddr('getpeername_unix', AT.BPF_CGROUP_UNIX_GETPEERNAME),
  sockAddr('getsockname4', AT.BPF_CGROUP_INET4_GETSOCKNAME),
  sockAddr('getsockname6', AT.BPF_CGROUP_INET6_GETSOCKNAME),
  sockAddr('getsockname_unix', AT.BPF_CGROUP_UNIX_GETSOCKNAME),
  sec('cgroup/sysctl', T.BPF_PROG_TYPE_CGROUP_SYSCTL, AT.BPF_CGROUP_SYSCTL),
  sec('cgroup/getsockopt', T.BPF_PROG_TYPE_CGROUP_SOCKOPT, AT.BPF_CGROUP_GETSOCKOPT),
  sec('cgroup/setsockopt', T.BPF_PROG_TYPE_CGROUP_SOCKOPT, AT.BPF_CGROUP_SETSOCKOPT),
  sec('cgroup/dev', T.BPF_PROG_TYPE_CGROUP_DEVICE, AT.BPF_CGROUP_DEVICE),
  sec('sk_lookup', T.BPF_PROG_TYPE_SK_LOOKUP, AT.BPF_SK_LOOKUP),
  sec('netfilter', T.BPF_PROG_TYPE_NETFILTER, AT.BPF_NETFILTER),
];

/** The row for a section's name (without a leading `?`), e.g. 'xdp/firewall' -> xdp. */
export function secDef(section: string): SecDef | undefined {
  return SEC_DEFS.find((def) => section === def.section || section.startsWith(`${def.section}/`));
}
