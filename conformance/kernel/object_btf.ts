// An object's .BTF as the live kernel takes it. Types of functions and of maps' values matter, so what clang leaves unfinished
// is made harmless in place: sections (DATASEC) become nameless structs, their variables and those variables' tags ints,
// extern functions typedefs of an int; functions whose symbol is hidden become static, as libbpf does. Type ids stay as they
// are. In: the bytes of .BTF and ids of such functions; out: a copy.

const KIND = { int: 1, struct: 4, func: 12, var: 14, datasec: 15, declTag: 17, typedef: 8 } as const;

/** Bytes after the 12 of each type, by BTF_KIND_*, for vlen. */
const EXTRA: readonly ((vlen: number) => number)[] = [
  () => 0,
  () => 4,
  () => 0,
  () => 12,
  (n) => n * 12,
  (n) => n * 12,
  (n) => n * 8,
  ...Array.from({ length: 6 }, () => () => 0),
  (n) => n * 8,
  () => 4,
  (n) => n * 12,
  () => 0,
  () => 4,
  () => 0,
  (n) => n * 12,
];

/** A section that becomes a map with types: what clang leaves open of it. */
export interface Section {
  readonly size: number;
  /** Places of its variables, by name. */
  readonly offsets: ReadonlyMap<string, number>;
}

/** `sections`: by type id, those that stay sections. */
export function kernelBtf(
  btf: Uint8Array,
  hidden: ReadonlySet<number> = new Set(),
  sections: ReadonlyMap<number, Section> = new Map(),
): Uint8Array {
  const bytes = btf.slice();
  const view = new DataView(bytes.buffer);
  const start = view.getUint32(4, true) + view.getUint32(8, true);
  const end = start + view.getUint32(12, true);
  const kinds = [0];
  const places = [0];
  for (let at = start; at < end; ) {
    const info = view.getUint32(at + 4, true);
    const kind = (info >>> 24) & 31;
    kinds.push(kind);
    places.push(at);
    at += 12 + EXTRA[kind](info & 0xffff);
  }
  const int = Math.max(1, kinds.indexOf(KIND.int));
  const kept = new Set<number>();
  for (const [id, section] of sections) {
    for (const variable of layOut(view, places[id], section, places)) kept.add(variable);
    kept.add(id);
  }
  for (let id = 1; id < kinds.length; id++) {
    const at = places[id];
    const tagged = kinds[id] === KIND.declTag ? view.getUint32(at + 8, true) : 0;
    const keeps = kept.has(id) || kept.has(tagged) || kinds[tagged] === KIND.func || kinds[tagged] === KIND.struct;
    if (hidden.has(id)) view.setUint32(at + 4, KIND.func << 24, true);
    if (!keeps) soften(view, at, kinds[id], view.getUint32(at + 4, true) & 0xffff, int);
  }
  return bytes;
}

/** Fills in sizes and places of a DATASEC and puts its variables in order. Answers their ids. */
function layOut(view: DataView, at: number, { size, offsets }: Section, places: readonly number[]): number[] {
  const strings = view.getUint32(4, true) + view.getUint32(16, true);
  const nameOf = (id: number): string => {
    const from = strings + view.getUint32(places[id], true);
    let to = from;
    while (view.getUint8(to) !== 0) to++;
    return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + from, to - from));
  };
  const vlen = view.getUint32(at + 4, true) & 0xffff;
  const vars = Array.from({ length: vlen }, (_, i) => {
    const [type, offset, bytes] = [0, 4, 8].map((o) => view.getUint32(at + 12 + i * 12 + o, true));
    return { type, offset: offsets.get(nameOf(type)) ?? offset, bytes };
  }).sort((a, b) => a.offset - b.offset);
  view.setUint32(at + 8, size, true);
  for (const [i, { type, offset, bytes }] of vars.entries()) {
    [type, offset, bytes].forEach((word, k) => {
      view.setUint32(at + 12 + i * 12 + k * 4, word, true);
    });
  }
  return vars.map((v) => v.type);
}

/** Bytes of the largest int: what sections hold became ints of any size. */
const MAX_INT = 16;

function soften(view: DataView, at: number, kind: number, vlen: number, int: number): void {
  const put = (offset: number, value: number) => view.setUint32(at + offset, value, true);
  const header = (name: number | null, info: number, size: number) => {
    if (name !== null) put(0, name);
    put(4, info >>> 0);
    put(8, size);
  };
  if (kind === KIND.var) {
    header(null, KIND.int << 24, 4);
    put(12, 32);
  } else if (kind === KIND.datasec) {
    header(0, (KIND.struct << 24) | vlen, vlen * MAX_INT);
    for (let i = 0; i < vlen; i++) {
      const type = view.getUint32(at + 12 + i * 12, true);
      put(12 + i * 12, 0);
      put(16 + i * 12, type);
      put(20 + i * 12, i * MAX_INT * 8);
    }
  } else if (kind === KIND.declTag) {
    header(0, KIND.int << 24, 4);
    put(12, 32);
  } else if (kind === KIND.func && vlen > 1) {
    header(null, KIND.typedef << 24, int);
  }
}
