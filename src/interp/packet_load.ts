// ld_abs / ld_ind: a big-endian load from the packet of a __sk_buff context, as Linux's bpf_skb_load_helper_* do it.
// `offset` counts from the packet data; from SKF_NET_OFF on it counts from the network header, from SKF_LL_OFF on from
// the link-layer header.

import type { Memory } from '../memory/memory.ts';
import { SKB_CTX, SKF_LL_OFF, SKF_NET_OFF } from '../spec/skb.ts';
import { offsetOf } from './access.ts';

/** The value, or null when the packet has no such bytes. */
export function packetLoad(memory: Memory, ctx: number, offset: number, size: 1 | 2 | 4): number | null {
  const field = (name: keyof typeof SKB_CTX) => memory.view.getUint32(offsetOf(memory, ctx + SKB_CTX[name], 4), true);
  let start: number;
  if (offset >= 0) start = field('data') + offset;
  else if (offset >= SKF_NET_OFF) start = field('networkHeader') + (offset - SKF_NET_OFF);
  else if (offset >= SKF_LL_OFF) start = field('macHeader') + (offset - SKF_LL_OFF);
  else return null;
  if (start + size > field('dataEnd')) return null;
  const at = offsetOf(memory, start, size);
  const { view } = memory;
  return size === 1 ? view.getUint8(at) : size === 2 ? view.getUint16(at) : view.getUint32(at);
}
