// Helpers of programs over __sk_buff that copy bytes of the packet (kernel net/core/filter.c). They work on the context
// record alone (spec/skb.ts), wherever it stands; the packet is linear and nobody else has it.

import { type Addr, controlWord } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { SKB_CTX } from '../spec/skb.ts';
import { BPF_FLAGS } from '../uapi/enums.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { HelperRows } from './helper.ts';

const INT_MAX = 0x7fffffff;
const MAX_OFFSET = 0xffff;
/** UAPI bpf_hdr_start_off. */
const HEADERS = [SKB_CTX.macHeader, SKB_CTX.networkHeader] as const;
const STORE_FLAGS = BPF_FLAGS.BPF_F_RECOMPUTE_CSUM | BPF_FLAGS.BPF_F_INVALIDATE_HASH;

interface Packet {
  readonly data: Addr;
  readonly end: Addr;
}

/** The packet of a context record; null when there is none in the memory. */
function packetOf(memory: Memory, ctx: Addr): Packet | null {
  if (!memory.contains(ctx, SKB_CTX.size)) return null;
  const data = memory.u32(ctx + SKB_CTX.data);
  const end = memory.u32(ctx + SKB_CTX.dataEnd);
  return data <= end && memory.contains(data, end - data) ? { data, end } : null;
}

/** Copies packet bytes to `to`, or clears it: bytes that are not there leave nothing of what was before. */
function load(memory: Memory, from: Addr, end: Addr, to: Addr, size: number): number {
  if (!memory.contains(to, size)) return -ERRNO.EFAULT;
  if (from + size > end) {
    memory.bytes(to, size).fill(0);
    return -ERRNO.EFAULT;
  }
  memory.bytes(to, size).set(memory.bytes(from, size));
  return 0;
}

/** Loads from a start that is not there. */
function absent(memory: Memory, to: Addr, size: number): number {
  return load(memory, 1, 0, to, size);
}

export const skbHelpers = {
  bpf_skb_load_bytes: (env) => (ctx, offset, to, size) => {
    const packet = packetOf(env.memory, ctx >>> 0);
    if (packet === null || offset >>> 0 > INT_MAX) return absent(env.memory, to >>> 0, size >>> 0);
    return load(env.memory, packet.data + (offset >>> 0), packet.end, to >>> 0, size >>> 0);
  },

  bpf_skb_load_bytes_relative: (env) => (ctx, offset, to, size, start) => {
    const { memory } = env;
    const packet = packetOf(memory, ctx >>> 0);
    const header = HEADERS[start >>> 0];
    const outside = packet === null || offset >>> 0 > MAX_OFFSET || header === undefined;
    const from = outside ? 0 : memory.u32((ctx >>> 0) + header) + (offset >>> 0);
    if (outside || !memory.contains(from, 0)) return absent(memory, to >>> 0, size >>> 0);
    return load(memory, from, packet.end, to >>> 0, size >>> 0);
  },

  bpf_skb_store_bytes: (env) => (ctx, offset, from, size, flagsLo, flagsHi) => {
    const { memory } = env;
    if (flagsHi !== 0 || (flagsLo & ~STORE_FLAGS) !== 0) return -ERRNO.EINVAL;
    const packet = packetOf(memory, ctx >>> 0);
    const outside = packet === null || packet.data + (offset >>> 0) + (size >>> 0) > packet.end;
    if (outside || !memory.contains(from >>> 0, size >>> 0)) return -ERRNO.EFAULT;
    memory.bytes(packet.data + (offset >>> 0), size >>> 0).set(memory.bytes(from >>> 0, size >>> 0));
    if ((flagsLo & BPF_FLAGS.BPF_F_INVALIDATE_HASH) !== 0) memory.setU32((ctx >>> 0) + SKB_CTX.hash, 0);
    return 0;
  },

  // Every byte of the packet is there already.
  bpf_skb_pull_data: (env) => (ctx, size) => {
    const packet = packetOf(env.memory, ctx >>> 0);
    if (packet === null) return -ERRNO.EFAULT;
    return size >>> 0 > packet.end - packet.data ? -ERRNO.ENOMEM : 0;
  },

  // The packet of a test run has no checksum of the device's (CHECKSUM_NONE).
  bpf_csum_update: (env, cpu) => () => {
    env.memory.setU64(controlWord(cpu, 'result'), BigInt.asUintN(64, BigInt(-ERRNO.ENOTSUPP)));
    return undefined;
  },
} as const satisfies HelperRows;
