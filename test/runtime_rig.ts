// Kernels, programs and packets of the tests of the runtime.

import { type BpfMap, Kernel } from '../src/index.ts';
import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import { BpfError, UnsupportedError } from '../src/uapi/errors.ts';
import { loadText, type TextSource } from './harness.ts';

export const kernelOf = () => new Kernel({ clock: 'virtual', seed: 1 });

export const loaded = (text: string, source: Partial<TextSource> = {}, kernel = kernelOf()) =>
  loadText(kernel, { type: 'xdp', verify: false, text, ...source });

/** 0, 1, 2, ... with an Ethernet type. */
export function packet(length: number, etherType = 0x0800): Uint8Array {
  const bytes = Uint8Array.from({ length }, (_, i) => i);
  bytes.set([etherType >> 8, etherType & 0xff], 12);
  return bytes;
}

export function errorOf(fn: () => unknown): string {
  try {
    fn();
  } catch (e) {
    if (e instanceof BpfError || e instanceof UnsupportedError) return e.code;
    throw e;
  }
  return 'ok';
}

export const array = (kernel: Kernel, maxEntries = 4): BpfMap =>
  kernel.createMap({
    name: 'a',
    type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize: 8,
    maxEntries,
    flags: 0,
  });

export const progArray = (kernel: Kernel, maxEntries = 4): BpfMap =>
  kernel.createMap({
    name: 'jumps',
    type: BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY,
    keySize: 4,
    valueSize: 4,
    maxEntries,
    flags: 0,
  });

export const PASS = 'r0 = 2\nexit';
export const LENGTH = 'r2 = *(u32 *)(r1 +0)\nr0 = *(u32 *)(r1 +4)\nr0 -= r2\nexit';
