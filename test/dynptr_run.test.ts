// Dynptrs on plain memory at run time: both engines give the same, which is what the live kernel gives, where it is.

import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { asm } from '../src/isa/index.ts';
import { BPF_MAP_TYPE, BPF_PROG_TYPE } from '../src/uapi/enums.ts';
import { loadText, runBoth, testKernel } from './harness.ts';

const ARRAY = { name: 'array', type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 64, maxEntries: 1 };

const make = (size: number | string, flags: number | string = 0, off = 0) => `
  r1 = r6
  r1 += ${off}
  r2 = ${size}
  r3 = ${flags} ll
  r4 = r10
  r4 += -24
  call bpf_dynptr_from_mem
  r7 = r0`;
const read = (length: number, offset: number | string, flags: number | string = 0) => `
  r1 = r10
  r1 += -48
  r2 = ${length}
  r3 = r10
  r3 += -24
  r4 = ${offset} ll
  r5 = ${flags} ll
  call bpf_dynptr_read`;
const write = (offset: number | string, length: number, flags: number | string = 0) => `
  r1 = r10
  r1 += -24
  r2 = ${offset} ll
  r3 = r10
  r3 += -48
  r4 = ${length}
  r5 = ${flags} ll
  call bpf_dynptr_write`;
const byte = (offset: number | string, length: number) => `
  r1 = r10
  r1 += -24
  r2 = ${offset} ll
  r3 = ${length}
  call bpf_dynptr_data
  if r0 == 0 goto none
  r0 = *(u8 *)(r0 + 0)
  *(u8 *)(r6 + 63) = r0
  exit
none:
  r0 = -1`;

/** [program behind the lookup, result]. */
const ROWS: Readonly<Record<string, readonly [text: string, result: number]>> = {
  made: [`${make(48)}\nr0 = r7`, 0],
  'made with flags': [`${make(48, 1)}\nr0 = r7`, -22],
  'made with flags in the upper half': [`${make(48, '0x100000000')}\nr0 = r7`, -22],
  'made of nothing': [`${make(0)}${read(0, 0)}`, 0],
  read: [`${make(48)}${read(8, 1)}\nr0 = *(u32 *)(r10 - 48)`, 0x05040302],
  'read to the end': [`${make(16)}${read(8, 8)}`, 0],
  'read past the end': [`${make(16)}${read(8, 9)}`, -7],
  'read nothing at the end': [`${make(16)}${read(0, 16)}`, 0],
  'read nothing past the end': [`${make(16)}${read(0, 17)}`, -7],
  'read far away': [`${make(16)}${read(8, -1)}`, -7],
  'read where only the lower half of the offset counts': [
    `${make(16)}${read(4, '0x100000002')}\nr0 = *(u32 *)(r10 - 48)`,
    0x06050403,
  ],
  'read with flags': [`${make(16)}${read(8, 0, 1)}`, -22],
  'read of one that could not be made': [`${make(16, 1)}${read(8, 0)}`, -22],
  'read by an offset of 32 bits': [`${make(48, 0, 7)}${read(1, 40)}\nr0 = *(u8 *)(r10 - 48)`, 48],
  written: [`${make(16)}${write(2, 5)}`, 0],
  'written in part of the value': [`${make(16, 0, 30)}${write(11, 5)}`, 0],
  'written past the end': [`${make(16)}${write(12, 5)}`, -7],
  'written with flags': [`${make(16)}${write(2, 5, 1)}`, -22],
  'written with flags, past the end': [`${make(16)}${write(99, 5, '0x100000000')}`, -7],
  'written where there is none': [`${make(16, 1)}${write(2, 5)}`, -22],
  slice: [`${make(16)}${byte(5, 4)}`, 6],
  'slice past the end': [`${make(16)}${byte(13, 4)}`, -1],
  'slice of none': [`${make(16, 5)}${byte(0, 4)}`, -1],
  'made again': [`${make(16)}${make(16, 0, 20)}${byte(0, 1)}`, 21],
  'overwritten, then made again': [`${make(16)}\n*(u64 *)(r10 - 16) = 7${make(16, 0, 20)}${byte(0, 1)}`, 21],
};

const program = (text: string): string => `
  *(u32 *)(r10 - 4) = 0
  r2 = r10
  r2 += -4
  r1 = map array ll
  call bpf_map_lookup_elem
  r6 = r0
  *(u64 *)(r10 - 48) = -1
  *(u64 *)(r10 - 40) = -1
${text}
  exit`;

const VALUE = Uint8Array.from({ length: 64 }, (_, i) => i + 1);
const ZERO = new Uint8Array(4);

let skipReason = '';
const oracle = openOracle((reason) => {
  skipReason = reason;
});
const live = oracle?.kernelRelease.startsWith('6.18.') ? oracle : null;
if (oracle && !live) skipReason = `Linux ${oracle.kernelRelease}`;
if (skipReason) console.warn(`dynptrs at run time: no comparison with the live kernel: ${skipReason}`);
afterAll(() => oracle?.shutdown());

function onKernel(text: string): { retval: number; value: Uint8Array } {
  const { insns, relocs } = asm(text);
  const loaded = live!.load({
    type: BPF_PROG_TYPE.BPF_PROG_TYPE_XDP,
    license: 'GPL',
    insns,
    maps: [{ ...ARRAY, flags: 0 }],
    mapRefs: new Map(relocs.map((r) => [r.insn, { map: 0, kind: 'fd' as const, off: 0 }])),
  });
  expect(loaded.message === null || loaded.verdict === 'ACCEPT', loaded.log).toBe(true);
  live!.update(loaded.maps[0], ZERO, VALUE);
  const { retval } = live!.run(loaded.handle, { data: new Uint8Array(64) });
  const value = live!.lookup(loaded.maps[0], ZERO, 64) as Uint8Array;
  live!.unload(loaded);
  return { retval: retval | 0, value };
}

describe('dynptrs at run time', async () => {
  const kernel = await testKernel();

  it.each(Object.entries(ROWS))('%s', (_name, [text, result]) => {
    const array = kernel.createMap({ ...ARRAY, flags: 0 });
    array.set(ZERO, VALUE);
    const loaded = loadText(kernel, { text: program(text), type: 'xdp', maps: { array } });
    const { retval } = runBoth(kernel, loaded, { data: new Uint8Array(64) });
    expect(Number(BigInt.asIntN(32, BigInt(retval)))).toBe(result);
    if (live === null) return;
    const linux = onKernel(program(text));
    expect(linux.retval).toBe(result);
    expect(array.get(ZERO)).toEqual(linux.value);
  });
});
