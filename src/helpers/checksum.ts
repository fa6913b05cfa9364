// bpf_csum_diff (kernel net/core/filter.c, lib/checksum.c): the ones' complement sum of `to` minus that of `from` plus
// seed, folded to 16 bits. 6.18 takes any size; an odd tail counts as if padded with zeroes.

import { controlWord } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { HelperRows } from './helper.ts';

/** Adds two u32 with end-around carry (csum_add). */
function add(a: number, b: number): number {
  const sum = a + b;
  return sum > 0xffffffff ? sum - 0xffffffff : sum;
}

/** csum_partial over little-endian 32-bit words. */
function partial(bytes: Uint8Array, seed: number): number {
  let sum = seed >>> 0;
  for (let i = 0; i < bytes.length; i += 4) {
    const word = bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    sum = add(sum, word >>> 0);
  }
  return sum;
}

/** csum_from32to16. */
function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return ((once & 0xffff) + (once >>> 16)) & 0xffff;
}

export function csumDiff(from: Uint8Array, to: Uint8Array, seed: number): number {
  if (from.length > 0 && to.length > 0) return fold(add(partial(to, seed), ~partial(from, 0) >>> 0));
  if (from.length > 0) return fold(~partial(from, ~seed >>> 0) >>> 0);
  return fold(partial(to, seed));
}

/** size 0 = no bytes, whatever the address; null = not in memory. */
function operand(memory: Memory, addr: number, size: number): Uint8Array | null {
  if (size >>> 0 === 0) return new Uint8Array(0);
  return memory.contains(addr >>> 0, size >>> 0) ? memory.bytes(addr >>> 0, size >>> 0) : null;
}

export const checksumHelpers = {
  bpf_csum_diff: (env, cpu) => (fromAddr, fromSize, toAddr, toSize, seed) => {
    const from = operand(env.memory, fromAddr, fromSize);
    const to = operand(env.memory, toAddr, toSize);
    const result = from === null || to === null ? -ERRNO.EFAULT : csumDiff(from, to, seed);
    env.memory.setU64(controlWord(cpu, 'result'), BigInt.asUintN(64, BigInt(result)));
    return undefined;
  },
} as const satisfies HelperRows;
