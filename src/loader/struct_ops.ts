// Structures of functions that programs implement for the kernel: variables of the sections `.struct_ops` and
// `.struct_ops.link` (with `?` in front: not by default). A relocation of a member against a function binds that program to
// the kernel's structure and member of those names (libbpf bpf_object__collect_st_ops_relos).

import { FormatError } from '../uapi/errors.ts';
import type { Btf } from './btf.ts';
import { resolved } from './btf.ts';
import { essentialName } from './core_types.ts';
import { sectionVars } from './datasec.ts';
import { type Elf, type ElfReloc, type ElfSection, relocsOf } from './elf.ts';

/** What a program implements. */
export interface OpsMember {
  readonly struct: string;
  readonly member: string;
  /** Every variable that names the program is optional. */
  readonly optional: boolean;
  /** The program stands for several functions, which no kernel takes. */
  readonly ambiguous: boolean;
}

/** What the function at a byte of a section implements; undefined = nothing. */
export type OpsLookup = (section: number, offset: number) => OpsMember | undefined;

const SECTION = /^(\??)\.struct_ops(\.link)?$/;

export function readStructOps(elf: Elf, btf: Btf | null): OpsLookup {
  const members = new Map<string, OpsMember>();
  for (const section of elf.sections) {
    const match = SECTION.exec(section.name);
    if (match === null || btf === null) continue;
    for (const reloc of relocsOf(elf, section)) {
      const key = `${reloc.symbol.shndx}:${functionAt(section, reloc)}`;
      members.set(key, merged(members.get(key), memberAt(elf, section, btf, reloc.offset), match[1] === '?'));
    }
  }
  return (section, offset) => members.get(`${section}:${offset}`);
}

/** The addend stands in the variable. */
function functionAt(section: ElfSection, { symbol, offset }: ElfReloc): number {
  const view = new DataView(section.data.buffer, section.data.byteOffset, section.data.byteLength);
  return symbol.value + (offset + 8 <= section.data.length ? Number(view.getBigUint64(offset, true)) : 0);
}

function memberAt(elf: Elf, section: ElfSection, btf: Btf, offset: number): { struct: string; member: string } {
  const variable = sectionVars(elf, section, btf).find((v) => offset >= v.offset && offset < v.offset + v.size);
  const type = variable && resolved(btf, variable.type);
  const bits = (offset - (variable?.offset ?? 0)) * 8;
  const member = type?.kind === 'struct' ? type.members.find((m) => m.bitOffset === bits) : undefined;
  if (type?.kind !== 'struct' || member === undefined) {
    throw new FormatError('ELF', `relocation at ${offset} of ${section.name} is no member of a structure`);
  }
  return { struct: essentialName(type.name), member: member.name };
}

function merged(known: OpsMember | undefined, found: { struct: string; member: string }, optional: boolean): OpsMember {
  if (known === undefined) return { ...found, optional, ambiguous: false };
  const same = known.struct === found.struct && known.member === found.member;
  return { ...known, optional: known.optional && optional, ambiguous: known.ambiguous || !same };
}
