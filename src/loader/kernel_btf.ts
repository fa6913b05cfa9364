// Layouts of kernel structures from a kernel's BTF (/sys/kernel/btf/vmlinux): what spec/kernel_struct.ts is to structures
// that its table does not hold. Structures without a name get keys of their own.

import {
  ANONYMOUS,
  type KernelField,
  type KernelFieldType,
  type KernelStruct,
  type KernelTypes,
} from '../spec/kernel_struct.ts';
import { type Btf, type BtfMember, readBtf, resolved, sizeOf, skipModifiers } from './btf.ts';

/** From the bytes of a .BTF section. Throws FormatError. */
export function readKernelTypes(bytes: Uint8Array): KernelTypes {
  return kernelTypes(readBtf(bytes));
}

function kernelTypes(btf: Btf): KernelTypes {
  const ids = new Map<string, number>();
  btf.types.forEach((t, id) => {
    if (t.kind === 'struct' && t.name !== '' && !ids.has(t.name)) ids.set(t.name, id);
  });
  const done = new Map<number, KernelStruct>();
  return {
    struct(key) {
      const id = key.startsWith(ANONYMOUS) ? Number(key.slice(ANONYMOUS.length)) : ids.get(key);
      const type = id === undefined ? undefined : btf.types[id];
      if (id === undefined || (type?.kind !== 'struct' && type?.kind !== 'union')) return undefined;
      const known = done.get(id);
      if (known !== undefined) return known;
      const fields = type.members.map((m) => fieldOf(btf, m, ids));
      const struct = { name: type.name || ANONYMOUS, union: type.kind === 'union', size: type.size, fields };
      done.set(id, struct);
      return struct;
    },
  };
}

function fieldOf(
  btf: Btf,
  { name, type, bitOffset, bitSize }: BtfMember,
  ids: ReadonlyMap<string, number>,
): KernelField {
  const off = bitOffset >> 3;
  if (bitSize > 0) return { name, off, bitEnd: bitOffset + bitSize, type: { kind: 'scalar', size: 1 }, count: null };
  let id = skipModifiers(btf, type);
  let count: number | null = null;
  for (let t = btf.types[id]; t.kind === 'array'; t = btf.types[id]) {
    count = (count ?? 1) * t.nelems;
    id = skipModifiers(btf, t.elem);
  }
  return { name, off, bitEnd: 0, type: fieldType(btf, id, ids), count };
}

function fieldType(btf: Btf, id: number, ids: ReadonlyMap<string, number>): KernelFieldType {
  const type = btf.types[id];
  if (type.kind === 'ptr') {
    const to = resolved(btf, type.type);
    return { kind: 'ptr', to: to.kind === 'struct' || to.kind === 'union' ? to.name : null };
  }
  if (type.kind !== 'struct' && type.kind !== 'union') return { kind: 'scalar', size: sizeOf(btf, id) };
  return { kind: 'struct', key: ids.get(type.name) === id ? type.name : `${ANONYMOUS}${id}` };
}
