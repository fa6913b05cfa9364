// Flow dissectors, as bpf_prog_test_run_flow_dissector() runs them (net/bpf/test_run.c): the program sees a frame from its
// Ethernet header on and fills struct bpf_flow_keys, which is the output. Of the context only `flags` of the keys is given.

import { type Addr, PACKET_HEADROOM, PACKET_TAILROOM, PAGE } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { SKB_CTX } from '../spec/skb.ts';
import { BpfError } from '../uapi/errors.ts';
import { CONTEXT_BYTES, type ContextRow } from './context.ts';

const ETH_HLEN = 14;
/** struct bpf_flow_keys behind the context. */
const KEYS = { start: 256, size: 56, nhoff: 0, thoff: 2, nProto: 10, flags: 48 } as const;
/** __sk_buff.flow_keys. */
const FLOW_KEYS = 144;

function setU16(memory: Memory, at: Addr, value: number): void {
  memory.write(at, Uint8Array.of(value & 0xff, value >> 8));
}

export const FLOW_CONTEXT: ContextRow = {
  layout: {
    name: 'bpf_flow_keys',
    size: KEYS.size,
    members: [{ name: 'flags', offset: KEYS.flags, size: 4 }],
  },

  frameBytes(length) {
    if (length > PAGE) throw new BpfError('EINVAL', `a packet of ${length} bytes is longer than ${PAGE}`);
    return PACKET_HEADROOM + length + PACKET_TAILROOM;
  },

  prepare({ memory, ctx, frame }, { data, ctx: given }) {
    if (data.length < ETH_HLEN) {
      throw new BpfError('EINVAL', `the packet has ${data.length} bytes, fewer than ${ETH_HLEN}`);
    }
    if (given?.some((b, i) => b !== 0 && (i < KEYS.flags || i >= KEYS.flags + 4))) {
      throw new BpfError('EINVAL', 'bpf_flow_keys: only flags can be given');
    }
    const start = frame + PACKET_HEADROOM;
    const keys = ctx + KEYS.start;
    memory.write(start, data);
    memory.bytes(ctx, CONTEXT_BYTES).fill(0);
    memory.setU32(ctx + SKB_CTX.data, start);
    memory.setU32(ctx + SKB_CTX.dataEnd, start + data.length);
    memory.setU32(ctx + FLOW_KEYS, keys);
    setU16(memory, keys + KEYS.nhoff, ETH_HLEN);
    setU16(memory, keys + KEYS.thoff, ETH_HLEN);
    memory.write(keys + KEYS.nProto, data.subarray(12, 14));
    if (given !== null) memory.write(keys + KEYS.flags, given.subarray(KEYS.flags, KEYS.flags + 4));
    return { r1: ctx, r2: 0, rest: new Uint8Array(0) };
  },

  collect({ memory, ctx }, { data, ctx: given }) {
    const keys = ctx + KEYS.start;
    const clamp = (at: number, low: number) => {
      const value = Math.max(low, Math.min(memory.u32(keys + at) & 0xffff, data.length));
      setU16(memory, keys + at, value);
      return value;
    };
    clamp(KEYS.thoff, clamp(KEYS.nhoff, ETH_HLEN));
    return { data: memory.bytes(keys, KEYS.size).slice(), ctx: given ?? new Uint8Array(KEYS.size) };
  },
};
