// Kfuncs with a behaviour of their own: interpreter, JIT and the live kernel do the same.

import { afterAll, describe, expect, it } from 'vitest';
import { fp } from './dynptr_text.ts';
import { KfuncRig, type Run } from './kfunc_rig.ts';

const rig = await KfuncRig.open();
afterAll(() => rig.close());

type Row = readonly [text: string, result: number, more?: Omit<Run, 'text'>];

function check(rows: Readonly<Record<string, Row>>): void {
  it.each(Object.entries(rows))('%s', (_name, [text, result, more]) => {
    expect(rig.run({ text, ...more })).toBe(result);
  });
}

describe('iterators over numbers', () => {
  const begin = (from: number | string, to: number | string, at = -16) => `${fp('r1', at)}
    r2 = ${from}
    r3 = ${to}
    kcall bpf_iter_num_new`;
  const next = (at = -16) => `${fp('r1', at)}
    kcall bpf_iter_num_next`;
  const end = (at = -16) => `${fp('r1', at)}
    kcall bpf_iter_num_destroy`;
  let loops = 0;
  /** r0 = `body` over the numbers, which are in r1. */
  const each = (from: number | string, to: number | string, body: string, at = -16): string => {
    const n = ++loops;
    return `${begin(from, to, at)}
again${n}:${next(at)}
    if r0 == 0 goto done${n}
    r1 = *(s32 *)(r0 + 0)
    ${body}
    goto again${n}
done${n}:${end(at)}`;
  };
  /** What making one gives, and how many numbers it then gives: 1000 * error + count. */
  const made = (from: number | string, to: number | string) => `${begin(from, to)}
    r7 = r0
    r8 = 0
again:${next()}
    if r0 == 0 goto done
    r8 += 1
    if r8 == 7 goto done
    goto again
done:${end()}
    r7 *= 1000
    r0 = r8
    r0 += r7`;
  check({
    'from 0 to 5': [made(0, 5), 5],
    'an empty range': [made(3, 3), 0],
    'a start above the end': [made(4, 3), -22000],
    'negative numbers': [made(-5, -2), 3],
    'over zero': [made(-2, 2), 4],
    'all that are allowed': [made(-1, 8388607), 7],
    'one more': [made(-1, 8388608), -7000],
    'all there are': [made('-2147483648', '2147483647'), -7000],
    'the lowest number': [made('-2147483648', '-2147483646'), 2],
    'none at the lowest number': [made('-2147483648', '-2147483648'), 0],
    'the highest number': [made('2147483645', '2147483647'), 2],
    'a start of which only the lower half counts': [
      `r2 = 0xffffffff00000001 ll\nr8 = r2${begin('r8', 4)}\n*(u64 *)(r6 + 0) = r0${next()}
      if r0 == 0 goto done\nr7 = *(u32 *)(r0 + 0)\n*(u32 *)(r6 + 8) = r7\ndone:${end()}\nr0 = *(u32 *)(r6 + 8)`,
      1,
    ],
    'the upper half of an error is 0': [`${begin(4, 3)}\nr7 = r0${end()}\nr7 >>= 32\nr0 = r7`, 0],
    'the sum': [
      `*(u64 *)(r6 + 0) = 0${each(-3, 100, 'r2 = *(u64 *)(r6 + 0)\nr2 += r1\n*(u64 *)(r6 + 0) = r2')}\nr0 = *(u64 *)(r6 + 0)`,
      4944,
    ],
    nested: [
      `*(u64 *)(r6 + 0) = 0\n${each(0, 7, `r7 = r1${each('r7', 9, 'r2 = *(u64 *)(r6 + 0)\nr2 += 1\n*(u64 *)(r6 + 0) = r2', -24)}`)}
      r0 = *(u64 *)(r6 + 0)`,
      42,
    ],
    'left early, made again': [
      `${begin(5, 50)}${next()}\nif r0 == 0 goto over\nr7 = *(u32 *)(r0 + 0)\n*(u32 *)(r6 + 0) = r7\nover:${end()}${made(1, 4)}
      r1 = *(u32 *)(r6 + 0)\nr0 *= 10\nr0 += r1`,
      35,
    ],
    'asked after its end': [
      `${begin(0, 1)}${next()}${next()}${next()}\nr7 = 1\nif r0 == 0 goto over\nr7 = 2\nover:${end()}\nr0 = r7`,
      1,
    ],
    'in a called function': [
      `r1 = 3\ncall sum\nr7 = r0\nr1 = 11\ncall sum\nr0 += r7\nexit
sum:
      r7 = r1\nr6 = 0${begin(0, 'r7')}
again:${next()}
      if r0 == 0 goto done
      r6 += 1
      if r6 > 20 goto done
      goto again
done:${end()}
      r0 = r6`,
      14,
    ],
    'of another': [
      `${begin(2, 6)}${fp('r1', -16)}\ncall take\nr7 = r0${fp('r1', -16)}\ncall take\nr7 *= 10\nr7 += r0${end()}\nr0 = r7\nexit
take:
      kcall bpf_iter_num_next
      if r0 == 0 goto gone
      r0 = *(u32 *)(r0 + 0)
gone:
      r0 = r0`,
      23,
    ],
    'in a syscall program': [made(1, 4), 3, { type: 'syscall' }],
    'in an XDP program': [made(1, 4), 3, { type: 'xdp' }],
  });
});
