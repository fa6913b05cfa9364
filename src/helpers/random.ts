// bpf_get_prandom_u32: the environment's next number.

import type { HelperRows } from './helper.ts';

export const randomHelpers = {
  bpf_get_prandom_u32: (env, cpu) => () => env.random(cpu) | 0,
} as const satisfies HelperRows;
