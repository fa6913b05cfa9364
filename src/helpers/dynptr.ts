// Dynptrs on plain memory (kernel/bpf/helpers.c): struct bpf_dynptr as Linux lays it out.
//
//   0  u64 data      address of the memory; 0: there is none (it could not be made)
//   8  u32 size      bits 0..23; kind of memory: bits 28..30; bit 31: read-only
//  12  u32 offset    where the dynptr starts in the memory

import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { DYNPTR_SIZE } from '../spec/proto.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { HelperRows } from './helper.ts';

const MAX_SIZE = (1 << 24) - 1;
const KIND_SHIFT = 28;
const LOCAL = 1;
const RDONLY = 0x80000000;

interface Dynptr {
  /** Where it starts; 0 = it has no memory. */
  readonly data: Addr;
  readonly size: number;
  readonly rdonly: boolean;
}

const NOTHING: Dynptr = { data: 0, size: 0, rdonly: false };

export function readDynptr(memory: Memory, at: Addr): Dynptr {
  if (!memory.contains(at, DYNPTR_SIZE)) return NOTHING;
  const data = memory.u32(at);
  const size = memory.u32(at + 8);
  if (data === 0) return NOTHING;
  return { data: data + memory.u32(at + 12), size: size & MAX_SIZE, rdonly: (size & RDONLY) !== 0 };
}

/** 0 or -errno (kernel bpf_dynptr_init, bpf_dynptr_set_null). */
function makeDynptr(memory: Memory, at: Addr, data: Addr, size: number, flags: boolean): number {
  if (!memory.contains(at, DYNPTR_SIZE)) return -ERRNO.EFAULT;
  memory.bytes(at, DYNPTR_SIZE).fill(0);
  if (size > MAX_SIZE) return -ERRNO.E2BIG;
  if (flags) return -ERRNO.EINVAL;
  memory.setU32(at, data);
  memory.setU32(at + 8, ((LOCAL << KIND_SHIFT) | size) >>> 0);
  return 0;
}

/** Bytes of the dynptr, or -errno. */
function slice(memory: Memory, { data, size }: Dynptr, offset: number, length: number): Uint8Array | number {
  if (length > size || offset > size - length) return -ERRNO.E2BIG;
  return memory.contains(data + offset, length) ? memory.bytes(data + offset, length) : -ERRNO.EFAULT;
}

/** Copies behind a possible overlap; 0 or -errno. */
function copy(memory: Memory, part: Uint8Array | number, other: Addr, length: number, write: boolean): number {
  if (typeof part === 'number') return part;
  if (length === 0) return 0;
  if (!memory.contains(other, length)) return -ERRNO.EFAULT;
  const outside = memory.bytes(other, length);
  if (write) part.set(outside);
  else outside.set(part);
  return 0;
}

export const dynptrHelpers = {
  bpf_dynptr_from_mem: (env) => (data, size, flagsLo, flagsHi, at) =>
    makeDynptr(env.memory, at >>> 0, data >>> 0, size >>> 0, (flagsLo | flagsHi) !== 0),
  bpf_dynptr_read: (env) => (to, length, at, offset, flagsLo, flagsHi) => {
    const { memory } = env;
    const dynptr = readDynptr(memory, at >>> 0);
    if (dynptr.data === 0 || (flagsLo | flagsHi) !== 0) return -ERRNO.EINVAL;
    return copy(memory, slice(memory, dynptr, offset >>> 0, length >>> 0), to >>> 0, length >>> 0, false);
  },
  bpf_dynptr_write: (env) => (at, offset, from, length, flagsLo, flagsHi) => {
    const { memory } = env;
    const dynptr = readDynptr(memory, at >>> 0);
    if (dynptr.data === 0 || dynptr.rdonly) return -ERRNO.EINVAL;
    const part = slice(memory, dynptr, offset >>> 0, length >>> 0);
    if (typeof part !== 'number' && (flagsLo | flagsHi) !== 0) return -ERRNO.EINVAL;
    return copy(memory, part, from >>> 0, length >>> 0, true);
  },
  bpf_dynptr_data: (env) => (at, offset, length) => {
    const dynptr = readDynptr(env.memory, at >>> 0);
    if (dynptr.data === 0 || dynptr.rdonly) return 0;
    const part = slice(env.memory, dynptr, offset >>> 0, length >>> 0);
    return typeof part === 'number' ? 0 : dynptr.data + (offset >>> 0);
  },
} as const satisfies HelperRows;
