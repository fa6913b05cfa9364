// Every kfunc of spec/kfunc_abi.ts, bound to a CPU. A row without an implementation does not compile.

import type { HelperEnv, HelperImpl } from '../helpers/helper.ts';
import type { RunnableKfuncName } from '../spec/kfunc_abi.ts';
import { arenaKfuncs } from './arena.ts';
import { dynptrKfuncs } from './dynptr.ts';
import { iterNumKfuncs } from './iter_num.ts';
import type { BindKfunc, KfuncTable } from './kfunc.ts';
import { stringKfuncs } from './string.ts';

const IMPLEMENTATIONS = {
  ...arenaKfuncs,
  ...dynptrKfuncs,
  ...iterNumKfuncs,
  ...stringKfuncs,
} as const satisfies Record<RunnableKfuncName, BindKfunc>;

/** The table of one CPU. */
export function bindKfuncs(env: HelperEnv, cpu: number): KfuncTable {
  const bound = Object.entries<BindKfunc>(IMPLEMENTATIONS).map(([name, bind]) => [name, bind(env, cpu)] as const);
  return Object.fromEntries(bound) as Record<RunnableKfuncName, HelperImpl>;
}
