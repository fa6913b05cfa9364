// What a program returns: some program types give a meaning to few numbers only (kernel check_return_code).

import { returnRange } from '../spec/prog_types.ts';
import type { Env } from './env.ts';
import { markPrecise } from './precision.ts';
import { kindText } from './reg.ts';
import { invalid, type Reject } from './reject.ts';
import { S64_MAX, S64_MIN, type Scalar } from './scalar.ts';

/** The end of a program: may the register hold what it holds? */
export function checkReturnCode(env: Env, regno = 0): Reject | null {
  const { async, subprog } = env.state.frames[0];
  if (async !== null) return inRange(env, regno, async.returns, 'At async callback return');
  if (subprog !== 0 && subprog !== env.prog.exceptionCallback) {
    const reg = env.reg(regno);
    if (reg.kind === 'scalar') return null;
    return invalid(`At subprogram exit the register R${regno} is not a scalar value (${kindText(reg)})`);
  }
  const range = returnRange(env.type, env.attach);
  return range === null ? null : inRange(env, regno, range, 'At program exit');
}

type Place = 'At program exit' | 'At async callback return';

function inRange(env: Env, regno: number, [min, max]: readonly [number, number], at: Place): Reject | null {
  const reg = env.reg(regno);
  if (reg.kind !== 'scalar') return invalid(`${at} the register R${regno} is not a known value (${kindText(reg)})`);
  const reject = markPrecise(env, regno);
  if (reject) return reject;
  const { smin, smax } = reg.s;
  if (smin >= BigInt(min) && smax <= BigInt(max)) return null;
  return invalid(`${at} the register R${regno} has${rangeText(reg.s)} should have been in [${min}, ${max}]`);
}

/** Kernel verbose_invalid_scalar. */
export function rangeText({ smin, smax }: Scalar): string {
  const known = (smin > S64_MIN ? ` smin=${smin}` : '') + (smax < S64_MAX ? ` smax=${smax}` : '');
  return known || ' unknown scalar value';
}
