// What a program returns: some program types give a meaning to few numbers only (kernel check_return_code).

import { returnRange } from '../spec/prog_types.ts';
import type { Env } from './env.ts';
import { markPrecise } from './precision.ts';
import { kindText } from './reg.ts';
import { invalid, type Reject } from './reject.ts';
import { S64_MAX, S64_MIN, type Scalar } from './scalar.ts';

/** The exit of a program: may R0 hold what it holds? */
export function checkReturnCode(env: Env): Reject | null {
  const { async } = env.frame;
  if (async !== null) return inRange(env, async.returns, 'At async callback return');
  if (env.frame.subprog !== 0) {
    const r0 = env.reg(0);
    if (r0.kind === 'scalar') return null;
    return invalid(`At subprogram exit the register R0 is not a scalar value (${kindText(r0)})`);
  }
  const range = returnRange(env.type, env.attach);
  return range === null ? null : inRange(env, range, 'At program exit');
}

type Place = 'At program exit' | 'At async callback return';

function inRange(env: Env, [min, max]: readonly [number, number], at: Place): Reject | null {
  const r0 = env.reg(0);
  if (r0.kind !== 'scalar') return invalid(`${at} the register R0 is not a known value (${kindText(r0)})`);
  const reject = markPrecise(env, 0);
  if (reject) return reject;
  const { smin, smax } = r0.s;
  if (smin >= BigInt(min) && smax <= BigInt(max)) return null;
  return invalid(`${at} the register R0 has${rangeText(r0.s)} should have been in [${min}, ${max}]`);
}

/** Kernel verbose_invalid_scalar. */
export function rangeText({ smin, smax }: Scalar): string {
  const known = (smin > S64_MIN ? ` smin=${smin}` : '') + (smax < S64_MAX ? ` smax=${smax}` : '');
  return known || ' unknown scalar value';
}
