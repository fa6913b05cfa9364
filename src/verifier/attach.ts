// Some programs are bound to something of the kernel, by its id in the BTF: a tracepoint, a function, an iterator, a hook of
// security modules, a member of a structure of functions (kernel bpf_check_attach_target, check_struct_ops_btf_id). What
// they are bound to says what their context holds (ctx_args.ts), what they may call and what they return.

import { iteratorArgs, tracepointArg } from '../spec/attach_args.ts';
import { type Helper, helperFor } from '../spec/helpers.ts';
import { idSet } from '../spec/id_set.ts';
import type { KernelFunc, KernelTarget } from '../spec/kernel_func.ts';
import type { KernelTypes } from '../spec/kernel_struct.ts';
import { type LsmHook, lsmHook } from '../spec/lsm_hooks.ts';
import { attachTypeOf, progTypeById } from '../spec/prog_types.ts';
import { type StructOpsRow, structOps } from '../spec/struct_ops.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import { PROG_FLAGS } from '../uapi/prog_flags.ts';
import { isGplCompatible, type Prog } from './program.ts';
import { invalid, type Reject, refused } from './reject.ts';
import type { ProgramInput } from './verified.ts';

/** What is known of an argument beyond its type. */
export type ArgFact = 'maybe_null' | 'maybe_error';

export interface Target {
  /** As messages name it. */
  readonly name: string;
  readonly proto: KernelFunc;
  /** Arguments in front that programs do not see. */
  readonly hidden: number;
  /** By the number of the argument that programs see. */
  readonly facts: readonly (ArgFact | null)[];
  /** Its arguments are trusted. */
  readonly trusted: boolean;
  readonly hook: LsmHook | null;
  readonly ops: StructOpsRow | null;
}

const TRACEPOINT = 'btf_trace_';
const ITERATOR = 'bpf_iter_';

/** What the program is bound to; null = programs of this type are not. */
export function findTarget(input: ProgramInput, types: KernelTypes): Target | Reject | null {
  const find = FINDERS[input.type];
  return find === undefined ? null : find(input, types);
}

type Finder = (input: ProgramInput, types: KernelTypes) => Target | Reject;

const FINDERS: Readonly<Record<number, Finder>> = {
  [T.BPF_PROG_TYPE_TRACING]: tracingTarget,
  [T.BPF_PROG_TYPE_LSM]: lsmTarget,
  [T.BPF_PROG_TYPE_STRUCT_OPS]: memberTarget,
};

function typeOf({ attachBtfId: id = 0 }: ProgramInput, types: KernelTypes): KernelTarget | Reject {
  if (id === 0) return invalid('Tracing programs must provide btf_id');
  return types.target(id) ?? invalid(`attach_btf_id ${id} is invalid`);
}

const NOTHING = { hidden: 0, trusted: false, hook: null, ops: null } as const;

function nullable({ params }: KernelFunc): (ArgFact | null)[] {
  return params.map(({ name }) => (name.endsWith('__nullable') ? 'maybe_null' : null));
}

function tracingTarget(input: ProgramInput, types: KernelTypes): Target | Reject {
  const target = typeOf(input, types);
  if ('message' in target) return target;
  const id = input.attachBtfId!;
  if (input.expectedAttachType === AT.BPF_TRACE_RAW_TP) return tracepoint(id, target, types);
  const { kind, name, proto } = target;
  if (kind !== 'func' || proto === null) return invalid(`attach_btf_id ${id} is not a function`);
  const iterates = input.expectedAttachType === AT.BPF_TRACE_ITER;
  if (iterates && iteratorOf(name) === undefined) return invalid(`${name} is not what an iterator calls`);
  return { ...NOTHING, name, proto, facts: nullable(proto), trusted: iterates };
}

function tracepoint(id: number, { kind, name, proto }: KernelTarget, types: KernelTypes): Target | Reject {
  if (kind !== 'typedef') return invalid(`attach_btf_id ${id} is not a typedef`);
  if (!name.startsWith(TRACEPOINT)) return invalid(`attach_btf_id ${id} points to wrong type name ${name}`);
  if (proto === null) return invalid(`attach_btf_id ${id} is invalid`);
  const event = name.slice(TRACEPOINT.length);
  // The function has names for the arguments.
  const template = types.funcId(`__bpf_trace_${event}`);
  const named = (template === undefined ? undefined : types.func(template)) ?? proto;
  const facts = nullable(named)
    .slice(1)
    .map((fact, i) => tracepointArg(event, i) ?? fact);
  return { ...NOTHING, name: event, proto: named, hidden: 1, facts, trusted: true };
}

/** Arguments of the iterator that calls this function; undefined = none does. */
export function iteratorOf(func: string): ReturnType<typeof iteratorArgs> {
  return iteratorArgs(func.slice(ITERATOR.length));
}

/** Kernel bpf_lsm_verify_prog. */
function lsmTarget(input: ProgramInput, types: KernelTypes): Target | Reject {
  const target = typeOf(input, types);
  if ('message' in target) return target;
  const id = input.attachBtfId!;
  const { kind, name, proto } = target;
  if (kind !== 'func' || proto === null) return invalid(`attach_btf_id ${id} is not a function`);
  const hook = lsmHook(name);
  if ((input.flags & PROG_FLAGS.BPF_F_SLEEPABLE) !== 0 && !hook?.sleepable) return invalid(`${name} is not sleepable`);
  if (!isGplCompatible(input.license)) return invalid('LSM programs must have a GPL compatible license');
  if (hook?.disabled) return invalid(`attach_btf_id ${id} points to disabled hook ${name}`);
  if (hook === undefined) return invalid(`attach_btf_id ${id} points to wrong type name ${name}`);
  const facts = nullable(proto).map((fact, i) => (i === hook.nullable ? 'maybe_null' : fact));
  return { ...NOTHING, name, proto, facts, trusted: hook.trusted, hook };
}

/** Kernel check_struct_ops_btf_id. A structure that this kernel supports and beewasm does not know: UnsupportedError. */
function memberTarget(input: ProgramInput, types: KernelTypes): Target | Reject {
  const { attachBtfId: id = 0, expectedAttachType: index } = input;
  if (!isGplCompatible(input.license)) return invalid('struct ops programs must have a GPL compatible license');
  if (id === 0) return refused('ENOTSUPP', 'struct_ops programs must name a member of a structure');
  const target = types.target(id);
  const struct = target?.name ?? '';
  if (target?.members === undefined || types.targetId('struct', `bpf_struct_ops_${struct}`) === undefined)
    return refused('ENOTSUPP', `attach_btf_id ${id} is not a supported struct`);
  const ops = structOps(struct);
  if (ops === undefined)
    throw new UnsupportedError(`struct_ops ${struct}`, `struct_ops ${struct} is not supported yet`);
  const member = target.members[index];
  if (member === undefined) return invalid(`attach to invalid member idx ${index} of struct ${struct}`);
  const { name, proto } = member;
  if (proto === null) return invalid(`attach to invalid member ${name}(@idx ${index}) of struct ${struct}`);
  const unsupported = `attach to unsupported member ${name} of struct ${struct}` as const;
  if (ops.unsupported?.includes(name)) return refused('ENOTSUPP', unsupported);
  if ((input.flags & PROG_FLAGS.BPF_F_SLEEPABLE) !== 0 && ops.sleepable?.includes(name) === false)
    return invalid(unsupported);
  return { ...NOTHING, name, proto, facts: stubFacts(types, struct, proto), trusted: true, ops };
}

/** The kernel's own function for a member has names for the arguments (kernel prepare_arg_info). */
function stubFacts(types: KernelTypes, struct: string, member: KernelFunc): (ArgFact | null)[] {
  const id = types.funcId(`${struct}__${member.name}`);
  const stub = id === undefined ? undefined : types.func(id);
  if (stub?.params.length !== member.params.length) return [];
  return nullable(stub);
}

const SOCKOPT: readonly number[] = [49, 57];
const LOCKED_ITERATORS: readonly string[] = ['bpf_iter_tcp', 'bpf_iter_unix'];

/** The helper with this number, if a program of this kind that is bound so may call it. */
export function helperOf({ input, target }: Pick<Prog, 'input' | 'target'>, id: number): Helper | undefined {
  const attach = attachTypeOf(progTypeById(input.type)!, input.expectedAttachType);
  return target === null || suitsTarget(target, input.type, attach, id) ? helperFor(id, input.type, attach) : undefined;
}

function suitsTarget({ name, hook, ops }: Target, type: number, attach: number, helper: number): boolean {
  if (ops !== null) return idSet(ops.helpers).has(helper) && ops.withoutHelpers?.[name]?.includes(helper) !== true;
  if (!SOCKOPT.includes(helper)) return true;
  if (hook !== null) return hook.sockopt;
  // Sockets are locked by few iterators (kernel bpf_iter_tcp_get_func_proto).
  return type !== T.BPF_PROG_TYPE_TRACING || attach !== AT.BPF_TRACE_ITER || LOCKED_ITERATORS.includes(name);
}
