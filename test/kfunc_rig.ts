// One program that calls kfuncs, run thrice: interpreter, JIT (harness.ts: they agree in every byte) and, where it is there,
// the live kernel: result, packet and the map's value are the same. In the text `kcall NAME` is a call, r6 the map's value
// (64 bytes: 1, 2, 3, ...), r9 the context.

import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { type Oracle, openOracle } from '../conformance/kernel/oracle.ts';
import type { Kernel } from '../src/index.ts';
import { asm } from '../src/isa/index.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { progTypeByName } from '../src/spec/prog_types.ts';
import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import { loadText, runBoth, testKernel } from './harness.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const SIZE = 64;
const ARRAY = { name: 'array', type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: SIZE, maxEntries: 1 };
const ZERO = new Uint8Array(4);
const VALUE = Uint8Array.from({ length: SIZE }, (_, i) => i + 1);

export interface Run {
  readonly text: string;
  /** Default sched_cls. */
  readonly type?: 'sched_cls' | 'xdp' | 'syscall' | 'socket_filter' | 'cgroup_skb';
  /** Default: 64 bytes, an Ethernet header with the type of IPv4 and then 14, 15, 16, ... */
  readonly data?: Uint8Array;
  /** false: only the two engines run it. */
  readonly live?: false;
}

interface Seen {
  readonly retval: number;
  readonly value: Uint8Array;
  readonly data: Uint8Array;
}

export const PACKET = Uint8Array.from({ length: 64 }, (_, i) => (i === 12 ? 8 : i === 13 ? 0 : i));

const program = (text: string): string => `
  r9 = r1
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = map array ll
  call bpf_map_lookup_elem
  if r0 != 0 goto start
  exit
start:
  r6 = r0
${text}
  exit`;

const withIds = (text: string, types: KernelTypes) =>
  text.replace(/kcall (\w+)/g, (_, name) => `call ${name}#${types.funcId(name) ?? -1}`);

export class KfuncRig {
  readonly kernel: Kernel;
  /** null = there is none to compare with. */
  readonly live: Oracle | null;
  /** The live kernel's, or the built-in ones. */
  readonly types: KernelTypes;

  private constructor(kernel: Kernel, live: Oracle | null) {
    this.kernel = kernel;
    this.live = live;
    this.types = live === null ? COMMON_TYPES : readKernelTypes(readFileSync(VMLINUX));
  }

  static async open(): Promise<KfuncRig> {
    let why = '';
    const oracle = openOracle((reason) => {
      why = reason;
    });
    const usable = oracle?.kernelRelease.startsWith('6.18.') && existsSync(VMLINUX);
    if (!usable)
      console.warn(`kfuncs at run time: no comparison with the live kernel: ${why || oracle?.kernelRelease}`);
    if (!usable) oracle?.shutdown();
    return new KfuncRig(await testKernel(), usable ? oracle : null);
  }

  /** The low half of r0, signed. */
  run({ text, type = 'sched_cls', data, live }: Run): number {
    const input = type === 'syscall' ? undefined : (data ?? PACKET);
    const array = this.kernel.createMap({ ...ARRAY, flags: 0 });
    array.set(ZERO, VALUE);
    const flags = type === 'syscall' ? 16 : 0;
    const loaded = loadText(this.kernel, { text: withIds(program(text), COMMON_TYPES), type, flags, maps: { array } });
    const own = runBoth(this.kernel, loaded, input === undefined ? {} : { data: input });
    const ours = { retval: Number(BigInt.asIntN(32, own.retval)), value: array.get(ZERO)!, data: own.data };
    loaded.close();
    this.kernel.removeMap(array);
    if (this.live !== null && live !== false) {
      const linux = this.#onKernel(this.live, withIds(program(text), this.types), type, input);
      const data = type === 'syscall' ? ours.data : linux.data;
      expect(ours).toEqual({ ...linux, data });
    }
    return ours.retval;
  }

  #onKernel(live: Oracle, text: string, type: string, data: Uint8Array | undefined): Seen {
    const { insns, relocs } = asm(text);
    const loaded = live.load({
      type: progTypeByName(type)!.id,
      flags: type === 'syscall' ? 16 : 0,
      license: 'GPL',
      insns,
      maps: [{ ...ARRAY, flags: 0 }],
      mapRefs: new Map(relocs.map((r) => [r.insn, { map: 0, kind: 'fd' as const, off: 0 }])),
    });
    expect(loaded.verdict, loaded.log).toBe('ACCEPT');
    live.update(loaded.maps[0], ZERO, VALUE);
    const run = live.run(loaded.handle, data === undefined ? {} : { data });
    const value = live.lookup(loaded.maps[0], ZERO, SIZE) as Uint8Array;
    live.unload(loaded);
    expect(run.rc).toBe(0);
    return { retval: run.retval | 0, value, data: run.data };
  }

  close(): void {
    this.kernel.close();
    this.live?.shutdown();
  }
}
