// Every kfunc of spec/kfunc_abi.ts, bound to a CPU. A row without an implementation does not compile.

import type { HelperEnv, HelperImpl } from '../helpers/helper.ts';
import { RUNNABLE_KFUNCS, type RunnableKfuncName } from '../spec/kfunc_abi.ts';
import { iterNumKfuncs } from './iter_num.ts';
import type { BindKfunc, KfuncTable } from './kfunc.ts';

const IMPLEMENTATIONS = {
  ...iterNumKfuncs,
} as const satisfies Record<RunnableKfuncName, BindKfunc>;

/** The table of one CPU. */
export function bindKfuncs(env: HelperEnv, cpu: number): KfuncTable {
  const bound = RUNNABLE_KFUNCS.map((name): [RunnableKfuncName, HelperImpl] => {
    const bind: BindKfunc = IMPLEMENTATIONS[name];
    return [name, bind(env, cpu)];
  });
  return Object.fromEntries(bound) as Record<RunnableKfuncName, HelperImpl>;
}
