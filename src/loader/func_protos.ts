// Prototypes of functions from BTF. In: the type id of a function (BTF_KIND_FUNC), as func_info names it; out: FuncProto,
// or null where the id names no function.

import type { FuncProto, ParamProto, PointedShape, TypeShape } from '../spec/func_proto.ts';
import { FormatError } from '../uapi/errors.ts';
import { BTF_LINKAGE, type Btf, type BtfOf, type BtfType, resolved, sizeOf } from './btf.ts';
import { grouped, once } from './once.ts';

/** clang's __arg_ctx and the like are declaration tags that begin so. */
const ARG_TAG = 'arg:';

/** Tags of the parameters of every function, by type id of the function and number of the parameter. */
function argTags(btf: Btf): Map<number, string[][]> {
  const tags = new Map<number, string[][]>();
  for (const t of btf.types) {
    if (t.kind !== 'decl_tag' || t.component < 0 || !t.name.startsWith(ARG_TAG)) continue;
    const of = once(tags, t.type, () => [] as string[][]);
    of[t.component] ??= [];
    of[t.component].push(t.name.slice(ARG_TAG.length));
  }
  return tags;
}

const CALLBACK_TAG = 'exception_callback:';

/** Names of the functions that are to handle exceptions, by the type id of the function they are for. */
function exceptionCallbacks(btf: Btf): Map<number, string[]> {
  return grouped(
    btf.types.flatMap((t) =>
      t.kind === 'decl_tag' && t.component < 0 && t.name.startsWith(CALLBACK_TAG)
        ? [[t.type, t.name.slice(CALLBACK_TAG.length)] as const]
        : [],
    ),
  );
}

function sizeOrNull(btf: Btf, id: number): number | null {
  try {
    return sizeOf(btf, id);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** A type behind typedefs and qualifiers. */
export function shape(btf: Btf, id: number): TypeShape {
  const t = resolved(btf, id);
  return { kind: t.kind, name: 'name' in t ? t.name : '', size: sizeOrNull(btf, id) };
}

/** Nobody gives a type more names than that. */
const MAX_TYPEDEFS = 32;

/** The walk ends: resolved() has been along it. */
function typedefsOf(btf: Btf, id: number): string[] {
  const names: string[] = [];
  for (let t: BtfType = btf.types[id]; t.kind !== 'ptr' && 'type' in t; t = btf.types[t.type]) {
    if (t.kind === 'typedef' && names.push(t.name) === MAX_TYPEDEFS) break;
  }
  return names;
}

export function pointed(btf: Btf, id: number): PointedShape {
  return { ...shape(btf, id), typedefs: typedefsOf(btf, id) };
}

function untagged(btf: Btf, id: number): ParamProto {
  const t = resolved(btf, id);
  return { type: shape(btf, id), pointsTo: t.kind === 'ptr' ? pointed(btf, t.type) : null, tags: [] };
}

/** What reads prototypes of one BTF. `hidden`: the symbol is not visible outside, which makes the function static. */
export function protoReader(btf: Btf): (id: number, hidden: boolean) => FuncProto | null {
  const tags = argTags(btf);
  const callbacks = exceptionCallbacks(btf);
  // Many functions are of one type, and many programs call the same functions.
  const values = new Map<number, ParamProto>();
  const value = (id: number) => once(values, id, () => untagged(btf, id));
  const untaggedParams = new Map<number, readonly ParamProto[]>();
  const paramsOf = (id: number, { params }: BtfOf<'func_proto'>) =>
    once(untaggedParams, id, () => params.map((p) => value(p.type)));
  const protos = new Map<string, FuncProto | null>();
  const read = (id: number, hidden: boolean): FuncProto | null => {
    const func = btf.types[id];
    const proto = func?.kind === 'func' ? btf.types[func.type] : undefined;
    if (func?.kind !== 'func' || proto?.kind !== 'func_proto') return null;
    const params = paramsOf(func.type, proto);
    const tagged = tags.get(id);
    const handlers = callbacks.get(id);
    return {
      ...(handlers === undefined ? {} : { exceptionCallbacks: handlers }),
      name: func.name,
      linkage: func.linkage === BTF_LINKAGE.global && !hidden ? 'global' : 'static',
      returns: shape(btf, proto.ret),
      params: tagged === undefined ? params : params.map((p, i) => (tagged[i] ? { ...p, tags: tagged[i] } : p)),
    };
  };
  return (id, hidden) => once(protos, `${id}:${hidden}`, () => read(id, hidden));
}
