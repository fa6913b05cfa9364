// Which CPU runs the program.

import type { HelperRows } from './helper.ts';

export const cpuHelpers = {
  bpf_get_smp_processor_id: (_env, cpu) => () => cpu,
} as const satisfies HelperRows;
