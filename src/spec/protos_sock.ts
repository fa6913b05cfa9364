// Prototypes: sockets, TCP, socket maps, sock_ops and cgroup hooks (net/core/filter.c, sock_map.c, bpf_sk_storage.c).

import { BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import type { ProtoRows } from './proto.ts';

/** Bound to the kernel's BTF. */
const BOUND = [T.BPF_PROG_TYPE_TRACING, T.BPF_PROG_TYPE_LSM, T.BPF_PROG_TYPE_STRUCT_OPS];

export const SOCK_PROTOS = {
  bpf_sk_lookup_tcp: {
    id: 84,
    args: ['ctx', 'mem_rdonly', 'size_or_zero', 'u64', 'u64'],
    ret: 'socket_or_null',
    pktAccess: true,
    acquires: true,
  },
  bpf_sk_lookup_udp: {
    id: 85,
    args: ['ctx', 'mem_rdonly', 'size_or_zero', 'u64', 'u64'],
    ret: 'socket_or_null',
    pktAccess: true,
    acquires: true,
  },
  bpf_skc_lookup_tcp: {
    id: 99,
    args: ['ctx', 'mem_rdonly', 'size_or_zero', 'u64', 'u64'],
    ret: 'sock_common_or_null',
    pktAccess: true,
    acquires: true,
  },
  bpf_sk_release: { id: 86, args: ['btf_id_sock_common'], ret: 's32', releases: 1 },
  bpf_sk_fullsock: { id: 95, args: ['sock_common'], ret: 'socket_or_null' },
  bpf_tcp_sock: { id: 96, args: ['sock_common'], ret: 'tcp_sock_or_null' },
  bpf_get_listener_sock: { id: 98, args: ['sock_common'], ret: 'socket_or_null' },
  bpf_sk_assign: {
    id: 124,
    args: ['ctx', 'btf_id_sock_common', 'u64'],
    ret: 's32',
    variants: [{ types: [T.BPF_PROG_TYPE_SK_LOOKUP], args: ['ctx', 'socket_or_null', 'u64'] }],
  },
  bpf_sk_storage_get: {
    id: 107,
    args: ['const_map_ptr', 'btf_id_sock_common', 'map_value_or_null', 'u64'],
    ret: 'map_value_or_null',
    variants: [
      { types: [T.BPF_PROG_TYPE_CGROUP_SOCK], args: ['const_map_ptr', 'ctx', 'map_value_or_null', 'u64'] },
      {
        types: [T.BPF_PROG_TYPE_SYSCALL, T.BPF_PROG_TYPE_TRACING],
        args: ['const_map_ptr', 'btf_id_or_null', 'map_value_or_null', 'u64'],
        btf: ['', 'sock_common'],
      },
    ],
  },
  bpf_sk_storage_delete: {
    id: 108,
    args: ['const_map_ptr', 'btf_id_sock_common'],
    ret: 's32',
    variants: [
      {
        types: [T.BPF_PROG_TYPE_SYSCALL, T.BPF_PROG_TYPE_TRACING],
        args: ['const_map_ptr', 'btf_id_or_null'],
        btf: ['', 'sock_common'],
      },
    ],
  },
  bpf_sk_cgroup_id: { id: 128, args: ['btf_id_sock_common'], ret: 'u64' },
  bpf_sk_ancestor_cgroup_id: { id: 129, args: ['btf_id_sock_common', 's32'], ret: 'u64' },
  bpf_get_socket_cookie: {
    id: 46,
    args: ['ctx'],
    ret: 'u64',
    variants: [
      {
        types: [T.BPF_PROG_TYPE_SK_REUSEPORT, T.BPF_PROG_TYPE_SYSCALL, T.BPF_PROG_TYPE_TRACING, T.BPF_PROG_TYPE_LSM],
        args: ['btf_id_sock_common_or_null'],
      },
    ],
  },
  bpf_get_socket_uid: { id: 47, args: ['ctx'], ret: 'u32' },
  bpf_get_netns_cookie: { id: 122, args: ['ctx_or_null'], ret: 'u64' },
  bpf_bind: { id: 64, args: ['ctx', 'mem_rdonly', 'size'], ret: 's32' },
  bpf_setsockopt: {
    id: 49,
    args: ['ctx', 's32', 's32', 'mem_rdonly', 'size'],
    ret: 's32',
    variants: [
      {
        types: [T.BPF_PROG_TYPE_CGROUP_SOCKOPT, ...BOUND],
        args: ['btf_id_sock_common', 's32', 's32', 'mem_rdonly', 'size'],
      },
    ],
  },
  bpf_getsockopt: {
    id: 57,
    args: ['ctx', 's32', 's32', 'uninit_mem', 'size'],
    ret: 's32',
    variants: [
      {
        types: [T.BPF_PROG_TYPE_CGROUP_SOCKOPT, ...BOUND],
        args: ['btf_id_sock_common', 's32', 's32', 'uninit_mem', 'size'],
      },
    ],
  },

  bpf_tcp_check_syncookie: {
    id: 100,
    args: ['btf_id_sock_common', 'mem_rdonly', 'size', 'mem_rdonly', 'size'],
    ret: 's32',
    gpl: true,
    pktAccess: true,
  },
  bpf_tcp_gen_syncookie: {
    id: 110,
    args: ['btf_id_sock_common', 'mem_rdonly', 'size', 'mem_rdonly', 'size'],
    ret: 's64',
    gpl: true,
    pktAccess: true,
  },
  bpf_tcp_raw_gen_syncookie_ipv4: {
    id: 204,
    args: ['fixed_mem_rdonly', 'mem_rdonly', 'size_or_zero'],
    sizes: [20],
    ret: 's64',
    gpl: true,
    pktAccess: true,
  },
  bpf_tcp_raw_gen_syncookie_ipv6: {
    id: 205,
    args: ['fixed_mem_rdonly', 'mem_rdonly', 'size_or_zero'],
    sizes: [40],
    ret: 's64',
    gpl: true,
    pktAccess: true,
  },
  bpf_tcp_raw_check_syncookie_ipv4: {
    id: 206,
    args: ['fixed_mem_rdonly', 'fixed_mem_rdonly'],
    sizes: [20, 20],
    ret: 's32',
    gpl: true,
    pktAccess: true,
  },
  bpf_tcp_raw_check_syncookie_ipv6: {
    id: 207,
    args: ['fixed_mem_rdonly', 'fixed_mem_rdonly'],
    sizes: [40, 20],
    ret: 's32',
    gpl: true,
    pktAccess: true,
  },
  bpf_tcp_send_ack: { id: 116, args: ['btf_id', 'u32'], btf: ['tcp_sock'], ret: 's32' },
  bpf_skc_to_tcp6_sock: { id: 136, args: ['btf_id_sock_common'], ret: 'btf_id_or_null', retBtf: 'tcp6_sock' },
  bpf_skc_to_tcp_sock: { id: 137, args: ['btf_id_sock_common'], ret: 'btf_id_or_null', retBtf: 'tcp_sock' },
  bpf_skc_to_tcp_timewait_sock: {
    id: 138,
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    retBtf: 'tcp_timewait_sock',
  },
  bpf_skc_to_tcp_request_sock: {
    id: 139,
    args: ['btf_id_sock_common'],
    ret: 'btf_id_or_null',
    retBtf: 'tcp_request_sock',
  },
  bpf_skc_to_udp6_sock: { id: 140, args: ['btf_id_sock_common'], ret: 'btf_id_or_null', retBtf: 'udp6_sock' },
  bpf_skc_to_unix_sock: { id: 178, args: ['btf_id_sock_common'], ret: 'btf_id_or_null', retBtf: 'unix_sock' },
  bpf_skc_to_mptcp_sock: { id: 196, args: ['sock_common'], ret: 'btf_id_or_null', retBtf: 'mptcp_sock' },

  bpf_sk_redirect_map: { id: 52, args: ['ctx', 'const_map_ptr', 'u32', 'u64'], ret: 's32' },
  bpf_sk_redirect_hash: { id: 72, args: ['ctx', 'const_map_ptr', 'map_key', 'u64'], ret: 's32' },
  bpf_msg_redirect_map: { id: 60, args: ['ctx', 'const_map_ptr', 'u32', 'u64'], ret: 's32' },
  bpf_msg_redirect_hash: { id: 71, args: ['ctx', 'const_map_ptr', 'map_key', 'u64'], ret: 's32' },
  bpf_sock_map_update: { id: 53, args: ['ctx', 'const_map_ptr', 'map_key', 'u64'], ret: 's32', pktAccess: true },
  bpf_sock_hash_update: { id: 70, args: ['ctx', 'const_map_ptr', 'map_key', 'u64'], ret: 's32', pktAccess: true },
  bpf_sk_select_reuseport: { id: 82, args: ['ctx', 'const_map_ptr', 'map_key', 'u64'], ret: 's32' },
  bpf_msg_apply_bytes: { id: 61, args: ['ctx', 'u32'], ret: 's32' },
  bpf_msg_cork_bytes: { id: 62, args: ['ctx', 'u32'], ret: 's32' },
  bpf_msg_pull_data: { id: 63, args: ['ctx', 'u32', 'u32', 'u64'], ret: 's32', changesPacket: true },
  bpf_msg_push_data: { id: 90, args: ['ctx', 'u32', 'u32', 'u64'], ret: 's32', changesPacket: true },
  bpf_msg_pop_data: { id: 91, args: ['ctx', 'u32', 'u32', 'u64'], ret: 's32', changesPacket: true },

  bpf_sock_ops_cb_flags_set: { id: 59, args: ['ctx', 's32'], ret: 's32' },
  bpf_load_hdr_opt: { id: 142, args: ['ctx', 'mem_write', 'size', 'u64'], ret: 's32' },
  bpf_store_hdr_opt: { id: 143, args: ['ctx', 'mem_rdonly', 'size', 'u64'], ret: 's32', changesPacket: true },
  bpf_reserve_hdr_opt: { id: 144, args: ['ctx', 'u32', 'u64'], ret: 's32' },
} as const satisfies ProtoRows;
