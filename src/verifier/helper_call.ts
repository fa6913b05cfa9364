// A call of a helper (kernel check_helper_call): may this program call it, do the registers fit its prototype, and what
// is known afterwards. Prototypes are rows of spec/protos_*.ts; helper_args.ts checks the arguments.

import { formatPrintk } from '../helpers/printf.ts';
import { helperName } from '../isa/index.ts';
import { type Helper, PERFMON_HELPERS, type RetKind } from '../spec/helpers.ts';
import { mapTypeById } from '../spec/map_types.ts';
import { BPF_ATTACH_TYPE } from '../uapi/enums.ts';
import { pushAsync, runsLater } from './async_callback.ts';
import { helperOf } from './attach.ts';
import { callsBack, pushCallback } from './callback.ts';
import { endDynptr } from './dynptr.ts';
import type { Env } from './env.ts';
import { type Call, checkArgument } from './helper_args.ts';
import { perCpuCopy } from './helper_btf.ts';
import { checkMapKind, checkMapUse, kindForMap } from './helper_map.ts';
import { exchangedPointer } from './kptr.ts';
import { keepPerCpu, mayHoldLock } from './object.ts';
import { markPrecise } from './precision.ts';
import { acquire, checkLeaks, release } from './refs.ts';
import {
  copyReg,
  FLAG,
  isNull,
  kindText,
  makeReg,
  NOT_INIT,
  type Reg,
  type RegKind,
  scalarReg,
  UNKNOWN_SCALAR,
} from './reg.ts';
import { denied, invalid, type Reject, refused } from './reject.ts';
import { between32, isConst, type Scalar, zext32 } from './scalar.ts';
import { noSleepIn } from './sections.ts';
import { fillStack } from './stack.ts';
import { clearCallerSaved, forgetPackets } from './steps.ts';

const INT: Reg = UNKNOWN_SCALAR;

/** The helper gives a pointer to what it found, or NULL. */
function orNull(kind: RegKind): (env: Env, call: Call) => Reg {
  return (env, call) => makeReg({ kind, maybeNull: true, id: env.newId(), size: call.memSize });
}

function hasLock(env: Env, map: number): boolean {
  return mayHoldLock(env, makeReg({ kind: 'map_value', map }));
}

const RETURNS: Partial<Record<RetKind, (env: Env, call: Call) => Reg>> = {
  map_value_or_null: (env, call) => {
    const max = BigInt(env.map(call.map).maxEntries);
    // On another CPU: there may be no such CPU.
    const sure = call.helper.name === 'bpf_map_lookup_elem';
    const found = sure && call.constKey >= 0n && call.constKey < max;
    const id = !found || hasLock(env, call.map) ? env.newId() : 0;
    return makeReg({ kind: 'map_value', map: call.map, mapUid: call.mapUid, maybeNull: !found, id });
  },
  map_value: (env, call) =>
    makeReg({ kind: 'map_value', map: call.map, mapUid: call.mapUid, id: hasLock(env, call.map) ? env.newId() : 0 }),
  socket_or_null: orNull('sock'),
  sock_common_or_null: orNull('sock_common'),
  tcp_sock_or_null: orNull('tcp_sock'),
  ringbuf_mem_or_null: orNull('ringbuf_mem'),
  dynptr_mem_or_null: (env, call) => {
    const { id, refObjId } = call.dynptr!;
    return makeReg({ ...orNull('mem')(env, call), dynptr: id, refObjId });
  },
  btf_id_or_null: (env, { helper, kptr }) => {
    const id = env.newId();
    return kptr === null
      ? makeReg({ kind: 'btf_id', maybeNull: true, id, btf: helper.retBtf ?? '' })
      : exchangedPointer(env, kptr, id);
  },
  btf_id: (_env, { helper }) => makeReg({ kind: 'btf_id', btf: helper.retBtf ?? '' }),
  btf_id_trusted: (_env, { helper }) => makeReg({ kind: 'btf_id', flags: FLAG.trusted, btf: helper.retBtf ?? '' }),
  mem_or_btf_id: (env, call) => perCpuCopy(env, call, false),
  mem_or_btf_id_or_null: (env, call) => perCpuCopy(env, call, true),
  s32: () => INT,
  u32: () => INT,
  s64: () => INT,
  u64: () => INT,
  void: () => NOT_INIT,
  tail_call: () => NOT_INIT,
};

/** Helpers that look at the same object in another way: the result hangs on the argument's reference. */
const CASTS: ReadonlySet<string> = new Set([
  'bpf_tcp_sock',
  'bpf_sk_fullsock',
  'bpf_skc_to_tcp_sock',
  'bpf_skc_to_tcp6_sock',
  'bpf_skc_to_udp6_sock',
  'bpf_skc_to_mptcp_sock',
  'bpf_skc_to_tcp_timewait_sock',
  'bpf_skc_to_tcp_request_sock',
]);

/** The reference that the result holds: a new one, or the argument's. */
function withReference(env: Env, call: Call, ret: Reg): Reg {
  if (CASTS.has(call.helper.name)) return holding(ret, ret.id, call.refObjId);
  const socketMap = call.map >= 0 && mapTypeById(env.map(call.map).type)?.found === 'sock';
  const acquires = call.helper.acquires === true || (call.helper.name === 'bpf_map_lookup_elem' && socketMap);
  if (!acquires) return ret;
  const id = acquire(env);
  return holding(ret, id, id);
}

function holding(reg: Reg, id: number, refObjId: number): Reg {
  const r = copyReg(reg);
  r.id = id;
  r.refObjId = refObjId;
  return r;
}

const MAX_ERRNO = 4095;

/** At most as many bytes as there is room for, or -errno. */
function lengthOrError(_env: Env, call: Call): Scalar {
  return between32(-MAX_ERRNO, Number(call.sizeMax));
}

/** Helpers whose result is known better than its type says (kernel do_refine_retval_range). */
const REFINED: Record<string, (env: Env, call: Call) => Scalar> = {
  bpf_get_stack: lengthOrError,
  bpf_get_task_stack: lengthOrError,
  bpf_probe_read_str: lengthOrError,
  bpf_probe_read_kernel_str: lengthOrError,
  bpf_probe_read_user_str: lengthOrError,
  bpf_get_smp_processor_id: (env) => zext32(between32(0, Math.max(env.cpus - 1, 0))),
};

/** A constant index into the PROG_ARRAY is part of what the program was checked for. */
function rememberTailCallKey(env: Env, call: Call): Reject | null {
  if (call.helper.name !== 'bpf_tail_call' || call.map < 0) return null;
  const key = env.reg(3);
  const known = key.kind === 'scalar' && isConst(key.s) && key.s.umax < BigInt(env.map(call.map).maxEntries);
  return known ? markPrecise(env, 3) : null;
}

const MAX_FUNC_ID = 212;

function findHelper(env: Env, id: number): Helper | Reject {
  const name = id === 0 ? 'bpf_unspec' : (helperName(id) ?? 'unknown');
  if (id < 0 || id >= MAX_FUNC_ID) return invalid(`invalid func unknown#${id}`);
  const helper = helperOf(env.prog, id);
  if (helper === undefined || (!env.perfmon && PERFMON_HELPERS.has(id)))
    return invalid(`program of this type cannot use helper ${name}#${id}`);
  if (helper.gpl && !env.gpl) return invalid('cannot call GPL-restricted function from non-GPL compatible program');
  if (!allowedHere(env, helper)) return invalid('helper call is not allowed in probe');
  if (helper.mightSleep && !env.sleepable) return invalid('helper call might sleep in a non-sleepable prog');
  const forbidden = helper.mightSleep ? noSleepIn(env.state) : null;
  if (forbidden !== null) return invalid(`sleepable helper ${name}#${id} in ${forbidden} region`);
  return helper;
}

/** Functions that fentry programs may resolve paths in (kernel btf_allowlist_d_path). */
const D_PATH: ReadonlySet<string> = new Set(
  `security_file_permission security_inode_getattr security_file_open security_path_truncate vfs_truncate vfs_fallocate
  dentry_open vfs_getattr filp_close`.split(/\s+/),
);
const IMA: ReadonlySet<string> = new Set(['bpf_ima_inode_hash', 'bpf_ima_file_hash']);

/** Helpers that only programs at some functions may call (kernel bpf_func_proto.allowed). */
function allowedHere({ prog: { target }, attach }: Env, { name }: Helper): boolean {
  const sleepy = target?.hook?.sleepable === true;
  if (IMA.has(name)) return sleepy;
  if (name !== 'bpf_d_path' || sleepy) return true;
  if (target === null || target.hook !== null) return false;
  return attach === BPF_TRACE_ITER || D_PATH.has(target.name);
}

/** Rules of single helpers beyond their prototype. */
const EXTRA: Readonly<Record<string, (env: Env) => Reject | null>> = {
  bpf_tail_call: (env) => checkLeaks(env, 'tail_call', true),
  bpf_get_local_storage: (env) =>
    isNull(env.reg(2)) ? null : invalid("get_local_storage() doesn't support non-zero flags"),
  bpf_get_func_ip: funcIp,
  bpf_set_retval: (env) =>
    env.prog.target?.proto.returns.type.kind === 'void'
      ? invalid("BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!")
      : null,
  bpf_snprintf: snprintfFormat,
  bpf_dynptr_from_mem: (env) =>
    env.reg(1).kind === 'map_value' && !env.reg(1).maybeNull
      ? null
      : denied(`Unsupported reg type ${kindText(env.reg(1))} for bpf_dynptr_from_mem data`),
};

/** Gives back what the call says it does: a reference, or a dynptr with what it holds. */
function giveBack(env: Env, { helper, refObjId }: Call): Reject | null {
  if (helper.releases === undefined) return null;
  const reg = env.reg(helper.releases);
  if (helper.args[helper.releases - 1] === 'dynptr_ringbuf') return endDynptr(env, reg);
  if (helper.name === 'bpf_kptr_xchg') keepPerCpu(env, refObjId);
  return refObjId !== 0 ? release(env, refObjId) : null;
}

const SKB_MEMORY: ReadonlySet<string> = new Set(['skb', 'skb_meta']);

/** Packet pointers are invalid afterwards: of writes into a dynptr, only where it is a packet's. */
function changesPacket(call: Call): boolean {
  const writes = call.helper.name === 'bpf_dynptr_write' && SKB_MEMORY.has(call.dynptr?.object?.type ?? '');
  // A tail call changes nothing when it fails; when it succeeds the program ends, or at least the function.
  return writes || (call.helper.changesPacket === true && call.helper.name !== 'bpf_tail_call');
}

/** Kernel check_get_func_ip. */
function funcIp({ type: { name, id }, attach }: Env): Reject | null {
  if (name === 'kprobe') return null;
  if (name !== 'tracing') return refused('ENOTSUPP', `func bpf_get_func_ip#173 not supported for program type ${id}`);
  return AT_FUNCTIONS.includes(attach)
    ? null
    : refused('ENOTSUPP', 'func bpf_get_func_ip#173 supported only for fentry/fexit/fmod_ret programs');
}
const { BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN, BPF_TRACE_ITER } = BPF_ATTACH_TYPE;
const AT_FUNCTIONS: readonly number[] = [BPF_TRACE_FENTRY, BPF_TRACE_FEXIT, BPF_MODIFY_RETURN];

/** More than any format can use. */
const MAX_FORMAT_ARGS = 128;

/** The format must be one, and have its arguments in the array of u64 (kernel check_bpf_snprintf_call). */
function snprintfFormat(env: Env): Reject | null {
  const [text, size] = [env.reg(3), env.reg(5)];
  const bytes = Number(size.s.var_off.value);
  if (bytes % 8 !== 0) return invalid(`R5 size of the arguments is ${bytes}, not a multiple of 8`);
  const start = text.off + Number(text.s.var_off.value);
  const format = env.map(text.map).contents?.subarray(start);
  const args = new Array<bigint>(Math.min(bytes / 8, MAX_FORMAT_ARGS)).fill(0n);
  const known = format !== undefined && typeof formatPrintk(format, args, () => null) !== 'number';
  return known ? null : invalid('Invalid format string');
}

/** The whole call. The registers afterwards are in the current frame. */
export function helperCall(env: Env, id: number): Reject | null {
  const helper = findHelper(env, id);
  if (!('name' in helper)) return helper;
  const call: Call = {
    helper,
    map: -1,
    mapUid: 0,
    constKey: -1n,
    fill: null,
    refObjId: 0,
    sizeMax: 0n,
    memSize: 0,
    callback: -1,
    kptr: null,
    perCpu: null,
    dynptr: null,
  };
  const checked = helper.args.length - (helper.dontCare ?? 0);
  for (let i = 0; i < checked; i++) {
    const kind = kindForMap(env, call, helper.args[i]);
    const reject = typeof kind === 'string' ? checkArgument(env, i + 1, kind, call) : kind;
    if (reject) return reject;
  }
  const reject = checkMapUse(env, call) ?? rememberTailCallKey(env, call);
  if (reject) return reject;
  if (call.fill) {
    const ptr = env.reg(call.fill.regno);
    const bad = fillStack(env, ptr, ptr.off, call.fill.size);
    if (bad) return bad;
  }
  return effects(env, call);
}

/** What the call changes once its arguments are fine. */
function effects(env: Env, call: Call): Reject | null {
  const { helper } = call;
  const returns = RETURNS[helper.ret];
  if (!returns) return invalid(`${helper.name} returns ${helper.ret}, which beewasm can't follow yet`);
  const bad = giveBack(env, call) ?? EXTRA[helper.name]?.(env) ?? callBack(env, call);
  if (bad) return bad;
  const ret = REFINED[helper.name] ? scalarReg(REFINED[helper.name](env, call)) : returns(env, call);
  const wrongMap = checkMapKind(env, call);
  if (wrongMap) return wrongMap;
  clearCallerSaved(env);
  env.setReg(0, withReference(env, call, ret));
  if (changesPacket(call)) forgetPackets(env);
  return null;
}

function callBack(env: Env, call: Call): Reject | null {
  if (call.callback < 0) return null;
  const { name } = call.helper;
  if (runsLater(name)) return pushAsync(env, name, call.callback);
  if (!callsBack(name)) return invalid(`${name} calls a function, which beewasm can't follow yet`);
  return pushCallback(env, name, call.callback);
}
