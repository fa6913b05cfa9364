// Structures of an object's BTF as programs may allocate them (kernel btf_parse_struct_metas). In: the bytes of .BTF, read
// when the first structure is asked for; out: LocalTypes.

import { ANONYMOUS, type KernelTypes } from '../spec/kernel_struct.ts';
import type { LocalStruct, LocalTypes } from '../spec/local_types.ts';
import type { SpecialField } from '../spec/special_fields.ts';
import { type Btf, readBtf } from './btf.ts';
import { readKernelTypes } from './kernel_btf.ts';
import { once } from './once.ts';
import { isKptr, objectFields } from './special_fields.ts';

/** Linux looks into structures that have one of these, or a kptr, among their members. */
const KEPT: ReadonlySet<string> = new Set([
  'bpf_spin_lock',
  'bpf_list_head',
  'bpf_list_node',
  'bpf_rb_root',
  'bpf_rb_node',
  'bpf_refcount',
]);

export function localTypes(bytes: Uint8Array): LocalTypes {
  let btf: Btf | null = null;
  let layouts: KernelTypes | null = null;
  let refused: boolean | null = null;
  const known = new Map<number, LocalStruct>();
  return {
    get layouts() {
      layouts ??= readKernelTypes(bytes);
      return layouts;
    },
    get refused() {
      refused ??= refusesTypes((btf ??= readBtf(bytes)));
      return refused;
    },
    struct(id) {
      const types = (btf ??= readBtf(bytes));
      const type = types.types[id];
      if (type?.kind !== 'struct') return undefined;
      const { name, size } = type;
      return once(known, id, () => ({ name, size, key: `${ANONYMOUS}${id}`, fields: fieldsOf(types, id) }));
    },
  };
}

/** Linux takes none of these types: the special fields of some structure contradict each other, or it may end up in itself. */
export function refusesTypes(btf: Btf): boolean {
  const fields = btf.types.map((_, id) => fieldsOf(btf, id));
  return fields.some((of) => of !== null && (of.length === 0 || mayLoop(of, fields)));
}

function fieldsOf(btf: Btf, id: number): readonly SpecialField[] | null {
  const type = btf.types[id];
  if (type.kind !== 'struct') return null;
  const special = type.members.some((m) => {
    const t = btf.types[m.type];
    return (t.kind === 'struct' && KEPT.has(t.name)) || isKptr(btf, m.type);
  });
  return special ? objectFields(btf, id) : null;
}

const isRoot = ({ type }: SpecialField) => type === 'bpf_list_head' || type === 'bpf_rb_root';
const isNode = ({ type }: SpecialField) => type === 'bpf_list_node' || type === 'bpf_rb_node';

/** Objects that others own may own only objects that own nothing: no object may end up in itself. */
function mayLoop(own: readonly SpecialField[], all: readonly (readonly SpecialField[] | null)[]): boolean {
  return own.some(isNode) && own.some((f) => isRoot(f) && all[f.to!.id]?.some(isRoot));
}
