// Iterators over numbers (kernel/bpf/bpf_iter.c): struct bpf_iter_num on the program's stack.
//
//   0  s32 cur      what _next gave last; it gives the address of this word
//   4  s32 end      first number that is not given
//
// One that ended, or could not be made, is all zeroes: _next gives NULL from then on. The JIT has the same in
// jit/lower_kfunc.ts.

import { ITER_NUM, MAX_LOOPS } from '../spec/iter_num.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { KfuncRows } from './kfunc.ts';

export const iterNumKfuncs = {
  bpf_iter_num_new:
    ({ memory }) =>
    (at, start, end) => {
      const it = at >>> 0;
      if (!memory.contains(it, ITER_NUM.size)) return -ERRNO.EFAULT;
      const wrong = start > end ? -ERRNO.EINVAL : end - start > MAX_LOOPS ? -ERRNO.E2BIG : 0;
      memory.setU32(it + ITER_NUM.cur, wrong === 0 ? start - 1 : 0);
      memory.setU32(it + ITER_NUM.end, wrong === 0 ? end : 0);
      return wrong;
    },
  bpf_iter_num_next:
    ({ memory }) =>
    (at) => {
      const it = at >>> 0;
      if (!memory.contains(it, ITER_NUM.size)) return 0;
      const next = (memory.u32(it + ITER_NUM.cur) + 1) | 0;
      if (next < (memory.u32(it + ITER_NUM.end) | 0)) {
        memory.setU32(it + ITER_NUM.cur, next);
        return it + ITER_NUM.cur;
      }
      memory.setU64(it, 0n);
      return 0;
    },
  bpf_iter_num_destroy:
    ({ memory }) =>
    (at) => {
      if (memory.contains(at >>> 0, ITER_NUM.size)) memory.setU64(at >>> 0, 0n);
      return undefined;
    },
} as const satisfies KfuncRows;
