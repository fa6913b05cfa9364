// Objects that a program allocated (bpf_obj_new; kernel MEM_ALLOC): of a structure of its own BTF, owned through a
// reference, or seen through a list or tree that owns them (non-owning: for as long as the lock is held).

import { SPECIAL_FIELDS, type SpecialField, type SpecialType } from '../spec/special_fields.ts';
import type { Env } from './env.ts';
import type { Access } from './mem.ts';
import { copyReg, FLAG, makeReg, type Reg } from './reg.ts';
import { denied, type Reject } from './reject.ts';
import { inRcu } from './sections.ts';
import { mapRegs } from './state.ts';

/** Of this kind and nothing else said of it: not NULL, not under RCU, not of a list or tree. */
export function isOwnObject(reg: Reg): boolean {
  return reg.kind === 'btf_id' && reg.flags === FLAG.alloc && !reg.maybeNull;
}

export function isObject(reg: Reg): boolean {
  return reg.kind === 'btf_id' && (reg.flags & FLAG.alloc) !== 0;
}

export function isNonOwning(reg: Reg): boolean {
  return isObject(reg) && (reg.flags & FLAG.nonOwning) !== 0;
}

/** Special fields of what a register points to (kernel reg_btf_record); null = none are known. */
export function fieldsBehind(env: Env, reg: Reg): readonly SpecialField[] | null {
  if (reg.kind === 'map_value') return env.map(reg.map).specialFields ?? null;
  return isObject(reg) ? (env.prog.input.localTypes?.struct(reg.size)?.fields ?? null) : null;
}

export function fieldBehind(env: Env, reg: Reg, type: SpecialType): SpecialField | undefined {
  const at = reg.off + Number(reg.s.var_off.value);
  return fieldsBehind(env, reg)?.find((f) => f.type === type && f.offset === at);
}

/** The lock in it is known by the pointer's id (kernel reg_may_point_to_spin_lock). */
export function mayHoldLock(env: Env, reg: Reg): boolean {
  return fieldsBehind(env, reg)?.some((f) => f.type === 'bpf_spin_lock' || f.type === 'bpf_res_spin_lock') ?? false;
}

/** A pointer to what a list or tree holds. */
export function nodeReg({ to, node }: SpecialField): Reg {
  return makeReg({ kind: 'btf_id', flags: FLAG.alloc, btf: to!.name, size: to!.id, off: node! });
}

/** Somebody else owns it (kernel ref_set_non_owning). What counts its references lives on under RCU. */
export function nonOwning(env: Env, reg: Reg): Reg {
  const counted = fieldsBehind(env, reg)?.some((f) => f.type === 'bpf_refcount') ?? false;
  const r = copyReg(reg);
  r.flags |= FLAG.nonOwning | (counted ? FLAG.rcu : 0);
  r.refObjId = 0;
  return r;
}

/** A list or tree takes the object over. */
export function giveAway(env: Env, refObjId: number): void {
  mapRegs(env.state, (reg) => (reg.refObjId === refObjId ? nonOwning(env, reg) : reg));
}

/** A field takes over an object for every CPU: until the RCU section ends, it is still there. */
export function keepPerCpu(env: Env, refObjId: number): void {
  if (!inRcu(env)) return;
  mapRegs(env.state, (reg) => {
    if (reg.refObjId !== refObjId || (reg.flags & PER_CPU_OBJECT) !== PER_CPU_OBJECT) return reg;
    const r = copyReg(reg);
    r.flags = (reg.flags & ~FLAG.alloc) | FLAG.rcu;
    r.refObjId = 0;
    return r;
  });
}
const PER_CPU_OBJECT = FLAG.alloc | FLAG.percpu;

/** The lock is given back: what a list or tree holds may be gone. */
export function forgetNonOwning(env: Env): void {
  mapRegs(env.state, (reg) => (isNonOwning(reg) ? env.gone : reg));
}

/** Loads and stores keep away from special fields. */
export function checkObjectAccess(env: Env, a: Access, off: number): Reject | null {
  const hit = fieldsBehind(env, a.ptr)?.find(
    (f) => off < f.offset + SPECIAL_FIELDS[f.type].size && f.offset < off + a.size,
  );
  return hit ? denied(`direct access to ${SPECIAL_FIELDS[hit.type].text} is disallowed`) : null;
}
