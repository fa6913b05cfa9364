// Programs of type EXT replace a global function of another program that was accepted (kernel bpf_check_attach_target,
// btf_check_type_match). They are verified as that function is: for any arguments of its prototype, with the program type
// of the program it belongs to.

import type { FuncProto, ParamProto } from '../spec/func_proto.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import type { Env } from './env.ts';
import { isAsMuch, kindName, rulesOf } from './func_args.ts';
import { effectsOf, onlyTakesCtx, protoOf } from './global_func.ts';
import { isReject, type Prog } from './program.ts';
import { invalid, type Reject } from './reject.ts';
import type { ProgramInput, TypedFunc } from './verified.ts';

/** The program as it is verified: as one of its target's type. */
export function extended(input: ProgramInput): ProgramInput {
  const target = input.attachProg?.program;
  if (input.type !== T.BPF_PROG_TYPE_EXT || target === undefined) return input;
  return { ...input, type: target.type, expectedAttachType: target.attachType };
}

const AT_FUNCTIONS: readonly number[] = [AT.BPF_TRACE_FENTRY, AT.BPF_TRACE_FEXIT];

/** `input`: as the loader gave it; `prog`: as it is verified. */
export function checkExtension(input: ProgramInput, prog: Prog): Reject | null {
  if (input.type !== T.BPF_PROG_TYPE_EXT) return null;
  if (input.attachProg === undefined) return invalid('Tracing programs must provide btf_id');
  const { program, func: name } = input.attachProg;
  if (program.typedFuncs === undefined)
    return invalid('FENTRY/FEXIT program can only be attached to another program annotated with BTF');
  const func = program.typedFuncs.find((f) => f.proto.name === name);
  if (func === undefined) return invalid(`Subprog ${name} doesn't exist`);
  const bad = checkFunc(func, prog);
  if (bad) return bad;
  if (program.extends) return invalid('Cannot recursively attach');
  if (program.type === T.BPF_PROG_TYPE_TRACING && AT_FUNCTIONS.includes(program.attachType))
    return invalid('Cannot extend fentry/fexit');
  const own = input.functions && input.prototypes?.get(0);
  if (own === undefined) return invalid('Program extension requires BTF');
  const unlike = compareProtos(own, func.proto);
  if (unlike) return unlike;
  // What the context of such a target holds hangs on what it is bound to in turn.
  if (BOUND.has(program.type)) throw new UnsupportedError('freplace of a program that is bound to the kernel');
  return null;
}

const BOUND: ReadonlySet<number> = new Set([T.BPF_PROG_TYPE_TRACING, T.BPF_PROG_TYPE_LSM, T.BPF_PROG_TYPE_STRUCT_OPS]);

function checkFunc({ reliable, handlesExceptions, effects }: TypedFunc, prog: Prog): Reject | null {
  if (handlesExceptions) return invalid('Extension programs cannot attach to exception callback');
  if (!reliable) return invalid('Cannot replace static functions');
  const own = effectsOf(prog, 0);
  if (own.changesPacket && !effects.changesPacket)
    return invalid('Extension program changes packet data, while original does not');
  return own.mightSleep && !effects.mightSleep ? invalid('Extension program may sleep, while original does not') : null;
}

/** Kernel btf_check_func_type_match. */
function compareProtos(own: FuncProto, theirs: FuncProto): Reject | null {
  const local = [own, theirs].find((proto) => proto.linkage !== 'global');
  if (local !== undefined) return invalid(`${local.name}() is not a global function`);
  const [n, m] = [own.params.length, theirs.params.length];
  if (n !== m) return invalid(`${own.name}() has ${n} args while ${theirs.name}() has ${m} args`);
  const [returns, expected] = [own.returns.kind, theirs.returns.kind].map(kindName);
  if (returns !== expected) {
    return invalid(`Return type ${returns} of ${own.name}() doesn't match type ${expected} of ${theirs.name}()`);
  }
  for (const [i, param] of own.params.entries()) {
    const bad = compareParams(i, param, theirs.params[i], own.name, theirs.name);
    if (bad) return bad;
  }
  return null;
}

const NUMBERS: readonly string[] = ['int', 'enum', 'enum64'];
const STRUCTS: readonly string[] = ['struct', 'union'];

function compareParams(i: number, own: ParamProto, theirs: ParamProto, name: string, target: string): Reject | null {
  const [a, b] = [own.type, theirs.type];
  const [kind, expected] = [kindName(a.kind), kindName(b.kind)];
  if (kind !== expected) return invalid(`arg${i} in ${name}() is ${kind} while ${target}() has ${expected}`);
  if (own.pointsTo === null || theirs.pointsTo === null) {
    if (a.size !== null && a.size !== b.size)
      return invalid(`arg${i} in ${name}() has size ${a.size} while ${target}() has ${b.size ?? 0}`);
    return NUMBERS.includes(a.kind) ? null : invalid(`arg${i} in ${name}() has unrecognized type`);
  }
  const [to, of] = [own.pointsTo, theirs.pointsTo];
  if (!STRUCTS.includes(to.kind)) return invalid(`arg${i} in ${name}() is not a pointer to context`);
  if (!STRUCTS.includes(of.kind)) return invalid(`arg${i} in ${target}() is not a pointer to context`);
  return to.name === of.name
    ? null
    : invalid(`arg${i} ${name}(struct ${to.name} *) doesn't match ${target}(struct ${of.name} *)`);
}

/**
 * Does the program believe no more of its arguments than the function it replaces? Linux 6.18 compares the names of
 * structures alone, neither their sizes nor tags.
 */
export function checkBeliefs(env: Env, { attachProg }: ProgramInput): Reject | null {
  const own = protoOf(env, 0);
  const theirs = attachProg?.program.typedFuncs?.find((f) => f.proto.name === attachProg.func)?.proto;
  if (own === undefined || theirs === undefined) return null;
  const [asked, given] = [rulesOf(env, own), rulesOf(env, theirs)];
  // The walk says what is wrong with its own types; nothing calls a function with such ones.
  if (asked === null || given === null || isReject(asked) || isReject(given)) return null;
  const i = asked.findIndex((rule, n) => !isAsMuch(given[n], rule));
  return i < 0 ? null : invalid(`arg${i} of ${own.name}() must be more than ${theirs.name}() asks for`);
}

/** What others may know of an accepted program's functions; undefined = it has no BTF. */
export function typedFuncs(env: Env): TypedFunc[] | undefined {
  const { subprogs, input, exceptionCallback } = env.prog;
  if (input.functions === undefined || input.prototypes === undefined) return undefined;
  return subprogs.flatMap((_, i) => {
    const proto = protoOf(env, i);
    if (proto === undefined) return [];
    const reliable = i === 0 ? onlyTakesCtx(env) : !env.mistyped.has(i);
    const { changesPacket, mightSleep } = effectsOf(env.prog, i);
    return [
      {
        proto,
        reliable,
        handlesExceptions: i !== 0 && i === exceptionCallback,
        effects: { changesPacket, mightSleep },
      },
    ];
  });
}
