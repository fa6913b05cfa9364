// The arguments of functions, by their prototypes from BTF (kernel btf_prepare_func_args, btf_check_func_arg_match): what
// a caller must pass, and what the function starts with when it is verified on its own.

import type { FuncProto, ParamProto, PointedShape } from '../spec/func_proto.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import { checkDynptr } from './dynptr.ts';
import { dynptrReg } from './dynptr_slots.ts';
import type { Env } from './env.ts';
import { checkStructPointer } from './helper_btf.ts';
import { checkMemory } from './helper_mem.ts';
import { isReject } from './program.ts';
import { FLAG, isNull, makeReg, notNullReg, type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { invalid, type Reject, refused } from './reject.ts';
import { checkRegOff } from './unmoved.ts';

/** What an argument must be, from its type. */
export type Rule =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'ctx' }
  | { readonly kind: 'dynptr' }
  /** A pointer into the arena, as a number or not. */
  | { readonly kind: 'arena' }
  | { readonly kind: 'mem'; readonly size: number; readonly maybeNull: boolean }
  /** A structure of the kernel, by its name there. */
  | { readonly kind: 'trusted'; readonly btf: string; readonly maybeNull: boolean }
  /** Anything at all, read as that structure; null = as bytes. */
  | { readonly kind: 'untrusted'; readonly btf: string | null };

const MAX_ARGS = 5;
/** Kernel btf_type_str. */
export function kindName(kind: string): string {
  return kind === 'void' ? 'UNKNOWN' : kind.toUpperCase();
}

/** `null`: the type says nothing that could be checked, and the function is static: no complaint. */
export type Rules = readonly Rule[] | Reject | null;

/** What the arguments must be, by the prototype. */
export function rulesOf(env: Env, proto: FuncProto): Rules {
  const global = proto.linkage === 'global';
  const { name, params, returns } = proto;
  if (params.length > MAX_ARGS) {
    return global
      ? invalid(`Global function ${name}() with ${params.length} > ${MAX_ARGS} args. Buggy compiler.`)
      : null;
  }
  if (!isNumber(returns.kind)) {
    return global ? invalid(`Global function ${name}() doesn't return scalar. Only those are supported.`) : null;
  }
  const rules: Rule[] = [];
  for (const [i, param] of params.entries()) {
    const rule = ruleOf(env, proto, i, param);
    if (rule === null || isReject(rule)) return rule;
    rules.push(rule);
  }
  return rules;
}

function isNumber(kind: string): boolean {
  return kind === 'int' || kind === 'enum' || kind === 'enum64';
}

const TAGS: ReadonlySet<string> = new Set(['ctx', 'nonnull', 'nullable', 'trusted', 'untrusted', 'arena']);

function ruleOf(env: Env, proto: FuncProto, i: number, { type, pointsTo, tags }: ParamProto): Rule | Reject | null {
  const global = proto.linkage === 'global';
  if (tags.length > 0 && !global)
    return refused('EOPNOTSUPP', `arg#${i} type tag is not supported in static functions`);
  if (tags.some((t) => !TAGS.has(t))) return refused('EOPNOTSUPP', `arg#${i} has unsupported set of tags`);
  if (pointsTo !== null) {
    const rule = pointerRule(env, i, pointsTo, tags, global);
    if (rule !== null) return rule;
  }
  if (tags.length > 0 && pointsTo === null) return invalid(`arg#${i} has pointer tag, but is not a pointer type`);
  if (isNumber(type.kind)) return { kind: 'scalar' };
  return global ? invalid(`Arg#${i} type ${kindName(type.kind)} in ${proto.name}() is not supported yet.`) : null;
}

function pointerRule(
  env: Env,
  i: number,
  to: PointedShape,
  tags: readonly string[],
  global: boolean,
): Rule | Reject | null {
  const badTags = invalid(`arg#${i} has invalid combination of tags`);
  const tagged = tags.includes('ctx');
  if (tagged || isCtx(env, to)) {
    if (tags.some((t) => t !== 'ctx')) return badTags;
    return (tagged ? checkCtxTag(env, i, to) : null) ?? { kind: 'ctx' };
  }
  if ((to.kind === 'struct' || to.kind === 'fwd') && to.name === 'bpf_dynptr')
    return tags.length > 0 ? badTags : { kind: 'dynptr' };
  if (tags.includes('trusted')) {
    if (tags.includes('nonnull')) return badTags;
    const btf = kernelStruct(env, i, to);
    return typeof btf === 'string' ? { kind: 'trusted', btf, maybeNull: tags.includes('nullable') } : btf;
  }
  if (tags.includes('untrusted')) {
    if (tags.length > 1) return invalid(`arg#${i} untrusted cannot be combined with any other tags`);
    if (to.kind === 'void' || isNumber(to.kind)) return { kind: 'untrusted', btf: null };
    const btf = kernelStruct(env, i, to);
    return typeof btf === 'string' ? { kind: 'untrusted', btf } : btf;
  }
  if (tags.includes('arena')) {
    return tags.length > 1 ? invalid(`arg#${i} arena cannot be combined with any other tags`) : { kind: 'arena' };
  }
  if (!global) return null;
  if (tags.includes('nullable')) return badTags;
  if (to.size === null) {
    return invalid(`arg#${i} reference type('${kindName(to.kind)} ${to.name}') size cannot be determined: -22`);
  }
  return { kind: 'mem', size: to.size, maybeNull: !tags.includes('nonnull') };
}

/** The structure of the kernel that a structure of the program stands for: a flavour behind `___` is no part of the name. */
function kernelStruct(env: Env, i: number, { kind, name }: PointedShape): string | Reject {
  const essential = name.replace(/(?<=.)___.*$/, '');
  const known = env.kernelTypes.struct(essential);
  const same = known !== undefined && kind === (known.union ? 'union' : 'struct');
  return same ? essential : refused('ENOENT', `arg#${i} reference type('${kindName(kind)} ${name}') has no matches`);
}

const USER_REGS = 'bpf_user_pt_regs_t';

/** Pointers to the context are known by the name of its struct (kernel btf_is_prog_ctx_type). */
export function isCtx({ type }: Env, to: PointedShape): boolean {
  if (type.name === 'kprobe') {
    return to.typedefs.includes(USER_REGS) || (to.kind === 'struct' && ['pt_regs', USER_REGS].includes(to.name));
  }
  return to.kind === 'struct' && to.name !== '' && to.name === type.ctx;
}

/** What a tagged pointer to the context may point to where the context has no structure of its own. */
const CTX_SHAPES = {
  words: ({ kind, size }: PointedShape) => kind === 'int' && size === 8,
  raw_args: ({ kind, name }: PointedShape) => kind === 'struct' && name === 'bpf_raw_tracepoint_args',
  iter: ({ kind, name }: PointedShape) => kind === 'struct' && name.startsWith('bpf_iter__'),
  regs: ({ kind, name }: PointedShape) => kind === 'struct' && name === 'pt_regs',
} as const;

/** Any type that has a name. */
const ANY_CTX: ReadonlySet<number> = new Set([
  T.BPF_PROG_TYPE_TRACEPOINT,
  T.BPF_PROG_TYPE_SYSCALL,
  T.BPF_PROG_TYPE_EXT,
]);

/** By program type, of tracing programs by attach type. */
const CTX_TYPES: Readonly<Record<string, readonly (keyof typeof CTX_SHAPES)[]>> = {
  perf_event: ['regs'],
  raw_tracepoint: ['words'],
  raw_tracepoint_writable: ['words'],
  [`tracing ${AT.BPF_TRACE_RAW_TP}`]: ['words', 'raw_args'],
  [`tracing ${AT.BPF_TRACE_ITER}`]: ['iter'],
  [`tracing ${AT.BPF_TRACE_FENTRY}`]: ['words'],
  [`tracing ${AT.BPF_TRACE_FEXIT}`]: ['words'],
  [`tracing ${AT.BPF_MODIFY_RETURN}`]: ['words'],
  lsm: ['words'],
  struct_ops: ['words'],
};

/** Program types whose context has a struct of that name; others take only `void *` (kernel btf_validate_prog_ctx_type). */
function checkCtxTag(env: Env, i: number, to: PointedShape): Reject | null {
  const { name, ctx, id } = env.type;
  const userRegs = (name === 'kprobe' || name === 'perf_event') && to.typedefs.includes(USER_REGS);
  if (to.kind === 'void' || userRegs || isCtx(env, to)) return null;
  if (to.name === '') return invalid(`arg#${i} type doesn't have a name`);
  if (ANY_CTX.has(id)) return null;
  const allowed = CTX_TYPES[id === T.BPF_PROG_TYPE_TRACING ? `tracing ${env.attach}` : name] ?? [];
  if (allowed.some((type) => CTX_SHAPES[type](to))) return null;
  return ctx === null || ctx === 'void'
    ? invalid(`arg#${i} should be void pointer`)
    : invalid(`arg#${i} should be \`struct ${name === 'kprobe' ? 'pt_regs' : ctx} *\``);
}

export function checkArgument(env: Env, i: number, rule: Rule): Reject | null {
  const regno = i + 1;
  const reg = env.reg(regno);
  if (rule.kind === 'scalar') return reg.kind === 'scalar' ? null : invalid(`R${regno} is not a scalar`);
  // What it is does not matter: it is only read, and reads that fault give 0.
  if (rule.kind === 'untrusted') {
    if (reg.kind !== 'btf_id' && !isNull(reg)) env.facts.readsAnything = true;
    return null;
  }
  if (rule.kind === 'trusted') {
    return isNull(reg) && rule.maybeNull ? null : checkStructPointer(env, regno, reg, rule.btf, rule.maybeNull);
  }
  const moved = checkRegOff(regno, reg);
  if (moved) return moved;
  if (rule.kind === 'ctx') {
    return reg.kind === 'ctx' && !reg.maybeNull ? null : invalid(`arg#${i} expects pointer to ctx`);
  }
  if (rule.kind === 'arena') {
    const fits = reg.kind === 'arena' || reg.kind === 'scalar';
    return fits ? null : invalid(`R${regno} is not a pointer to arena or scalar.`);
  }
  if (rule.kind === 'dynptr') return checkDynptr(env, regno, { type: null });
  // Linux 6.18 takes a constant NULL where the function is verified as if there were none.
  const mayBeNull = reg.maybeNull || isNull(reg);
  return (
    (isNull(reg) ? null : checkPointed(env, regno, reg, rule.size)) ??
    (mayBeNull && !rule.maybeNull ? invalid(`arg#${i} is expected to be non-NULL`) : null)
  );
}

/** The function may read and write all of what the pointer points to; errors become EINVAL. */
function checkPointed(env: Env, regno: number, reg: Reg, size: number): Reject | null {
  if (reg.maybeNull) env.setReg(regno, notNullReg(reg, reg.id));
  const bad =
    checkMemory(env, regno, size, { zeroOk: true, write: false, fill: false }, null, true) ??
    checkMemory(env, regno, size, { zeroOk: true, write: true, fill: false }, null, true);
  if (reg.maybeNull) env.setReg(regno, reg);
  return bad && { ...bad, code: 'EINVAL' };
}

/** Whether whatever fits `given` fits `asked`. */
export function isAsMuch(given: Rule, asked: Rule): boolean {
  // Of these nothing is believed.
  if (asked.kind === 'untrusted' || asked.kind === 'arena') return true;
  if (asked.kind === 'mem')
    return given.kind === 'mem' && given.size >= asked.size && (asked.maybeNull || !given.maybeNull);
  if (asked.kind === 'trusted')
    return given.kind === 'trusted' && given.btf === asked.btf && (asked.maybeNull || !given.maybeNull);
  return given.kind === asked.kind;
}

/** What such an argument may be at most. */
export function anyOf(env: Env, rule: Rule): Reg {
  if (rule.kind === 'scalar' || rule.kind === 'arena') return UNKNOWN_SCALAR;
  if (rule.kind === 'ctx') return makeReg({ kind: 'ctx' });
  if (rule.kind === 'dynptr') return dynptrReg('local', env.newId(), 0);
  if (rule.kind === 'untrusted' && rule.btf === null) return makeReg({ kind: 'untrusted_mem' });
  if (rule.kind === 'trusted' || rule.kind === 'untrusted') {
    const maybeNull = rule.kind === 'trusted' && rule.maybeNull;
    return makeReg({ kind: 'btf_id', flags: FLAG[rule.kind], btf: rule.btf!, maybeNull, id: env.newId() });
  }
  return makeReg({ ...rule, id: rule.maybeNull ? env.newId() : 0 });
}
