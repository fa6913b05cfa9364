// bpf_xdp_adjust_head, _meta and _tail (kernel net/core/filter.c): move the bounds of the packet inside its frame. They
// work on the context record alone (spec/xdp.ts), wherever it stands.

import type { Addr } from '../memory/layout.ts';
import { PACKET_TAILROOM } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { XDP_CTX, XDP_FRAME_SIZE, XDP_META_MAX } from '../spec/xdp.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { HelperRows } from './helper.ts';

const ETH_HLEN = 14;

/** The bounds a context record holds. */
interface Frame {
  readonly data: Addr;
  readonly dataEnd: Addr;
  readonly dataMeta: Addr;
  /** First byte packet or metadata may use: behind struct xdp_frame. */
  readonly low: Addr;
  /** First byte behind what a packet may use: skb_shared_info. */
  readonly high: Addr;
}

/** Reads a record; null when it is not a packet inside its frame inside the memory. */
function readFrame(memory: Memory, ctx: Addr): Frame | null {
  if (!memory.contains(ctx, XDP_CTX.size)) return null;
  const start = memory.u32(ctx + XDP_CTX.frameStart);
  const end = memory.u32(ctx + XDP_CTX.frameEnd);
  const frame = {
    data: memory.u32(ctx + XDP_CTX.data),
    dataEnd: memory.u32(ctx + XDP_CTX.dataEnd),
    dataMeta: memory.u32(ctx + XDP_CTX.dataMeta),
    low: start + XDP_FRAME_SIZE,
    high: end - PACKET_TAILROOM,
  };
  const ordered = frame.low <= frame.data && frame.data <= frame.dataEnd && frame.dataEnd <= frame.high;
  return ordered && end > start && memory.contains(start, end - start) ? frame : null;
}

/** Bytes of metadata; a driver without metadata has data_meta behind data (xdp_data_meta_unsupported). */
function metaLength(frame: Frame): number {
  return Math.max(0, frame.data - frame.dataMeta);
}

export const xdpHelpers = {
  bpf_xdp_adjust_head: (env) => (ctxAddr, offset) => {
    const { memory } = env;
    const ctx = ctxAddr >>> 0;
    const frame = readFrame(memory, ctx);
    if (frame === null) return -ERRNO.EFAULT;
    const data = frame.data + (offset | 0);
    const meta = metaLength(frame);
    if (data < frame.low + meta || data > frame.dataEnd - ETH_HLEN) return -ERRNO.EINVAL;
    // The metadata moves with the packet's start.
    if (meta > 0) memory.bytes(data - meta, meta).set(memory.bytes(frame.dataMeta, meta));
    memory.setU32(ctx + XDP_CTX.data, data);
    memory.setU32(ctx + XDP_CTX.dataMeta, frame.dataMeta + (offset | 0));
    return 0;
  },

  bpf_xdp_adjust_meta: (env) => (ctxAddr, offset) => {
    const { memory } = env;
    const ctx = ctxAddr >>> 0;
    const frame = readFrame(memory, ctx);
    if (frame === null) return -ERRNO.EFAULT;
    if (frame.dataMeta > frame.data) return -ERRNO.ENOTSUPP;
    const dataMeta = frame.dataMeta + (offset | 0);
    if (dataMeta < frame.low || dataMeta > frame.data) return -ERRNO.EINVAL;
    const length = frame.data - dataMeta;
    if (length % 4 !== 0 || length > XDP_META_MAX) return -ERRNO.EACCES;
    memory.setU32(ctx + XDP_CTX.dataMeta, dataMeta);
    return 0;
  },

  bpf_xdp_adjust_tail: (env) => (ctxAddr, offset) => {
    const { memory } = env;
    const ctx = ctxAddr >>> 0;
    const frame = readFrame(memory, ctx);
    if (frame === null) return -ERRNO.EFAULT;
    const dataEnd = frame.dataEnd + (offset | 0);
    if (dataEnd > frame.high || dataEnd < frame.data + ETH_HLEN) return -ERRNO.EINVAL;
    if (dataEnd > frame.dataEnd) memory.bytes(frame.dataEnd, dataEnd - frame.dataEnd).fill(0);
    memory.setU32(ctx + XDP_CTX.dataEnd, dataEnd);
    return 0;
  },
} as const satisfies HelperRows;
