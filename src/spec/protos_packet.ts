// Prototypes: packets in __sk_buff and xdp_md, lightweight tunnels, checksums (net/core/filter.c).

import { BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import type { ProtoRows } from './proto.ts';

const mtuLen = [0, 0, 4] as const;

export const PACKET_PROTOS = {
  bpf_skb_store_bytes: {
    id: 9,
    args: ['ctx', 'u32', 'mem_rdonly', 'size', 'u64'],
    ret: 's32',
    changesPacket: true,
  },
  bpf_skb_load_bytes: { id: 26, args: ['ctx', 'u32', 'uninit_mem', 'size'], ret: 's32' },
  bpf_skb_load_bytes_relative: { id: 68, args: ['ctx', 'u32', 'uninit_mem', 'size', 'u32'], ret: 's32' },
  bpf_l3_csum_replace: { id: 10, args: ['ctx', 'u32', 'u64', 'u64', 'u64'], ret: 's32', changesPacket: true },
  bpf_l4_csum_replace: { id: 11, args: ['ctx', 'u32', 'u64', 'u64', 'u64'], ret: 's32', changesPacket: true },
  bpf_csum_diff: {
    id: 28,
    args: ['mem_rdonly_or_null', 'size_or_zero', 'mem_rdonly_or_null', 'size_or_zero', 'u32'],
    ret: 's64',
    pktAccess: true,
  },
  bpf_csum_update: { id: 40, args: ['ctx', 'u32'], ret: 's64' },
  bpf_csum_level: { id: 135, args: ['ctx', 'u64'], ret: 's32' },
  bpf_skb_vlan_push: { id: 18, args: ['ctx', 'u32', 'u32'], ret: 's32', changesPacket: true },
  bpf_skb_vlan_pop: { id: 19, args: ['ctx'], ret: 's32', changesPacket: true },
  bpf_skb_change_proto: { id: 31, args: ['ctx', 'u32', 'u64'], ret: 's32', changesPacket: true },
  bpf_skb_change_type: { id: 32, args: ['ctx', 'u32'], ret: 's32' },
  bpf_skb_change_tail: { id: 38, args: ['ctx', 'u32', 'u64'], ret: 's32', changesPacket: true },
  bpf_skb_change_head: { id: 43, args: ['ctx', 'u32', 'u64'], ret: 's32', changesPacket: true },
  bpf_skb_pull_data: { id: 39, args: ['ctx', 'u32'], ret: 's32', changesPacket: true },
  bpf_skb_adjust_room: { id: 50, args: ['ctx', 's32', 'u32', 'u64'], ret: 's32', changesPacket: true },
  bpf_skb_get_tunnel_key: { id: 20, args: ['ctx', 'uninit_mem', 'size', 'u64'], ret: 's32' },
  bpf_skb_set_tunnel_key: { id: 21, args: ['ctx', 'mem_rdonly', 'size', 'u64'], ret: 's32' },
  bpf_skb_get_tunnel_opt: { id: 29, args: ['ctx', 'uninit_mem', 'size'], ret: 's32' },
  bpf_skb_set_tunnel_opt: { id: 30, args: ['ctx', 'mem_rdonly', 'size'], ret: 's32' },
  bpf_skb_get_xfrm_state: { id: 66, args: ['ctx', 'u32', 'uninit_mem', 'size', 'u64'], ret: 's32' },
  bpf_skb_ecn_set_ce: { id: 97, args: ['ctx'], ret: 's32' },
  bpf_skb_set_tstamp: { id: 192, args: ['ctx', 'u64', 'u32'], ret: 's32' },
  bpf_get_hash_recalc: { id: 34, args: ['ctx'], ret: 'u32' },
  bpf_set_hash_invalid: { id: 41, args: ['ctx'], ret: 's32' },
  bpf_set_hash: { id: 48, args: ['ctx', 'u32'], ret: 's32' },
  bpf_get_route_realm: { id: 24, args: ['ctx'], ret: 'u32' },
  // Of the packet's socket in traffic control and tunnels, of the current task elsewhere.
  bpf_get_cgroup_classid: {
    id: 17,
    args: [],
    ret: 'u32',
    variants: [
      {
        types: [
          T.BPF_PROG_TYPE_SCHED_CLS,
          T.BPF_PROG_TYPE_SCHED_ACT,
          T.BPF_PROG_TYPE_LWT_IN,
          T.BPF_PROG_TYPE_LWT_OUT,
          T.BPF_PROG_TYPE_LWT_XMIT,
          T.BPF_PROG_TYPE_LWT_SEG6LOCAL,
        ],
        args: ['ctx'],
      },
    ],
  },
  bpf_skb_cgroup_classid: { id: 151, args: ['ctx'], ret: 'u64' },
  bpf_skb_under_cgroup: { id: 33, args: ['ctx', 'const_map_ptr', 'u32'], ret: 's32' },
  bpf_skb_cgroup_id: { id: 79, args: ['ctx'], ret: 'u64' },
  bpf_skb_ancestor_cgroup_id: { id: 83, args: ['ctx', 's32'], ret: 'u64' },

  bpf_clone_redirect: { id: 13, args: ['ctx', 'u32', 'u64'], ret: 's32', changesPacket: true },
  bpf_redirect: { id: 23, args: ['u32', 'u64'], ret: 's32' },
  bpf_redirect_neigh: { id: 152, args: ['u32', 'mem_rdonly_or_null', 'size_or_zero', 'u64'], ret: 's32' },
  bpf_redirect_peer: { id: 155, args: ['u32', 'u64'], ret: 's32' },
  bpf_redirect_map: { id: 51, args: ['const_map_ptr', 'u64', 'u64'], ret: 's32' },
  bpf_fib_lookup: { id: 69, args: ['ctx', 'mem_write', 'size', 'u32'], ret: 's32', gpl: true },
  bpf_check_mtu: {
    id: 163,
    args: ['ctx', 'u32', 'fixed_mem_write_aligned', 's32', 'u64'],
    sizes: mtuLen,
    ret: 's32',
    gpl: true,
  },

  bpf_lwt_push_encap: { id: 73, args: ['ctx', 'u32', 'mem_rdonly', 'size'], ret: 's32', changesPacket: true },
  bpf_lwt_seg6_store_bytes: { id: 74, args: ['ctx', 'u32', 'mem_rdonly', 'size'], ret: 's32', changesPacket: true },
  bpf_lwt_seg6_adjust_srh: { id: 75, args: ['ctx', 'u32', 's32'], ret: 's32', changesPacket: true },
  bpf_lwt_seg6_action: { id: 76, args: ['ctx', 'u32', 'mem_rdonly', 'size'], ret: 's32', changesPacket: true },

  bpf_xdp_adjust_head: { id: 44, args: ['ctx', 's32'], ret: 's32', changesPacket: true },
  bpf_xdp_adjust_meta: { id: 54, args: ['ctx', 's32'], ret: 's32', changesPacket: true },
  bpf_xdp_adjust_tail: { id: 65, args: ['ctx', 's32'], ret: 's32', changesPacket: true },
  bpf_xdp_get_buff_len: {
    id: 188,
    args: ['ctx'],
    ret: 'u64',
    variants: [
      {
        types: [T.BPF_PROG_TYPE_SYSCALL, T.BPF_PROG_TYPE_TRACING, T.BPF_PROG_TYPE_LSM],
        args: ['btf_id'],
        btf: ['xdp_buff'],
      },
    ],
  },
  bpf_xdp_load_bytes: { id: 189, args: ['ctx', 'u32', 'uninit_mem', 'size'], ret: 's32' },
  bpf_xdp_store_bytes: { id: 190, args: ['ctx', 'u32', 'mem_rdonly', 'size'], ret: 's32' },
} as const satisfies ProtoRows;
