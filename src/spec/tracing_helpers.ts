// Helpers of programs that are bound to the kernel's BTF, as Linux 6.18 answers; programs at functions, which the machine
// that was asked does not load, by its source.

import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';
import type { HelperTypes } from './helper_types.ts';
import { STRUCT_OPS } from './struct_ops.ts';

const COMMON =
  '1-8 12 14-17 22 25 27 35 37 42 45-46 55 67 80 87-89 93-94 105-109 111-115 117-118 120-121 123 125 130-134 136-141 ' +
  '147-149 153-154 156-158 162 164-165 169-173 175-178 180-182 188 191 194-203 208-211';

/** Storage of inodes, execution of programs, hashes of files. */
const LSM = '145-146 159 161 193';

export const TRACING_HELPERS: readonly HelperTypes[] = [
  { type: T.BPF_PROG_TYPE_TRACING, attach: [AT.BPF_TRACE_RAW_TP], helpers: `${COMMON} 174` },
  { type: T.BPF_PROG_TYPE_TRACING, attach: [AT.BPF_TRACE_ITER], helpers: `${COMMON} 49 57 126-127 150` },
  {
    type: T.BPF_PROG_TYPE_TRACING,
    attach: [AT.BPF_TRACE_FENTRY, AT.BPF_TRACE_FEXIT, AT.BPF_MODIFY_RETURN],
    helpers: `${COMMON} 174 183-185`,
  },
  { type: T.BPF_PROG_TYPE_LSM, attach: [AT.BPF_LSM_MAC], helpers: `${COMMON} ${LSM} 174 183-185` },
  { type: T.BPF_PROG_TYPE_LSM, attach: [AT.BPF_LSM_CGROUP], helpers: `${COMMON} ${LSM} 49 57 81 186-187` },
  // Which of them hangs on the structure (struct_ops.ts).
  {
    type: T.BPF_PROG_TYPE_STRUCT_OPS,
    attach: null,
    helpers: Object.values(STRUCT_OPS)
      .map((row) => row.helpers)
      .join(' '),
  },
];
