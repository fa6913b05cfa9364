// Kfuncs about dynptrs (kernel/bpf/helpers.c, net/core/filter.c). Packets lie in one piece here, so a slice needs the
// buffer that it is given only where the packet of an xdp_buff has shrunk since.

import {
  addressOf,
  checkSlice,
  type Dynptr,
  makeDynptr,
  packetOf,
  readBytes,
  readDynptr,
} from '../helpers/dynptr_memory.ts';
import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { DYNPTR, DYNPTR_KIND, DYNPTR_MAX_SIZE } from '../spec/dynptr.ts';
import { DYNPTR_SIZE } from '../spec/proto.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { BindKfunc, KfuncRows } from './kfunc.ts';

/** A dynptr on the packet of a context. */
function fromPacket(kind: number, rdonly: boolean): BindKfunc {
  return ({ memory }) =>
    (ctx, flagsLo, flagsHi, at) => {
      const size = packetOf(memory, ctx >>> 0, kind)?.size ?? 0;
      return makeDynptr(memory, at >>> 0, { kind, data: ctx >>> 0, size, rdonly }, (flagsLo | flagsHi) !== 0);
    };
}

/** Address of bytes of the dynptr; 0 = it does not have them. */
function slice(memory: Memory, dynptr: Dynptr, offset: number, length: number): Addr {
  if (dynptr.data === 0 || checkSlice(dynptr, offset, length) !== 0) return 0;
  return Math.max(addressOf(memory, dynptr, offset, length), 0);
}

/**
 * The same, or the buffer with as much of the packet as there is, where an xdp_buff does not have all of the bytes any more
 * (kernel bpf_dynptr_slice, bpf_xdp_copy_buf).
 */
function sliceOrBuffer(memory: Memory, dynptr: Dynptr, offset: number, length: number, buffer: Addr): Addr {
  const at = slice(memory, dynptr, offset, length);
  const { kind, data } = dynptr;
  if (at !== 0 || kind !== DYNPTR_KIND.xdp || data === 0 || checkSlice(dynptr, offset, length) !== 0) return at;
  const packet = packetOf(memory, data, kind);
  if (packet === null || !memory.contains(buffer, length)) return 0;
  const from = dynptr.offset + offset;
  const rest = Math.min(Math.max(packet.size - from, 0), length);
  if (rest > 0) memory.bytes(buffer, rest).set(memory.bytes(packet.data + from, rest));
  return buffer;
}

function writableSlice(memory: Memory, dynptr: Dynptr, offset: number, length: number): Addr {
  return dynptr.rdonly ? 0 : slice(memory, dynptr, offset, length);
}

/** Why bytes can't be written, where there is no slice of them: 0 when there are none to be written. */
function writeError(memory: Memory, dynptr: Dynptr, offset: number, length: number): number {
  if (dynptr.data === 0 || dynptr.rdonly) return -ERRNO.EINVAL;
  return checkSlice(dynptr, offset, length) || Math.min(addressOf(memory, dynptr, offset, length), 0);
}

function copy(memory: Memory, to: Dynptr, toOffset: number, from: Dynptr, fromOffset: number, size: number): number {
  const source = slice(memory, from, fromOffset, size);
  const target = writableSlice(memory, to, toOffset, size);
  if (source !== 0 && target !== 0) {
    memory.bytes(target, size).set(memory.bytes(source, size));
    return 0;
  }
  if (source !== 0) return writeError(memory, to, toOffset, size);
  if (target !== 0) return from.data === 0 ? -ERRNO.EINVAL : readBytes(memory, from, fromOffset, target, size);
  if (checkSlice(to, toOffset, size) !== 0 || checkSlice(from, fromOffset, size) !== 0) return -ERRNO.E2BIG;
  return size === 0 ? 0 : from.data === 0 ? -ERRNO.EINVAL : writeError(memory, to, toOffset, size);
}

export const dynptrKfuncs = {
  bpf_dynptr_from_skb: fromPacket(DYNPTR_KIND.skb, false),
  bpf_dynptr_from_skb_rdonly: fromPacket(DYNPTR_KIND.skb, true),
  bpf_dynptr_from_xdp: fromPacket(DYNPTR_KIND.xdp, false),

  bpf_dynptr_slice:
    ({ memory }) =>
    (at, offset, buffer, size) =>
      sliceOrBuffer(memory, readDynptr(memory, at >>> 0), offset >>> 0, size >>> 0, buffer >>> 0),
  bpf_dynptr_slice_rdwr:
    ({ memory }) =>
    (at, offset, buffer, size) => {
      const dynptr = readDynptr(memory, at >>> 0);
      return dynptr.rdonly ? 0 : sliceOrBuffer(memory, dynptr, offset >>> 0, size >>> 0, buffer >>> 0);
    },

  bpf_dynptr_adjust:
    ({ memory }) =>
    (at, start, end) => {
      const { data, size, offset } = readDynptr(memory, at >>> 0);
      const [from, to] = [start >>> 0, end >>> 0];
      if (data === 0 || from > to) return -ERRNO.EINVAL;
      if (from > size || to > size) return -ERRNO.ERANGE;
      const word = (at >>> 0) + DYNPTR.size;
      memory.setU32((at >>> 0) + DYNPTR.offset, offset + from);
      memory.setU32(word, ((memory.u32(word) & ~DYNPTR_MAX_SIZE) | (to - from)) >>> 0);
      return 0;
    },
  bpf_dynptr_is_null:
    ({ memory }) =>
    (at) =>
      readDynptr(memory, at >>> 0).data === 0 ? 1 : 0,
  bpf_dynptr_is_rdonly:
    ({ memory }) =>
    (at) => {
      const { data, rdonly } = readDynptr(memory, at >>> 0);
      return data !== 0 && rdonly ? 1 : 0;
    },
  bpf_dynptr_size:
    ({ memory }) =>
    (at) => {
      const { data, size } = readDynptr(memory, at >>> 0);
      return data === 0 ? -ERRNO.EINVAL : size;
    },
  bpf_dynptr_clone:
    ({ memory }) =>
    (at, to) => {
      if (!memory.contains(to >>> 0, DYNPTR_SIZE)) return -ERRNO.EFAULT;
      const clone = memory.bytes(to >>> 0, DYNPTR_SIZE);
      if (readDynptr(memory, at >>> 0).data === 0) {
        clone.fill(0);
        return -ERRNO.EINVAL;
      }
      clone.set(memory.bytes(at >>> 0, DYNPTR_SIZE));
      return 0;
    },

  bpf_dynptr_copy:
    ({ memory }) =>
    (to, toOffset, from, fromOffset, size) => {
      const [target, source] = [readDynptr(memory, to >>> 0), readDynptr(memory, from >>> 0)];
      return copy(memory, target, toOffset >>> 0, source, fromOffset >>> 0, size >>> 0);
    },
  bpf_dynptr_memset:
    ({ memory }) =>
    (at, offset, size, value) => {
      const dynptr = readDynptr(memory, at >>> 0);
      const target = writableSlice(memory, dynptr, offset >>> 0, size >>> 0);
      if (target === 0) {
        if (dynptr.rdonly) return -ERRNO.EINVAL;
        const wrong = checkSlice(dynptr, offset >>> 0, size >>> 0);
        return wrong !== 0 || size === 0 ? wrong : writeError(memory, dynptr, offset >>> 0, size >>> 0);
      }
      memory.bytes(target, size >>> 0).fill(value & 0xff);
      return 0;
    },
} as const satisfies KfuncRows;
