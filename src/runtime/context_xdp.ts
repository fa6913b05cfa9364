// XDP: the frame and xdp_md as bpf_prog_test_run_xdp() makes them (net/bpf/test_run.c), tried against Linux 6.18. Unlike
// there, any ingress_ifindex and rx_queue_index exist: user code simulates the devices.
//
// A frame is a page: headroom, metadata, packet, tailroom. What does not fit, and what lies behind ctx.data_end, is not in
// the frame (Linux: fragments); the program sees data_end before it and the output carries it on.

import { PACKET_HEADROOM, PACKET_TAILROOM, PAGE } from '../memory/layout.ts';
import { XDP_CTX, XDP_FRAME_BYTES, XDP_FRAME_SIZE, XDP_META_MAX } from '../spec/xdp.ts';
import { BpfError } from '../uapi/errors.ts';
import type { ContextRow } from './context.ts';
import { decodeStruct, type StructLayout } from './struct.ts';

const ETH_HLEN = 14;
/** Where packets come from when the caller names no device: the loopback device. */
const LOOPBACK_IFINDEX = 1;

const XDP_MD: StructLayout = {
  name: 'xdp_md',
  size: 24,
  members: [
    { name: 'data', offset: XDP_CTX.data, size: 4 },
    { name: 'data_end', offset: XDP_CTX.dataEnd, size: 4 },
    { name: 'data_meta', offset: XDP_CTX.dataMeta, size: 4 },
    { name: 'ingress_ifindex', offset: XDP_CTX.ingressIfindex, size: 4 },
    { name: 'rx_queue_index', offset: XDP_CTX.rxQueueIndex, size: 4 },
    { name: 'egress_ifindex', offset: XDP_CTX.egressIfindex, size: 4 },
  ],
};

type XdpMd = Readonly<
  Record<'data' | 'data_end' | 'data_meta' | 'ingress_ifindex' | 'rx_queue_index' | 'egress_ifindex', number>
>;

const NO_MD: XdpMd = {
  data: 0,
  data_end: 0,
  data_meta: 0,
  ingress_ifindex: 0,
  rx_queue_index: 0,
  egress_ifindex: 0,
};
const NOTHING = new Uint8Array(0);

function readMd(bytes: Uint8Array): XdpMd {
  return decodeStruct(XDP_MD, bytes) as XdpMd;
}

/** Linux's checks of ctx_in; offsets count from the start of the metadata. */
function checkMd(md: XdpMd, length: number): void {
  const refuse = (why: string): never => {
    throw new BpfError('EINVAL', `xdp_md: ${why}`);
  };
  if (md.data_meta !== 0) refuse('data_meta must be 0');
  if (md.data_end > length) refuse(`data_end ${md.data_end} is behind the data (${length} bytes)`);
  if (md.data > md.data_end) refuse('data is behind data_end');
  if (md.data % 4 !== 0 || md.data > XDP_META_MAX) refuse(`${md.data} bytes of metadata`);
  if (md.data > PACKET_HEADROOM - XDP_FRAME_SIZE) refuse(`no room for ${md.data} bytes of metadata`);
  if (length - md.data < ETH_HLEN) refuse('the packet is shorter than an Ethernet header');
  if (md.egress_ifindex !== 0) refuse('egress_ifindex must be 0');
  if (md.ingress_ifindex === 0 && md.rx_queue_index !== 0) refuse('rx_queue_index needs an ingress_ifindex');
}

export const XDP_CONTEXT: ContextRow = {
  layout: XDP_MD,
  defaults: (length) => ({ data_end: length }),

  frameBytes(length) {
    if (length > PAGE) throw new BpfError('EINVAL', `a packet of ${length} bytes is longer than ${PAGE}`);
    return XDP_FRAME_BYTES;
  },

  prepare({ memory, ctx, frame }, input) {
    const { data } = input;
    if (data.length < ETH_HLEN) {
      throw new BpfError('EINVAL', `the packet has ${data.length} bytes, fewer than ${ETH_HLEN}`);
    }
    const md = input.ctx === null ? { ...NO_MD, data_end: data.length } : readMd(input.ctx);
    checkMd(md, data.length);
    const start = frame + PACKET_HEADROOM - md.data;
    const linear = Math.min(md.data_end, XDP_FRAME_BYTES - PACKET_HEADROOM + md.data - PACKET_TAILROOM);
    memory.bytes(frame, start - frame).fill(0);
    memory.write(start, linear === data.length ? data : data.subarray(0, linear));
    memory.setU32(ctx + XDP_CTX.data, start + md.data);
    memory.setU32(ctx + XDP_CTX.dataEnd, start + linear);
    memory.setU32(ctx + XDP_CTX.dataMeta, start);
    memory.setU32(ctx + XDP_CTX.ingressIfindex, md.ingress_ifindex === 0 ? LOOPBACK_IFINDEX : md.ingress_ifindex);
    memory.setU32(ctx + XDP_CTX.rxQueueIndex, md.rx_queue_index);
    memory.setU32(ctx + XDP_CTX.egressIfindex, 0);
    memory.setU32(ctx + XDP_CTX.frameStart, frame);
    memory.setU32(ctx + XDP_CTX.frameEnd, frame + XDP_FRAME_BYTES);
    return { r1: ctx, r2: 0, rest: linear === data.length ? NOTHING : data.subarray(linear) };
  },

  collect({ memory, ctx }, input, { rest }) {
    const start = memory.u32(ctx + XDP_CTX.dataMeta);
    const end = memory.u32(ctx + XDP_CTX.dataEnd);
    const data = new Uint8Array(end - start + rest.length);
    data.set(memory.bytes(start, end - start));
    data.set(rest, end - start);
    const md = input.ctx?.slice() ?? new Uint8Array(XDP_MD.size);
    const view = new DataView(md.buffer);
    view.setUint32(XDP_CTX.data, memory.u32(ctx + XDP_CTX.data) - start, true);
    view.setUint32(XDP_CTX.dataEnd, end - start, true);
    return { data, ctx: md };
  },
};
