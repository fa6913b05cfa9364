// Helper numbers <-> names as the kernel prints and clang writes them: bpf_map_lookup_elem is 1. All of Linux 6.18's,
// whether beewasm has the helper or not: text must be readable before it is runnable.

import { BPF_FUNC_ID } from '../uapi/enums.ts';

const rows = Object.entries(BPF_FUNC_ID)
  .filter(([name]) => name.startsWith('BPF_FUNC_'))
  .map(([name, id]) => [id, name.replace('BPF_FUNC_', 'bpf_')] as const);

const nameOf = new Map<number, string>(rows);
const idOf = new Map<string, number>(rows.map(([id, name]) => [name, id]));

export const helperName = (id: number): string | undefined => nameOf.get(id);
export const helperId = (name: string): number | undefined => idOf.get(name);
