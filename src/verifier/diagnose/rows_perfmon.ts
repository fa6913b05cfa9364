// Messages that only loaders without CAP_PERFMON get: addresses that would leak, and moves of pointers that a CPU could
// guess past.

import type { MessageRow, Rows } from './row.ts';

const leaks = (where: string): MessageRow => ({
  class: 'leak',
  why: (c) => `${c.holds} would get into ${where}: an address of the kernel that others can read there`,
  help: 'store numbers, not pointers; or load the program with CAP_PERFMON',
});

const COPY: MessageRow = {
  class: 'leak',
  why: (c) => `a part of ${c.holds} would become a number`,
  help: 'keep pointers whole, or load the program with CAP_PERFMON',
};

const MOVED: MessageRow = {
  class: 'pointer_arithmetic',
  why: 'without CAP_PERFMON a pointer may only be moved where its bounds are known and the same on every path: the CPU may guess a branch wrong',
  help: 'move pointers to map values and to the stack by constants, or by numbers that were checked right before; or load the program with CAP_PERFMON',
};

export const PERFMON_ROWS = {
  'R{reg} leaks addr into map': leaks('a map'),
  'R{reg} leaks addr into mem': leaks('memory'),
  'R{reg} leaks addr into ctx': leaks('the context'),
  'R{reg} leaks addr into packet': leaks('the packet'),
  'R{reg} leaks addr into flow keys': leaks('the flow keys'),
  'R{reg} leaks addr into helper function': leaks('a helper that takes a number'),
  'R{reg} leaks addr as return value': leaks('the result of the program'),
  'leaking pointer from stack off {off}': {
    class: 'leak',
    why: 'a stored pointer would be handled as a number',
    help: 'use atomic operations on numbers only',
  },
  'attempt to corrupt spilled pointer on stack': {
    class: 'leak',
    why: 'a part of a stored pointer is overwritten: the rest could be read as a number',
    help: 'overwrite pointers whole, or use another variable',
  },
  'R{reg} partial copy of pointer': COPY,
  'R{reg} sign-extension part of pointer': COPY,
  'R{reg} pointer arithmetic prohibited': {
    class: 'pointer_arithmetic',
    why: (c) => `the operation makes a number of ${c.holds}`,
    help: 'use it on numbers only, or load the program with CAP_PERFMON',
  },
  'R{reg} pointer comparison prohibited': {
    class: 'pointer_arithmetic',
    why: (c) => `${c.holds} is compared: the outcome says something about an address`,
    help: 'compare pointers with NULL only, and packet pointers with data_end',
  },
  'R{reg} has unknown scalar with mixed signed bounds, pointer arithmetic with it prohibited for !root': MOVED,
  'R{reg} has pointer with unsupported alu operation, pointer arithmetic with it prohibited for !root': MOVED,
  'R{reg} tried to {op} from different maps, paths or scalars, pointer arithmetic with it prohibited for !root': MOVED,
  'R{reg} tried to {op} beyond pointer bounds, pointer arithmetic with it prohibited for !root': MOVED,
  'R{reg} variable stack access prohibited for !root, var_off={tnum} off={off}': MOVED,
  'R{reg} stack pointer arithmetic goes out of range, prohibited for !root; off={off}': MOVED,
  'R{reg} pointer arithmetic of map value goes out of range, prohibited for !root': MOVED,
  "'struct {struct}' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN": {
    class: 'helper_unavailable',
    why: 'structures of the kernel can be read only with CAP_PERFMON',
    help: 'load the program with CAP_PERFMON',
  },
  'programs of type {type} need CAP_PERFMON': {
    class: 'program_setup',
    why: 'programs that trace the kernel can be loaded only with CAP_PERFMON',
    help: 'load the program with CAP_PERFMON',
  },
  'tail_call abusing map_ptr': {
    class: 'map_access',
    why: 'one tail call uses different maps on different paths, so its index can not be masked',
    help: 'make one call per map, in separate branches',
  },
} as const satisfies Rows;
