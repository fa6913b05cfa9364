// What stands behind a dynptr: plain memory, or the packet of a context, which may have moved or shrunk since the dynptr was
// made. Helpers and kfuncs about dynptrs share this.

import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { DYNPTR, DYNPTR_KIND, DYNPTR_KIND_SHIFT, DYNPTR_MAX_SIZE, DYNPTR_RDONLY } from '../spec/dynptr.ts';
import { DYNPTR_SIZE } from '../spec/proto.ts';
import { SKB_CTX } from '../spec/skb.ts';
import { XDP_CTX } from '../spec/xdp.ts';
import { ERRNO } from '../uapi/errno.ts';

const INT_MAX = 0x7fffffff;
const XDP_MAX = 0xffff;

export interface Dynptr {
  /** DYNPTR_KIND.* */
  readonly kind: number;
  /** 0 = it has no memory. */
  readonly data: Addr;
  readonly offset: number;
  readonly size: number;
  readonly rdonly: boolean;
}

const NOTHING: Dynptr = { kind: 0, data: 0, offset: 0, size: 0, rdonly: false };

export function readDynptr(memory: Memory, at: Addr): Dynptr {
  if (!memory.contains(at, DYNPTR_SIZE)) return NOTHING;
  const data = memory.u32(at + DYNPTR.data);
  const size = memory.u32(at + DYNPTR.size);
  return {
    kind: (size >>> DYNPTR_KIND_SHIFT) & 7,
    data,
    offset: memory.u32(at + DYNPTR.offset),
    size: size & DYNPTR_MAX_SIZE,
    rdonly: (size & DYNPTR_RDONLY) !== 0,
  };
}

/** Makes one; 0 or -errno, then it has no memory (kernel bpf_dynptr_init, bpf_dynptr_set_null). */
export function makeDynptr(
  memory: Memory,
  at: Addr,
  { kind, data, size, rdonly }: Omit<Dynptr, 'offset'>,
  flags: boolean,
): number {
  if (!memory.contains(at, DYNPTR_SIZE)) return -ERRNO.EFAULT;
  memory.bytes(at, DYNPTR_SIZE).fill(0);
  if (size > DYNPTR_MAX_SIZE) return -ERRNO.E2BIG;
  if (flags) return -ERRNO.EINVAL;
  memory.setU32(at + DYNPTR.data, data);
  memory.setU32(at + DYNPTR.size, ((rdonly ? DYNPTR_RDONLY : 0) | (kind << DYNPTR_KIND_SHIFT) | size) >>> 0);
  return 0;
}

/** Whether the bytes lie in the dynptr: 0 or -errno (kernel bpf_dynptr_check_off_len). */
export function checkSlice({ size }: Dynptr, offset: number, length: number): number {
  return length > size || offset > size - length ? -ERRNO.E2BIG : 0;
}

/** Start and length of the packet of a context record; null when there is none in the memory. */
export function packetOf(memory: Memory, ctx: Addr, kind: number): { data: Addr; size: number } | null {
  const row = kind === DYNPTR_KIND.skb ? SKB_CTX : XDP_CTX;
  if (!memory.contains(ctx, row.size)) return null;
  const data = memory.u32(ctx + row.data);
  const size = memory.u32(ctx + row.dataEnd) - data;
  return size >= 0 && memory.contains(data, size) ? { data, size } : null;
}

/** Address of bytes that lie in the dynptr, or -errno where its memory does not have them (any more). */
export function addressOf(memory: Memory, dynptr: Dynptr, offset: number, length: number): number {
  const { kind, data } = dynptr;
  const from = dynptr.offset + offset;
  if (kind !== DYNPTR_KIND.skb && kind !== DYNPTR_KIND.xdp) {
    return memory.contains(data + from, length) ? data + from : -ERRNO.EFAULT;
  }
  const most = kind === DYNPTR_KIND.skb ? INT_MAX : XDP_MAX;
  const packet = packetOf(memory, data, kind);
  if (packet === null || from > most || length > most) return -ERRNO.EFAULT;
  if (from + length <= packet.size) return packet.data + from;
  return kind === DYNPTR_KIND.skb ? -ERRNO.EFAULT : -ERRNO.EINVAL;
}

/** Copies bytes of the dynptr to `to`; 0 or -errno. A packet of an sk_buff that does not have them leaves zeroes. */
export function readBytes(memory: Memory, dynptr: Dynptr, offset: number, to: Addr, length: number): number {
  const wrong = checkSlice(dynptr, offset, length);
  if (wrong !== 0) return wrong;
  const from = addressOf(memory, dynptr, offset, length);
  if (length === 0) return Math.min(from, 0);
  if (!memory.contains(to, length)) return -ERRNO.EFAULT;
  if (from >= 0) memory.bytes(to, length).set(memory.bytes(from, length));
  else if (dynptr.kind === DYNPTR_KIND.skb) memory.bytes(to, length).fill(0);
  return Math.min(from, 0);
}
