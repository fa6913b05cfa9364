// What a CO-RE relocation points at: a type, an enumerator, or the field at the end of a chain of accesses, in the object's
// own BTF (`localSpec`) and in the target's (`matchSpec`, null = the target has no such thing). libbpf: bpf_core_spec.

import { FormatError } from '../uapi/errors.ts';
import { type Btf, type BtfMember, resolved, sizeOf, skipModifiers } from './btf.ts';
import type { ExtCoreRelo } from './btf_ext.ts';
import {
  essentialName,
  fieldsCompatible,
  isComposite,
  isEnum,
  nameOf,
  typesCompatible,
  typesMatch,
} from './core_types.ts';

/** enum bpf_core_relo_kind. */
export const CORE = {
  FIELD_BYTE_OFFSET: 0,
  FIELD_BYTE_SIZE: 1,
  FIELD_EXISTS: 2,
  FIELD_SIGNED: 3,
  FIELD_LSHIFT_U64: 4,
  FIELD_RSHIFT_U64: 5,
  TYPE_ID_LOCAL: 6,
  TYPE_ID_TARGET: 7,
  TYPE_EXISTS: 8,
  TYPE_SIZE: 9,
  ENUMVAL_EXISTS: 10,
  ENUMVAL_VALUE: 11,
  TYPE_MATCHES: 12,
} as const;

/** The last access of a chain: member `member` of composite `type`, or an element of type `type`. */
export interface CoreSpec {
  readonly btf: Btf;
  readonly root: number;
  readonly path: readonly Access[];
  readonly bitOffset: number;
  /** Enumerator by index. */
  readonly enumerator: number;
}
type Access =
  | { readonly kind: 'member'; readonly type: number; readonly member: BtfMember }
  | { readonly kind: 'element'; readonly type: number; readonly index: number };

export function isFieldRelo(kind: number): boolean {
  return kind <= CORE.FIELD_RSHIFT_U64;
}
export function isEnumRelo(kind: number): boolean {
  return kind === CORE.ENUMVAL_EXISTS || kind === CORE.ENUMVAL_VALUE;
}

function bad(relo: ExtCoreRelo, what: string): FormatError {
  return new FormatError(
    'BTF.ext',
    `CO-RE relocation at ${relo.offset} ('${relo.access}' of type ${relo.type}): ${what}`,
  );
}

/** Reads the access string against the object's own types. */
export function localSpec(btf: Btf, relo: ExtCoreRelo): CoreSpec {
  if (relo.type === 0 || relo.type >= btf.types.length) throw bad(relo, 'no such type');
  if (relo.kind > CORE.TYPE_MATCHES) throw bad(relo, `unknown kind ${relo.kind}`);
  const indices = relo.access.split(':').map(Number);
  if (!/^\d+(:\d+)*$/.test(relo.access) || indices.length > 64) throw bad(relo, 'no access string');
  const root = skipModifiers(btf, relo.type);
  const spec = { btf, root, path: [], bitOffset: 0, enumerator: 0 };
  if (isEnumRelo(relo.kind)) {
    const t = btf.types[root];
    if (!isEnum(t) || indices.length !== 1 || t.values[indices[0]] === undefined)
      throw bad(relo, 'names no enumerator');
    return { ...spec, enumerator: indices[0] };
  }
  if (!isFieldRelo(relo.kind)) {
    if (relo.access !== '0') throw bad(relo, 'a type has no access');
    return { ...spec, root: relo.type };
  }
  return fieldSpec(btf, relo, root, indices);
}

function fieldSpec(btf: Btf, relo: ExtCoreRelo, root: number, [first, ...rest]: readonly number[]): CoreSpec {
  const path: Access[] = [{ kind: 'element', type: root, index: first }];
  let bitOffset = first * sizeOf(btf, root) * 8;
  let id = root;
  for (const index of rest) {
    const t = resolved(btf, id);
    if (isComposite(t)) {
      const member = t.members[index];
      if (member === undefined) throw bad(relo, `no member ${index} of '${t.name}'`);
      if (member.name !== '') path.push({ kind: 'member', type: skipModifiers(btf, id), member });
      bitOffset += member.bitOffset;
      id = member.type;
    } else if (t.kind === 'array') {
      id = skipModifiers(btf, t.elem);
      path.push({ kind: 'element', type: id, index });
      bitOffset += index * sizeOf(btf, id) * 8;
    } else {
      throw bad(relo, `index ${index} into a ${t.kind}`);
    }
  }
  return { btf, root, path, bitOffset, enumerator: 0 };
}

/** The same in the target, where `root` is a type that bears the name. null: it isn't there. */
export function matchSpec(local: CoreSpec, relo: ExtCoreRelo, btf: Btf, root: number): CoreSpec | null {
  const spec = { btf, root, path: [], bitOffset: 0, enumerator: 0 };
  const pair = [
    { btf: local.btf, id: local.root },
    { btf, id: root },
  ] as const;
  if (isEnumRelo(relo.kind)) return matchEnumerator(local, btf, root);
  if (relo.kind === CORE.TYPE_MATCHES) return typesMatch(...pair) ? spec : null;
  if (!isFieldRelo(relo.kind)) return typesCompatible(...pair) ? spec : null;
  return matchField(local, btf, root);
}

function matchEnumerator(local: CoreSpec, btf: Btf, root: number): CoreSpec | null {
  const [own, t] = [resolved(local.btf, local.root), resolved(btf, root)];
  if (!isEnum(own) || !isEnum(t)) return null;
  const name = essentialName(own.values[local.enumerator].name);
  const enumerator = t.values.findIndex((v) => essentialName(v.name) === name);
  return enumerator < 0 ? null : { btf, root: skipModifiers(btf, root), path: [], bitOffset: 0, enumerator };
}

function matchField(local: CoreSpec, btf: Btf, root: number): CoreSpec | null {
  const path: Access[] = [];
  let bitOffset = 0;
  let id = skipModifiers(btf, root);
  for (const [step, access] of local.path.entries()) {
    if (access.kind === 'member') {
      const found = findMember(local.btf, access.member, btf, id);
      if (found === null) return null;
      path.push({ kind: 'member', type: found.owner, member: found.member });
      bitOffset += found.bitOffset;
      id = skipModifiers(btf, found.member.type);
      continue;
    }
    // The first index counts whole objects of the root type.
    if (step > 0) {
      const t = resolved(btf, id);
      if (t.kind !== 'array') return null;
      // A last member of no (or one) elements may hold any number.
      const last = path.at(-1);
      if (access.index >= t.nelems && !(t.nelems <= 1 && last?.kind === 'member' && isLast(btf, last))) return null;
      id = skipModifiers(btf, t.elem);
    }
    path.push({ kind: 'element', type: id, index: access.index });
    bitOffset += access.index * sizeOf(btf, id) * 8;
  }
  return { btf, root, path, bitOffset, enumerator: 0 };
}

function isLast(btf: Btf, access: Access & { kind: 'member' }): boolean {
  const t = btf.types[access.type];
  return isComposite(t) && t.members.at(-1) === access.member;
}

interface FoundMember {
  readonly owner: number;
  readonly member: BtfMember;
  readonly bitOffset: number;
}

/**
 * A member by name, through anonymous structs and unions; null when it is not there or of another kind. `without`: those
 * that do not have it, which may be nested in more ways than can be walked.
 */
function findMember(
  localBtf: Btf,
  wanted: BtfMember,
  btf: Btf,
  id: number,
  depth = 0,
  without = new Set<number>(),
): FoundMember | null {
  const owner = skipModifiers(btf, id);
  const t = btf.types[owner];
  if (!isComposite(t) || depth > 32 || without.has(owner)) return null;
  without.add(owner);
  for (const member of t.members) {
    if (member.name === '') {
      const inside = findMember(localBtf, wanted, btf, member.type, depth + 1, without);
      if (inside !== null) return { ...inside, bitOffset: inside.bitOffset + member.bitOffset };
    } else if (member.name === wanted.name) {
      const fits = fieldsCompatible({ btf: localBtf, id: wanted.type }, { btf, id: member.type });
      return fits ? { owner, member, bitOffset: member.bitOffset } : null;
    }
  }
  return null;
}

/** Name under which the target is searched. */
export function rootName(spec: CoreSpec): string {
  return essentialName(nameOf(spec.btf.types[spec.root]));
}
