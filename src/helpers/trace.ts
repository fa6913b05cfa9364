// bpf_trace_printk: formats a line (printf.ts) and hands it to the environment.

import type { Memory } from '../memory/memory.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { HelperRows } from './helper.ts';
import { formatPrintk } from './printf.ts';

/** Reads for %s, %pI4 and the like: null where a program's pointer leads nowhere. */
function reader(memory: Memory): (addr: bigint, size: number) => Uint8Array | null {
  return (addr, size) => {
    const at = addr > 0xffffffffn ? 0 : Number(addr);
    return memory.contains(at, size) ? memory.bytes(at, size) : null;
  };
}

function u64(lo: number, hi: number): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

export const traceHelpers = {
  bpf_trace_printk: (env, cpu) => (fmtAddr, fmtSize, lo1, hi1, lo2, hi2, lo3, hi3) => {
    const { memory } = env;
    if (!memory.contains(fmtAddr >>> 0, fmtSize >>> 0)) return -ERRNO.EFAULT;
    const format = memory.bytes(fmtAddr >>> 0, fmtSize >>> 0);
    const out = formatPrintk(format, [u64(lo1, hi1), u64(lo2, hi2), u64(lo3, hi3)], reader(memory));
    if (typeof out === 'number') return out;
    // slice: TextDecoder refuses shared memory.
    const text = new TextDecoder().decode(out.bytes.slice());
    env.trace({ cpu, text: text.endsWith('\n') ? text.slice(0, -1) : text });
    return out.length;
  },
} as const satisfies HelperRows;
