// Kfuncs that can run, and how engines call them. A kfunc is added with its name in RUNNABLE_KFUNCS and one implementation
// in src/kfuncs (the two are tied by `satisfies`). What is passed follows from its prototype, as in a C call on x86-64: an
// argument fills as many low bits of its register as its type has; of a result narrower than r0 the rest is 0.
//
// In code for engines a call's immediate is the kfunc's number here, not its id in some BTF (runtime/ksyms.ts).

import { commonFunc, commonFuncId, type KernelParam } from './kernel_func.ts';
import type { KfuncName } from './kfuncs.ts';
import type { Abi, AbiArg, AbiReturn } from './proto.ts';

/** A number is a place in this list, from 1 on. */
export const RUNNABLE_KFUNCS = [
  'bpf_iter_num_new',
  'bpf_iter_num_next',
  'bpf_iter_num_destroy',
] as const satisfies readonly KfuncName[];

export type RunnableKfuncName = (typeof RUNNABLE_KFUNCS)[number];

/** How many bytes behind a pointer a call may touch: so many; as the next argument says; unknown. */
export type Extent = number | 'next' | null;

export interface RunnableKfunc {
  readonly name: RunnableKfuncName;
  readonly number: number;
  readonly abi: Abi;
  /** By argument; null = no pointer, or nobody knows. */
  readonly extents: readonly Extent[];
}

function argOf({ type }: KernelParam): AbiArg {
  return type.size === 8 && type.kind !== 'ptr' ? 'u64' : 'u32';
}

function extentOf({ pointsTo }: KernelParam, next: KernelParam | undefined): Extent {
  if (pointsTo === null) return null;
  if (next !== undefined && /__szk?$/.test(next.name)) return 'next';
  return pointsTo.kind === 'struct' ? pointsTo.size : null;
}

function resultOf({ kind, size }: KernelParam['type']): AbiReturn {
  if (kind === 'void') return 'void';
  return size === 8 && kind !== 'ptr' ? 'wide' : 'u32';
}

function runnable(name: RunnableKfuncName, i: number): RunnableKfunc {
  const { params, returns } = commonFunc(commonFuncId(name)!)!;
  return {
    name,
    number: i + 1,
    abi: { args: params.map(argOf), ret: resultOf(returns.type) },
    extents: params.map((param, n) => extentOf(param, params[n + 1])),
  };
}

const KFUNCS: readonly RunnableKfunc[] = RUNNABLE_KFUNCS.map(runnable);
const byName = new Map<string, RunnableKfunc>(KFUNCS.map((kfunc) => [kfunc.name, kfunc]));

/** The kfunc of this name, if it can run. */
export function kfuncByName(name: string): RunnableKfunc | undefined {
  return byName.get(name);
}

/** The kfunc that a call in code for engines means. */
export function kfuncByNumber(number: number): RunnableKfunc | undefined {
  return KFUNCS[number - 1];
}
