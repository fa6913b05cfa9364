// Helpers that make room in front of a packet over __sk_buff (kernel net/core/filter.c, skb_vlan_push). They
// work on the context record alone (spec/skb.ts). There is PACKET_HEADROOM to grow into; Linux would allocate more.
//
// As in Linux the outermost VLAN tag stands beside the packet (vlan_present, vlan_tci, vlan_proto), the others in it.

import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { SKB_CTX } from '../spec/skb.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { HelperRows } from './helper.ts';

/** Offsets of u32 members of __sk_buff; protocols are in network order. */
const AT = { len: 0, protocol: 16, vlanPresent: 20, vlanTci: 24, vlanProto: 28 } as const;
const ADDRESSES = 12;
const VLAN_HLEN = 4;
/** Ethernet protocols as the bytes of the packet make a little-endian u16. */
const ETH_P_8021Q = 0x0081;
const ETH_P_8021AD = 0xa888;
const isVlan = (proto: number) => proto === ETH_P_8021Q || proto === ETH_P_8021AD;

interface Packet {
  readonly ctx: Addr;
  readonly data: Addr;
  readonly end: Addr;
  /** First byte of the frame. */
  readonly low: Addr;
}

function recordOf(memory: Memory, ctx: Addr): Packet | null {
  if (!memory.contains(ctx, SKB_CTX.size)) return null;
  const [data, end, low] = [SKB_CTX.data, SKB_CTX.dataEnd, SKB_CTX.frameStart].map((at) => memory.u32(ctx + at));
  return low <= data && data <= end && memory.contains(low, end - low) ? { ctx, data, end, low } : null;
}

/** The packet now starts `by` bytes earlier. */
function moveStart(memory: Memory, { ctx, data, end }: Packet, by: number): Addr {
  const start = data - by;
  memory.setU32(ctx + SKB_CTX.data, start);
  memory.setU32(ctx + SKB_CTX.dataMeta, start);
  memory.setU32(ctx + SKB_CTX.macHeader, start);
  memory.setU32(ctx + AT.len, end - start);
  return start;
}

/** The tag beside the packet goes into it. */
function insertTag(memory: Memory, record: Packet): number {
  const { ctx, data, low, end } = record;
  if (data - low < VLAN_HLEN) return -ERRNO.ENOMEM;
  if (end - data < ADDRESSES) return -ERRNO.EINVAL;
  const start = moveStart(memory, record, VLAN_HLEN);
  memory.bytes(start, ADDRESSES).set(memory.bytes(data, ADDRESSES));
  const [proto, tci] = [memory.u32(ctx + AT.vlanProto), memory.u32(ctx + AT.vlanTci)];
  memory.write(start + ADDRESSES, Uint8Array.of(proto & 0xff, proto >> 8, tci >> 8, tci & 0xff));
  memory.setU32(ctx + AT.protocol, proto);
  memory.setU32(ctx + SKB_CTX.networkHeader, memory.u32(ctx + SKB_CTX.networkHeader) - VLAN_HLEN);
  return 0;
}

function setTag(memory: Memory, ctx: Addr, proto: number, tci: number): void {
  memory.setU32(ctx + AT.vlanPresent, 1);
  memory.setU32(ctx + AT.vlanProto, proto);
  memory.setU32(ctx + AT.vlanTci, tci);
}

export const skbHeadHelpers = {
  bpf_skb_change_head: (env) => (ctxAddr, room, flagsLo, flagsHi) => {
    const { memory } = env;
    const record = recordOf(memory, ctxAddr >>> 0);
    if (record === null) return -ERRNO.EFAULT;
    if ((flagsLo | flagsHi) !== 0 || room >>> 0 > 0x7fffffff) return -ERRNO.EINVAL;
    if (record.data - record.low < room >>> 0) return -ERRNO.ENOMEM;
    memory.bytes(moveStart(memory, record, room >>> 0), room >>> 0).fill(0);
    return 0;
  },

  bpf_skb_vlan_push: (env) => (ctxAddr, proto, tci) => {
    const { memory } = env;
    const record = recordOf(memory, ctxAddr >>> 0);
    if (record === null) return -ERRNO.EFAULT;
    const { ctx } = record;
    if (memory.u32(ctx + AT.vlanPresent) !== 0) {
      const failed = insertTag(memory, record);
      if (failed !== 0) return failed;
    }
    const given = proto & 0xffff;
    setTag(memory, ctx, isVlan(given) ? given : ETH_P_8021Q, tci & 0xffff);
    return 0;
  },
} as const satisfies HelperRows;
