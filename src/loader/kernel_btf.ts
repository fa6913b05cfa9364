// Types of a kernel from its BTF (/sys/kernel/btf/vmlinux): layouts of structures, prototypes of functions, variables:
// what spec/kernel_struct.ts is to what its tables do not hold. Structures without a name get keys of their own.

import type { KernelFunc, KernelTarget, KernelValue, KernelVariable, TargetKind } from '../spec/kernel_func.ts';
import {
  ANONYMOUS,
  type KernelField,
  type KernelFieldType,
  type KernelStruct,
  type KernelTypes,
} from '../spec/kernel_struct.ts';
import { type Btf, type BtfMember, type BtfOf, readBtf, resolved, sizeOf, skipModifiers } from './btf.ts';
import { pointed, shape } from './func_protos.ts';

/**
 * From the bytes of a .BTF section. `symbols`: names whose address the kernel tells (/proc/kallsyms); without them it tells
 * every one. Throws FormatError.
 */
export function readKernelTypes(bytes: Uint8Array, symbols?: ReadonlySet<string>): KernelTypes {
  return kernelTypes(readBtf(bytes), symbols);
}

const BTFS = new WeakMap<KernelTypes, Btf>();

/** The BTF that types were read from; undefined = they are the built-in ones. */
export function btfBehind(types: KernelTypes): Btf | undefined {
  return BTFS.get(types);
}

function kernelTypes(btf: Btf, symbols: ReadonlySet<string> | undefined): KernelTypes {
  const named = namedIds(btf);
  const ids = new Map(named.struct);
  btf.types.forEach((t, id) => {
    if (t.kind === 'union' && t.name !== '' && !ids.has(t.name)) ids.set(t.name, id);
  });
  const done = new Map<number, KernelStruct>();
  const perCpu = perCpuVariables(btf);
  const types: KernelTypes = {
    end: btf.types.length,
    structName(id) {
      const type = btf.types[id];
      return type?.kind === 'struct' || type?.kind === 'union' ? type.name : undefined;
    },
    func: (id) => funcOf(btf, id),
    funcId: (name) => named.func.get(name),
    target: (id) => targetOf(btf, id),
    targetId: (kind, name) => named[kind].get(name),
    variable: (id) => variableOf(btf, id, perCpu),
    variableId: (name) => named.var.get(name),
    hasAddress: (name) => symbols?.has(name) ?? true,
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
  BTFS.set(types, btf);
  return types;
}

type Named = Readonly<Record<TargetKind | 'var', ReadonlyMap<string, number>>>;

function namedIds(btf: Btf): Named {
  const ids = {
    func: new Map<string, number>(),
    var: new Map<string, number>(),
    typedef: new Map<string, number>(),
    struct: new Map<string, number>(),
  };
  btf.types.forEach((t, id) => {
    if (t.kind !== 'func' && t.kind !== 'var' && t.kind !== 'typedef' && t.kind !== 'struct') return;
    if (t.name !== '' && !ids[t.kind].has(t.name)) ids[t.kind].set(t.name, id);
  });
  return ids;
}

/** What lies in the section of per-CPU variables. */
function perCpuVariables(btf: Btf): ReadonlySet<number> {
  const section = btf.types.find((t) => t.kind === 'datasec' && t.name === '.data..percpu');
  return new Set(section?.kind === 'datasec' ? section.vars.map((v) => v.type) : []);
}

function kernelValue(btf: Btf, id: number): KernelValue {
  const t = resolved(btf, id);
  if (t.kind !== 'ptr') return { type: shape(btf, id), pointsTo: null };
  return { type: shape(btf, id), pointsTo: pointed(btf, t.type), pointsToId: skipModifiers(btf, t.type) };
}

function funcOf(btf: Btf, id: number): KernelFunc | undefined {
  const func = btf.types[id];
  return func?.kind === 'func' ? protoOf(btf, func.name, func.type) : undefined;
}

/** A tracepoint is the typedef of a pointer to a function. */
function targetOf(btf: Btf, id: number): KernelTarget | undefined {
  const type = btf.types[id];
  if (type === undefined) return undefined;
  const name = 'name' in type ? type.name : '';
  if (type.kind === 'func') return { kind: 'func', name, proto: protoOf(btf, name, type.type) ?? null };
  if (type.kind === 'struct') {
    const members = type.members.map((m) => ({ name: m.name, proto: pointedProto(btf, m) }));
    return { kind: 'struct', name, proto: null, members };
  }
  if (type.kind !== 'typedef') return { kind: 'other', name, proto: null };
  const pointer = btf.types[type.type];
  return { kind: 'typedef', name, proto: (pointer.kind === 'ptr' && protoOf(btf, name, pointer.type)) || null };
}

function pointedProto(btf: Btf, { name, type }: BtfMember): KernelFunc | null {
  const pointer = resolved(btf, type);
  return (pointer.kind === 'ptr' && protoOf(btf, name, skipModifiers(btf, pointer.type))) || null;
}

/** undefined: the type is no prototype. */
export function protoOf(btf: Btf, name: string, id: number): KernelFunc | undefined {
  const proto = btf.types[id];
  if (proto?.kind !== 'func_proto') return undefined;
  const { ret, params } = proto as BtfOf<'func_proto'>;
  return {
    name,
    returns: kernelValue(btf, ret),
    params: params.map((p) => ({ name: p.name, ...kernelValue(btf, p.type) })),
  };
}

function variableOf(btf: Btf, id: number, perCpu: ReadonlySet<number>): KernelVariable | undefined {
  const type = btf.types[id];
  if (type?.kind !== 'var') return undefined;
  return { name: type.name, perCpu: perCpu.has(id), ...kernelValue(btf, type.type) };
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
    const first = btf.types[type.type];
    const to = resolved(btf, type.type);
    const name = to.kind === 'struct' || to.kind === 'union' ? to.name : null;
    return { kind: 'ptr', to: name, ...(first.kind === 'type_tag' ? { tag: first.name } : {}) };
  }
  if (type.kind !== 'struct' && type.kind !== 'union') return { kind: 'scalar', size: sizeOf(btf, id) };
  return { kind: 'struct', key: ids.get(type.name) === id ? type.name : `${ANONYMOUS}${id}` };
}
