// Small programs about objects on the stack (iterators, interrupt flags, dynptrs of kfuncs), each with the last lines of what
// the verifier says.

import { DYNPTR_ENTRIES } from './dynptr_kfunc_programs.ts';
import { IRQ_ENTRIES } from './irq_programs.ts';
import { ITER_ENTRIES } from './iter_programs.ts';
import type { ObjectRow } from './object_calls.ts';

const ENTRIES = { ...ITER_ENTRIES, ...IRQ_ENTRIES, ...DYNPTR_ENTRIES };

export const ROWS: Readonly<Record<string, ObjectRow>> = Object.fromEntries(
  Object.entries(ENTRIES).map(([name, e]) => [
    name,
    typeof e === 'string' ? { text: e, says: null } : { text: e[0], says: e[1], ...e[2] },
  ]),
);
