// Kfuncs that are worth code of their own: iterators over numbers, whose calls are the control of a loop. In verified
// programs only: what they are given is an iterator. src/kfuncs/iter_num.ts says what each does.

import { ITER_NUM, MAX_LOOPS } from '../src/spec/iter_num.ts';
import type { RunnableKfuncName } from '../src/spec/kfunc_abi.ts';
import { ERRNO } from '../src/uapi/errno.ts';
import type { FnLowering } from './function.ts';

export const KFUNCS: Partial<Record<RunnableKfuncName, (l: FnLowering) => void>> = {
  bpf_iter_num_new: (l) => {
    const { b } = l;
    const { i32 } = b;
    const [it, start, end, wrong] = ['iter', 'start', 'end', 'wrong'].map((name) => l.local(name, 'i32'));
    const get = b.get32;
    const count = i32.sub(get(end), get(start));
    const tooMany = b.select32(i32.gt_u(count, i32.const(MAX_LOOPS)), i32.const(-ERRNO.E2BIG), i32.const(0));
    const begin = [
      i32.store(ITER_NUM.cur, 4, get(it), i32.sub(get(start), i32.const(1))),
      i32.store(ITER_NUM.end, 4, get(it), get(end)),
    ];
    l.push(
      b.set(it, l.low(1)),
      b.set(start, l.low(2)),
      b.set(end, l.low(3)),
      b.set(wrong, b.select32(i32.gt_s(get(start), get(end)), i32.const(-ERRNO.EINVAL), tooMany)),
      b.if(i32.eqz(get(wrong)), begin, [clear(l, it)]),
    );
    l.setLow(0, get(wrong));
  },

  bpf_iter_num_next: (l) => {
    const { b } = l;
    const { i32 } = b;
    const it = l.local('iter', 'i32');
    const next = l.local('next', 'i32');
    const cur = i32.load(ITER_NUM.cur, 4, b.tee32(it, l.low(1)));
    const more = i32.lt_s(b.tee32(next, i32.add(cur, i32.const(1))), i32.load(ITER_NUM.end, 4, b.get32(it)));
    l.push(
      b.if(more, [i32.store(ITER_NUM.cur, 4, b.get32(it), b.get32(next))], [clear(l, it), b.set(it, i32.const(0))]),
    );
    l.setLow(0, b.get32(it));
  },

  bpf_iter_num_destroy: (l) => {
    const it = l.local('iter', 'i32');
    l.push(l.b.set(it, l.low(1)), clear(l, it));
    l.setConst(0, 0n);
  },
};

function clear({ b }: FnLowering, it: number) {
  return b.i64.store(0, 8, b.get32(it), b.i64.const(0n));
}
