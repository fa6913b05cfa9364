// What a pointer that was read from a structure of the kernel is worth (kernel check_ptr_to_btf_access, type_is_trusted,
// type_is_rcu): trust is not inherited but for fields that the kernel lists. The lists are structures of its BTF:
// `task_struct__safe_rcu` has the fields of task_struct that stay valid inside an RCU read section.

import type { KernelTypes } from '../spec/kernel_struct.ts';
import type { Env } from './env.ts';
import { FLAG, isRcu, isTrusted, type Reg } from './reg.ts';
import { inRcu } from './sections.ts';

/** A field that holds a pointer to a structure. */
export interface PointerField {
  readonly name: string;
  readonly to: string;
  /** Type tag of the pointer: 'rcu', 'user', 'percpu'. */
  readonly tag?: string;
  /** It lies in a union with other members. */
  readonly inUnion: boolean;
}

export interface Loaded {
  readonly flags: number;
  readonly maybeNull: boolean;
}

function listed(types: KernelTypes, struct: string, { name, to }: PointerField, list: string): boolean {
  const field = types.struct(`${struct}__${list}`)?.fields.find((f) => f.name === name);
  return field?.type.kind === 'ptr' && field.type.to === to;
}

const TAGS: Readonly<Record<string, number>> = { rcu: FLAG.rcu, user: FLAG.user, percpu: FLAG.percpu };

/** What a load of `field` through `ptr` gives. */
export function loadedTrust(env: Env, ptr: Reg, field: PointerField): Loaded {
  const own = (field.inUnion ? FLAG.untrusted : 0) | (TAGS[field.tag ?? ''] ?? 0);
  if ((ptr.flags & FLAG.untrusted) !== 0) return { flags: FLAG.untrusted, maybeNull: false };
  if (!isTrusted(ptr) && !isRcu(ptr)) return { flags: own & ~FLAG.rcu, maybeNull: false };
  const has = (list: string) => listed(env.kernelTypes, ptr.btf, field, list);
  if (has('safe_trusted')) return { flags: own | FLAG.trusted, maybeNull: false };
  if (has('safe_trusted_or_null')) return { flags: own | FLAG.trusted, maybeNull: true };
  if (!inRcu(env) || ptr.maybeNull) return { flags: FLAG.untrusted, maybeNull: false };
  if (has('safe_rcu')) return { flags: own | FLAG.rcu, maybeNull: false };
  if ((own & FLAG.rcu) !== 0 || has('safe_rcu_or_null')) return { flags: own | FLAG.rcu, maybeNull: true };
  return { flags: own, maybeNull: false };
}
