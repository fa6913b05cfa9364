// Arguments of the kfuncs of lists and trees (kernel process_kf_arg_ptr_to_list_head, ..._node): the head lies in a map value
// or object whose lock is held, the node in an object of the structure that the head declares to hold.

import type { SpecialType } from '../spec/special_fields.ts';
import type { Env } from './env.ts';
import type { KfuncCall } from './kfunc_args.ts';
import { fieldBehind, fieldsBehind, isNonOwning, isObject, isOwnObject } from './object.ts';
import { isLock, locksHeld } from './refs.ts';
import type { Reg } from './reg.ts';
import { explain, invalid, type Reject } from './reject.ts';
import { isConst } from './scalar.ts';

type Check = (env: Env, i: number, reg: Reg, call: KfuncCall) => Reject | null;

/** The head of a list, or the root of a tree. */
export function root(type: 'bpf_list_head' | 'bpf_rb_root'): Check {
  return (env, i, reg, call) => {
    const inMap = reg.kind === 'map_value' && !reg.maybeNull;
    if (!inMap && !isOwnObject(reg)) return invalid(`arg#${i} expected pointer to map value or allocated object`);
    if (!inMap && reg.refObjId === 0) return invalid('allocated object must be referenced');
    const regno = i + 1;
    if (!isConst(reg.s)) {
      return invalid(`R${regno} doesn't have constant offset. ${type} has to be at the constant offset`);
    }
    const field = fieldBehind(env, reg, type);
    if (field === undefined) {
      return invalid(`${type} not found at offset=${reg.off + Number(reg.s.var_off.value)}`);
    }
    const unlocked = checkLocked(env, reg);
    if (unlocked !== null) {
      const lock = fieldsBehind(env, reg)?.find((f) => f.type === 'bpf_spin_lock')?.offset ?? -22;
      const needed = `bpf_spin_lock at off=${lock} must be held for ${type}` as const;
      return unlocked === 'none' ? invalid(needed) : explain(unlocked, needed);
    }
    call.root = field;
    return null;
  };
}

/** Whether the lock beside the head is the one that is held (kernel check_reg_allocation_locked). */
function checkLocked(env: Env, reg: Reg): Reject | 'none' | null {
  if (!locksHeld(env.state)) return 'none';
  const map = reg.kind === 'map_value' ? reg.map : OBJECTS;
  const same = env.state.held.some((h) => isLock(h) && h.id === reg.id && h.map === map);
  return same ? null : invalid('held lock and object are not in the same allocation');
}

/** Stands for the map of a lock that is in an object. */
export const OBJECTS = -2;

function nodeOf(type: SpecialType, rootType: SpecialType): Check {
  return (env, i, reg, call) => {
    const regno = i + 1;
    if (!isConst(reg.s)) {
      return invalid(`R${regno} doesn't have constant offset. ${type} has to be at the constant offset`);
    }
    const at = reg.off + Number(reg.s.var_off.value);
    if (fieldBehind(env, reg, type) === undefined) return invalid(`${type} not found at offset=${at}`);
    const { to, node } = call.root!;
    if (reg.size !== to!.id) {
      const wanted = `expects arg#1 ${type} at offset=${node} in struct ${to!.name}` as const;
      return invalid(`operation on ${rootType} ${wanted}, but arg is at offset=${at} in struct ${reg.btf}`);
    }
    call.object = reg;
    if (at === node) return null;
    return invalid(`arg#1 offset=${at}, but expected ${type} at offset=${node} in struct ${to!.name}`);
  };
}

function checkOwned(i: number, reg: Reg): Reject | null {
  if (!isOwnObject(reg)) return invalid(`arg#${i} expected pointer to allocated object`);
  return reg.refObjId === 0 ? invalid('allocated object must be referenced') : null;
}

const listNodeField = nodeOf('bpf_list_node', 'bpf_list_head');
const rbNodeField = nodeOf('bpf_rb_node', 'bpf_rb_root');

export const listNode: Check = (env, i, reg, call) => checkOwned(i, reg) ?? listNodeField(env, i, reg, call);

export const rbNode: Check = (env, i, reg, call) => {
  const { name } = call.kfunc;
  if (name === 'bpf_rbtree_add_impl') return checkOwned(i, reg) ?? rbNodeField(env, i, reg, call);
  if (!isNonOwning(reg) && reg.refObjId === 0) {
    return invalid(`${name} can only take non-owning or refcounted bpf_rb_node pointer`);
  }
  if (inLess(env)) return invalid(`${name} not allowed in rbtree cb`);
  return rbNodeField(env, i, reg, call);
};

/** The function that compares, which runs under the tree's lock (kernel in_rbtree_lock_required_cb). */
export function inLess({ state, frame, prog }: Env): boolean {
  if (!frame.isCallback || state.frames.length < 2) return false;
  return prog.kfuncs.get(frame.callsite)?.name === 'bpf_rbtree_add_impl';
}

/** The argument of bpf_refcount_acquire. */
export const refcounted: Check = (env, i, reg, call) => {
  if (!isObject(reg)) return invalid(`arg#${i} is neither owning or non-owning ref`);
  call.owning = !isNonOwning(reg);
  if (!fieldsBehind(env, reg)?.some((f) => f.type === 'bpf_refcount')) {
    return invalid(`arg#${i} doesn't point to a type with bpf_refcount field`);
  }
  call.object = reg;
  return null;
};
