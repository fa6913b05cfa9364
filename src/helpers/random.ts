// bpf_get_prandom_u32, and the generator behind it where runs must repeat: same seed, same numbers.

import type { HelperRows } from './helper.ts';

export const randomHelpers = {
  bpf_get_prandom_u32: (env, cpu) => () => env.random(cpu) | 0,
} as const satisfies HelperRows;

/** A generator of u32 (splitmix32) for one CPU: CPUs of one seed get different sequences. */
export function seededRandom(seed: number, cpu: number): () => number {
  let state = (seed ^ Math.imul(cpu + 1, 0x85ebca6b)) | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
}
