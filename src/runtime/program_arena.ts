// The one arena of a program, as both engines use it: where its pages are, and which addresses its pointers hold.

import type { ArenaPlacement } from '../maps/placement.ts';
import { isArena } from '../spec/arena.ts';
import type { LoadedProgram } from './engine.ts';

export interface ProgramArena extends ArenaPlacement {
  /** Low half of the address of its first byte in user space: what a pointer to that byte is. */
  readonly start: number;
}

/** null = the program refers to none. */
export function arenaOf({ code, maps }: LoadedProgram): ProgramArena | null {
  const i = code.maps.findIndex(isArena);
  const pages = i < 0 ? null : maps[i].arena;
  return pages && { ...pages, start: Number(BigInt.asUintN(32, code.maps[i].userStart ?? 0n)) };
}

/** Whether the load, store or atomic at a slot goes through a pointer into the arena. */
export function usesArena({ facts }: LoadedProgram['code'], at: number): boolean {
  return ((facts?.arena?.[at] ?? 0) & 1) !== 0;
}
