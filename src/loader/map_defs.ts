// BTF-defined maps: the variables of section `.maps`, whose struct members describe the map (libbpf
// parse_btf_map_def). Numbers hide in types: __uint(n, v) is a pointer to an array of v elements, __ulong(n, v) a pointer
// to an enum of one value; __type(key, T) is a pointer to T; `values` is an array of pointers to an inner map or programs.

import { BPF_MAP_TYPE } from '../uapi/enums.ts';
import { FormatError, UnsupportedError } from '../uapi/errors.ts';
import { BTF_LINKAGE, type Btf, type BtfMember, type BtfOf, resolved, sizeOf, skipModifiers } from './btf.ts';
import { sectionVars } from './datasec.ts';
import { type Elf, type ElfSection, R_BPF, relocsOf } from './elf.ts';
import type { MapSpec } from './spec.ts';
import { specialFields } from './special_fields.ts';

/** A map and where its variable is in `.maps`. */
export interface MapDefinition {
  readonly spec: MapSpec;
  readonly offset: number;
  readonly size: number;
}

/** Definition while it is read: `slots` = byte offset of `values` in the variable. */
interface Draft {
  spec: MapSpec;
  slots: number | null;
}

type FieldReader = (draft: Draft, btf: Btf, field: BtfMember) => void;

const FIELDS: Record<string, FieldReader> = {
  type: (d, btf, f) => {
    d.spec.type = uintOf(d, btf, f);
  },
  max_entries: (d, btf, f) => {
    d.spec.maxEntries = uintOf(d, btf, f);
  },
  map_flags: (d, btf, f) => {
    d.spec.flags = uintOf(d, btf, f);
  },
  // Memory placement only: no meaning here.
  numa_node: (d, btf, f) => {
    uintOf(d, btf, f);
  },
  key_size: (d, btf, f) => {
    d.spec.keySize = sameSize(d, f, d.spec.keySize, uintOf(d, btf, f));
  },
  value_size: (d, btf, f) => {
    d.spec.valueSize = sameSize(d, f, d.spec.valueSize, uintOf(d, btf, f));
  },
  key: (d, btf, f) => {
    d.spec.keyTypeId = pointee(d, btf, f);
    d.spec.keySize = sameSize(d, f, d.spec.keySize, sizeOf(btf, d.spec.keyTypeId));
  },
  value: (d, btf, f) => {
    d.spec.valueTypeId = pointee(d, btf, f);
    d.spec.valueSize = sameSize(d, f, d.spec.valueSize, sizeOf(btf, d.spec.valueTypeId));
    d.spec.specialFields = specialFields(btf, d.spec.valueTypeId);
  },
  pinning: (d, btf, f) => {
    // Numbers beyond LIBBPF_PIN_BY_NAME mean something to the loaders of other projects (Cilium: 16).
    d.spec.pinning = uintOf(d, btf, f);
  },
  map_extra: (d, btf, f) => {
    d.spec.mapExtra = ulongOf(d, btf, f);
  },
  values: readValues,
};

/** All maps of section `.maps`, in the order of its DATASEC. */
export function readMapDefs(elf: Elf, section: ElfSection, btf: Btf): MapDefinition[] {
  const drafts = sectionVars(elf, section, btf).map((v) => {
    if (v.linkage === BTF_LINKAGE.extern) throw new UnsupportedError(`extern map ${v.name}`);
    const type = resolved(btf, v.type);
    if (type.kind !== 'struct') throw new FormatError('BTF', `map ${v.name} is a ${type.kind}, not a struct`);
    if (v.size < type.size) throw new FormatError('BTF', `map ${v.name} has ${v.size} bytes, its type ${type.size}`);
    return { ...readDef(btf, v.name, type), offset: v.offset, size: v.size };
  });
  if (drafts.length === 0 && section.size > 0) throw new UnsupportedError('.maps section without BTF');
  fillSlots(elf, section, drafts);
  return drafts.map(({ spec, offset, size }) => ({ spec, offset, size }));
}

function readDef(btf: Btf, name: string, type: BtfOf<'struct'>): Draft {
  const draft: Draft = {
    spec: {
      name,
      type: BPF_MAP_TYPE.BPF_MAP_TYPE_UNSPEC,
      keySize: 0,
      valueSize: 0,
      maxEntries: 0,
      flags: 0,
      pinning: 0,
      mapExtra: 0n,
      keyTypeId: 0,
      valueTypeId: 0,
    },
    slots: null,
  };
  for (const field of type.members) {
    if (draft.slots !== null) throw new FormatError('BTF', `map ${name}: 'values' is not the last field`);
    if (!Object.hasOwn(FIELDS, field.name)) throw new UnsupportedError(`field '${field.name}' of map ${name}`);
    FIELDS[field.name](draft, btf, field);
  }
  if (draft.spec.type === BPF_MAP_TYPE.BPF_MAP_TYPE_UNSPEC) throw new FormatError('BTF', `map ${name} has no type`);
  return draft;
}

function bad(draft: Draft, field: BtfMember, what: string): FormatError {
  return new FormatError('BTF', `map ${draft.spec.name}: '${field.name}' ${what}`);
}

/** Type id behind a member that has to be a pointer. */
function pointee(draft: Draft, btf: Btf, field: BtfMember): number {
  const t = resolved(btf, field.type);
  if (t.kind !== 'ptr') throw bad(draft, field, `is a ${t.kind}, not a pointer`);
  return t.type;
}

function uintOf(draft: Draft, btf: Btf, field: BtfMember): number {
  const t = resolved(btf, pointee(draft, btf, field));
  if (t.kind !== 'array') throw bad(draft, field, `points to a ${t.kind}, not an array`);
  return t.nelems;
}

/** __ulong(name, N): an enumeration of one value; a plain number may be meant, too. */
function ulongOf(draft: Draft, btf: Btf, field: BtfMember): bigint {
  const t = resolved(btf, field.type);
  if (t.kind !== 'enum' && t.kind !== 'enum64') return BigInt(uintOf(draft, btf, field));
  if (t.values.length !== 1) throw bad(draft, field, `has ${t.values.length} values, not one`);
  return BigInt.asUintN(64, t.values[0].value);
}

/** key and key_size (value and value_size) may both be given when they agree. */
function sameSize(draft: Draft, field: BtfMember, before: number, size: number): number {
  if (before !== 0 && before !== size) throw bad(draft, field, `means ${size} bytes, but ${before} were given before`);
  return size;
}

const MAP_IN_MAP: readonly number[] = [BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY_OF_MAPS, BPF_MAP_TYPE.BPF_MAP_TYPE_HASH_OF_MAPS];

/** __array(values, T): T is the inner map's struct, or the prototype of the programs in a PROG_ARRAY. */
function readValues(draft: Draft, btf: Btf, field: BtfMember): void {
  const { spec } = draft;
  const isMapInMap = MAP_IN_MAP.includes(spec.type);
  if (!isMapInMap && spec.type !== BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY) {
    throw bad(draft, field, 'belongs to maps of maps and program arrays only');
  }
  const array = resolved(btf, field.type);
  if (array.kind !== 'array' || array.nelems !== 0) throw bad(draft, field, 'is not a zero-sized array');
  const elem = resolved(btf, array.elem);
  if (elem.kind !== 'ptr') throw bad(draft, field, `holds a ${elem.kind}, not pointers`);
  spec.valueSize = sameSize(draft, field, spec.valueSize, 4);
  draft.slots = field.bitOffset / 8;
  const target = btf.types[skipModifiers(btf, elem.type)];
  if (isMapInMap) {
    if (target.kind !== 'struct') throw bad(draft, field, `holds a ${target.kind}, not a map definition`);
    if (target.members.some((m) => m.name === 'values')) throw bad(draft, field, 'nests deeper than one map in a map');
    spec.inner = readDef(btf, `${spec.name}.inner`, target).spec;
  } else if (target.kind !== 'func_proto') {
    throw bad(draft, field, `holds a ${target.kind}, not functions`);
  }
}

/** Before LLVM 13 data relocations had the type of lddw, before binutils 2.41 one of their own. */
const ADDRESSES: readonly number[] = [R_BPF['64_ABS64'], R_BPF['64_64'], R_BPF.DATA_64];

/** `.values = { [i] = &x }`: a relocation against x in the variable, 8 bytes per slot. */
function fillSlots(elf: Elf, section: ElfSection, drafts: readonly (Draft & { offset: number; size: number })[]): void {
  for (const reloc of relocsOf(elf, section)) {
    const draft = drafts.find((d) => reloc.offset >= d.offset && reloc.offset < d.offset + d.size);
    const at = draft?.slots == null ? -1 : reloc.offset - draft.offset - draft.slots;
    const isAddress = ADDRESSES.includes(reloc.type);
    if (draft === undefined || at < 0 || at % 8 !== 0 || !isAddress) {
      throw new FormatError('ELF', `relocation at ${reloc.offset} of ${section.name} is not a slot of a map`);
    }
    draft.spec.slots ??= [];
    draft.spec.slots.push({ index: at / 8, symbol: reloc.symbol.name });
  }
}
