// BTF of a map's key and value, as small as Linux takes it: just enough to tell the kernel where the special fields
// (bpf_spin_lock, bpf_timer, ...) of a value lie. In: sizes and fields; out: the .BTF bytes and the two type ids.
// The kernel recognises a special field by its struct's name and size or its pointer's tag (btf_get_field_type), so members
// don't matter. Heads of lists and roots of trees, which name what they hold, are not among them.

import { isPointerField, SPECIAL_FIELDS, type SpecialField } from '../../src/spec/special_fields.ts';

export interface ValueBtf {
  readonly bytes: Uint8Array;
  readonly keyType: number;
  readonly valueType: number;
}

const KIND = { int: 1, ptr: 2, array: 3, struct: 4, typeTag: 18 } as const;

export function valueBtf(keySize: number, valueSize: number, fields: readonly SpecialField[]): ValueBtf {
  const types: number[] = [];
  let strings = '\0';
  let count = 0;
  const text = (s: string): number => {
    const at = strings.length;
    strings += `${s}\0`;
    return at;
  };
  const add = (name: number, kind: keyof typeof KIND, vlen: number, size: number, ...rest: number[]): number => {
    types.push(name, KIND[kind] * 2 ** 24 + vlen, size, ...rest);
    return ++count;
  };

  const char = add(text('char'), 'int', 0, 1, 8);
  const int = add(text('int'), 'int', 0, 4, 32);
  const key = keySize === 4 ? int : add(0, 'array', 0, 0, char, int, keySize);
  const members = fields.map(({ type, offset, to }) => {
    const field = isPointerField(type)
      ? add(0, 'ptr', 0, add(text(type), 'typeTag', 0, add(text(to?.name ?? 'task_struct'), 'struct', 0, 8)))
      : add(text(type), 'struct', 0, SPECIAL_FIELDS[type].size);
    return [text(`f${offset}`), field, offset * 8];
  });
  const value = add(text('value'), 'struct', members.length, valueSize, ...members.flat());
  return { bytes: assemble(types, strings), keyType: key, valueType: value };
}

/** Header (UAPI btf_header), type section, string section. */
function assemble(types: readonly number[], strings: string): Uint8Array {
  const header = 24;
  const typeLength = types.length * 4;
  const bytes = new Uint8Array(header + typeLength + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  view.setUint8(2, 1);
  [header, 0, typeLength, typeLength, strings.length].forEach((n, i) => {
    view.setUint32(4 + 4 * i, n, true);
  });
  types.forEach((n, i) => {
    view.setUint32(header + 4 * i, n, true);
  });
  bytes.set(new TextEncoder().encode(strings), header + typeLength);
  return bytes;
}
