// Helpers about dynptrs (kernel/bpf/helpers.c); kfuncs about them are in kfuncs/dynptr.ts.

import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { DYNPTR_KIND } from '../spec/dynptr.ts';
import { SKB_CTX } from '../spec/skb.ts';
import { BPF_FLAGS } from '../uapi/enums.ts';
import { ERRNO } from '../uapi/errno.ts';
import { addressOf, checkSlice, makeDynptr, readBytes, readDynptr } from './dynptr_memory.ts';
import type { HelperRows } from './helper.ts';

const STORE_FLAGS = BPF_FLAGS.BPF_F_RECOMPUTE_CSUM | BPF_FLAGS.BPF_F_INVALIDATE_HASH;

/** 0 or -errno. Flags are those of bpf_skb_store_bytes where it is such a packet; others take none. */
function write(memory: Memory, at: Addr, offset: number, from: Addr, length: number, lo: number, hi: number): number {
  const dynptr = readDynptr(memory, at);
  if (dynptr.data === 0 || dynptr.rdonly) return -ERRNO.EINVAL;
  const wrong = checkSlice(dynptr, offset, length);
  if (wrong !== 0) return wrong;
  const isSkb = dynptr.kind === DYNPTR_KIND.skb;
  if (hi !== 0 || (lo & ~(isSkb ? STORE_FLAGS : 0)) !== 0) return -ERRNO.EINVAL;
  const to = addressOf(memory, dynptr, offset, length);
  if (to < 0) return to;
  if (length > 0) {
    if (!memory.contains(from, length)) return -ERRNO.EFAULT;
    memory.bytes(to, length).set(memory.bytes(from, length));
  }
  if (isSkb && (lo & BPF_FLAGS.BPF_F_INVALIDATE_HASH) !== 0) memory.setU32(dynptr.data + SKB_CTX.hash, 0);
  return 0;
}

export const dynptrHelpers = {
  bpf_dynptr_from_mem:
    ({ memory }) =>
    (data, size, flagsLo, flagsHi, at) => {
      const made = { kind: DYNPTR_KIND.local, data: data >>> 0, size: size >>> 0, rdonly: false };
      return makeDynptr(memory, at >>> 0, made, (flagsLo | flagsHi) !== 0);
    },
  bpf_dynptr_read:
    ({ memory }) =>
    (to, length, at, offset, flagsLo, flagsHi) => {
      const dynptr = readDynptr(memory, at >>> 0);
      if (dynptr.data === 0 || (flagsLo | flagsHi) !== 0) return -ERRNO.EINVAL;
      return readBytes(memory, dynptr, offset >>> 0, to >>> 0, length >>> 0);
    },
  bpf_dynptr_write:
    ({ memory }) =>
    (at, offset, from, length, flagsLo, flagsHi) =>
      write(memory, at >>> 0, offset >>> 0, from >>> 0, length >>> 0, flagsLo, flagsHi),
  // Packets may lie in pieces: of them only slices (kfuncs) can be had.
  bpf_dynptr_data:
    ({ memory }) =>
    (at, offset, length) => {
      const dynptr = readDynptr(memory, at >>> 0);
      const { kind } = dynptr;
      if (dynptr.data === 0 || dynptr.rdonly || kind === DYNPTR_KIND.skb || kind === DYNPTR_KIND.xdp) return 0;
      if (checkSlice(dynptr, offset >>> 0, length >>> 0) !== 0) return 0;
      return Math.max(addressOf(memory, dynptr, offset >>> 0, length >>> 0), 0);
    },
} as const satisfies HelperRows;
