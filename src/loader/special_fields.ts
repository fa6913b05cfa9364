// Special fields of a type (spec/special_fields.ts), found by the names of structs and the type tags of pointers (kernel
// btf_parse_fields). In: BTF and a type id; out: the fields, sorted by offset. A type that Linux gives no fields at all,
// because they contradict each other, has none here.

import { isSpecialType, SPECIAL_FIELDS, type SpecialField, type SpecialType } from '../spec/special_fields.ts';
import { type Btf, type BtfType, skipModifiers } from './btf.ts';

const POINTERS: ReadonlySet<SpecialType> = new Set<SpecialType>(['kptr', 'kptr_untrusted', 'percpu_kptr', 'uptr']);
/** What may stand in an array. */
const REPEATABLE: ReadonlySet<SpecialType> = new Set<SpecialType>([...POINTERS, 'bpf_list_head', 'bpf_rb_root']);

/** Linux takes at most BTF_FIELDS_MAX of them. */
const MAX_FIELDS = 11;
/** Kernel MAX_RESOLVE_DEPTH, of structs and of arrays. */
const MAX_DEPTH = 32;

/** What makes Linux give up the whole type. */
const BROKEN = Symbol('broken');

class Finder {
  readonly #btf: Btf;
  readonly found: SpecialField[] = [];

  constructor(btf: Btf) {
    this.#btf = btf;
  }

  /** Members of a struct, at `base`. */
  members(t: BtfType, base: number, depth: number): typeof BROKEN | undefined {
    if (t.kind !== 'struct') return undefined;
    const seen = new Set<SpecialType>();
    for (const member of t.members) {
      if (member.bitOffset % 8 !== 0) continue;
      if (this.one(member.type, base + member.bitOffset / 8, depth, seen) === BROKEN) return BROKEN;
    }
    return undefined;
  }

  /** One member or variable. Linux looks behind arrays here, but not behind typedefs and qualifiers. */
  one(id: number, offset: number, depth: number, seen: Set<SpecialType>): typeof BROKEN | undefined {
    let count = 1;
    let t = this.#btf.types[id];
    for (let i = 0; t.kind === 'array'; i++) {
      if (i === MAX_DEPTH) return BROKEN;
      count *= t.nelems;
      t = this.#btf.types[t.elem];
    }
    if (count === 0) return undefined;
    const kind = this.#kindOf(t);
    if (kind === BROKEN) return BROKEN;
    if (kind === null) return this.#nested(t, offset, depth, count);
    const { type } = kind;
    const row = SPECIAL_FIELDS[type];
    if (row.unique && seen.has(type)) return BROKEN;
    seen.add(type);
    if (offset % row.align !== 0) return undefined;
    return this.#repeat([{ ...kind, offset }], count, row.size);
  }

  #nested(t: BtfType, offset: number, depth: number, count: number): typeof BROKEN | undefined {
    if (t.kind !== 'struct') return undefined;
    if (depth + 1 >= MAX_DEPTH) return BROKEN;
    const before = this.found.length;
    if (this.members(t, offset, depth + 1) === BROKEN) return BROKEN;
    const fields = this.found.splice(before);
    return fields.length === 0 ? undefined : this.#repeat(fields, count, t.size);
  }

  #repeat(fields: readonly SpecialField[], count: number, size: number): typeof BROKEN | undefined {
    if (count > 1 && !fields.every((f) => REPEATABLE.has(f.type))) return BROKEN;
    if (this.found.length + fields.length * count > MAX_FIELDS) return BROKEN;
    for (let i = 0; i < count; i++) {
      for (const f of fields) this.found.push({ ...f, offset: f.offset + i * size });
    }
    return undefined;
  }

  #kindOf(t: BtfType): Omit<SpecialField, 'offset'> | null | typeof BROKEN {
    if (t.kind === 'struct') {
      const known = isSpecialType(t.name) && !POINTERS.has(t.name) && t.size === SPECIAL_FIELDS[t.name].size;
      return known ? { type: t.name as SpecialType } : null;
    }
    const { types } = this.#btf;
    const ptr = t.kind === 'volatile' ? types[t.type] : t;
    if (ptr.kind !== 'ptr') return null;
    // clang puts type tags between the pointer and what it points to.
    const tag = types[ptr.type];
    if (tag.kind !== 'type_tag') return null;
    if (!isSpecialType(tag.name) || !POINTERS.has(tag.name) || types[tag.type].kind === 'type_tag') return BROKEN;
    const id = skipModifiers(this.#btf, tag.type);
    const to = types[id];
    return to.kind === 'struct' ? { type: tag.name, to: { name: to.name, id } } : BROKEN;
  }
}

/** Special fields of a map's value. */
export function specialFields(btf: Btf, id: number): SpecialField[] {
  const finder = new Finder(btf);
  const broken = finder.members(btf.types[skipModifiers(btf, id)], 0, 0) === BROKEN;
  return sorted(finder, broken);
}

/** Special fields of a section's variables. */
export function sectionFields(
  btf: Btf,
  vars: readonly { readonly type: number; readonly offset: number }[],
): SpecialField[] {
  const finder = new Finder(btf);
  const seen = new Set<SpecialType>();
  return sorted(
    finder,
    vars.some((v) => finder.one(v.type, v.offset, 0, seen) === BROKEN),
  );
}

function sorted({ found }: Finder, broken: boolean): SpecialField[] {
  return broken || contradicts(found) ? [] : found.sort((a, b) => a.offset - b.offset);
}

function contradicts(found: readonly SpecialField[]): boolean {
  const has = (type: SpecialType) => found.some((f) => f.type === type);
  const overlap = found.some(
    (f, i) => i > 0 && f.offset < found[i - 1].offset + SPECIAL_FIELDS[found[i - 1].type].size,
  );
  const locks = [has('bpf_spin_lock'), has('bpf_res_spin_lock')];
  const roots = has('bpf_list_head') || has('bpf_rb_root');
  return overlap || (locks[0] && locks[1]) || (roots && !locks[0] && !locks[1]);
}
