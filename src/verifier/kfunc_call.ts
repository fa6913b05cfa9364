// A call of a kernel function (kernel check_kfunc_call): may this program call it here, do the registers fit, which
// sections and references does it begin or end, and what is known of the result.

import { KF } from '../spec/kfuncs.ts';
import { BPF_PROG_TYPE } from '../uapi/enums.ts';
import { pushAsync, runsLater } from './async_callback.ts';
import { callsBack, pushCallback } from './callback.ts';
import type { Env } from './env.ts';
import { followNext, iterAt } from './iter.ts';
import { hasFlag, type Kfunc, throws } from './kfunc.ts';
import { checkKfuncArgs, type KfuncCall } from './kfunc_args.ts';
import { sliceOf } from './kfunc_objects.ts';
import { lockFails, takesResilient } from './locks.ts';
import { mayHoldLock, nonOwning } from './object.ts';
import { giveToCollection, LOOKS, OBJECT_RESULTS } from './object_kfuncs.ts';
import { acquire, release } from './refs.ts';
import { FLAG, isRcu, makeReg, NOT_INIT, type Reg, UNKNOWN_SCALAR, withId, ZERO_SCALAR } from './reg.ts';
import { denied, explain, invalid, type Reject } from './reject.ts';
import { checkReturnCode } from './return_code.ts';
import { inRcu, noSleepIn, SECTION_KFUNCS } from './sections.ts';
import { clearCallerSaved, forgetPackets } from './steps.ts';

/** The kernel's own context of a program type: BTF pairs them in struct bpf_ctx_convert (kernel get_kern_ctx_btf_id). */
function kernelContext({ kernelTypes, type }: Env): Reg | Reject {
  const pairs = kernelTypes.struct('bpf_ctx_convert');
  const label = Object.entries(BPF_PROG_TYPE).find(([, id]) => id === type.id)?.[0] ?? '';
  const own = pairs?.fields.find((f) => f.name === `${label}_kern`)?.type;
  const name = own?.kind === 'struct' ? kernelTypes.struct(own.key)?.name : undefined;
  if (name !== undefined) return makeReg({ kind: 'btf_id', flags: FLAG.trusted, btf: name });
  if (pairs === undefined) {
    const unknown = invalid("kernel function bpf_cast_to_kern_ctx is known, but beewasm can't follow it yet");
    return explain(unknown, "the layout of struct bpf_ctx_convert is not known: verify with the kernel's BTF");
  }
  return invalid(`the kernel's context of ${type.name} programs is not a struct`);
}

/** Kfuncs whose result the prototype does not tell. */
type Result = (env: Env, call: KfuncCall) => Reg | Reject;

const RESULTS: Readonly<Record<string, Result>> = {
  ...OBJECT_RESULTS,
  bpf_dynptr_slice: sliceOf,
  bpf_dynptr_slice_rdwr: sliceOf,
  bpf_cast_to_kern_ctx: kernelContext,
  bpf_rdonly_cast: (env, { constant }) => {
    const id = Number(constant);
    if (id === 0) return makeReg({ kind: 'untrusted_mem' });
    const name = env.kernelTypes.structName(id);
    if (name === undefined) return invalid('kfunc bpf_rdonly_cast type ID argument must be of a struct or void');
    return makeReg({ kind: 'btf_id', flags: FLAG.untrusted, btf: name });
  },
};

/** May this program call it here? */
function checkAllowed(env: Env, kfunc: Kfunc): Reject | null {
  if (kfunc.row === null) return denied(`calling kernel function ${kfunc.name} is not allowed`);
  if (!hasFlag(kfunc, KF.SLEEPABLE)) return null;
  return env.sleepable ? null : denied(`program must be sleepable to call sleepable kfunc ${kfunc.name}`);
}

/** Sections that the call begins or ends, or may not be in. */
function checkSections(env: Env, kfunc: Kfunc): Reject | null {
  const { name } = kfunc;
  const section = Object.hasOwn(SECTION_KFUNCS, name) ? SECTION_KFUNCS[name] : undefined;
  if (section !== undefined) return section(env);
  const forbidden = hasFlag(kfunc, KF.SLEEPABLE) ? noSleepIn(env.state) : null;
  if (forbidden !== null) return denied(`kernel func ${name} is sleepable within ${forbidden} region`);
  if (hasFlag(kfunc, KF.RCU_PROTECTED) && !inRcu(env))
    return denied(`kernel func ${name} requires RCU critical section protection`);
  return null;
}

/** What is known of a pointer to a structure in the result, as FLAG.*. */
function trustOf(env: Env, { kfunc, iter }: KfuncCall): number {
  if (kfunc.name === 'bpf_get_kmem_cache') return FLAG.untrusted;
  const protectedByRcu = hasFlag(kfunc, KF.RCU_PROTECTED) ? FLAG.rcu : 0;
  if (iter === null || !hasFlag(kfunc, KF.ITER_NEXT)) return protectedByRcu;
  return protectedByRcu | (isRcu(iterAt(env.state, iter)) ? FLAG.rcu : FLAG.trusted);
}

/** What a pointer in the result points to: a structure, memory of a known size, or nothing that may be read. */
function pointer(env: Env, call: KfuncCall): Reg | Reject {
  const { kfunc } = call;
  if (Object.hasOwn(RESULTS, kfunc.name)) return RESULTS[kfunc.name](env, call);
  const to = kfunc.returns.pointsTo!;
  if (to.kind === 'void') return UNKNOWN_SCALAR;
  if (to.kind === 'struct') {
    return makeReg({ kind: 'btf_id', flags: trustOf(env, call), btf: to.name });
  }
  const given = call.resultSize !== 0n;
  const size = given ? Number(call.resultSize) : to.size;
  if (size === null || size === 0) {
    return invalid(
      `kernel function ${kfunc.name} returns pointer type ${to.kind.toUpperCase()} ${to.name} is not supported`,
    );
  }
  const flags = !given || call.resultReadOnly ? FLAG.rdonly : 0;
  // Memory of an object is gone with its reference.
  return makeReg({ kind: 'mem', flags, size, refObjId: call.refObjId });
}

function result(env: Env, call: KfuncCall): Reg | Reject {
  const { kfunc } = call;
  const { type, pointsTo } = kfunc.returns;
  if (type.kind === 'void') return NOT_INIT;
  if (pointsTo === null) return takesResilient(kfunc.name) ? ZERO_SCALAR : UNKNOWN_SCALAR;
  const reg = pointer(env, call);
  if ('message' in reg) return reg;
  const maybeNull = hasFlag(kfunc, KF.RET_NULL) && !(kfunc.name === 'bpf_refcount_acquire_impl' && call.owning);
  const id = maybeNull ? env.newId() : reg.id;
  if (LOOKS.has(kfunc.name)) return withLock(env, nonOwning(env, makeReg({ ...reg, maybeNull, id })));
  if (!hasFlag(kfunc, KF.ACQUIRE)) return withLock(env, makeReg({ ...reg, maybeNull, id }));
  const ref = acquire(env);
  return withLock(env, makeReg({ ...reg, maybeNull, id: maybeNull ? ref : reg.id, refObjId: ref }));
}

/** The lock in an object is known by its pointer's id. */
function withLock(env: Env, reg: Reg): Reg {
  return reg.id === 0 && mayHoldLock(env, reg) ? withId(reg, env.newId()) : reg;
}

/** The function that the kfunc calls, now or later. */
function callBack(env: Env, { kfunc: { name, id }, callback }: KfuncCall): Reject | null {
  if (callback < 0) return null;
  const known = callsBack(name) || runsLater(name);
  if (!known) return invalid(`arg#1 of kernel function ${name} is a callback, which beewasm can't follow yet`);
  const bad = runsLater(name) ? pushAsync(env, name, callback) : pushCallback(env, name, callback);
  return bad && explain(bad, `kfunc ${name}#${id} failed callback verification`);
}

/** The whole call. The registers afterwards are in the current frame. */
export function kfuncCall(env: Env, kfunc: Kfunc | undefined): Reject | null {
  if (kfunc === undefined) return invalid('invalid kernel function call not eliminated in verifier pass');
  const fails = takesResilient(kfunc.name) ? lockFails(env) : null;
  if (fails) return fails;
  const call: KfuncCall = {
    kfunc,
    constant: null,
    refObjId: 0,
    releases: 0,
    resultSize: 0n,
    resultReadOnly: false,
    map: -1,
    mapUid: 0,
    callback: -1,
    root: null,
    object: null,
    owning: false,
    dynptr: null,
    iter: null,
  };
  const bad = checkAllowed(env, kfunc) ?? checkKfuncArgs(env, call) ?? callBack(env, call) ?? checkSections(env, kfunc);
  if (bad) return bad;
  const wrong = call.releases === 0 ? null : release(env, env.reg(call.releases).refObjId);
  if (wrong) return wrong;
  const cookie = throws(kfunc) && env.prog.exceptionCallback === 0 ? checkReturnCode(env, 1) : null;
  if (cookie) return cookie;
  giveToCollection(env, call);
  clearCallerSaved(env);
  const reg = result(env, call);
  if ('message' in reg) return reg;
  env.setReg(0, reg);
  if (kfunc.name === 'bpf_xdp_pull_data') forgetPackets(env);
  return call.iter !== null && hasFlag(kfunc, KF.ITER_NEXT) ? followNext(env, call.iter) : null;
}
