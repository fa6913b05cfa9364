// What a helper implementation looks like to an engine.

import type { HelperName } from '../spec/helpers.ts';

/**
 * A helper's implementation: i32 arguments as numbers (spec/helpers.ts abiParams: u64 = lo, hi), i32 result or nothing
 * (64-bit results in the CPU block).
 */
export type HelperImpl = (...args: number[]) => number | undefined;

/** Implementations bound to one CPU; bpf_tail_call is the engines' own. */
export type HelperTable = { readonly [K in Exclude<HelperName, 'bpf_tail_call'>]: HelperImpl };
