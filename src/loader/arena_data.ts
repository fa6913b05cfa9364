// Global variables in an arena: section `.addr_space.1`, which clang makes of `__arena` globals. Its bytes are the arena's
// first ones, as libbpf puts them there. In: the ELF file and its map definitions; out: which section belongs to which map,
// with the map's `data` set.

import { ARENA_PAGE, ARENA_SECTION, isArena } from '../spec/arena.ts';
import { FormatError } from '../uapi/errors.ts';
import { type Elf, SHT, sectionNamed } from './elf.ts';
import type { MapDefinition } from './map_defs.ts';
import type { MapSpec } from './spec.ts';

/** By section index; none or one. Throws FormatError where libbpf refuses the object. */
export function arenaData(elf: Elf, defs: readonly MapDefinition[]): Map<number, MapSpec> {
  const arenas = defs.map((d) => d.spec).filter(isArena);
  if (arenas.length > 1) {
    throw new FormatError('maps', `maps ${arenas[0].name} and ${arenas[1].name}: an object has one arena at most`);
  }
  const section = sectionNamed(elf, ARENA_SECTION);
  if (section === undefined || section.size === 0) return new Map();
  if (arenas.length === 0) throw new FormatError('maps', `section ${ARENA_SECTION}: the object declares no arena`);
  const [arena] = arenas;
  const room = arena.maxEntries * ARENA_PAGE;
  if (section.size > room) {
    throw new FormatError('maps', `section ${ARENA_SECTION} has ${section.size} bytes, arena ${arena.name} ${room}`);
  }
  arena.data = section.type === SHT.NOBITS ? new Uint8Array(section.size) : section.data.slice();
  return new Map([[section.index, arena]]);
}
