// When two types of two BTFs count as the same for CO-RE: what libbpf's relo_core.c asks of a field, of a type that has to
// exist, and of a type that has to match. Names are compared without their flavour: `task_struct___old` is `task_struct`.

import { type Btf, type BtfType, resolved } from './btf.ts';
import { once } from './once.ts';

const MAX_DEPTH = 32;

/** A type of one of the two BTFs. */
export interface TypeRef {
  readonly btf: Btf;
  readonly id: number;
}

/** The name up to its flavour: `___` with something on both sides (libbpf bpf_core_essential_name_len). */
export function essentialName(name: string): string {
  return /^(.*[^_])___[^_]/.exec(name)?.[1] ?? name;
}

export function nameOf(t: BtfType): string {
  return 'name' in t ? t.name : '';
}

export function isComposite(t: BtfType): t is BtfType & { readonly kind: 'struct' | 'union' } {
  return t.kind === 'struct' || t.kind === 'union';
}

export function isEnum(t: BtfType): t is BtfType & { readonly kind: 'enum' | 'enum64' } {
  return t.kind === 'enum' || t.kind === 'enum64';
}

/** The same kind; the width of an enum is no matter. */
export function sameKind(a: BtfType, b: BtfType): boolean {
  return a.kind === b.kind || (isEnum(a) && isEnum(b));
}

function sameNames(a: BtfType, b: BtfType): boolean {
  return essentialName(nameOf(a)) === essentialName(nameOf(b));
}

/** May a field of the one type stand for a field of the other? (bpf_core_fields_are_compat) */
export function fieldsCompatible(local: TypeRef, target: TypeRef, depth = 0): boolean {
  const [a, b] = [resolved(local.btf, local.id), resolved(target.btf, target.id)];
  if (isComposite(a) && isComposite(b)) return true;
  if (!sameKind(a, b) || depth > MAX_DEPTH) return false;
  switch (a.kind) {
    case 'ptr':
    case 'float':
    case 'int':
      return true;
    case 'fwd':
    case 'enum':
    case 'enum64':
      return nameOf(a) === '' || nameOf(b) === '' || sameNames(a, b);
    case 'array':
      return b.kind === 'array' && fieldsCompatible(at(local, a.elem), at(target, b.elem), depth + 1);
    default:
      return false;
  }
}

function at({ btf }: TypeRef, id: number): TypeRef {
  return { btf, id };
}

/** Pairs of types that were compared: few types can be nested in more ways than can be walked. */
type Compared = Map<string, boolean>;

/** Is the one type there as the other? Members are not compared. (bpf_core_types_are_compat) */
export function typesCompatible(local: TypeRef, target: TypeRef): boolean {
  return compatible(local, target, 0, new Map());
}

function compatible(local: TypeRef, target: TypeRef, depth: number, known: Compared): boolean {
  const [a, b] = [resolved(local.btf, local.id), resolved(target.btf, target.id)];
  if (!sameKind(a, b) || depth > MAX_DEPTH) return false;
  const next = (x: number, y: number) =>
    once(known, `${x}:${y}:${depth}`, () => compatible(at(local, x), at(target, y), depth + 1, known));
  if (a.kind === 'ptr' && b.kind === 'ptr') return next(a.type, b.type);
  if (a.kind === 'array' && b.kind === 'array') return next(a.elem, b.elem);
  if (a.kind === 'func_proto' && b.kind === 'func_proto') {
    return (
      a.params.length === b.params.length &&
      a.params.every((p, i) => next(p.type, b.params[i].type)) &&
      next(a.ret, b.ret)
    );
  }
  return isComposite(a) || isEnum(a) || a.kind === 'void' || a.kind === 'fwd' || a.kind === 'int';
}

/** Does the other type have everything that the one has? (bpf_core_types_match) */
export function typesMatch(local: TypeRef, target: TypeRef): boolean {
  return matches(local, target, false, 0, new Map());
}

function matches(local: TypeRef, target: TypeRef, behindPointer: boolean, depth: number, known: Compared): boolean {
  const [a, b] = [resolved(local.btf, local.id), resolved(target.btf, target.id)];
  if (depth > MAX_DEPTH || !sameNames(a, b)) return false;
  if (!sameKind(a, b)) return behindPointer && isForward(a, b);
  const next = (x: number, y: number, pointer = behindPointer) =>
    once(known, `${x}:${y}:${pointer}:${depth}`, () => matches(at(local, x), at(target, y), pointer, depth + 1, known));
  if (isComposite(a) && isComposite(b)) {
    // Behind a pointer the name is enough.
    return (
      behindPointer ||
      a.members.every((m) =>
        b.members.some((n) => essentialName(n.name) === essentialName(m.name) && next(m.type, n.type)),
      )
    );
  }
  if (isEnum(a) && isEnum(b)) {
    const names = new Set(b.values.map((v) => essentialName(v.name)));
    return a.values.every((v) => names.has(essentialName(v.name)));
  }
  if (a.kind === 'fwd' && b.kind === 'fwd') return a.union === b.union;
  if (a.kind === 'int' && b.kind === 'int') return a.size === b.size && (a.encoding & 1) === (b.encoding & 1);
  if (a.kind === 'ptr' && b.kind === 'ptr') return next(a.type, b.type, true);
  if (a.kind === 'array' && b.kind === 'array') return a.nelems === b.nelems && next(a.elem, b.elem);
  if (a.kind === 'func_proto' && b.kind === 'func_proto') {
    return (
      a.params.length === b.params.length &&
      a.params.every((p, i) => next(p.type, b.params[i].type)) &&
      next(a.ret, b.ret)
    );
  }
  return a.kind === 'void';
}

/** A forward declaration on one side, the struct or union on the other. */
function isForward(a: BtfType, b: BtfType): boolean {
  const fits = (x: BtfType, y: BtfType) => x.kind === 'fwd' && y.kind === (x.union ? 'union' : 'struct');
  return fits(a, b) || fits(b, a);
}
