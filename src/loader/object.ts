// openObject: the bytes of a clang-built BPF object -> ObjectSpec, plain and editable. Nothing is created, nothing is
// verified. What single programs need and beewasm lacks is noted on the program (`unsupported`), so that the others
// of the object still load; what concerns the whole object throws here.

import { FormatError, UnsupportedError } from '../uapi/errors.ts';
import { arenaData } from './arena_data.ts';
import { type Btf, btfOf, readBtf } from './btf.ts';
import { NO_BTF_EXT, readBtfExt } from './btf_ext.ts';
import { coreRelocator } from './core_reloc.ts';
import { dataMap, sectionVars, variablesOf } from './datasec.ts';
import { type Elf, readElf, SHT, sectionNamed } from './elf.ts';
import { type Externs, type Kconfig, readExterns } from './externs.ts';
import { protoReader } from './func_protos.ts';
import { fillTailCalls, type LegacyMap, readLegacyMaps } from './legacy_maps.ts';
import { refusesTypes } from './local_types.ts';
import { type MapDefinition, readMapDefs } from './map_defs.ts';
import { type MapLookup, readPrograms } from './programs.ts';
import { unsupportedSection } from './sections.ts';
import type { MapSpec, ObjectSpec, ProgramSpec, VariableSpec } from './spec.ts';
import { sectionFields } from './special_fields.ts';
import { readStructOps } from './struct_ops.ts';

const utf8 = new TextDecoder();

export interface OpenOptions {
  /** .BTF of the kernel that CO-RE relocations are made for (/sys/kernel/btf/vmlinux); read once, so it must not change. */
  readonly btf?: Uint8Array;
  /** The kernel's configuration, for `__kconfig` variables. */
  readonly kconfig?: Kconfig;
}

/** Parses one object file. Throws FormatError or UnsupportedError, nothing else. */
export function openObject(bytes: Uint8Array, options: OpenOptions = {}): ObjectSpec {
  const elf = readElf(bytes);
  for (const section of elf.sections) {
    const feature = unsupportedSection(section.name);
    if (feature !== null) throw new UnsupportedError(feature);
  }
  const rawBtf = contents(elf, '.BTF');
  const btf = rawBtf && readBtf(rawBtf);
  const rawExt = contents(elf, '.BTF.ext');
  const ext = btf && rawExt ? readBtfExt(rawExt, btf) : NO_BTF_EXT;
  const defs = mapDefinitions(elf, btf);
  const legacy = readLegacyMaps(elf);
  const data = dataMaps(elf, btf);
  const values = new Map([...data, ...arenaData(elf, defs)]);
  const externs = readExterns(elf, btf, options.kconfig ?? {});
  const target = options.btf === undefined ? null : btfOf(options.btf);
  const programs = readPrograms(elf, ext, {
    mapAt: mapLookup(elf, defs, legacy, values),
    externs,
    relocate: btf && coreRelocator(btf, target),
    protoOf: btf && protoReader(btf),
    memberOf: readStructOps(elf, btf),
  });
  fillTailCalls(legacy, programs);
  if (btf !== null && refusesTypes(btf)) forgetTypes(programs, [...defs.map((d) => d.spec), ...data.values()]);
  return {
    license: license(elf),
    programs: byName('program', programs),
    maps: byName('map', [
      ...legacy.map((d) => d.spec),
      ...defs.map((d) => d.spec),
      ...data.values(),
      ...(externs.kconfig ? [externs.kconfig.map] : []),
    ]),
    variables: variables(elf, btf, values, externs),
    btf: rawBtf?.slice() ?? null,
  };
}

/** As libbpf goes on where the kernel refuses the object's BTF: nobody knows prototypes, or special fields of values. */
function forgetTypes(programs: readonly ProgramSpec[], maps: readonly MapSpec[]): void {
  for (const { prototypes } of programs) prototypes.clear();
  for (const map of maps) {
    delete map.specialFields;
    if (map.inner) delete map.inner.specialFields;
  }
}

function contents(elf: Elf, name: string): Uint8Array | null {
  const section = sectionNamed(elf, name);
  return section !== undefined && section.size > 0 && section.type !== SHT.NOBITS ? section.data : null;
}

/** Text of section `license` up to its NUL. */
function license(elf: Elf): string {
  const bytes = contents(elf, 'license') ?? new Uint8Array(0);
  const end = bytes.indexOf(0);
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

function mapDefinitions(elf: Elf, btf: Btf | null): MapDefinition[] {
  const section = sectionNamed(elf, '.maps');
  if (section === undefined || section.size === 0) return [];
  if (btf === null) throw new UnsupportedError('.maps section without BTF');
  return readMapDefs(elf, section, btf);
}

/** Global-data maps by section index. */
function dataMaps(elf: Elf, btf: Btf | null): Map<number, MapSpec> {
  const maps = new Map<number, MapSpec>();
  for (const section of elf.sections) {
    const map = dataMap(section, btf);
    if (map === null) continue;
    // A value that programs may not write has no such fields.
    if (map.valueTypeId !== 0 && map.frozen !== true)
      map.specialFields = sectionFields(
        btf!,
        map.valueTypeId,
        new Map(sectionVars(elf, section, btf).map((v) => [v.name, v.offset])),
      );
    maps.set(section.index, map);
  }
  return maps;
}

function mapLookup(
  elf: Elf,
  defs: readonly MapDefinition[],
  legacy: readonly LegacyMap[],
  data: ReadonlyMap<number, MapSpec>,
): MapLookup {
  const mapsIndex = sectionNamed(elf, '.maps')?.index ?? -1;
  const mapSections = new Map([[mapsIndex, new Map(defs.map((d) => [d.offset, d.spec.name]))]]);
  for (const { section, offset, spec } of legacy) {
    const names = mapSections.get(section) ?? new Map<number, string>();
    mapSections.set(section, names.set(offset, spec.name));
  }
  return (section, offset) => {
    const value = data.get(section);
    if (value !== undefined) return { map: value.name, kind: 'value', off: offset };
    const names = mapSections.get(section);
    if (names === undefined) return null;
    const map = names.get(offset);
    if (map === undefined) {
      throw new FormatError('ELF', `no map starts at ${offset} of section ${elf.sections[section].name}`);
    }
    return { map, kind: 'fd', off: 0 };
  };
}

/** The first variable of a name counts: static variables of functions may share one. */
function variables(
  elf: Elf,
  btf: Btf | null,
  data: ReadonlyMap<number, MapSpec>,
  { kconfig }: Externs,
): Record<string, VariableSpec> {
  const found = new Map(kconfig ? variablesOf(kconfig.map, kconfig.variables).map((v) => [v.name, v]) : []);
  for (const [index, map] of data) {
    for (const v of variablesOf(map, sectionVars(elf, elf.sections[index], btf))) {
      if (!found.has(v.name)) found.set(v.name, v);
    }
  }
  return Object.fromEntries(found);
}

function byName<T extends { name: string }>(what: string, items: readonly T[]): Record<string, T> {
  const named = new Map<string, T>();
  for (const item of items) {
    if (named.has(item.name)) throw new FormatError('ELF', `two ${what}s are called ${item.name}`);
    named.set(item.name, item);
  }
  return Object.fromEntries(named);
}
