// What a kfunc's implementation looks like to an engine: as a helper's (helpers/helper.ts), by the ABI of spec/kfunc_abi.ts.
// It checks every address and length it gets; whatever a program passes, it answers and does not throw.

import type { HelperEnv, HelperImpl } from '../helpers/helper.ts';
import type { RunnableKfuncName } from '../spec/kfunc_abi.ts';

/** Implementations bound to one CPU. */
export type KfuncTable = { readonly [K in RunnableKfuncName]: HelperImpl };

/** One row of src/kfuncs: makes the implementation for a CPU. */
export type BindKfunc = (env: HelperEnv, cpu: number) => HelperImpl;
/** The rows of one file. */
export type KfuncRows = { readonly [K in RunnableKfuncName]?: BindKfunc };
