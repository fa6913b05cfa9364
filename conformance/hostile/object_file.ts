// Object files made by hand, as no compiler would write them: BTF types, line info, functions and relocations as they are
// given, right or wrong. In: lists of numbers and names; out: bytes that openObject reads.

import { encode, type Insn } from '../../src/isa/insn.ts';

export const KIND = {
  int: 1,
  ptr: 2,
  array: 3,
  struct: 4,
  enum: 6,
  typedef: 8,
  const: 10,
  func: 12,
  funcProto: 13,
  var: 14,
  datasec: 15,
  declTag: 17,
  typeTag: 18,
} as const;

/** Grows as needed: a list of a million numbers is slow to spread. */
class Words {
  #words = new Uint32Array(1 << 12);
  length = 0;
  push(...numbers: readonly number[]): void {
    for (const n of numbers) {
      if (this.length === this.#words.length) {
        const more = new Uint32Array(this.length * 2);
        more.set(this.#words);
        this.#words = more;
      }
      this.#words[this.length++] = n;
    }
  }
  bytes(): Uint8Array {
    return new Uint8Array(this.#words.buffer, 0, this.length * 4).slice();
  }
}

class Strings {
  readonly #at = new Map<string, number>([['', 0]]);
  readonly #parts: string[] = [''];
  #length = 1;
  add(text: string): number {
    const known = this.#at.get(text);
    if (known !== undefined) return known;
    const at = this.#length;
    this.#at.set(text, at);
    this.#parts.push(text);
    this.#length += text.length + 1;
    return at;
  }
  bytes(): Uint8Array {
    return new TextEncoder().encode(`${this.#parts.join('\0')}\0`);
  }
}

/** .BTF and .BTF.ext in the making. Ids begin with 1. */
export class TypeWriter {
  readonly #types = new Words();
  readonly #strings = new Strings();
  #count = 0;

  /** The id that the next type gets. */
  get next(): number {
    return this.#count + 1;
  }
  text(text: string): number {
    return this.#strings.add(text);
  }
  /** `arg`: size or type; `rest`: what follows the header. */
  add(kind: keyof typeof KIND, name: string, vlen: number, arg: number, rest: readonly number[] = []): number {
    this.#types.push(this.text(name), KIND[kind] * 2 ** 24 + vlen, arg);
    for (const word of rest) this.#types.push(word);
    return ++this.#count;
  }
  /** Members follow each other, `size` bytes each. */
  struct(name: string, members: readonly { readonly name: string; readonly type: number }[], size: number): number {
    const words = members.flatMap((m, i) => [this.text(m.name), m.type, i * size * 8]);
    return this.add('struct', name, members.length, Math.max(1, members.length) * size, words);
  }
  btf(): Uint8Array {
    const [types, strings] = [this.#types.bytes(), this.#strings.bytes()];
    const head = new Words();
    head.push(0x0001eb9f, 24, 0, types.length, types.length, strings.length);
    return joined([head.bytes(), types, strings]);
  }
}

/** Records of .BTF.ext for one section: numbers, all of one length. */
export interface Records {
  readonly section: string;
  readonly records: readonly (readonly number[])[];
}

/** `types` must hold the names of the sections. */
export function btfExt(types: TypeWriter, funcs: Records[], lines: Records[], relos: Records[]): Uint8Array {
  const parts = ([funcs, lines, relos] as const).map((groups, i) => {
    const words = new Words();
    words.push([8, 16, 16][i]);
    for (const { section, records } of groups) {
      words.push(types.text(section), records.length);
      for (const record of records) words.push(...record);
    }
    return words.bytes();
  });
  const head = new Words();
  const [f, l, r] = parts.map((p) => p.length);
  head.push(0x0001eb9f, 32, 0, f, f, l, f + l, r);
  return joined([head.bytes(), ...parts]);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export interface FunctionSymbol {
  readonly name: string;
  /** Bytes in its section. */
  readonly start: number;
  readonly size: number;
}

/** A section of code with its functions. */
export interface Code {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly functions: readonly FunctionSymbol[];
}

/** An object file; `more`: sections with their bytes, by name. */
export function objectFile(code: readonly Code[], more: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const names = new Strings();
  const symbolNames = new Strings();
  const sections: { name: string; type: number; flags: number; data: Uint8Array; link: number; entry: number }[] = [
    { name: '', type: 0, flags: 0, data: new Uint8Array(0), link: 0, entry: 0 },
  ];
  const symbols = new Words();
  symbols.push(0, 0, 0, 0, 0, 0);
  for (const { name, insns, functions } of code) {
    const index = sections.length;
    sections.push({ name, type: 1, flags: 6, data: encode(insns), link: 0, entry: 0 });
    for (const f of functions) symbols.push(symbolNames.add(f.name), 0x12 | (index << 16), f.start, 0, f.size, 0);
  }
  for (const [name, data] of Object.entries(more)) sections.push({ name, type: 1, flags: 0, data, link: 0, entry: 0 });
  sections.push({ name: 'license', type: 1, flags: 3, data: new TextEncoder().encode('GPL\0'), link: 0, entry: 0 });
  sections.push({ name: '.strtab', type: 3, flags: 0, data: symbolNames.bytes(), link: 0, entry: 0 });
  sections.push({ name: '.symtab', type: 2, flags: 0, data: symbols.bytes(), link: sections.length - 1, entry: 24 });
  for (const { name } of sections) names.add(name);
  names.add('.shstrtab');
  sections.push({ name: '.shstrtab', type: 3, flags: 0, data: names.bytes(), link: 0, entry: 0 });
  const heads = new Words();
  let at = 64;
  for (const s of sections) {
    const place = s.type === 0 ? 0 : at;
    // A count that does not fit into the file's header stands in the first section's.
    const size = s.type === 0 ? (sections.length >= 0xff00 ? sections.length : 0) : s.data.length;
    const link = s.type === 0 && sections.length >= 0xff00 ? sections.length - 1 : s.link;
    heads.push(names.add(s.name), s.type, s.flags, 0, 0, 0, place, 0, size, 0, link, 0, 8, 0, s.entry, 0);
    at += s.data.length;
  }
  const large = sections.length >= 0xff00;
  const head = new Words();
  head.push(0x464c457f, 0x00010102, 0, 0, 0x00f70001, 1, 0, 0, 0, 0, at, 0, 0, 64, 64 << 16);
  head.push(large ? 0xffff0000 : sections.length | ((sections.length - 1) << 16));
  return joined([head.bytes(), ...sections.map((s) => s.data), heads.bytes()]);
}
