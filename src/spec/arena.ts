// Arenas (BPF_MAP_TYPE_ARENA) in numbers: what loader, verifier and maps agree on.

import { BPF_MAP_TYPE } from '../uapi/enums.ts';

/** max_entries counts pages of this many bytes. */
export const ARENA_PAGE = 4096;

/** Most pages: 4 GiB, which 32-bit pointers reach. */
export const ARENA_MAX_PAGES = 2 ** 20;

/** Where the first arena of an object without map_extra lies in user space; libbpf asks mmap() for an address. */
export const ARENA_START = 1n << 44n;

/** Global variables that lie in it (clang, libbpf). */
export const ARENA_SECTION = '.addr_space.1';

export function isArena({ type }: { readonly type: number }): boolean {
  return type === BPF_MAP_TYPE.BPF_MAP_TYPE_ARENA;
}

/** Imm of a cast: the address space it leads to in the upper half, the one it comes from in the lower. */
export const CAST = { toProgram: 1, toUser: 1 << 16 } as const;

/** What an lddw of byte `off` of a map's value is where the map is an arena: an address of user space. */
export function arenaValue(map: { readonly userStart?: bigint }, off: number): bigint {
  return BigInt.asUintN(64, (map.userStart ?? 0n) + BigInt(off));
}

/** Upper half of what a cast with this imm gives for a number that is not 0: that of user space's addresses, or 0. */
export function castHigh(imm: number, maps: readonly { readonly type: number; readonly userStart?: bigint }[]): bigint {
  const start = imm === CAST.toUser ? maps.find(isArena)?.userStart : undefined;
  return ((start ?? 0n) >> 32n) << 32n;
}
