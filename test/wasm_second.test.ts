// The modules we emit in the eyes of others: wabt validates those of the corpus (programs, cases, random programs, at
// both levels; those of the objects in engines.test.ts), and Wasmtime runs those that need no helper of ours,
// with the same r0 and the same memory as V8.

import { describe, expect, it } from 'vitest';
import { readDataCases } from '../conformance/data_file.ts';
import { LEVELS } from '../conformance/engines.ts';
import { ROOT, sharedFile } from '../conformance/shared.ts';
import { readIsaRows } from '../conformance/vectors.ts';
import type { JitLevel, Kernel } from '../src/index.ts';
import { mapOpsBytes } from '../src/maps/ops.ts';
import { type CorpusProgram, loadCorpus } from './corpus.ts';
import { testKernel } from './harness.ts';
import { randomProgram } from './jit_random.ts';
import { PROGRAMS } from './programs.ts';
import { differencesInWasmtime, imageOf, record, standsAlone, wasmtimeMissing } from './second_engine.ts';
import { expectValid, validate } from './wabt.ts';

type Loader = (kernel: Kernel, level: JitLevel) => CorpusProgram;
const raw = (
  name: string,
  insns: CorpusProgram['loaded']['loaded']['code']['insns'],
  data: Uint8Array,
): [string, Loader] => [
  name,
  (kernel, jit) => ({
    loaded: kernel.loadProgram({ type: 'raw', name, insns, memSize: data.length }, { jit, verify: false }),
    data,
  }),
];
const RANDOM_MEMORY = Uint8Array.from({ length: 64 }, (_, i) => i * 37);
const CORPUS: [string, Loader][] = [
  ...PROGRAMS.map((program): [string, Loader] => [program.name, (kernel, jit) => loadCorpus(kernel, program, jit)]),
  ...readDataCases(`${ROOT}/conformance/cases`).map(({ name, insns, mem }) => raw(name, insns, mem)),
];
const vectors = sharedFile('vectors', 'random-isa-dev.json');
/** Larger programs that end, where they are at hand. */
const VECTORS =
  vectors === null
    ? []
    : readIsaRows(vectors)
        .slice(0, 100)
        .map((r) => raw(r.name, r.insns, r.mem));
/** Some of them never end, so they are not run. */
const RANDOM = Array.from({ length: 30 }, (_, seed) => raw(`random ${seed}`, randomProgram(seed), RANDOM_MEMORY));

describe('wabt', () => {
  it('takes every module of the corpus', async () => {
    const kernel = await testKernel();
    for (const [, load] of [...CORPUS, ...RANDOM]) await expectValid(load(kernel, 'off').loaded);
    kernel.close();
  });

  it('takes the map operations, and no broken module', async () => {
    const bytes = mapOpsBytes();
    await validate(bytes);
    // The last function ends too early: the module still has its shape.
    const broken = bytes.slice();
    broken[broken.lastIndexOf(0x0b) - 1] = 0x0b;
    await expect(validate(broken)).rejects.toThrow();
  });
});

const missing = wasmtimeMissing();
if (missing !== null) console.log(`runs in a second engine: skipped, ${missing}`);

describe.skipIf(missing !== null)('Wasmtime', () => {
  it.each(LEVELS)('gives the r0 and the memory that V8 gives, level %s', async (level) => {
    const runs = [];
    for (const [, load] of [...CORPUS, ...VECTORS]) {
      const kernel = await testKernel();
      const { loaded, data } = load(kernel, level);
      if (standsAlone(imageOf(loaded))) runs.push(record(kernel, loaded, { data }));
      kernel.close();
    }
    expect(runs.length).toBeGreaterThan(80);
    expect(differencesInWasmtime(runs)).toEqual([]);
  });

  it('notices another r0 and another byte', async () => {
    const kernel = await testKernel();
    const [, load] = raw(
      'r0 = 7',
      [
        { code: 0xb7, dst: 0, src: 0, off: 0, imm: 7 },
        { code: 0x95, dst: 0, src: 0, off: 0, imm: 0 },
      ],
      new Uint8Array(8),
    );
    const { loaded, data } = load(kernel, 'auto');
    const run = record(kernel, loaded, { data });
    const after = run.after.slice();
    after[after.length - 1] ^= 1;
    expect(differencesInWasmtime([run, { ...run, r0: 8n }, { ...run, after }])).toEqual([
      'r0 = 7: V8 0x8, Wasmtime 0x7',
      'r0 = 7: memory differs after the run',
    ]);
  });
});
