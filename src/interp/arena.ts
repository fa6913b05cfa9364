// Accesses through pointers into the program's arena. A pointer is 32 bits, which with the instruction's offset name a byte
// of user space's 4 GiB around the arena; where a page is missing nothing is accessed (runtime/engine.ts).

import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import type { ProgramArena } from '../runtime/program_arena.ts';
import { ARENA_PAGE } from '../spec/arena.ts';

/** No address: an access has nothing to go to. */
export const MISSING = -1;

/** Address of `size` bytes at `pointer` (32 bits) + off, or MISSING when not all of them are there. */
export function arenaAddress(memory: Memory, arena: ProgramArena, pointer: number, off: number, size: number): Addr {
  const at = pointer + off - arena.start;
  if (at < 0 || at + size > arena.size) return MISSING;
  const there = (page: number) => (memory.bytes(arena.table + page, 1)[0] & 1) !== 0;
  const first = Math.floor(at / ARENA_PAGE);
  const last = Math.floor((at + size - 1) / ARENA_PAGE);
  return there(first) && there(last) ? arena.data + at : MISSING;
}
