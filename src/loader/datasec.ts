// Variables of an ELF data section, and global-data maps (.data, .rodata, .bss) with editable variables.
// A section becomes an ARRAY map with one value, as libbpf makes it, under the section's name.

import { BPF_MAP_TYPE } from '../uapi/enums.ts';
import { BpfError, FormatError } from '../uapi/errors.ts';
import { BTF_LINKAGE, type Btf, type BtfOf } from './btf.ts';
import { type Elf, type ElfSection, SHT, STT, symbolsOf } from './elf.ts';
import { once } from './once.ts';
import { dataKind } from './sections.ts';
import type { MapSpec, VariableSpec } from './spec.ts';

export const BPF_F_RDONLY_PROG = 128;
/** INT_MAX: Linux refuses larger array values (array_map_alloc_check). */
const MAX_VALUE_SIZE = 0x7fffffff;

/** A variable where it really is. */
export interface SectionVar {
  readonly name: string;
  /** BTF type id; 0 = unknown. */
  readonly type: number;
  readonly linkage: number;
  readonly offset: number;
  readonly size: number;
}

/** There may be as many sections as types. */
const DATASECS = new WeakMap<Btf, ReadonlyMap<string, number>>();

/** Id of the first DATASEC with this name; 0 = none. */
export function datasecId(btf: Btf, name: string): number {
  const ids = once(DATASECS, btf, () => {
    const all = btf.types.flatMap((t, id) => (t.kind === 'datasec' ? [[t.name, id] as const] : []));
    return new Map(all.reverse());
  });
  return ids.get(name) ?? 0;
}

/**
 * Variables of a section, from its DATASEC where there is one, else from symbols. clang leaves the offset of a global
 * variable 0 in BTF (a relocation would fill it), so the symbol's value counts for those.
 */
export function sectionVars(elf: Elf, section: ElfSection, btf: Btf | null): SectionVar[] {
  const symbols = symbolsOf(elf, section).filter((s) => s.type === STT.OBJECT);
  const id = btf === null ? 0 : datasecId(btf, section.name);
  if (btf === null || id === 0) {
    return symbols.map((s) =>
      inSection(section, { name: s.name, type: 0, linkage: BTF_LINKAGE.global, offset: s.value, size: s.size }),
    );
  }
  const offsets = new Map(symbols.map((s) => [s.name, s.value]));
  return (btf.types[id] as BtfOf<'datasec'>).vars.map((v) => {
    const t = btf.types[v.type];
    if (t.kind !== 'var')
      throw new FormatError('BTF', `DATASEC ${section.name} holds type ${v.type}, which is not a variable`);
    const offset = t.linkage === BTF_LINKAGE.static ? v.offset : (offsets.get(t.name) ?? v.offset);
    return inSection(section, { name: t.name, type: t.type, linkage: t.linkage, offset, size: v.size });
  });
}

function inSection(section: ElfSection, v: SectionVar): SectionVar {
  if (v.offset + v.size > section.size)
    throw new FormatError('BTF', `variable ${v.name} ends beyond section ${section.name}`);
  return v;
}

/** The map of a global-data section; null when the section is something else or empty. */
export function dataMap(section: ElfSection, btf: Btf | null): MapSpec | null {
  const kind = dataKind(section.name);
  const stored = section.type === SHT.PROGBITS;
  if (kind === null || section.size === 0 || (!stored && section.type !== SHT.NOBITS)) return null;
  if (section.size > MAX_VALUE_SIZE) throw new FormatError('ELF', `section ${section.name} has ${section.size} bytes`);
  const readOnly = kind === 'rodata';
  return {
    name: section.name,
    type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: readOnly ? BPF_F_RDONLY_PROG : 0,
    pinning: 0,
    mapExtra: 0n,
    ...(stored ? { data: section.data.slice() } : {}),
    ...(readOnly ? { frozen: true } : {}),
    keyTypeId: 0,
    valueTypeId: btf === null ? 0 : datasecId(btf, section.name),
  };
}

/** Variables of `map` as editable views of its initial value. */
export function variablesOf(map: MapSpec, vars: readonly SectionVar[]): VariableSpec[] {
  return vars
    .filter((v) => v.name !== '' && v.size > 0)
    .map((v) => ({
      name: v.name,
      map: map.name,
      offset: v.offset,
      size: v.size,
      get: () => map.data?.slice(v.offset, v.offset + v.size) ?? new Uint8Array(v.size),
      set: (value) => {
        const bytes = variableBytes(v, value);
        map.data ??= new Uint8Array(map.valueSize);
        map.data.set(bytes, v.offset);
      },
    }));
}

function variableBytes(v: SectionVar, value: Uint8Array | number | bigint | boolean): Uint8Array {
  if (value instanceof Uint8Array) {
    if (value.length !== v.size)
      throw new BpfError('EINVAL', `variable ${v.name} has ${v.size} bytes, got ${value.length}`);
    return value;
  }
  if (![1, 2, 4, 8].includes(v.size))
    throw new BpfError('EINVAL', `variable ${v.name} has ${v.size} bytes: set it from bytes`);
  if (typeof value === 'number' && !Number.isInteger(value)) throw new BpfError('EINVAL', `${value} is not an integer`);
  const bits = v.size * 8;
  let rest = BigInt(value);
  // Both signed and unsigned values of this width are meant.
  if (rest < -(1n << BigInt(bits - 1)) || rest >= 1n << BigInt(bits)) {
    throw new BpfError('ERANGE', `${value} does not fit variable ${v.name} of ${bits} bits`);
  }
  return Uint8Array.from({ length: v.size }, () => {
    const byte = Number(rest & 255n);
    rest >>= 8n;
    return byte;
  });
}
