// What kfuncs that allocate objects, count references to them, and keep them in lists and trees give and take (kernel
// check_special_kfunc).

import { isPlain } from '../spec/kernel_struct.ts';
import type { Env } from './env.ts';
import type { KfuncCall } from './kfunc_args.ts';
import { giveAway, nodeReg } from './object.ts';
import { forget } from './refs.ts';
import { FLAG, makeReg, type Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';

/** BPF_GLOBAL_PERCPU_MA_MAX_SIZE. */
const MAX_PER_CPU = 512;

/** A new object of the structure whose id is an argument. */
function allocated(perCpu: boolean) {
  return (env: Env, { constant }: KfuncCall): Reg | Reject => {
    if (constant === null || constant > 0xffffffffn) {
      return invalid('local type ID argument must be in range [0, U32_MAX]');
    }
    const { localTypes } = env.prog.input;
    if (localTypes === undefined || localTypes.refused)
      return invalid('bpf_obj_new/bpf_percpu_obj_new requires prog BTF');
    const id = Number(constant);
    const struct = localTypes.struct(id);
    if (struct === undefined) return invalid('bpf_obj_new/bpf_percpu_obj_new type ID argument must be of a struct');
    const { name: btf, size, key, fields } = struct;
    if (perCpu) {
      if (size > MAX_PER_CPU) {
        return invalid(`bpf_percpu_obj_new type size (${size}) is greater than ${MAX_PER_CPU}`);
      }
      if (!isPlain(localTypes.layouts, key))
        return invalid('bpf_percpu_obj_new type ID argument must be of a struct of scalars');
      if (fields !== null) return invalid('bpf_percpu_obj_new type ID argument must not contain special fields');
    }
    return makeReg({ kind: 'btf_id', flags: FLAG.alloc | (perCpu ? FLAG.percpu : 0), btf, size: id });
  };
}

/** The object once more. */
function sameObject(_env: Env, { object }: KfuncCall): Reg {
  return makeReg({ kind: 'btf_id', flags: FLAG.alloc, btf: object!.btf, size: object!.size });
}

function element(_env: Env, { root }: KfuncCall): Reg {
  return nodeReg(root!);
}

export const OBJECT_RESULTS: Readonly<Record<string, (env: Env, call: KfuncCall) => Reg | Reject>> = {
  bpf_obj_new_impl: allocated(false),
  bpf_percpu_obj_new_impl: allocated(true),
  bpf_refcount_acquire_impl: sameObject,
  bpf_list_pop_front: element,
  bpf_list_pop_back: element,
  bpf_list_front: element,
  bpf_list_back: element,
  bpf_rbtree_remove: element,
  bpf_rbtree_first: element,
  bpf_rbtree_root: element,
  bpf_rbtree_left: element,
  bpf_rbtree_right: element,
};

/** Kfuncs whose result a list or tree goes on owning. */
export const LOOKS: ReadonlySet<string> = new Set([
  'bpf_list_front',
  'bpf_list_back',
  'bpf_rbtree_first',
  'bpf_rbtree_root',
  'bpf_rbtree_left',
  'bpf_rbtree_right',
]);

const ADDS: ReadonlySet<string> = new Set([
  'bpf_list_push_front_impl',
  'bpf_list_push_back_impl',
  'bpf_rbtree_add_impl',
]);

/** What is put into a list or tree belongs to it. */
export function giveToCollection(env: Env, { kfunc }: KfuncCall): void {
  if (!ADDS.has(kfunc.name)) return;
  const { refObjId } = env.reg(2);
  giveAway(env, refObjId);
  forget(env.state, refObjId);
}

/** The argument of bpf_obj_drop. */
export function dropped(_env: Env, i: number, reg: Reg, { kfunc }: KfuncCall): Reject | null {
  const perCpu = reg.flags === (FLAG.alloc | FLAG.percpu);
  const plain = reg.flags === FLAG.alloc;
  if (reg.kind !== 'btf_id' || reg.maybeNull || (!perCpu && !plain)) {
    return invalid(`arg#${i} expected pointer to allocated object`);
  }
  if (plain && kfunc.name !== 'bpf_obj_drop_impl') return invalid(`arg#${i} expected for bpf_obj_drop_impl()`);
  if (perCpu && kfunc.name !== 'bpf_percpu_obj_drop_impl')
    return invalid(`arg#${i} expected for bpf_percpu_obj_drop_impl()`);
  return reg.refObjId === 0 ? invalid('allocated object must be referenced') : null;
}
