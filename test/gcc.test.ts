// Objects of GCC: two of its generations, whose assemblers write relocations otherwise (test/objects/gcc).
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { openObject } from '../src/loader/index.ts';
import { verify } from '../src/verifier/index.ts';
import { runBoth, testKernel } from './harness.ts';

const OBJECTS = ['modern', 'old'] as const;
const read = (name: string) => openObject(new Uint8Array(readFileSync(`test/objects/gcc/${name}.bpf.o`)));
const u64 = (bytes: Uint8Array | undefined) =>
  bytes === undefined ? undefined : new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);

describe('runs what GCC made', () => {
  it('of names and static functions, global data, a PROG_ARRAY that the object fills', async () => {
    const kernel = await testKernel();
    const { programs, maps } = await kernel.load(read('modern'));
    expect(runBoth(kernel, programs.first, { data: new Uint8Array(20) }).retval).toBe(3n);
    expect(u64(maps.lengths.get(Uint8Array.of(20, 0, 0, 0)))).toBe(20n * 3n + 7n);
    expect(u64(maps.verdicts.get(Uint8Array.of(1, 0, 0, 0)))).toBe(1n);
    kernel.close();
  });

  it('of maps by the relocations of old binutils', async () => {
    const kernel = await testKernel();
    const { programs, maps } = await kernel.load(read('old'));
    expect(runBoth(kernel, programs.first, { data: new Uint8Array(20) }).retval).toBe(3n);
    expect(u64(maps.before.get(Uint8Array.of(0, 0, 0, 0)))).toBe(5n);
    expect(u64(maps.verdicts.get(Uint8Array.of(1, 0, 0, 0)))).toBe(1n);
    kernel.close();
  });
});

const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));

describe.skipIf(oracle === null)('beside the live kernel', () => {
  afterAll(() => oracle?.shutdown());

  it.each(OBJECTS)('%s', (name) => {
    const object = read(name);
    const both = kernelPrograms(oracle!, object);
    for (const program of Object.values(object.programs)) {
      const asked = both.of(program);
      if (typeof asked === 'string') throw new Error(asked);
      const linux = oracle!.load(asked.kernel);
      oracle!.unload(linux);
      const { ok, stats } = verify(asked.input, { cpus: oracle!.possibleCpus });
      expect([program.name, ok, stats.processed]).toEqual([program.name, linux.verdict === 'ACCEPT', linux.processed]);
    }
    both.close();
  });
});
