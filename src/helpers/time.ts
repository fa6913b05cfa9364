// Time, randomness and place: what the environment says, nothing else.

import { controlWord } from '../memory/layout.ts';
import type { HelperRows } from './helper.ts';

export const timeHelpers = {
  bpf_ktime_get_ns: (env, cpu) => () => {
    env.memory.setU64(controlWord(cpu, 'result'), BigInt.asUintN(64, env.clock()));
    return undefined;
  },
} as const satisfies HelperRows;
