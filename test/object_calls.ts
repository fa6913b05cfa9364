// Programs about objects on the stack as text: what a row says of one (null = accepted), and the calls that many of them make.
// `kcall NAME` calls a kfunc.

import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { fp } from './dynptr_text.ts';

export interface ObjectRow {
  readonly text: string;
  readonly says: string | null;
  /** Default SCHED_CLS. */
  readonly type?: number;
  readonly flags?: number;
  /** Needs layouts that only a kernel's BTF has. */
  readonly vmlinux?: true;
  /** Linux 6.18 answers the other way: why. */
  readonly differs?: string;
}

export const XDP = { type: T.BPF_PROG_TYPE_XDP } as const;
export const SLEEPABLE = { type: T.BPF_PROG_TYPE_SYSCALL, flags: 16 } as const;

export const begin = (off = -8, from = '0', to = '10') => `${fp('r1', off)}
  r2 = ${from}
  r3 = ${to}
  kcall bpf_iter_num_new`;

export const next = (off = -8) => `${fp('r1', off)}
  kcall bpf_iter_num_next`;

export const end = (off = -8) => `${fp('r1', off)}
  kcall bpf_iter_num_destroy`;

export const OUT = `
out:
  r0 = 0
  exit`;

/** A loop over the numbers with \`body\`, which may go to \`done\`. */
export const loop = (body: string, before = '', after = '') => `${before}${begin()}
again:${next()}
  if r0 == 0 goto done
  ${body}
  goto again
done:${end()}
  ${after}
  r0 = 0
  exit`;

export const VALUE = `
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = map array ll
  call bpf_map_lookup_elem
  if r0 == 0 goto out
  r6 = r0`;

export const packet = (off: number, kind = 'skb') => `
  r1 = r9
  r2 = 0
${fp('r3', off)}
  kcall bpf_dynptr_from_${kind}`;

export const slice = (off: number, size = 8, rdwr = '', buffer = -64) => `${fp('r1', off)}
  r2 = 0
  ${buffer === 0 ? 'r3 = 0' : fp('r3', buffer)}
  r4 = ${size}
  kcall bpf_dynptr_slice${rdwr}`;

export const clone = (from: number, to: number) => `${fp('r1', from)}${fp('r2', to)}
  kcall bpf_dynptr_clone`;

export const on = (off: number, call: string, args = '') => `${fp('r1', off)}
  ${args}
  kcall bpf_dynptr_${call}`;

export const data = (off: number, size = 8) => `${fp('r1', off)}
  r2 = 0
  r3 = ${size}
  call bpf_dynptr_data`;

export const save = (off: number) => `${fp('r1', off)}
  kcall bpf_local_irq_save`;

export const restore = (off: number) => `${fp('r1', off)}
  kcall bpf_local_irq_restore`;

export type Entry = string | readonly [text: string, says: string | null, more?: Omit<ObjectRow, 'text' | 'says'>];
export const LEAK = 'BPF_EXIT instruction in main prog would lead to reference leak';
