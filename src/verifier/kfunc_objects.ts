// Objects on the stack as arguments of kfuncs: dynptrs (kernel KF_ARG_PTR_TO_DYNPTR) and iterators (KF_ARG_PTR_TO_ITER), and
// the slices that bpf_dynptr_slice gives.

import { KF } from '../spec/kfuncs.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import { checkDynptr, dynptrOf } from './dynptr.ts';
import type { Env } from './env.ts';
import { checkIter, type IterUse } from './iter.ts';
import { hasFlag, type Kfunc } from './kfunc.ts';
import type { KfuncCall } from './kfunc_args.ts';
import { type DynptrType, FLAG, makeReg, type Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';
import { inRcu } from './sections.ts';

/** Kfuncs that make a dynptr of the context's packet. */
const MAKES: Readonly<Record<string, DynptrType>> = {
  bpf_dynptr_from_skb: 'skb',
  bpf_dynptr_from_skb_meta: 'skb_meta',
  bpf_dynptr_from_xdp: 'xdp',
};

export function dynptrArgument(env: Env, i: number, reg: Reg, call: KfuncCall, uninit: boolean): Reject | null {
  const parent = call.dynptr;
  if (uninit) {
    const made = Object.hasOwn(MAKES, call.kfunc.name) ? MAKES[call.kfunc.name] : null;
    const type = made ?? (parent?.object?.kind === 'dynptr' ? parent.object.type : null);
    return checkDynptr(env, i + 1, { type, uninit, shared: made === null ? parent?.refObjId : 0 });
  }
  const bad = checkDynptr(env, i + 1, { type: null });
  if (!bad) call.dynptr = dynptrOf(env, reg);
  return bad;
}

function usedAs(env: Env, kfunc: Kfunc): Pick<IterUse, 'how' | 'rcu'> {
  if (hasFlag(kfunc, KF.ITER_NEW)) {
    return { how: 'new', rcu: !hasFlag(kfunc, KF.RCU_PROTECTED) ? 'no' : inRcu(env) ? 'inside' : 'outside' };
  }
  return {
    how: hasFlag(kfunc, KF.ITER_NEXT) ? 'next' : hasFlag(kfunc, KF.ITER_DESTROY) ? 'destroy' : 'use',
    rcu: 'no',
  };
}

/** Kernel check_css_task_iter_allowlist. */
function mayIterateTasks({ type, attach, sleepable }: Env): boolean {
  if (type.id === T.BPF_PROG_TYPE_LSM) return true;
  return sleepable || (type.id === T.BPF_PROG_TYPE_TRACING && attach === AT.BPF_TRACE_ITER);
}

export function iterArgument(env: Env, i: number, call: KfuncCall): Reject | null {
  const { kfunc } = call;
  if (kfunc.name === 'bpf_iter_css_task_new' && !mayIterateTasks(env))
    return invalid('css_task_iter is only allowed in bpf_lsm, bpf_iter and sleepable progs');
  const { name: struct, size } = kfunc.params[i].pointsTo!;
  const place = checkIter(env, i + 1, { ...usedAs(env, kfunc), name: kfunc.name, struct, size: size ?? 0 });
  if (place === null || 'message' in place) return place;
  call.iter = place;
  call.refObjId = place.refObjId;
  return null;
}

/** What bpf_dynptr_slice and bpf_dynptr_slice_rdwr give: bytes of the dynptr, or of the buffer that they were copied to. */
export function sliceOf(env: Env, { kfunc, dynptr, constant }: KfuncCall): Reg | Reject {
  const rdonly = kfunc.name === 'bpf_dynptr_slice';
  if (!rdonly && env.type.packetAccess !== 'write') return invalid('the prog does not allow writes to packet data');
  const { object, id } = dynptr!;
  if (object?.kind !== 'dynptr') throw new Error('no dynptr');
  return makeReg({
    kind: 'mem',
    flags: rdonly ? FLAG.rdonly : 0,
    size: Number(BigInt.asUintN(32, constant ?? 0n)),
    dynptr: id,
    object: { kind: 'dynptr', type: object.type, first: false },
  });
}
