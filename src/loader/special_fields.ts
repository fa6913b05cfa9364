// Fields of a map value that mean something to the kernel (bpf_spin_lock, bpf_timer, kptrs, ...), found by the names of
// their types (kernel btf_get_field_type). A program must not touch them with plain loads and stores, so a verifier has
// to know where they are.

import { type Btf, type BtfMember, resolved, skipModifiers } from './btf.ts';

/** Kernel btf_field_type, by the name of the struct. */
const SPECIAL_STRUCTS: ReadonlySet<string> = new Set([
  'bpf_spin_lock',
  'bpf_res_spin_lock',
  'bpf_timer',
  'bpf_wq',
  'bpf_task_work',
  'bpf_list_head',
  'bpf_list_node',
  'bpf_rb_root',
  'bpf_rb_node',
  'bpf_refcount',
]);
const KPTR_TAGS: ReadonlySet<string> = new Set(['kptr', 'kptr_untrusted', 'percpu_kptr', 'uptr']);

/** Linux takes at most BTF_FIELDS_MAX of them. */
const MAX_FIELDS = 11;
const MAX_DEPTH = 8;

export interface SpecialField {
  readonly type: string;
  readonly offset: number;
}

/** Special fields of the type `id`, by offset. */
export function specialFields(btf: Btf, id: number): SpecialField[] {
  const found: SpecialField[] = [];
  collect(btf, id, 0, 0, found);
  return found;
}

function collect(btf: Btf, id: number, base: number, depth: number, found: SpecialField[]): void {
  const t = resolved(btf, id);
  if ((t.kind !== 'struct' && t.kind !== 'union') || depth > MAX_DEPTH) return;
  for (const member of t.members) {
    if (found.length >= MAX_FIELDS) return;
    const offset = base + member.bitOffset / 8;
    const special = specialType(btf, member);
    if (special !== null) found.push({ type: special, offset });
    else collect(btf, member.type, offset, depth + 1, found);
  }
}

function specialType(btf: Btf, member: BtfMember): string | null {
  const t = resolved(btf, member.type);
  if (t.kind === 'struct') return SPECIAL_STRUCTS.has(t.name) ? t.name : null;
  if (t.kind !== 'ptr') return null;
  // clang puts type tags between the pointer and what it points to.
  const tag = btf.types[t.type];
  return tag.kind === 'type_tag' && KPTR_TAGS.has(tag.name) && skipModifiers(btf, t.type) !== 0 ? tag.name : null;
}
