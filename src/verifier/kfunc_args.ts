// Arguments of kfunc calls (kernel check_kfunc_args): what a parameter wants follows from its type and its name, sometimes
// from what the register holds (classify); one row of CHECKS per kind then looks at the register.

import type { KernelParam } from '../spec/kernel_func.ts';
import { isPlain } from '../spec/kernel_struct.ts';
import { KF } from '../spec/kfuncs.ts';
import type { SpecialField, SpecialType } from '../spec/special_fields.ts';
import { listNode, rbNode, refcounted, root } from './collection.ts';
import type { Env } from './env.ts';
import { isCtx, kindName } from './func_args.ts';
import { constStr } from './helper_args.ts';
import { checkMemory } from './helper_mem.ts';
import { irqFlag } from './irq.ts';
import type { IterPlace } from './iter.ts';
import { structAt } from './kernel_pointer.ts';
import { hasFlag, type Kfunc } from './kfunc.ts';
import { dynptrArgument, iterArgument } from './kfunc_objects.ts';
import { resSpinLock } from './locks.ts';
import { checkFieldPointer } from './map_field.ts';
import { MAX_VAR_OFF } from './mem.ts';
import { dropped } from './object_kfuncs.ts';
import { markPrecise } from './precision.ts';
import { hasUnsafeFlags, isNull, isRcu, isTrusted, kindText, makeReg, notNullReg, type Reg, STRUCT_OF } from './reg.ts';
import { denied, explain, invalid, type Reject } from './reject.ts';
import { isConst } from './scalar.ts';
import { checkRegOff } from './unmoved.ts';

/** What the arguments of one call said. */
export interface KfuncCall {
  readonly kfunc: Kfunc;
  /** Value of the `__k` or `__szk` argument. */
  constant: bigint | null;
  /** Reference of an argument; with a release, the one that is given back. */
  refObjId: number;
  /** Register that holds what is given back; 0 = none. */
  releases: number;
  /** Size of the memory in the result, where an argument says it. */
  resultSize: bigint;
  resultReadOnly: boolean;
  /** Kernel map_uid and index of the map whose field the call works on; -1 = none. */
  map: number;
  mapUid: number;
  /** First slot of the function that is handed over; -1 = none. */
  callback: number;
  /** The list or tree, and the object that the call works on. */
  root: SpecialField | null;
  object: Reg | null;
  /** ... which the program owns. */
  owning: boolean;
  /** The dynptr that the call uses: its register or first slot. */
  dynptr: Reg | null;
  /** The iterator that it uses or asks for the next element. */
  iter: IterPlace | null;
}

/** Kinds of pointer argument (kernel enum kfunc_ptr_arg_type). */
export type KfuncArg =
  | 'null'
  | 'ctx'
  | 'map'
  | 'btf_id'
  | 'mem'
  | 'mem_size'
  | 'callback'
  | 'const_str'
  | 'irq_flag'
  | 'dynptr'
  | 'iter'
  | 'alloc_btf_id'
  | 'refcounted_kptr'
  | 'list_head'
  | 'list_node'
  | 'rb_root'
  | 'rb_node'
  | 'workqueue'
  | 'task_work'
  | 'res_spin_lock';

/** Suffixes of parameter names that alone say what is wanted, in the order the kernel asks. */
const SUFFIXES: readonly (readonly [string, KfuncArg])[] = [
  ['__alloc', 'alloc_btf_id'],
  ['__refcounted_kptr', 'refcounted_kptr'],
];
/** Structures that a pointer to means more than memory. */
const SPECIAL: Readonly<Record<string, KfuncArg>> = {
  bpf_dynptr: 'dynptr',
  bpf_list_head: 'list_head',
  bpf_list_node: 'list_node',
  bpf_rb_root: 'rb_root',
  bpf_rb_node: 'rb_node',
};
const LATE_SUFFIXES: readonly (readonly [string, KfuncArg])[] = [
  ['__str', 'const_str'],
  ['__map', 'map'],
];
const LATE_SPECIAL: Readonly<Record<string, KfuncArg>> = {
  bpf_wq: 'workqueue',
  bpf_task_work: 'task_work',
  bpf_res_spin_lock: 'res_spin_lock',
};
const ITERATES = KF.ITER_NEW | KF.ITER_NEXT | KF.ITER_DESTROY;

function isScalar(kind: string): boolean {
  return kind === 'int' || kind === 'enum' || kind === 'enum64';
}

function isStruct(kind: string): boolean {
  return kind === 'struct' || kind === 'union';
}

/** The next parameter is the size of this one's memory. */
function isSize(next: KernelParam | undefined, reg: Reg): '__sz' | '__szk' | null {
  if (next === undefined || !isScalar(next.type.kind) || reg.kind !== 'scalar') return null;
  if (next.name.endsWith('__szk')) return '__szk';
  return next.name.endsWith('__sz') ? '__sz' : null;
}

/** Kernel get_kfunc_ptr_arg_type. */
function classify(env: Env, kfunc: Kfunc, i: number, param: KernelParam): KfuncArg | Reject {
  const reg = env.reg(i + 1);
  const to = param.pointsTo!;
  const named = (rows: typeof SUFFIXES) => rows.find(([suffix]) => param.name.endsWith(suffix))?.[1];
  const special = (rows: typeof SPECIAL) => (isStruct(to.kind) && Object.hasOwn(rows, to.name) ? rows[to.name] : null);
  if (kfunc.name === 'bpf_cast_to_kern_ctx' || isCtx(env, to)) return 'ctx';
  if (param.name.endsWith('__nullable') && isNull(reg)) return 'null';
  const iterates = (hasFlag(kfunc, ITERATES) && i === 0) || param.name.endsWith('__iter');
  const early = named(SUFFIXES) ?? (special(SPECIAL) === 'dynptr' ? 'dynptr' : iterates ? 'iter' : special(SPECIAL));
  const kind = early ?? named(LATE_SUFFIXES) ?? special(LATE_SPECIAL);
  if (kind) return kind;
  if (param.name.endsWith('__irq_flag')) return 'irq_flag';
  if (reg.kind === 'btf_id' || STRUCT_OF[reg.kind] !== undefined) {
    if (isStruct(to.kind)) return 'btf_id';
    const type = `${kindName(to.kind)} ${to.name}` as const;
    return invalid(`kernel function ${kfunc.name} args#${i} pointer type ${type} is not supported`);
  }
  if (to.kind === 'func_proto') return 'callback';
  const sized = i + 1 < kfunc.params.length && isSize(kfunc.params[i + 1], env.reg(i + 2)) !== null;
  const plain = isScalar(to.kind) || (isStruct(to.kind) && isPlain(env.kernelTypes, to.name));
  if (!plain && !(sized && to.kind === 'void')) {
    const what = `arg#${i} pointer type ${kindName(to.kind)} ${to.name}` as const;
    return invalid(`${what} must point to ${sized ? 'void, ' : ''}scalar, or struct with scalar`);
  }
  return sized ? 'mem_size' : 'mem';
}

/** The verdict on a register that is a number (kernel: btf_type_is_scalar). */
function checkScalar(env: Env, i: number, param: KernelParam, call: KfuncCall): Reject | null {
  const regno = i + 1;
  const reg = env.reg(regno);
  if (reg.kind !== 'scalar') return invalid(`R${regno} is not a scalar`);
  if (param.name.endsWith('__k')) {
    if (!isConst(reg.s)) return invalid(`R${regno} must be a known constant`);
    call.constant = reg.s.var_off.value;
    return markPrecise(env, regno);
  }
  if (param.name !== 'rdonly_buf_size' && param.name !== 'rdwr_buf_size') return null;
  if (!isConst(reg.s)) return invalid(`R${regno} is not a const`);
  call.resultReadOnly = param.name === 'rdonly_buf_size';
  call.resultSize = reg.s.var_off.value;
  return markPrecise(env, regno);
}

type Check = (env: Env, i: number, reg: Reg, call: KfuncCall, param: KernelParam) => Reject | null;

const READ = { zeroOk: true, write: false, fill: false };
const WRITE = { zeroOk: true, write: true, fill: false };

/** Memory that the kfunc may read and write. A pointer that may be NULL is taken for one that is not. */
function readAndWrite(env: Env, regno: number, check: (use: typeof READ) => Reject | null): Reject | null {
  const reg = env.reg(regno);
  if (reg.maybeNull) env.setReg(regno, notNullReg(reg, reg.id));
  const bad = check(READ) ?? check(WRITE);
  if (reg.maybeNull) env.setReg(regno, reg);
  return bad;
}

/** Kernel check_kfunc_mem_size_reg. */
function checkSized(env: Env, regno: number): Reject | null {
  const size = env.reg(regno + 1);
  const { smin, umax } = size.s;
  if (smin < 0n) return denied(`R${regno + 1} min value is negative, either use unsigned or 'var &= const'`);
  if (umax >= MAX_VAR_OFF)
    return denied(`R${regno + 1} unbounded memory access, use 'var &= const' or 'if (var < const)'`);
  const exact = isConst(size.s);
  return readAndWrite(
    env,
    regno,
    (use) => checkMemory(env, regno, Number(umax), use, null, exact) ?? markPrecise(env, regno + 1),
  );
}

/** Aliases that no cast leads to: nf_conn and nf_conn___init. */
const NO_CAST = '___init';

/** Types that programs see in place of the kernel's own (kernel btf_is_projection_of). */
const PROJECTIONS: Readonly<Record<string, string>> = { __sk_buff: 'sk_buff', xdp_md: 'xdp_buff' };

function checkStruct(env: Env, i: number, reg: Reg, call: KfuncCall, want: string, wantKind: string): Reject | null {
  const { kfunc } = call;
  const own = STRUCT_OF[reg.kind];
  if ((reg.kind !== 'btf_id' || (hasUnsafeFlags(reg) && !isRcu(reg))) && own === undefined) {
    const plain = makeReg({ kind: reg.kind });
    return invalid(`arg#${i} is ${kindText(reg)} expected ${kindText(plain)} or socket`);
  }
  const has = own ?? reg.btf;
  const alias = has === want + NO_CAST || want === has + NO_CAST;
  const strict = (hasFlag(kfunc, KF.RELEASE) && reg.refObjId !== 0) || alias;
  const same = (reg.off === 0 && has === want) || (!strict && structAt(env, has, reg.off, want));
  if (same || PROJECTIONS[want] === has) return null;
  const expected = `expected pointer to ${wantKind} ${want}` as const;
  return invalid(`kernel function ${kfunc.name} args#${i} ${expected} but R${i + 1} has a pointer to STRUCT ${has}`);
}

/** What makes a function run later: the one field of its kind in a map value. */
function deferred(field: SpecialType): Check {
  return (env, i, reg, call) => {
    if (reg.kind !== 'map_value' || reg.maybeNull) return invalid(`arg#${i} doesn't point to a map value`);
    call.map = reg.map;
    call.mapUid = reg.mapUid;
    return checkFieldPointer(env, i + 1, reg, field);
  };
}

const CHECKS: Record<KfuncArg, Check> = {
  null: () => null,
  ctx: (_env, i, reg) =>
    reg.kind === 'ctx' && !reg.maybeNull ? null : invalid(`arg#${i} expected pointer to ctx, but got ${kindText(reg)}`),
  map: (env, i, reg, call) => {
    if (call.map >= 0 && (call.map !== reg.map || call.mapUid !== reg.mapUid)) {
      const [field, map] = [`map_uid=${call.mapUid}`, `map_uid=${reg.mapUid}`] as const;
      return invalid(
        i === 2
          ? `bpf_task_work pointer in R2 ${field} doesn't match map pointer in R3 ${map}`
          : `workqueue pointer in R1 ${field} doesn't match map pointer in R2 ${map}`,
      );
    }
    return checkStruct(env, i, reg, call, 'bpf_map', 'STRUCT');
  },
  btf_id: (env, i, reg, call, { pointsTo }) => checkStruct(env, i, reg, call, pointsTo!.name, kindName(pointsTo!.kind)),
  mem: (env, i, reg, _call, { pointsTo }) => {
    const { kind, name, size } = pointsTo!;
    if (size === null) {
      return invalid(`arg#${i} reference type('${kindName(kind)} ${name}') size cannot be determined: -22`);
    }
    return isNull(reg) ? null : readAndWrite(env, i + 1, (use) => checkMemory(env, i + 1, size, use, null, true));
  },
  mem_size: (env, i, reg, call, param) => {
    const next = call.kfunc.params[i + 1];
    if (!isNull(reg) || !param.name.endsWith('__opt')) {
      const bad = checkSized(env, i + 1);
      if (bad) return explain(bad, `arg#${i} arg#${i + 1} memory, len pair leads to invalid memory access`);
    }
    if (!next.name.endsWith('__szk')) return null;
    const size = env.reg(i + 2);
    if (!isConst(size.s)) return invalid(`R${i + 2} must be a known constant`);
    call.constant = size.s.var_off.value;
    return null;
  },
  callback: (_env, i, reg, call) => {
    call.callback = reg.size;
    return reg.kind === 'func' ? null : invalid(`arg${i} expected pointer to func`);
  },
  const_str: (env, i, reg, _call) =>
    reg.kind !== 'map_value' || reg.maybeNull
      ? invalid(`arg#${i} doesn't point to a const string`)
      : constStr(env, i + 1, reg),
  irq_flag: (env, i, _reg, { kfunc }) => irqFlag(env, i, kfunc.name),
  dynptr: (env, i, reg, call, { name }) => dynptrArgument(env, i, reg, call, name.endsWith('__uninit')),
  iter: (env, i, _reg, call) => iterArgument(env, i, call),
  alloc_btf_id: dropped,
  refcounted_kptr: refcounted,
  list_head: root('bpf_list_head'),
  list_node: listNode,
  rb_root: root('bpf_rb_root'),
  rb_node: rbNode,
  workqueue: deferred('bpf_wq'),
  task_work: deferred('bpf_task_work'),
  res_spin_lock: (env, i, reg, { kfunc }) => resSpinLock(env, i, reg, kfunc.name),
};

/** Kinds whose trust counts. */
const STRUCTS: ReadonlySet<KfuncArg> = new Set<KfuncArg>(['map', 'btf_id', 'alloc_btf_id']);

function checkTrust({ kfunc }: KfuncCall, regno: number, reg: Reg): Reject | null {
  const rcuOk = hasFlag(kfunc, KF.RCU);
  if ((!hasFlag(kfunc, KF.TRUSTED_ARGS | KF.RELEASE) && !rcuOk) || isTrusted(reg)) return null;
  if (!rcuOk) return invalid(`R${regno} must be referenced or trusted`);
  return isRcu(reg) ? null : invalid(`R${regno} must be a rcu pointer`);
}

function checkPointer(env: Env, i: number, param: KernelParam, call: KfuncCall): KfuncArg | Reject {
  const { kfunc } = call;
  const regno = i + 1;
  const reg = env.reg(regno);
  const needsTrust = hasFlag(kfunc, KF.TRUSTED_ARGS | KF.RELEASE | KF.RCU);
  if (needsTrust && (isNull(reg) || reg.maybeNull) && !param.name.endsWith('__nullable')) {
    return denied(`Possibly NULL pointer passed to trusted arg${i}`);
  }
  if (reg.refObjId !== 0) {
    call.refObjId = reg.refObjId;
    if (hasFlag(kfunc, KF.RELEASE)) call.releases = regno;
  }
  const kind = classify(env, kfunc, i, param);
  if (typeof kind !== 'string' || kind === 'null') return kind;
  // Where no map is expected already, a structure of the kernel may be one: an iterator over maps gives such pointers.
  const structure = reg.kind === 'btf_id' && call.map < 0;
  if (kind === 'map' && reg.map < 0 && !structure) return invalid(`pointer in R${regno} isn't map pointer`);
  const bad =
    (STRUCTS.has(kind) ? checkTrust(call, regno, reg) : null) ??
    checkRegOff(regno, reg, hasFlag(kfunc, KF.RELEASE) && reg.refObjId !== 0) ??
    CHECKS[kind](env, i, reg, call, param);
  return bad ?? kind;
}

const MAX_ARGS = 5;

/** Do the registers fit the prototype? */
export function checkKfuncArgs(env: Env, call: KfuncCall): Reject | null {
  const { kfunc } = call;
  const { name, params } = kfunc;
  if (params.length > MAX_ARGS) return invalid(`Function ${name} has ${params.length} > ${MAX_ARGS} args`);
  for (let i = 0; i < params.length; i++) {
    const param = params[i];
    if (param.name.endsWith('__ign') || param.name.endsWith('__prog')) {
      env.facts.readsAnyAddress = true;
      continue;
    }
    env.touchReg(i + 1);
    if (isScalar(param.type.kind)) {
      const bad = checkScalar(env, i, param, call);
      if (bad) return bad;
      continue;
    }
    if (param.pointsTo === null) return invalid(`Unrecognized arg#${i} type ${kindName(param.type.kind)}`);
    const kind = checkPointer(env, i, param, call);
    if (typeof kind !== 'string') return kind;
    if (kind === 'mem_size') i++;
  }
  if (hasFlag(kfunc, KF.RELEASE) && call.releases === 0) {
    return invalid(`release kernel function ${name} expects refcounted PTR_TO_BTF_ID`);
  }
  return null;
}
