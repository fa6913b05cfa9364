// Arenas: verdicts and messages as Linux 6.18 gives them; beside the live kernel the whole log and the processed count.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { Kernel, loadJit } from '../src/index.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_ATTACH_TYPE, BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { match } from '../src/verifier/diagnose/catalogue.ts';
import { verify } from '../src/verifier/index.ts';
import { inputOf, ROWS } from './arena_programs.ts';
import { randomRun } from './arena_random.ts';
import { ARENA, OUT, outBytes, RUNS, type Run, START, sourceOf } from './arena_runs.ts';
import { runBoth } from './harness.ts';
import { comparable } from './live_log.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

describe('programs', () => {
  it.each(ROWS)('$what', (row) => {
    const result = verify(inputOf(row, COMMON_TYPES), row.limited ? { perfmon: false } : {});
    expect(result.ok ? null : result.error.message).toBe(row.message);
    if (row.message) expect(match(row.message)).not.toBeNull();
  });
});

describe('running', () => {
  beforeAll(() => loadJit());

  it.each(RUNS)('$what', (run: Run) => {
    const kernel = new Kernel();
    const [arena, out] = [kernel.createMap(ARENA), kernel.createMap(OUT)];
    const source = sourceOf(run, (name) => COMMON_TYPES.funcId(name));
    runBoth(kernel, kernel.loadProgram({ ...source, maps: [arena, out] }));
    expect(out.get(0)).toEqual(outBytes(run.out));
    expect(kernel.heap.checkCanaries()).toEqual([]);
    kernel.close();
  });
});

const SEEDS = Array.from({ length: 60 }, (_, i) => 1000 + i);

/** Both engines; `mixed`: some instruction gets pointers and numbers, where Linux cuts both (README). */
function runRandom(seed: number) {
  const kernel = new Kernel();
  const [arena, out] = [kernel.createMap(ARENA), kernel.createMap(OUT)];
  const source = sourceOf(randomRun(seed), (name) => COMMON_TYPES.funcId(name));
  const program = kernel.loadProgram({ ...source, maps: [arena, out] });
  runBoth(kernel, program);
  const facts = kernel.programById(program.id)?.code.facts;
  const result = { bytes: out.get(0), mixed: facts?.arena?.includes(3), processed: program.verifier?.stats.processed };
  kernel.close();
  return result;
}

describe('random programs', () => {
  it.each(SEEDS)('seed %i', (seed) => {
    expect(runRandom(seed).bytes?.length).toBe(64);
  });
});

describe.skipIf(oracle === null || !existsSync(VMLINUX))('beside the live kernel', () => {
  const types: KernelTypes = oracle === null ? COMMON_TYPES : readKernelTypes(readFileSync(VMLINUX));

  it.each(ROWS.filter((row) => !row.alone))('$what', (row) => {
    const input = inputOf(row, types);
    const maps = input.maps.map((map) => ({ ...map, extra: map.userStart ?? 0 }));
    const linux = oracle!.load({ ...input, maps }, { logLevel: 2, capBpfOnly: row.limited });
    oracle!.unload(linux);
    const own = verify(input, { kernelTypes: types, logLevel: 2, cpus: oracle!.possibleCpus, perfmon: !row.limited });
    expect([linux.verdict, linux.verdict === 'ACCEPT' ? null : linux.message]).toEqual(
      (row.linux === undefined ? row.message : row.linux) === null
        ? ['ACCEPT', null]
        : ['REJECT', row.linux ?? row.message],
    );
    if (row.linux !== undefined) return;
    expect(own.ok ? null : own.error.code).toBe(linux.errno);
    if (!row.limited) expect(comparable(own.log)).toEqual(comparable(linux.log));
  });

  it.each([
    ['of the map that an iterator gives', 8, null],
    [
      '... not of its file',
      0,
      'kernel function bpf_arena_alloc_pages args#0 expected pointer to STRUCT bpf_map but R1 has a pointer to STRUCT bpf_iter_meta',
    ],
  ] as const)('pages %s', (_what, member, message) => {
    const text = `r1 = *(u64 *)(r1 + ${member})\nif r1 == 0 goto out\nr2 = 0\nr3 = 1\nr4 = 0\nr5 = 0\nkcall bpf_arena_alloc_pages\nout:\nr0 = 0\nexit`;
    const attachBtfId = types.targetId('func', 'bpf_iter_bpf_map');
    const row = { what: '', text, message, type: T.BPF_PROG_TYPE_TRACING, flags: 16 };
    const input = { ...inputOf(row, types), expectedAttachType: BPF_ATTACH_TYPE.BPF_TRACE_ITER, attachBtfId };
    const own = verify(input, { kernelTypes: types, logLevel: 2 });
    expect(own.ok ? null : own.error.message).toBe(message);
    if (message !== null) return; // nothing but maps is asked of Linux
    const linux = oracle!.load(input, { logLevel: 2 });
    oracle!.unload(linux);
    expect(comparable(own.log)).toEqual(comparable(linux.log));
  });

  it.each(SEEDS)('random program, seed %i', (seed) => {
    const own = runRandom(seed);
    const maps = [{ ...ARENA, extra: START }, OUT];
    const source = sourceOf(randomRun(seed), (name) => types.funcId(name));
    const linux = oracle!.load({ ...source, type: T.BPF_PROG_TYPE_SYSCALL, license: 'GPL', maps });
    expect([linux.verdict, linux.processed]).toEqual(['ACCEPT', own.processed]);
    expect(oracle!.run(linux.handle).rc).toBe(0);
    if (!own.mixed) expect(own.bytes).toEqual(oracle!.lookup(linux.maps[1], new Uint8Array(4), 64));
    oracle!.unload(linux);
  });

  it.each(RUNS.filter((run) => run.linux !== null))('$what', (run) => {
    const source = sourceOf(run, (name) => types.funcId(name));
    const maps = [{ ...ARENA, extra: START }, OUT];
    const linux = oracle!.load({ ...source, type: T.BPF_PROG_TYPE_SYSCALL, license: 'GPL', maps });
    expect([linux.verdict, linux.message]).toEqual(['ACCEPT', null]);
    expect(oracle!.run(linux.handle).rc).toBe(0);
    expect(oracle!.lookup(linux.maps[1], new Uint8Array(4), 64)).toEqual(outBytes(run.linux ?? run.out));
    oracle!.unload(linux);
  });
});
