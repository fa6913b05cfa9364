// Tracing programs are bound to something of the kernel, by its id in the BTF: a tracepoint, a function, an iterator
// (kernel bpf_check_attach_target). Their context is an array of 8 bytes per argument; what a load gives follows from the
// prototype (kernel btf_ctx_access).

import { type IterArg, iteratorArgs, tracepointArg } from '../spec/attach_args.ts';
import type { KernelFunc, KernelParam, KernelValue } from '../spec/kernel_func.ts';
import { ANONYMOUS, type KernelTypes } from '../spec/kernel_struct.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import type { Env } from './env.ts';
import { kindName } from './global_func.ts';
import type { Access } from './mem.ts';
import { FLAG, makeReg, type Reg, UNKNOWN_SCALAR } from './reg.ts';
import { denied, invalid, type Reject } from './reject.ts';
import type { ProgramInput } from './verified.ts';

export interface Target {
  /** As messages name it. */
  readonly name: string;
  readonly proto: KernelFunc;
  /** Arguments in front that programs do not see. */
  readonly hidden: number;
}

const TRACEPOINT = 'btf_trace_';
const ITERATOR = 'bpf_iter_';

/** What the program is bound to; null = programs of this type are not. */
export function findTarget(input: ProgramInput, types: KernelTypes): Target | Reject | null {
  if (input.type !== T.BPF_PROG_TYPE_TRACING) return null;
  const id = input.attachBtfId ?? 0;
  if (id === 0) return invalid('Tracing programs must provide btf_id');
  const target = types.target(id);
  if (target === undefined) return invalid(`attach_btf_id ${id} is invalid`);
  const { kind, name, proto } = target;
  if (input.expectedAttachType === AT.BPF_TRACE_RAW_TP) {
    if (kind !== 'typedef') return invalid(`attach_btf_id ${id} is not a typedef`);
    if (!name.startsWith(TRACEPOINT)) return invalid(`attach_btf_id ${id} points to wrong type name ${name}`);
    const event = name.slice(TRACEPOINT.length);
    // The function has names for the arguments.
    const template = types.funcId(`__bpf_trace_${event}`);
    const named = template === undefined ? undefined : types.func(template);
    return proto === null
      ? invalid(`attach_btf_id ${id} is invalid`)
      : { name: event, proto: named ?? proto, hidden: 1 };
  }
  if (kind !== 'func' || proto === null) return invalid(`attach_btf_id ${id} is not a function`);
  if (input.expectedAttachType === AT.BPF_TRACE_ITER && iteratorArgs(name.slice(ITERATOR.length)) === undefined)
    return invalid(`${name} is not what an iterator calls`);
  return { name, proto, hidden: 0 };
}

const WORD = 8;
const MAX_ARGS = 12;

function slots({ type, pointsTo }: KernelValue): number {
  return pointsTo !== null ? 1 : Math.ceil((type.size ?? 0) / WORD);
}

/** Number of the argument at an offset; that behind the last one is the result, two behind it nothing. */
function argAt({ params, returns }: KernelFunc, off: number): number {
  let end = 0;
  for (const [i, param] of params.entries()) {
    end += slots(param) * WORD;
    if (off < end) return i;
  }
  return off < end + slots(returns) * WORD ? params.length : params.length + 1;
}

/** A load from the context. */
export function loadArgument(env: Env, a: Access, off: number): Reg | Reject {
  const refused = denied(`invalid bpf_context access off=${off} size=${a.size}`);
  if (off < 0 || off >= MAX_ARGS * WORD || a.write || off % a.size !== 0) return refused;
  const { name, proto, hidden } = env.prog.target!;
  const say = (text: string): Reject => {
    env.log.line(`func '${name}' ${text}`);
    return refused;
  };
  if (off % WORD !== 0) return say(`offset ${off} is not multiple of 8`);
  const arg = argAt(proto, off);
  const params = proto.params.slice(hidden);
  if (arg > params.length) return say(`doesn't have ${arg + 1}-th argument`);
  if (arg === params.length && !seesResult(env)) return say(`doesn't have ${arg + 1}-th argument`);
  const value = params[arg] ?? proto.returns;
  const found = argument(env, a, arg, value, say);
  // A pointer can't be sign-extended.
  return 'message' in found || !a.signed || found.kind === 'scalar' ? found : refused;
}

function seesResult({ attach }: Env): boolean {
  return attach === AT.BPF_TRACE_FEXIT || attach === AT.BPF_MODIFY_RETURN;
}

const NUMBERS: ReadonlySet<string> = new Set(['int', 'enum', 'enum64', 'struct', 'union']);

function argument(env: Env, a: Access, arg: number, value: KernelValue, say: (text: string) => Reject): Reg | Reject {
  const { type, pointsTo, pointsToId } = value;
  if (NUMBERS.has(type.kind)) return UNKNOWN_SCALAR;
  if (pointsTo === null) {
    return say(`arg${arg} '${type.name}' has type ${kindName(type.kind)}. Only pointer access is allowed`);
  }
  if (a.size !== WORD) return say(`size ${a.size} must be 8`);
  const known =
    env.attach === AT.BPF_TRACE_ITER ? iteratorArgs(env.prog.target!.name.slice(ITERATOR.length))?.[arg] : undefined;
  if (known?.includes('buf')) return iterated(env, known, '');
  if (pointsTo.kind === 'void' || pointsTo.kind === 'int') return UNKNOWN_SCALAR;
  if (known !== undefined) return iterated(env, known, pointsTo.name);
  if (pointsTo.kind !== 'struct' && pointsTo.kind !== 'union')
    return say(`arg${arg} type ${kindName(pointsTo.kind)} is not a struct`);
  env.log.line(
    `func '${env.prog.target!.name}' arg${arg} has btf_id ${pointsToId} type ${kindName(pointsTo.kind)} '${pointsTo.name || ANONYMOUS}'`,
  );
  return pointer(env, arg, value as KernelParam);
}

function iterated(env: Env, arg: IterArg, btf: string): Reg {
  const id = env.newId();
  if (arg === 'buf_or_null') return makeReg({ kind: 'buf', maybeNull: true, id });
  if (arg === 'rdonly_buf_or_null') return makeReg({ kind: 'buf', flags: FLAG.rdonly, maybeNull: true, id });
  return makeReg({ kind: 'btf_id', flags: arg.startsWith('trusted') ? FLAG.trusted : 0, btf, maybeNull: true, id });
}

function pointer(env: Env, arg: number, { name, pointsTo }: KernelParam): Reg {
  const { attach } = env;
  const { target } = env.prog;
  const trusted = attach === AT.BPF_TRACE_RAW_TP || attach === AT.BPF_TRACE_ITER;
  const special = attach === AT.BPF_TRACE_RAW_TP ? tracepointArg(target!.name, arg) : null;
  if (special === 'maybe_error') {
    env.log.line(`marking pointer arg${arg} as scalar as it may encode error`);
    return UNKNOWN_SCALAR;
  }
  const maybeNull = special === 'maybe_null' || (name ?? '').endsWith('__nullable');
  const id = maybeNull ? env.newId() : 0;
  return makeReg({ kind: 'btf_id', flags: trusted ? FLAG.trusted : 0, btf: pointsTo!.name, maybeNull, id });
}
