// .BTF: bytes -> types by id and strings by offset (kernel Documentation/bpf/btf.rst). All references between types are
// checked to exist and walks along them are bounded, so a circular or wild table is a FormatError, never a hang.

import { FormatError } from '../uapi/errors.ts';
import { once } from './once.ts';
import { Reader } from './reader.ts';

const BTF_MAGIC = 0xeb9f;
/** Kernel MAX_RESOLVE_DEPTH: how deep arrays and modifiers may nest. */
const MAX_DEPTH = 32;

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** 0 = not a bit field. */
  readonly bitSize: number;
}
export interface BtfSecVar {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}
/** Linkage of FUNC and VAR. */
export const BTF_LINKAGE = { static: 0, global: 1, extern: 2 } as const;

export type BtfModifierKind = 'typedef' | 'volatile' | 'const' | 'restrict' | 'type_tag';

export type BtfType =
  | { readonly kind: 'void' }
  | {
      readonly kind: 'int';
      readonly name: string;
      readonly size: number;
      readonly encoding: number;
      readonly bits: number;
    }
  | { readonly kind: 'ptr'; readonly type: number }
  | { readonly kind: 'array'; readonly elem: number; readonly index: number; readonly nelems: number }
  | {
      readonly kind: 'struct' | 'union';
      readonly name: string;
      readonly size: number;
      readonly members: readonly BtfMember[];
    }
  | {
      readonly kind: 'enum' | 'enum64';
      readonly name: string;
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  | { readonly kind: 'fwd'; readonly name: string; readonly union: boolean }
  | { readonly kind: BtfModifierKind; readonly name: string; readonly type: number }
  | { readonly kind: 'func'; readonly name: string; readonly type: number; readonly linkage: number }
  | { readonly kind: 'func_proto'; readonly ret: number; readonly params: readonly { name: string; type: number }[] }
  | { readonly kind: 'var'; readonly name: string; readonly type: number; readonly linkage: number }
  | { readonly kind: 'datasec'; readonly name: string; readonly size: number; readonly vars: readonly BtfSecVar[] }
  | { readonly kind: 'float'; readonly name: string; readonly size: number }
  | { readonly kind: 'decl_tag'; readonly name: string; readonly type: number; readonly component: number };

export type BtfKind = BtfType['kind'];
type WithKind<T, K> = T extends { readonly kind: infer U } ? (K extends U ? T : never) : never;
export type BtfOf<K extends BtfKind> = WithKind<BtfType, K>;

export interface Btf {
  /** By type id; 0 is void. */
  readonly types: readonly BtfType[];
  string(offset: number): string;
}

/** Common 12 bytes of every type. `arg` is size or type. */
interface Header {
  readonly name: string;
  readonly vlen: number;
  readonly flag: boolean;
  readonly arg: number;
  /** Where the bytes after the header start. */
  readonly at: number;
}

interface KindRow {
  /** Bytes after the header, given vlen. */
  readonly extra: (vlen: number) => number;
  readonly read: (h: Header, r: Reader, str: (offset: number) => string) => BtfType;
}

const none = () => 0;
const modifier = (kind: BtfModifierKind): KindRow => ({
  extra: none,
  read: (h) => ({ kind, name: h.name, type: h.arg }),
});
const composite = (kind: 'struct' | 'union'): KindRow => ({
  extra: (n) => n * 12,
  read: (h, r, str) => ({ kind, name: h.name, size: h.arg, members: list(h, 12, (at) => readMember(h, r, str, at)) }),
});
const enumeration = (kind: 'enum' | 'enum64', size: number): KindRow => ({
  extra: (n) => n * size,
  read: (h, r, str) => ({
    kind,
    name: h.name,
    size: h.arg,
    signed: h.flag,
    values: list(h, size, (at) => ({ name: str(r.u32(at)), value: enumValue(kind, h.flag, r, at + 4) })),
  }),
});

/** Rows by BTF_KIND_*. */
const KINDS: readonly (KindRow | null)[] = [
  null,
  {
    extra: () => 4,
    read: (h, r) => {
      const word = r.u32(h.at);
      return { kind: 'int', name: h.name, size: h.arg, encoding: (word >>> 24) & 15, bits: word & 255 };
    },
  },
  { extra: none, read: (h) => ({ kind: 'ptr', type: h.arg }) },
  {
    extra: () => 12,
    read: (h, r) => ({ kind: 'array', elem: r.u32(h.at), index: r.u32(h.at + 4), nelems: r.u32(h.at + 8) }),
  },
  composite('struct'),
  composite('union'),
  enumeration('enum', 8),
  { extra: none, read: (h) => ({ kind: 'fwd', name: h.name, union: h.flag }) },
  modifier('typedef'),
  modifier('volatile'),
  modifier('const'),
  modifier('restrict'),
  { extra: none, read: (h) => ({ kind: 'func', name: h.name, type: h.arg, linkage: h.vlen }) },
  {
    extra: (n) => n * 8,
    read: (h, r, str) => ({
      kind: 'func_proto',
      ret: h.arg,
      params: list(h, 8, (at) => ({ name: str(r.u32(at)), type: r.u32(at + 4) })),
    }),
  },
  { extra: () => 4, read: (h, r) => ({ kind: 'var', name: h.name, type: h.arg, linkage: r.u32(h.at) }) },
  {
    extra: (n) => n * 12,
    read: (h, r) => ({
      kind: 'datasec',
      name: h.name,
      size: h.arg,
      vars: list(h, 12, (at) => ({ type: r.u32(at), offset: r.u32(at + 4), size: r.u32(at + 8) })),
    }),
  },
  { extra: none, read: (h) => ({ kind: 'float', name: h.name, size: h.arg }) },
  {
    extra: () => 4,
    read: (h, r) => ({ kind: 'decl_tag', name: h.name, type: h.arg, component: r.i32(h.at) }),
  },
  modifier('type_tag'),
  enumeration('enum64', 12),
];

/** Parses a whole .BTF section. */
export function readBtf(bytes: Uint8Array): Btf {
  const file = new Reader(bytes, 'BTF', 'header');
  if (file.u16(0) !== BTF_MAGIC) file.fail('wrong magic');
  if (file.u8(2) !== 1) file.fail(`version ${file.u8(2)} is not 1`);
  const headerLength = file.u32(4);
  if (headerLength < 24) file.fail(`header length ${headerLength} is below 24`);
  const part = (at: number, what: string) =>
    new Reader(file.slice(headerLength + file.u32(at), file.u32(at + 4)), 'BTF', what);
  const string = stringTable(part(16, 'string table'));
  const types = readTypes(part(8, 'type table'), string);
  checkReferences(types);
  return { types, string };
}

const READ = new WeakMap<Uint8Array, Btf>();

/** The same, once for the same bytes, which must not change: a kernel's BTF is large. */
export function btfOf(bytes: Uint8Array): Btf {
  return once(READ, bytes, () => readBtf(bytes));
}

function stringTable(strings: Reader): (offset: number) => string {
  if (strings.length === 0 || strings.u8(0) !== 0) strings.fail('does not start with the empty string');
  const seen = new Map<number, string>();
  return (offset) => once(seen, offset, () => strings.string(offset));
}

function readTypes(table: Reader, str: (offset: number) => string): BtfType[] {
  const types: BtfType[] = [{ kind: 'void' }];
  for (let at = 0; at < table.length; ) {
    const info = table.u32(at + 4);
    const vlen = info & 0xffff;
    const kind = (info >>> 24) & 31;
    const row = KINDS[kind];
    if (!row) return table.fail(`type ${types.length} is of unknown kind ${kind}`);
    const header = { name: str(table.u32(at)), vlen, flag: info >>> 31 === 1, arg: table.u32(at + 8), at: at + 12 };
    types.push(row.read(header, table, str));
    at += 12 + row.extra(vlen);
  }
  return types;
}

function list<T>(h: Header, stride: number, read: (at: number) => T): T[] {
  return Array.from({ length: h.vlen }, (_, i) => read(h.at + i * stride));
}

function readMember(h: Header, r: Reader, str: (offset: number) => string, at: number): BtfMember {
  const offset = r.u32(at + 8);
  // kind_flag: the upper byte of the offset is the size of a bit field.
  return {
    name: str(r.u32(at)),
    type: r.u32(at + 4),
    bitOffset: h.flag ? offset & 0xffffff : offset,
    bitSize: h.flag ? offset >>> 24 : 0,
  };
}

function enumValue(kind: 'enum' | 'enum64', signed: boolean, r: Reader, at: number): bigint {
  if (kind === 'enum') return BigInt(signed ? r.i32(at) : r.u32(at));
  const high = signed ? r.i32(at + 4) : r.u32(at + 4);
  return (BigInt(high) << 32n) | BigInt(r.u32(at));
}

function checkReferences(types: readonly BtfType[]): void {
  const check = (from: number, to: number) => {
    if (to >= types.length) throw new FormatError('BTF', `type ${from} refers to type ${to} of ${types.length - 1}`);
  };
  types.forEach((t, id) => {
    if ('type' in t) check(id, t.type);
    if ('members' in t) for (const m of t.members) check(id, m.type);
    if ('vars' in t) for (const v of t.vars) check(id, v.type);
    if ('params' in t) for (const p of t.params) check(id, p.type);
    if (t.kind === 'func_proto') check(id, t.ret);
    if (t.kind === 'array') {
      check(id, t.elem);
      check(id, t.index);
    }
  });
}

const MODIFIERS: ReadonlySet<string> = new Set<BtfModifierKind>([
  'typedef',
  'volatile',
  'const',
  'restrict',
  'type_tag',
]);

/** By type id, what is behind its typedefs and qualifiers: chains may be as long as the table, and all types hang on one. */
const BEHIND = new WeakMap<Btf, Int32Array>();
const UNKNOWN = -1;
/** The chain comes back to where it began. */
const CIRCLE = -2;

function behindAll({ types }: Btf): Int32Array {
  const behind = new Int32Array(types.length).fill(UNKNOWN);
  for (let start = 0; start < types.length; start++) {
    const chain: number[] = [];
    let id = start;
    while (behind[id] === UNKNOWN && MODIFIERS.has(types[id].kind)) {
      // Until the end is known, who comes by here again goes in circles.
      behind[id] = CIRCLE;
      chain.push(id);
      id = (types[id] as BtfOf<BtfModifierKind>).type;
    }
    const end = behind[id] === UNKNOWN ? id : behind[id];
    behind[id] = end;
    for (const each of chain) behind[each] = end;
  }
  return behind;
}

/** The id behind typedefs and qualifiers. */
export function skipModifiers(btf: Btf, id: number): number {
  const behind = once(BEHIND, btf, () => behindAll(btf));
  if (behind[id] === CIRCLE) throw new FormatError('BTF', `type ${id} refers to itself`);
  return behind[id];
}

/** The type behind typedefs and qualifiers. */
export function resolved(btf: Btf, id: number): BtfType {
  return btf.types[skipModifiers(btf, id)];
}

/** sizeof(type). Throws where C would: functions, void, forward declarations. */
export function sizeOf(btf: Btf, id: number): number {
  let count = 1;
  for (let depth = 0; depth < MAX_DEPTH; depth++) {
    const t = resolved(btf, id);
    const size = t.kind === 'ptr' ? 8 : 'size' in t ? t.size : null;
    if (size !== null) {
      if (count * size > 0xffffffff) throw new FormatError('BTF', `type ${id} is too large`);
      return count * size;
    }
    if (t.kind === 'array') {
      count *= t.nelems;
      if (count > 0xffffffff) throw new FormatError('BTF', `type ${id} is too large`);
      id = t.elem;
    } else if (t.kind === 'var') {
      id = t.type;
    } else {
      throw new FormatError('BTF', `type ${id} (${t.kind}) has no size`);
    }
  }
  throw new FormatError('BTF', `type ${id} nests deeper than ${MAX_DEPTH}`);
}
