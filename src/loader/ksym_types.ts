// Whether a symbol of the kernel is what an object declares it as (libbpf bpf_object__resolve_ksym_func_btf_id and
// _var_btf_id): a call through a wrong prototype would put its arguments where the function does not look for them. In: types
// of the object and of the kernel. Without the kernel's BTF the built-in prototypes tell less, and less is refused.

import type { PointedShape } from '../spec/func_proto.ts';
import type { KernelFunc, KernelValue } from '../spec/kernel_func.ts';
import type { KernelTypes } from '../spec/kernel_struct.ts';
import { type BtfType, btfOf } from './btf.ts';
import { sameKind, typesCompatible } from './core_types.ts';
import { btfBehind, protoOf } from './kernel_btf.ts';

/** `type`: the prototype, or the variable's type, in the object's `btf`; `id`: the symbol's in `kernel`. */
export function isDeclaredAs(btf: Uint8Array, type: number, kernel: KernelTypes, id: number): boolean {
  const local = btfOf(btf);
  const target = btfBehind(kernel);
  const symbol = target?.types[id];
  if (symbol?.kind === 'func' || symbol?.kind === 'var') {
    return typesCompatible({ btf: local, id: type }, { btf: target!, id: symbol.type });
  }
  const declared = protoOf(local, '', type);
  const func = kernel.func(id);
  return declared === undefined || func === undefined || sameShape(declared, func);
}

/** Structures that a prototype of the object names, and that the object does not define: no definition is like a declaration. */
export function undefinedStructs(btf: Uint8Array, type: number): string[] {
  const declared = protoOf(btfOf(btf), '', type);
  const values: readonly KernelValue[] = declared === undefined ? [] : [declared.returns, ...declared.params];
  return [...new Set(values.flatMap(({ pointsTo }) => (pointsTo?.kind === 'fwd' ? [pointsTo.name] : [])))];
}

function sameShape(a: KernelFunc, b: KernelFunc): boolean {
  const values = (f: KernelFunc): readonly KernelValue[] => [f.returns, ...f.params];
  return (
    a.params.length === b.params.length &&
    values(a).every((value, i) => {
      const other = values(b)[i];
      if (value.pointsTo === null || other.pointsTo === null) return alike(value.type.kind, other.type.kind);
      return alike(value.pointsTo.kind, other.pointsTo.kind);
    })
  );
}

/** Both tables name kinds as BTF does. */
function alike(a: string, b: string): boolean {
  return sameKind({ kind: a } as BtfType, { kind: b } as BtfType);
}

/** A prototype in C, as far as it is known: 'void bpf_task_release(struct task_struct *p)'. */
export function prototypeText({ name, returns, params }: KernelFunc): string {
  const parameters = params.map((p) => `${typeText(p)}${p.name}`).join(', ');
  return `${typeText(returns)}${name}(${parameters || 'void'})`;
}

function typeText({ type, pointsTo }: KernelValue): string {
  return pointsTo === null ? `${shapeText(type)} ` : `${shapeText(pointsTo)} *`;
}

/** The built-in prototypes have no names of integers, by size. */
const INTS: Readonly<Record<number, string>> = { 1: 'char', 2: 'short', 4: 'int', 8: 'long' };

function shapeText({ kind, name, size }: Pick<PointedShape, 'kind' | 'name' | 'size'>): string {
  if (kind === 'int') return name || INTS[size ?? 4];
  if (kind === 'func_proto') return 'function';
  return kind === 'struct' || kind === 'union' || kind === 'enum' ? `${kind} ${name}` : kind;
}
