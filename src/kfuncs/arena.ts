// Pages of arenas (kernel/bpf/arena.c). Addresses are user space's; whatever map and numbers come, something is answered.

import type { HelperEnv } from '../helpers/helper.ts';
import type { ArenaPages } from '../maps/arena_pages.ts';
import { controlWord } from '../memory/layout.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { KfuncRows } from './kfunc.ts';

function pagesOf({ mapAt }: HelperEnv, map: number): ArenaPages | null {
  return mapAt(map >>> 0)?.pages ?? null;
}

const u64 = (lo: number, hi: number) => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

export const arenaKfuncs = {
  bpf_arena_alloc_pages: (env, cpu) => (map, lo, hi, count, _node, flagsLo, flagsHi) => {
    const pages = (flagsLo | flagsHi) === 0 ? pagesOf(env, map) : null;
    env.memory.setU64(controlWord(cpu, 'result'), pages?.alloc(u64(lo, hi), count >>> 0) ?? 0n);
    return undefined;
  },
  bpf_arena_free_pages: (env) => (map, lo, hi, count) => {
    pagesOf(env, map)?.free(u64(lo, hi), count >>> 0);
    return undefined;
  },
  bpf_arena_reserve_pages: (env) => (map, lo, hi, count) =>
    pagesOf(env, map)?.reserve(u64(lo, hi), count >>> 0) ?? -ERRNO.EINVAL,
} as const satisfies KfuncRows;
