// What a program returns: some program types, and what programs are bound to, give a meaning to few numbers only (kernel
// check_return_code).

import { type ReturnRange, returnRange } from '../spec/prog_types.ts';
import { BPF_ATTACH_TYPE as AT } from '../uapi/enums.ts';
import type { Env } from './env.ts';
import { markPrecise } from './precision.ts';
import { kindText } from './reg.ts';
import { denied, explain, invalid, type Reject } from './reject.ts';
import { S64_MAX, S64_MIN, type Scalar } from './scalar.ts';

/** The end of a program: may the register hold what it holds? */
export function checkReturnCode(env: Env, regno = 0): Reject | null {
  const { async, subprog } = env.state.frames[0];
  if (subprog === 0 && returnsNothing(env)) return null;
  const bad = env.read(regno) ?? (env.hides(env.reg(regno)) ? denied(`R${regno} leaks addr as return value`) : null);
  if (bad) return bad;
  if (async !== null) return inRange(env, regno, async.returns, 'At async callback return');
  if (subprog !== 0 && subprog !== env.prog.exceptionCallback) {
    const reg = env.reg(regno);
    if (reg.kind === 'scalar') return null;
    return invalid(`At subprogram exit the register R${regno} is not a scalar value (${kindText(reg)})`);
  }
  if (env.prog.target?.hook != null) return ofHook(env, regno);
  const range = returnRange(env.type, env.attach);
  return range === null ? null : inRange(env, regno, range, 'At program exit');
}

/** The kernel's function gives nothing, so nobody looks at R0. */
function returnsNothing({ prog: { target }, attach }: Env): boolean {
  if (target === null || (target.ops === null && target.hook === null)) return false;
  return attach !== AT.BPF_LSM_CGROUP && target.proto.returns.type.kind === 'void';
}

const ONE: ReturnRange = [1, 1];

/** Programs of control groups say yes or no; the others what the hook returns, an int. */
function ofHook(env: Env, regno: number): Reject | null {
  const { hook, proto } = env.prog.target!;
  if (env.attach !== AT.BPF_LSM_CGROUP) return inRange(env, regno, hook!.returns, 'At program exit', true);
  const nothing = proto.returns.type.kind === 'void';
  const bad = inRange(env, regno, nothing ? ONE : returnRange(env.type, env.attach)!, 'At program exit');
  if (bad === null || !nothing || env.reg(regno).kind !== 'scalar') return bad;
  return {
    ...explain(bad, "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!"),
    summary: bad.message,
  };
}

type Place = 'At program exit' | 'At async callback return';

/** `low`: of the number's low half. */
function inRange(env: Env, regno: number, [min, max]: ReturnRange, at: Place, low = false): Reject | null {
  const reg = env.reg(regno);
  if (reg.kind !== 'scalar') return invalid(`${at} the register R${regno} is not a known value (${kindText(reg)})`);
  const reject = markPrecise(env, regno);
  if (reject) return reject;
  const { smin, smax, s32_min, s32_max } = reg.s;
  if (low ? s32_min >= min && s32_max <= max : smin >= BigInt(min) && smax <= BigInt(max)) return null;
  return invalid(`${at} the register R${regno} has${rangeText(reg.s)} should have been in [${min}, ${max}]`);
}

/** Kernel verbose_invalid_scalar. */
export function rangeText({ smin, smax }: Scalar): string {
  const known = (smin > S64_MIN ? ` smin=${smin}` : '') + (smax < S64_MAX ? ` smax=${smax}` : '');
  return known || ' unknown scalar value';
}
