// A `raw` program (r1 = address of a memory, r2 = its length) as an XDP program that Linux can load and run: a prologue
// turns the packet into that memory. Linux wants XDP test packets of at least 14 bytes, so the packet is padded; the
// program may still touch only the memory's bytes, because the prologue proves no more of them.

import type { Insn } from '../../src/isa/insn.ts';
import { BPF_PROG_TYPE } from '../../src/uapi/enums.ts';
import type { KernelProgram, KernelRun, Oracle } from './oracle.ts';

const ETH_HLEN = 14;
const XDP_MD = { data: 0, dataEnd: 4 };

const slot = (code: number, dst: number, src: number, off: number, imm: number): Insn => ({ code, dst, src, off, imm });

export function rawAsXdp(insns: readonly Insn[], memSize: number): KernelProgram {
  const prologue = [
    slot(0x61, 2, 1, XDP_MD.dataEnd, 0), // r2 = data_end
    slot(0x61, 1, 1, XDP_MD.data, 0), // r1 = data
    slot(0xbf, 3, 1, 0, 0), // r3 = data
    slot(0x07, 3, 0, 0, memSize), // r3 += memSize
    slot(0xbd, 3, 2, 2, 0), // if r3 <= r2 goto body
    slot(0xb7, 0, 0, 0, 0), // r0 = 0
    slot(0x95, 0, 0, 0, 0), // exit
    slot(0xb7, 2, 0, 0, memSize), // body: r2 = memSize
  ];
  return { type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP, license: 'GPL', insns: [...prologue, ...insns] };
}

/** Linux's 32-bit result of a raw program, or null when it refuses to load it. */
export function runRawOnKernel(oracle: Oracle, insns: readonly Insn[], mem: Uint8Array): number | null {
  const loaded = oracle.load(rawAsXdp(insns, mem.length));
  if (loaded.verdict === 'REJECT') return null;
  try {
    const data = new Uint8Array(Math.max(mem.length, ETH_HLEN));
    data.set(mem);
    const run: KernelRun = oracle.run(loaded.handle, { data });
    return run.rc === 0 ? run.retval : null;
  } finally {
    oracle.unload(loaded);
  }
}
