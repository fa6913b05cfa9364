// Special fields of a type (spec/special_fields.ts), found by the names of structs and the type tags of pointers (kernel
// btf_parse_fields). In: BTF and a type id; out: the fields, sorted by offset. A type that Linux gives no fields at all,
// because they contradict each other, has none here.

import { isSpecialType, SPECIAL_FIELDS, type SpecialField, type SpecialType } from '../spec/special_fields.ts';
import { type Btf, type BtfType, skipModifiers } from './btf.ts';
import { grouped, once } from './once.ts';

type Types = ReadonlySet<SpecialType>;

const POINTERS: Types = new Set<SpecialType>(['kptr', 'kptr_untrusted', 'percpu_kptr', 'uptr']);
/** Lists and trees, and what links an object to one. */
const ROOTS: Readonly<Partial<Record<SpecialType, SpecialType>>> = {
  bpf_list_head: 'bpf_list_node',
  bpf_rb_root: 'bpf_rb_node',
};
/** What may stand in an array. */
const REPEATABLE: Types = new Set<SpecialType>([...POINTERS, 'bpf_list_head', 'bpf_rb_root']);
/** What means nothing in a map's value, and in an object. */
const NOT_IN_MAPS: Types = new Set<SpecialType>(['bpf_list_node', 'bpf_rb_node']);
const NOT_IN_OBJECTS: Types = new Set<SpecialType>(['bpf_timer', 'bpf_wq', 'bpf_task_work', 'uptr']);

/** Linux takes at most BTF_FIELDS_MAX of them. */
const MAX_FIELDS = 11;
/** Kernel MAX_RESOLVE_DEPTH, of structs and of arrays. */
const MAX_DEPTH = 32;
/** Of any of them. */
const MAX_ALIGN = 8;

/** What makes Linux give up the whole type. */
const BROKEN = Symbol('broken');

/** Where a field is declared: the struct and the place of its member, or a variable (-1). */
interface Declared {
  readonly type: number;
  readonly component: number;
}

/** What the finders of one BTF know of each other's structs. */
const BARREN = new WeakMap<Btf, Map<Types, Set<number>>>();

function barrenOf(btf: Btf, ignored: Types): Set<number> {
  const known = once(BARREN, btf, () => new Map<Types, Set<number>>());
  return once(known, ignored, () => new Set<number>());
}

class Finder {
  readonly #btf: Btf;
  readonly #ignored: Types;
  readonly found: SpecialField[] = [];
  /** Structs that have no fields at this depth and alignment: few of them can be nested in more ways than can be walked. */
  readonly #barren: Set<number>;

  constructor(btf: Btf, ignored: Types) {
    this.#btf = btf;
    this.#ignored = ignored;
    this.#barren = barrenOf(btf, ignored);
  }

  /** Members of the struct `id`, at `base`. */
  members(id: number, base: number, depth: number): typeof BROKEN | undefined {
    const t = this.#btf.types[id];
    if (t.kind !== 'struct') return undefined;
    const seen = new Set<SpecialType>();
    for (const [component, member] of t.members.entries()) {
      if (member.bitOffset % 8 !== 0) continue;
      const offset = base + member.bitOffset / 8;
      if (this.one(member.type, offset, depth, seen, { type: id, component }) === BROKEN) return BROKEN;
    }
    return undefined;
  }

  /** One member or variable. Linux looks behind arrays here, but not behind typedefs and qualifiers. */
  one(id: number, offset: number, depth: number, seen: Set<SpecialType>, at: Declared): typeof BROKEN | undefined {
    const { types } = this.#btf;
    let count = 1;
    let element = id;
    for (let i = 0; ; i++) {
      const t = types[element];
      if (t.kind !== 'array') break;
      if (i === MAX_DEPTH) return BROKEN;
      count *= t.nelems;
      element = t.elem;
    }
    if (count === 0) return undefined;
    const kind = this.#kindOf(types[element], at);
    if (kind === BROKEN) return BROKEN;
    if (kind === null) return this.#nested(element, offset, depth, count);
    const { type } = kind;
    const row = SPECIAL_FIELDS[type];
    if (row.unique && seen.has(type)) return BROKEN;
    seen.add(type);
    if (offset % row.align !== 0) return undefined;
    return this.#repeat([{ ...kind, offset }], count, row.size);
  }

  #nested(id: number, offset: number, depth: number, count: number): typeof BROKEN | undefined {
    const t = this.#btf.types[id];
    if (t.kind !== 'struct') return undefined;
    if (depth + 1 >= MAX_DEPTH) return BROKEN;
    const place = (id * MAX_DEPTH + depth) * MAX_ALIGN + (offset % MAX_ALIGN);
    if (this.#barren.has(place)) return undefined;
    const before = this.found.length;
    if (this.members(id, offset, depth + 1) === BROKEN) return BROKEN;
    const fields = this.found.splice(before);
    if (fields.length > 0) return this.#repeat(fields, count, t.size);
    this.#barren.add(place);
    return undefined;
  }

  #repeat(fields: readonly SpecialField[], count: number, size: number): typeof BROKEN | undefined {
    if (count > 1 && !fields.every((f) => REPEATABLE.has(f.type))) return BROKEN;
    if (this.found.length + fields.length * count > MAX_FIELDS) return BROKEN;
    for (let i = 0; i < count; i++) {
      for (const f of fields) this.found.push({ ...f, offset: f.offset + i * size });
    }
    return undefined;
  }

  #kindOf(t: BtfType, at: Declared): Omit<SpecialField, 'offset'> | null | typeof BROKEN {
    if (t.kind === 'struct') {
      if (!isSpecialType(t.name) || this.#ignored.has(t.name) || POINTERS.has(t.name)) return null;
      if (t.size !== SPECIAL_FIELDS[t.name].size) return null;
      const node = ROOTS[t.name];
      return node === undefined ? { type: t.name } : (contents(this.#btf, t.name, node, at) ?? BROKEN);
    }
    const pointer = pointerKind(this.#btf, t);
    return pointer !== null && pointer !== BROKEN && this.#ignored.has(pointer.type) ? null : pointer;
  }
}

function pointerKind(btf: Btf, t: BtfType): Omit<SpecialField, 'offset'> | null | typeof BROKEN {
  const { types } = btf;
  const ptr = t.kind === 'volatile' ? types[t.type] : t;
  if (ptr.kind !== 'ptr') return null;
  // clang puts type tags between the pointer and what it points to.
  const tag = types[ptr.type];
  if (tag.kind !== 'type_tag') return null;
  if (!isSpecialType(tag.name) || !POINTERS.has(tag.name) || types[tag.type].kind === 'type_tag') return BROKEN;
  const id = skipModifiers(btf, tag.type);
  const to = types[id];
  if (to.kind !== 'struct') return BROKEN;
  return { type: tag.name, to: { name: to.name, id }, ...(tag.name === 'uptr' ? { size: to.size } : {}) };
}

/** Whether the type `id` is a pointer that a value or object may own. */
export function isKptr(btf: Btf, id: number): boolean {
  const kind = pointerKind(btf, btf.types[id]);
  return kind !== null && kind !== BROKEN && kind.type !== 'uptr';
}

interface Index {
  /** Words of the tags `contains:...`, by `TYPE:COMPONENT`. */
  readonly tags: ReadonlyMap<string, readonly string[][]>;
  /** The first struct of each name. */
  readonly structs: ReadonlyMap<string, number>;
}

/** There may be as many lists as types. */
const INDEXES = new WeakMap<Btf, Index>();

function indexOf(btf: Btf): Index {
  return once(INDEXES, btf, () => {
    const tags = btf.types.flatMap((t) =>
      t.kind === 'decl_tag' && t.name.startsWith('contains:')
        ? [[`${t.type}:${t.component}`, t.name.split(':')] as const]
        : [],
    );
    const structs = new Map<string, number>();
    for (const [id, t] of btf.types.entries()) if (t.kind === 'struct') once(structs, t.name, () => id);
    return { tags: grouped(tags), structs };
  });
}

/** What a list or tree holds, by its tag `contains:STRUCT:MEMBER` (kernel btf_find_graph_root). */
function contents(
  btf: Btf,
  type: SpecialType,
  node: SpecialType,
  { type: holder, component }: Declared,
): Omit<SpecialField, 'offset'> | null {
  const { types } = btf;
  const { tags, structs } = indexOf(btf);
  const words = tags.get(`${holder}:${component}`) ?? [];
  if (words.length !== 1 || words[0].length !== 3) return null;
  const [, name, member] = words[0];
  const id = structs.get(name) ?? -1;
  const to = types[id];
  if (to?.kind !== 'struct') return null;
  const link = to.members.find((m) => m.name === member);
  const linkType = link && types[link.type];
  if (linkType?.kind !== 'struct' || linkType.name !== node || link!.bitOffset % 64 !== 0) return null;
  return { type, to: { name, id }, node: link!.bitOffset / 8 };
}

/** Special fields of a map's value. */
export function specialFields(btf: Btf, id: number): SpecialField[] {
  return fieldsOf(btf, id, NOT_IN_MAPS);
}

/** Special fields of an object that a program allocates. */
export function objectFields(btf: Btf, id: number): SpecialField[] {
  return fieldsOf(btf, id, NOT_IN_OBJECTS);
}

function fieldsOf(btf: Btf, id: number, ignored: Types): SpecialField[] {
  const finder = new Finder(btf, ignored);
  const broken = finder.members(skipModifiers(btf, id), 0, 0) === BROKEN;
  return sorted(finder, broken);
}

/** Special fields of the variables of section `id`, whose places `offsets` tells by name. */
export function sectionFields(btf: Btf, id: number, offsets: ReadonlyMap<string, number>): SpecialField[] {
  const section = btf.types[id];
  if (section?.kind !== 'datasec') return [];
  const finder = new Finder(btf, NOT_IN_MAPS);
  const seen = new Set<SpecialType>();
  const broken = section.vars.some((v) => {
    const variable = btf.types[v.type];
    if (variable.kind !== 'var') return false;
    const offset = offsets.get(variable.name) ?? v.offset;
    return finder.one(variable.type, offset, 0, seen, { type: v.type, component: -1 }) === BROKEN;
  });
  return sorted(finder, broken);
}

function sorted({ found }: Finder, broken: boolean): SpecialField[] {
  return broken || contradicts(found) ? [] : found.sort((a, b) => a.offset - b.offset);
}

function contradicts(found: readonly SpecialField[]): boolean {
  const has = (type: SpecialType) => found.some((f) => f.type === type);
  const inOrder = [...found].sort((a, b) => a.offset - b.offset);
  const overlap = inOrder.some((f, i) => i > 0 && f.offset < endOf(inOrder[i - 1]));
  const locks = [has('bpf_spin_lock'), has('bpf_res_spin_lock')];
  const roots = has('bpf_list_head') || has('bpf_rb_root');
  const twoNodes = has('bpf_list_node') && has('bpf_rb_node') && !has('bpf_refcount');
  return overlap || (locks[0] && locks[1]) || (roots && !locks[0] && !locks[1]) || twoNodes;
}

function endOf({ type, offset }: SpecialField): number {
  return offset + SPECIAL_FIELDS[type].size;
}
