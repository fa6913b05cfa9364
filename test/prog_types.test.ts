// Program types in the verifier: attach types that load, results that are allowed, packets that may be written, ld_abs;
// and which section of an object means which type. The texts are those of Linux 6.18.
import { describe, expect, it } from 'vitest';
import { asm } from '../src/isa/asm.ts';
import { sectionDef } from '../src/loader/sections.ts';
import { PROG_TYPES, progTypeByName } from '../src/spec/prog_types.ts';
import { BPF_ATTACH_TYPE as AT } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';

function verdict(type: string, attach: number, text: string, flags = 0) {
  const result = verify({
    name: 't',
    type: progTypeByName(type)!.id,
    expectedAttachType: attach,
    flags,
    license: 'GPL',
    insns: asm(`${text}\nexit`).insns,
    maps: [],
    mapRefs: new Map(),
  });
  return result.ok ? 'accept' : result.error.message;
}

const result = (has: string, range: string) =>
  `At program exit the register R0 has ${has} should have been in ${range}`;

describe('what a program returns', () => {
  it.each([
    ['socket_filter', 0, 'r0 = 77', 'accept'],
    ['xdp', AT.BPF_XDP, 'call 7', 'accept'],
    ['xdp', AT.BPF_XDP, 'r0 = r10', 'accept'],
    ['cgroup_skb', AT.BPF_CGROUP_INET_INGRESS, 'r0 = 1', 'accept'],
    ['cgroup_skb', AT.BPF_CGROUP_INET_INGRESS, 'r0 = 2', result('smin=2 smax=2', '[0, 1]')],
    ['cgroup_skb', AT.BPF_CGROUP_INET_EGRESS, 'r0 = 3', 'accept'],
    ['cgroup_skb', AT.BPF_CGROUP_INET_EGRESS, 'r0 = 4', result('smin=4 smax=4', '[0, 3]')],
    ['cgroup_skb', 0, 'call 7', result('unknown scalar value', '[0, 1]')],
    ['cgroup_skb', 0, 'r0 = *(u32 *)(r1 + 0)', result('smin=0 smax=4294967295', '[0, 1]')],
    ['cgroup_skb', 0, 'r0 = *(u32 *)(r1 + 0)\nr0 &= 1', 'accept'],
    ['cgroup_skb', 0, 'r0 = r1', 'At program exit the register R0 is not a known value (ctx)'],
    ['cgroup_sock_addr', AT.BPF_CGROUP_INET4_BIND, 'r0 = 3', 'accept'],
    ['cgroup_sock_addr', AT.BPF_CGROUP_INET4_CONNECT, 'r0 = 3', result('smin=3 smax=3', '[0, 1]')],
    ['cgroup_sock_addr', AT.BPF_CGROUP_UDP4_RECVMSG, 'r0 = 0', result('smin=0 smax=0', '[1, 1]')],
    ['cgroup_sock_addr', AT.BPF_CGROUP_UNIX_GETPEERNAME, 'r0 = 1', 'accept'],
    ['kprobe', 0, 'r0 = 5', 'accept'],
    ['kprobe', AT.BPF_TRACE_KPROBE_SESSION, 'r0 = 5', result('smin=5 smax=5', '[0, 1]')],
    ['sk_lookup', AT.BPF_SK_LOOKUP, 'r0 = -1', result('smin=-1 smax=-1', '[0, 1]')],
    ['netfilter', AT.BPF_NETFILTER, 'r0 = 2', result('smin=2 smax=2', '[0, 1]')],
  ])('%s/%i %j: %s', (type, attach, text, expected) => {
    expect(verdict(type, attach, text)).toBe(expected);
  });
});

describe('what loads', () => {
  it.each([
    ['cgroup_skb', AT.BPF_CGROUP_INET_EGRESS, 'accept'],
    ['cgroup_skb', AT.BPF_SK_LOOKUP, 'expected_attach_type 36 is none of cgroup_skb programs'],
    ['cgroup_sock', 0, 'accept'],
    ['cgroup_sock_addr', 0, 'expected_attach_type 0 is none of cgroup_sock_addr programs'],
    ['xdp', AT.BPF_CGROUP_SYSCTL, 'accept'],
    ['sk_reuseport', 0, 'accept'],
  ])('%s with attach type %i: %s', (type, attach, expected) => {
    expect(verdict(type, attach, 'r0 = 0')).toBe(expected);
  });

  it('sleepable programs of few types', () => {
    const refused = 'Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable';
    expect(verdict('xdp', 0, 'r0 = 0', 16)).toBe(refused);
    expect(verdict('kprobe', 0, 'r0 = 0', 16)).toBe('accept');
    expect(verdict('syscall', 0, 'r0 = 0', 16)).toBe('accept');
    expect(verdict('syscall', 0, 'r0 = 0')).toBe('Syscall programs can only be sleepable');
  });
});

const PROVE = 'r2 = *(u32 *)(r1 + 76)\nr3 = *(u32 *)(r1 + 80)\nr4 = r2\nr4 += 8\nr0 = 0\nif r4 > r3 goto +1\n';

describe('packets', () => {
  it.each([
    ['sched_cls', 'accept'],
    ['lwt_xmit', 'accept'],
    ['sk_skb', 'accept'],
    ['lwt_in', 'cannot write into packet'],
    ['cgroup_skb', 'cannot write into packet'],
    ['flow_dissector', 'cannot write into packet'],
    ['socket_filter', 'invalid bpf_context access off=76 size=4'],
  ])('%s writes its packet: %s', (type, expected) => {
    expect(verdict(type, 0, `${PROVE}*(u8 *)(r2 + 7) = 1`)).toBe(expected);
    if (type !== 'socket_filter') expect(verdict(type, 0, `${PROVE}r5 = *(u8 *)(r2 + 7)`)).toBe('accept');
  });

  it.each([
    ['socket_filter', 'accept'],
    ['sched_act', 'accept'],
    ['cgroup_skb', 'BPF_LD_[ABS|IND] instructions not allowed for this program type'],
    ['lwt_in', 'BPF_LD_[ABS|IND] instructions not allowed for this program type'],
    ['tracepoint', 'BPF_LD_[ABS|IND] instructions not allowed for this program type'],
  ])('%s and ld_abs: %s', (type, expected) => {
    expect(verdict(type, 0, 'r6 = r1\nr0 = *(u8 *)skb[0]\nr0 = 0')).toBe(expected);
  });
});

describe('sections', () => {
  it.each([
    ['socket', 'socket_filter', 0, 0],
    ['socket/http', 'socket_filter', 0, 0],
    ['tc', 'sched_cls', 0, 0],
    ['tc/ingress', 'sched_cls', AT.BPF_TCX_INGRESS, 0],
    ['classifier/main', 'sched_cls', 0, 0],
    ['action', 'sched_act', 0, 0],
    ['kprobe/do_unlinkat', 'kprobe', 0, 0],
    ['kretprobe/x', 'kprobe', 0, 0],
    ['uprobe.s/x', 'kprobe', 0, 16],
    ['kprobe.session/x', 'kprobe', AT.BPF_TRACE_KPROBE_SESSION, 0],
    ['tracepoint/sched/sched_switch', 'tracepoint', 0, 0],
    ['tp/x/y', 'tracepoint', 0, 0],
    ['raw_tp/x', 'raw_tracepoint', 0, 0],
    ['raw_tp.w/x', 'raw_tracepoint_writable', 0, 0],
    ['xdp', 'xdp', AT.BPF_XDP, 0],
    ['xdp.frags/devmap', 'xdp', AT.BPF_XDP_DEVMAP, 32],
    ['cgroup_skb/egress', 'cgroup_skb', AT.BPF_CGROUP_INET_EGRESS, 0],
    ['cgroup/skb', 'cgroup_skb', 0, 0],
    ['cgroup/connect4', 'cgroup_sock_addr', AT.BPF_CGROUP_INET4_CONNECT, 0],
    ['cgroup/connect_unix', 'cgroup_sock_addr', AT.BPF_CGROUP_UNIX_CONNECT, 0],
    ['cgroup/sock', 'cgroup_sock', AT.BPF_CGROUP_INET_SOCK_CREATE, 0],
    ['cgroup/sock_release', 'cgroup_sock', AT.BPF_CGROUP_INET_SOCK_RELEASE, 0],
    ['sk_skb/stream_verdict', 'sk_skb', AT.BPF_SK_SKB_STREAM_VERDICT, 0],
    ['sockops', 'sock_ops', AT.BPF_CGROUP_SOCK_OPS, 0],
    ['lwt_xmit', 'lwt_xmit', 0, 0],
    ['perf_event', 'perf_event', 0, 0],
    ['syscall', 'syscall', 0, 16],
    ['fentry', 'tracing', AT.BPF_TRACE_FENTRY, 0],
    ['iter.s', 'tracing', AT.BPF_TRACE_ITER, 16],
    ['lsm.s', 'lsm', AT.BPF_LSM_MAC, 16],
    ['lsm_cgroup', 'lsm', AT.BPF_LSM_CGROUP, 0],
    ['struct_ops.s/init', 'struct_ops', 0, 16],
  ])('%s: %s', (section, type, expectedAttachType, flags) => {
    expect(sectionDef(section)).toEqual({ type: progTypeByName(type)!.id, expectedAttachType, flags, autoload: true });
    expect(sectionDef(`?${section}`).autoload).toBe(false);
  });

  it('name what tracing programs are bound to', () => {
    const to = (section: string) => sectionDef(section).attachTo;
    expect(to('tp_btf/sched_switch')).toEqual({ kind: 'typedef', name: 'btf_trace_sched_switch' });
    expect(to('iter.s/task')).toEqual({ kind: 'func', name: 'bpf_iter_task' });
    expect(to('fexit/vfs_read')).toEqual({ kind: 'func', name: 'vfs_read' });
    expect(to('lsm.s/file_open')).toEqual({ kind: 'func', name: 'bpf_lsm_file_open' });
  });

  it('of no type', () => {
    for (const name of ['tcpdump', 'maps']) {
      expect(sectionDef(name).type, name).toBeNull();
    }
  });

  it('number every program type once', () => {
    const numbers = PROG_TYPES.map((row) => row.id);
    expect(new Set(numbers).size).toBe(PROG_TYPES.length);
  });
});
