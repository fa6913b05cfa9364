// Time: what the environment says, nothing else.

import { controlWord } from '../memory/layout.ts';
import type { BindHelper, HelperRows } from './helper.ts';

const now: BindHelper = (env, cpu) => () => {
  env.memory.setU64(controlWord(cpu, 'result'), BigInt.asUintN(64, env.clock()));
  return undefined;
};

export const timeHelpers = {
  bpf_ktime_get_ns: now,
  // CLOCK_BOOTTIME is CLOCK_MONOTONIC plus the time asleep, and this world never sleeps.
  bpf_ktime_get_boot_ns: now,
} as const satisfies HelperRows;
