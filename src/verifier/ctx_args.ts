// The context of programs that are bound to something of the kernel is an array of 8 bytes per argument: what a load gives
// follows from the prototype (kernel btf_ctx_access).

import type { IterArg } from '../spec/attach_args.ts';
import type { KernelFunc, KernelValue } from '../spec/kernel_func.ts';
import { ANONYMOUS } from '../spec/kernel_struct.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import { iteratorOf } from './attach.ts';
import type { Env } from './env.ts';
import { kindName } from './func_args.ts';
import type { Access } from './mem.ts';
import { FLAG, makeReg, type Reg, scalarReg, UNKNOWN_SCALAR } from './reg.ts';
import { denied, type Reject } from './reject.ts';
import { between32 } from './scalar.ts';

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
  const found = argument(env, a, arg, params[arg] ?? proto.returns, say);
  if ('message' in found) return found;
  if (found.kind === 'scalar') return arg === params.length ? resultOf(env) : found;
  // A pointer can't be sign-extended.
  return a.signed ? refused : found;
}

/** Attach types, by program type, whose programs run after what they are bound to, or decide what it returns. */
const WITH_RESULT: Readonly<Record<number, readonly number[]>> = {
  [T.BPF_PROG_TYPE_TRACING]: [AT.BPF_TRACE_FEXIT, AT.BPF_MODIFY_RETURN],
  [T.BPF_PROG_TYPE_LSM]: [AT.BPF_LSM_MAC, AT.BPF_LSM_CGROUP],
};

function seesResult({ type, attach }: Env): boolean {
  return WITH_RESULT[type.id]?.includes(attach) ?? false;
}

/** What is known of the result so far: programs that ran before are held to the hook's numbers, too. */
function resultOf({ attach, prog: { target } }: Env): Reg {
  const hook = attach === AT.BPF_LSM_MAC ? target!.hook : null;
  return hook === null ? UNKNOWN_SCALAR : scalarReg(between32(...hook.returns));
}

const NUMBERS: ReadonlySet<string> = new Set(['int', 'enum', 'enum64', 'struct', 'union']);

function argument(env: Env, a: Access, arg: number, value: KernelValue, say: (text: string) => Reject): Reg | Reject {
  const { type, pointsTo, pointsToId } = value;
  const { name, facts, ops } = env.prog.target!;
  if (NUMBERS.has(type.kind)) return UNKNOWN_SCALAR;
  if (pointsTo === null) {
    const named = type.name || ANONYMOUS;
    return say(`arg${arg} '${named}' has type ${kindName(type.kind)}. Only pointer access is allowed`);
  }
  if (a.size !== WORD) return say(`size ${a.size} must be 8`);
  const known = env.type.id === T.BPF_PROG_TYPE_TRACING && env.attach === AT.BPF_TRACE_ITER;
  const iterArg = known ? iteratorOf(name)?.[arg] : undefined;
  if (iterArg?.includes('buf')) return iterated(env, iterArg, '');
  if (pointsTo.kind === 'void' || pointsTo.kind === 'int') return UNKNOWN_SCALAR;
  if (iterArg !== undefined) return iterated(env, iterArg, pointsTo.name);
  // What the kernel's own function says of an argument spares the look at its type.
  if (ops !== null && facts[arg]) return pointer(env, arg, pointsTo.name);
  if (pointsTo.kind !== 'struct' && pointsTo.kind !== 'union')
    return say(`arg${arg} type ${kindName(pointsTo.kind)} is not a struct`);
  env.log.line(
    `func '${name}' arg${arg} has btf_id ${pointsToId} type ${kindName(pointsTo.kind)} '${pointsTo.name || ANONYMOUS}'`,
  );
  return pointer(env, arg, pointsTo.name);
}

function iterated(env: Env, arg: IterArg, btf: string): Reg {
  const id = env.newId();
  if (arg === 'buf_or_null') return makeReg({ kind: 'buf', maybeNull: true, id });
  if (arg === 'rdonly_buf_or_null') return makeReg({ kind: 'buf', flags: FLAG.rdonly, maybeNull: true, id });
  return makeReg({ kind: 'btf_id', flags: arg.startsWith('trusted') ? FLAG.trusted : 0, btf, maybeNull: true, id });
}

function pointer(env: Env, arg: number, struct: string): Reg {
  const { facts, trusted, ops } = env.prog.target!;
  if (facts[arg] === 'maybe_error') {
    env.log.line(`marking pointer arg${arg} as scalar as it may encode error`);
    return UNKNOWN_SCALAR;
  }
  const maybeNull = facts[arg] === 'maybe_null';
  const id = maybeNull ? env.newId() : 0;
  const btf = ops?.promotes?.[struct] ?? struct;
  return makeReg({ kind: 'btf_id', flags: trusted ? FLAG.trusted : 0, btf, maybeNull, id });
}
