// Pointers in map values (kptrs): which loads and stores a program may do itself, what bpf_kptr_xchg takes and gives
// (kernel check_map_kptr_access, map_kptr_match_type, process_kptr_func).

import type { KernelTypes } from '../spec/kernel_struct.ts';
import { isPointerField, OWNABLE, SPECIAL_FIELDS, type SpecialField } from '../spec/special_fields.ts';
import type { Env } from './env.ts';
import { structAt } from './kernel_pointer.ts';
import type { Access } from './mem.ts';
import { fieldsBehind } from './object.ts';
import { FLAG, isNull, kindText, makeReg, type Reg } from './reg.ts';
import { denied, invalid, type Reject } from './reject.ts';
import { isConst } from './scalar.ts';
import { inRcu } from './sections.ts';
import { checkUnmodified } from './unmoved.ts';
import type { MapDef } from './verified.ts';

/**
 * The fields of a map's value. What points to a structure that Linux has but can not destroy makes it refuse all types of the
 * object; libbpf goes on without them. Memory of users holds no structure of the kernel, and is at most a page.
 */
export function effectiveFields(types: KernelTypes, fields: MapDef['specialFields']): MapDef['specialFields'] {
  const owned = (fields ?? []).filter((f) => f.type === 'kptr' && !OWNABLE.has(f.to!.name));
  const refused =
    owned.some((f) => types.struct(f.to!.name) !== undefined) || fields?.some((f) => isBadUptr(types, f)) === true;
  return refused ? undefined : fields;
}

/** Kernel btf_check_and_fixup_fields. */
function isBadUptr(types: KernelTypes, { type, to, size }: SpecialField): boolean {
  return type === 'uptr' && (!size || size > PAGE_SIZE || types.struct(to!.name) !== undefined);
}
const PAGE_SIZE = 4096;

/** Of a structure of the kernel, not of the program's own. */
export function pointsToKernel(env: Env, { to }: SpecialField): boolean {
  return OWNABLE.has(to!.name) || env.kernelTypes.struct(to!.name) !== undefined;
}

export function pointerFieldAt(fields: readonly SpecialField[] | undefined, at: number): SpecialField | undefined {
  return fields?.find((f) => f.offset === at && isPointerField(f.type));
}

/** A load or store that touches a pointer must be of all of it. */
export function checkWhole({ type, offset }: SpecialField, ptr: Reg, off: number, size: number): Reject | null {
  const { text } = SPECIAL_FIELDS[type];
  if (!isConst(ptr.s)) return denied(`${text} access cannot have variable offset`);
  const at = off + Number(ptr.s.var_off.value);
  if (at !== offset) return denied(`${text} access misaligned expected=${offset} off=${at}`);
  return size === 8 ? null : denied(`${text} access size must be BPF_DW`);
}

/** A load or store of a pointer. */
export function accessPointer(env: Env, a: Access, field: SpecialField): Reg | Reject | null {
  if (a.strict) return denied('kptr in map can only be accessed using BPF_MEM instruction mode');
  const { type } = field;
  // The kernel has pinned that memory of a user.
  if (!a.write && type === 'uptr') {
    return makeReg({ kind: 'mem', size: field.size!, maybeNull: true, id: env.newId() });
  }
  if (!a.write) return makeReg({ ...pointerReg(env, field), flags: loadedFlags(env, field), id: env.newId() });
  if (type === 'kptr' || type === 'percpu_kptr') return denied('store to referenced kptr disallowed');
  if (type === 'uptr') return denied('store to uptr disallowed');
  const value = a.value!;
  if (isNull(value)) return null;
  if (a.valueRegno < 0) return denied(`BPF_ST imm must be 0 when storing to kptr at off=${field.offset}`);
  const bad = matchPointer(env, field, value, a.valueRegno);
  return bad && { ...bad, code: 'EACCES' };
}

function pointerReg(env: Env, field: SpecialField): Reg {
  const size = pointsToKernel(env, field) ? 0 : field.to!.id;
  return makeReg({ kind: 'btf_id', maybeNull: true, btf: field.to!.name, size });
}

/** Objects that live until an RCU grace period is over (kernel rcu_protected_object). */
function isRcuSafe(env: Env, field: SpecialField): boolean {
  if (field.type === 'percpu_kptr') return true;
  return field.type === 'kptr' && (OWNABLE.has(field.to!.name) || !pointsToKernel(env, field));
}

const NODES: ReadonlySet<string> = new Set(['bpf_list_node', 'bpf_rb_node']);

/** Kernel btf_ld_kptr_type. */
function loadedFlags(env: Env, field: SpecialField): number {
  if (!isRcuSafe(env, field) || !inRcu(env)) return FLAG.untrusted;
  if (field.type === 'percpu_kptr') return FLAG.rcu | FLAG.percpu;
  if (pointsToKernel(env, field)) return FLAG.rcu;
  const linked = env.prog.input.localTypes?.struct(field.to!.id)?.fields?.some((f) => NODES.has(f.type)) ?? false;
  return FLAG.rcu | FLAG.alloc | (linked ? FLAG.nonOwning : 0);
}

/** What bpf_kptr_xchg gives back: whoever calls it owns that. */
export function exchangedPointer(env: Env, field: SpecialField, id: number): Reg {
  const own = field.type === 'percpu_kptr' ? FLAG.alloc | FLAG.percpu : FLAG.alloc;
  return makeReg({ ...pointerReg(env, field), flags: pointsToKernel(env, field) ? 0 : own, id });
}

/** Whether a pointer may be put into the field. */
export function matchPointer(env: Env, field: SpecialField, reg: Reg, regno: number): Reject | null {
  const name = field.to!.name;
  const untrusted = field.type === 'kptr_untrusted';
  const { trusted, rcu, alloc, percpu } = FLAG;
  const kernel = reg.size === 0;
  const extra = kernel ? (untrusted ? FLAG.untrusted : 0) : field.type === 'percpu_kptr' ? percpu : 0;
  const allowed = (kernel ? trusted | rcu : alloc) | extra;
  const wrong = (from: string): Reject => {
    const expected = `expected=ptr_${name}` as const;
    return invalid(
      `invalid kptr access, R${regno} type=${kindText(reg)}${from} ${expected}${untrusted ? ` or untrusted_ptr_${name}` : ''}`,
    );
  };
  if (reg.kind !== 'btf_id' || (reg.flags & ~allowed) !== 0) return wrong('');
  const moved = checkUnmodified(regno, reg, true);
  if (moved) return moved;
  const sameWorld = pointsToKernel(env, field) === kernel;
  const same = reg.off === 0 && reg.btf === name && reg.size === (kernel ? 0 : field.to!.id);
  const inside = untrusted && kernel && structAt(env, reg.btf, reg.off, name);
  return sameWorld && (same || inside) ? null : wrong(reg.btf);
}

/** The field that bpf_kptr_xchg works on. */
export function referencedField(env: Env, regno: number, reg: Reg): SpecialField | Reject {
  const fields = fieldsBehind(env, reg);
  if (reg.map >= 0 && fields === null) {
    return invalid(`map '${env.map(reg.map).name}' has to have BTF in order to use bpf_kptr_xchg`);
  }
  if (!isConst(reg.s)) {
    return invalid(`R${regno} doesn't have constant offset. kptr has to be at the constant offset`);
  }
  if (!fields?.some((f) => isPointerField(f.type) && f.type !== 'uptr')) {
    return invalid(`R${regno} has no valid kptr`);
  }
  const at = reg.off + Number(reg.s.var_off.value);
  const field = pointerFieldAt(fields, at);
  if (field === undefined || field.type === 'uptr') return denied(`off=${at} doesn't point to kptr`);
  return field.type === 'kptr_untrusted' ? denied(`off=${at} kptr isn't referenced kptr`) : field;
}
