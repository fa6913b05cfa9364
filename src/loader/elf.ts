// ELF64 little-endian relocatable objects for EM_BPF: bytes -> sections, symbols and relocations as plain data. What a
// section means is not decided here. Relocations are read on request, because nobody needs those of .debug_*.
// Every offset, size and index of the file is checked against the file before it is used.

import { FormatError } from '../uapi/errors.ts';
import { grouped, once } from './once.ts';
import { Reader } from './reader.ts';

export const EM_BPF = 247;
const ET_REL = 1;

export const SHT = { PROGBITS: 1, SYMTAB: 2, STRTAB: 3, RELA: 4, NOBITS: 8, REL: 9 } as const;
export const SHF = { WRITE: 1, ALLOC: 2, EXECINSTR: 4, COMPRESSED: 0x800 } as const;
/** Visibility of a symbol. */
export const STV = { DEFAULT: 0, INTERNAL: 1, HIDDEN: 2, PROTECTED: 3 } as const;
export const STT = { NOTYPE: 0, OBJECT: 1, FUNC: 2, SECTION: 3, FILE: 4 } as const;
export const STB = { LOCAL: 0, GLOBAL: 1, WEAK: 2 } as const;
export const SHN = { UNDEF: 0, LORESERVE: 0xff00, XINDEX: 0xffff } as const;

/** Relocation types of the BPF psABI (llvm docs "BPF target"). */
export const R_BPF = {
  NONE: 0,
  '64_64': 1,
  '64_ABS64': 2,
  '64_ABS32': 3,
  '64_NODYLD32': 4,
  '64_32': 10,
  /** Of binutils before 2.41. */
  DATA_64: 12,
} as const;

const EHDR_SIZE = 64;
const SHDR_SIZE = 64;
const SYM_SIZE = 24;
const ENTRY_SIZE: Readonly<Record<number, number>> = { [SHT.REL]: 16, [SHT.RELA]: 24 };

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Bytes in memory; for NOBITS (.bss) the file holds none of them. */
  readonly size: number;
  readonly link: number;
  readonly info: number;
  /** A live view of the file; empty for NOBITS. */
  readonly data: Uint8Array;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly bind: number;
  readonly visibility: number;
  /** Section index; SHN.UNDEF = extern. */
  readonly shndx: number;
}

export interface ElfReloc {
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
  /** Type of the relocation section: SHT.REL or SHT.RELA. */
  readonly section: number;
  /** What is added to the symbol's value: of RELA sections (clang before 3.9); else it stands in the instruction. */
  readonly addend: number;
}

export interface Elf {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
}

/** Reads headers, sections and symbols. Throws FormatError('ELF') on anything that is not a BPF object. */
export function readElf(bytes: Uint8Array): Elf {
  const file = new Reader(bytes, 'ELF', 'file');
  checkHeader(file);
  const sections = readSections(file);
  return { sections, symbols: readSymbols(sections) };
}

/** First section with this name. */
export function sectionNamed(elf: Elf, name: string): ElfSection | undefined {
  return elf.sections.find((s) => s.name === name);
}

/** Sections of relocations by the section they apply to, and symbols by the section they are in: there may be many of each. */
interface Index {
  readonly relocs: ReadonlyMap<number, readonly ElfSection[]>;
  readonly symbols: ReadonlyMap<number, readonly ElfSymbol[]>;
}

const INDEXES = new WeakMap<Elf, Index>();

function indexOf(elf: Elf): Index {
  return once(INDEXES, elf, () => {
    const relocs = elf.sections.filter((s) => ENTRY_SIZE[s.type] !== undefined);
    return {
      relocs: grouped(relocs.map((s) => [s.info, s])),
      symbols: grouped(elf.symbols.map((s) => [s.shndx, s])),
    };
  });
}

/** Symbols of a section, in file order. */
export function symbolsOf(elf: Elf, section: ElfSection): readonly ElfSymbol[] {
  return indexOf(elf).symbols.get(section.index) ?? [];
}

/** Relocations that apply to `target`, in file order. */
export function relocsOf(elf: Elf, target: ElfSection): ElfReloc[] {
  const relocs: ElfReloc[] = [];
  for (const section of indexOf(elf).relocs.get(target.index) ?? []) {
    const entry = ENTRY_SIZE[section.type];
    const table = new Reader(section.data, 'ELF', section.name);
    if (table.length % entry !== 0) table.fail(`size ${table.length} is not a multiple of ${entry}`);
    for (let at = 0; at < table.length; at += entry) {
      const offset = table.size64(at);
      const symbol = elf.symbols[table.u32(at + 12)];
      if (symbol === undefined) table.fail(`relocation ${at / entry} names a symbol that does not exist`);
      if (offset >= target.size) table.fail(`relocation ${at / entry} lies outside of ${target.name}`);
      const addend = section.type === SHT.RELA ? table.i32(at + 16) : 0;
      relocs.push({ offset, type: table.u32(at + 8), symbol, section: section.type, addend });
    }
  }
  return relocs;
}

function checkHeader(file: Reader): void {
  const magic =
    file.length >= 4 && file.u8(0) === 0x7f && file.u8(1) === 0x45 && file.u8(2) === 0x4c && file.u8(3) === 0x46;
  if (!magic) throw new FormatError('ELF', file.length === 0 ? 'file is empty' : 'not an ELF file');
  if (file.length < EHDR_SIZE) throw new FormatError('ELF', `file is too short: ${file.length} bytes`);
  if (file.u8(4) !== 2) throw new FormatError('ELF', 'not a 64-bit file');
  if (file.u8(5) !== 1) throw new FormatError('ELF', 'not a little-endian file');
  // 0: the BPF backends before EM_BPF was assigned.
  const machine = file.u16(18);
  if (machine !== EM_BPF && machine !== 0) throw new FormatError('ELF', `machine ${machine} is not BPF (${EM_BPF})`);
  const type = file.u16(16);
  if (type !== ET_REL) throw new FormatError('ELF', `type ${type} is not a relocatable object (${ET_REL})`);
  const entrySize = file.u16(58);
  if (entrySize !== SHDR_SIZE) throw new FormatError('ELF', `section header size is ${entrySize}, not ${SHDR_SIZE}`);
}

function readSections(file: Reader): ElfSection[] {
  const start = file.size64(40);
  if (start === 0) throw new FormatError('ELF', 'no section headers');
  const first = new Reader(file.slice(start, SHDR_SIZE), 'ELF', 'section header 0');
  // More than 0xff00 sections: count and name-table index move to section header 0 (gABI "extended numbering").
  const count = file.u16(60) || first.size64(32);
  const names = file.u16(62) === SHN.XINDEX ? first.u32(40) : file.u16(62);
  const table = new Reader(file.slice(start, count * SHDR_SIZE), 'ELF', 'section header table');
  if (names >= count) table.fail(`name table ${names} does not exist`);
  const headers = Array.from({ length: count }, (_, i) => readSectionHeader(file, table, i));
  const strings = new Reader(headers[names].data, 'ELF', 'section name table');
  return headers.map(({ nameOffset, ...section }) => ({
    ...section,
    name: section.index === 0 ? '' : strings.string(nameOffset),
  }));
}

function readSectionHeader(
  file: Reader,
  table: Reader,
  index: number,
): Omit<ElfSection, 'name'> & { nameOffset: number } {
  const at = index * SHDR_SIZE;
  const type = table.u32(at + 4);
  const offset = table.size64(at + 24);
  const size = table.size64(at + 32);
  const inFile = index !== 0 && type !== SHT.NOBITS;
  if (inFile && offset + size > file.length) table.fail(`section ${index} ends beyond the file`);
  return {
    index,
    nameOffset: table.u32(at),
    type,
    flags: table.u32(at + 8),
    size: index === 0 ? 0 : size,
    link: table.u32(at + 40),
    info: table.u32(at + 44),
    data: inFile ? file.slice(offset, size) : new Uint8Array(0),
  };
}

function readSymbols(sections: readonly ElfSection[]): ElfSymbol[] {
  const section = sections.find((s) => s.type === SHT.SYMTAB);
  if (section === undefined) throw new FormatError('ELF', 'no symbol table');
  const strtab = sections[section.link];
  if (strtab === undefined || strtab.type !== SHT.STRTAB) throw new FormatError('ELF', 'symbol table without names');
  const strings = new Reader(strtab.data, 'ELF', 'symbol name table');
  const table = new Reader(section.data, 'ELF', 'symbol table');
  if (table.length % SYM_SIZE !== 0) table.fail(`size ${table.length} is not a multiple of ${SYM_SIZE}`);
  const symbols: ElfSymbol[] = [];
  for (let at = 0; at < table.length; at += SYM_SIZE) {
    const type = table.u8(at + 4) & 15;
    const shndx = table.u16(at + 6);
    if (shndx < SHN.LORESERVE && shndx >= sections.length) table.fail(`section ${shndx} does not exist`);
    // A section symbol has no name of its own.
    const name = type === STT.SECTION ? (sections[shndx]?.name ?? '') : strings.string(table.u32(at));
    symbols.push({
      name,
      value: table.size64(at + 8),
      size: table.size64(at + 16),
      type,
      bind: table.u8(at + 4) >> 4,
      visibility: table.u8(at + 5) & 3,
      shndx,
    });
  }
  return symbols;
}
