// Tail calls between programs of one module: direct jumps, taken only while the slot holds the program they go to.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JitEngine } from '../jit/index.ts';
import { type BpfMap, type Kernel, openObject, type Program } from '../src/index.ts';
import type { LoadedProgram } from '../src/runtime/engine.ts';
import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import { BpfError } from '../src/uapi/errors.ts';
import { loadText, runBoth, runBothBatch, testKernel } from './harness.ts';

const data = new Uint8Array(64);
const call = (index: number | string) => `r2 = map jumps\nr3 = ${index}\ncall bpf_tail_call\n`;

function maps(kernel: Kernel): { jumps: BpfMap; a: BpfMap } {
  const map = (name: string, type: number, valueSize: number, maxEntries: number) =>
    kernel.createMap({ name, type, keySize: 4, valueSize, maxEntries, flags: 0 });
  return {
    jumps: map('jumps', BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY, 4, 4),
    a: map('a', BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, 8, 1),
  };
}

const jitOf = (kernel: Kernel) => kernel.engine('jit') as JitEngine;

/** What the Kernel does with the programs of an object. */
function together(kernel: Kernel, ...programs: readonly Program[]): void {
  jitOf(kernel).prepareSync!(
    programs.map((p) => p.loaded),
    kernel.slotOf,
  );
}

const jumpsOf = (kernel: Kernel, { loaded }: Program) =>
  jitOf(kernel)
    .image(loaded)
    .jumps.map((j) => j.id);
const wasmOf = (kernel: Kernel, { loaded }: Program) => jitOf(kernel).image(loaded).wasm;

async function open(cpus = 1) {
  const kernel = await testKernel({ cpus });
  const all = maps(kernel);
  const load = (text: string, functions?: ReadonlyMap<number, string>, verify = true) =>
    loadText(kernel, { type: 'xdp', text, maps: all, verify, ...(functions && { functions }) });
  const r0 = (program: Program, cpu = 0) => Number(runBoth(kernel, program, { data, cpu }).retval);
  return { kernel, ...all, load, r0 };
}

describe('tail calls inside a module', () => {
  it('follow the slot: another program, none, the first one again', async () => {
    const { kernel, jumps, load, r0 } = await open(2);
    const first = load(`r6 = r1\n${call(1)}r0 = 9\nexit`);
    const second = load(`r6 = r1\n${call(2)}r0 = 8\nexit`);
    const [last, other] = [load('r0 = 1\nexit'), load('r0 = 2\nexit')];
    jumps.set(1, second);
    jumps.set(2, last);
    together(kernel, other, last, second, first);
    expect(jumpsOf(kernel, first)).toEqual([second.id]);
    expect(jumpsOf(kernel, second)).toEqual([last.id]);
    expect(wasmOf(kernel, first)).toBe(wasmOf(kernel, last));
    expect(wasmOf(kernel, other)).not.toBe(wasmOf(kernel, last));
    for (const cpu of [0, 1]) expect(r0(first, cpu)).toBe(1);
    jumps.set(2, other);
    expect(r0(first)).toBe(2);
    jumps.delete(2);
    expect(r0(first)).toBe(8);
    jumps.delete(1);
    expect(r0(first, 1)).toBe(9);
    jumps.set(1, last);
    expect(r0(first)).toBe(1);
    jumps.set(1, second);
    jumps.set(2, last);
    for (const cpu of [0, 1]) expect(r0(first, cpu)).toBe(1);
    expect([...runBothBatch(kernel, first, [data, data])]).toEqual([1, 1]);
    kernel.close();
  });

  it('see an update in the middle of a run', async () => {
    const { kernel, jumps, load, r0 } = await open();
    const first = load(`r6 = r1\ncall bpf_get_prandom_u32\nr1 = r6\n${call(0)}r0 = 9\nexit`);
    const [one, two] = [load('r0 = 1\nexit'), load('r0 = 2\nexit')];
    jumps.set(0, one);
    together(kernel, first, one, two);
    let runs = 0;
    kernel.helpers.mock('bpf_get_prandom_u32', () => {
      // Each engine: one -> two -> nothing -> one
      const now = runs++ % 3;
      if (now === 0) jumps.set(0, two);
      else if (now === 1) jumps.delete(0);
      else jumps.set(0, one);
      return 0;
    });
    for (const wanted of [2, 9, 1]) {
      expect(first.run({ data, engine: 'jit' }).retval).toBe(wanted);
    }
    for (const wanted of [2, 9, 1]) {
      expect(first.run({ data, engine: 'interp' }).retval).toBe(wanted);
    }
    kernel.helpers.restore('bpf_get_prandom_u32');
    expect(r0(first)).toBe(1);
    kernel.close();
  });

  it('are 33 at most, counted together with those through the table', async () => {
    const { kernel, jumps, a, load } = await open();
    const counting = (next: string) => `
      r6 = r1
      r1 = value a + 0
      r2 = *(u64 *)(r1 +0)
      r2 += 1
      *(u64 *)(r1 +0) = r2
      r1 = r6
      r2 = map jumps
      ${next}
      call bpf_tail_call
      r0 = 2
      exit`;
    const direct = load(counting('r3 = 1'));
    const byTable = load(counting('r4 = *(u32 *)(r1 +12)\nr3 = 0\nr3 &= r4'));
    jumps.set(0, direct);
    jumps.set(1, byTable);
    together(kernel, direct, byTable);
    expect([jumpsOf(kernel, direct), jumpsOf(kernel, byTable)]).toEqual([[byTable.id], []]);
    expect([...runBothBatch(kernel, direct, [data, data, data])]).toEqual([2, 2, 2]);
    expect(new DataView(a.get(0)!.slice().buffer).getBigUint64(0, true)).toBe(3n * 34n);
    kernel.close();
  });

  it('jump to the program itself, until that is 33 times', async () => {
    const { kernel, jumps, load, r0 } = await open();
    const self = load(`
      r6 = r1
      r1 = value a + 0
      r7 = *(u64 *)(r1 +0)
      r7 += 1
      *(u64 *)(r1 +0) = r7
      if r7 > 99 goto out
      r1 = r6
      ${call(3)}
    out:
      r0 = r7
      exit`);
    jumps.set(3, self);
    together(kernel, self);
    expect(jumpsOf(kernel, self)).toEqual([self.id]);
    expect(r0(self)).toBe(34);
    kernel.close();
  });

  it('from a function replace only it', async () => {
    const { kernel, jumps, load, r0 } = await open();
    const functions = new Map([
      [0, 'main'],
      [4, 'f'],
    ]);
    const program = load(
      `
      r6 = r1
      call f
      r0 += 100
      exit
    f:
      ${call(0)}
      r0 = 1
      exit`,
      functions,
    );
    const target = load('r6 = 7\nr0 = 5\nexit');
    jumps.set(0, target);
    together(kernel, program, target);
    expect(jumpsOf(kernel, program)).toEqual([target.id]);
    expect(r0(program)).toBe(105);
    kernel.close();
  });

  it('go to programs of every kind: one that nobody verified and that calls itself', async () => {
    const { kernel, jumps, load, r0 } = await open();
    const program = load(`${call(0)}r0 = 9\nexit`);
    const text = 'r1 = 3\ncall f\nexit\nf: r0 = r1\nif r1 == 0 goto out\nr1 -= 1\ncall f\nr0 += 1\nout: exit';
    const target = load(text, undefined, false);
    jumps.set(0, target);
    together(kernel, program, target);
    expect(jumpsOf(kernel, program)).toEqual([target.id]);
    expect(r0(program)).toBe(3);
    kernel.close();
  });

  it('guess by the number right in front: a wrong guess is no wrong jump', async () => {
    const { kernel, jumps, load, r0 } = await open();
    const either = load(`
      r4 = *(u32 *)(r1 +0)
      r5 = *(u32 *)(r1 +4)
      r2 = map jumps
      r3 = 0
      if r4 < r5 goto go
      r3 = 1
    go:
      call bpf_tail_call
      r0 = 9
      exit`);
    const [zero, one] = [load('r0 = 10\nexit'), load('r0 = 11\nexit')];
    jumps.set(0, zero);
    jumps.set(1, one);
    together(kernel, either, zero, one);
    expect(jumpsOf(kernel, either)).toEqual([one.id]);
    expect(r0(either)).toBe(10);
    const beyond = load(`${call(4)}r0 = 9\nexit`);
    together(kernel, beyond);
    expect(jumpsOf(kernel, beyond)).toEqual([]);
    expect(r0(beyond)).toBe(9);
    kernel.close();
  });

  it('are not taken past a helper that user code replaces', async () => {
    const { kernel, jumps, load, r0 } = await open();
    const program = load(`${call(0)}r0 = 9\nexit`);
    const target = load(`
      r1 = *(u32 *)(r1 +16)
      *(u32 *)(r10 -4) = r1
      r1 = map a
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem
      if r0 == 0 goto none
      r0 = 1
      exit
    none:
      r0 = 2
      exit`);
    jumps.set(0, target);
    together(kernel, program, target);
    expect(r0(program)).toBe(1);
    kernel.helpers.mock('bpf_map_lookup_elem', () => 0);
    expect(r0(program)).toBe(2);
    kernel.helpers.restore('bpf_map_lookup_elem');
    expect(r0(program)).toBe(1);
    kernel.close();
  });

  it('are not linked to a target whose maps lie elsewhere', async () => {
    const { kernel, jumps, load } = await open();
    const program = load(`${call(0)}r0 = 9\nexit`);
    const target = load('r1 = value a + 0\nr0 = *(u32 *)(r1 +0)\nexit');
    jumps.set(0, target);
    together(kernel, program, target);
    const moved = { ...target.loaded, maps: target.loaded.maps.map((m) => ({ ...m, values: m.values + 8 })) };
    const link = (found: LoadedProgram) => () => jitOf(kernel).link(program.loaded, kernel.cpu(0), () => found);
    expect(link(moved)).toThrow(BpfError);
    expect(link(moved)).toThrow('was compiled for maps at other addresses');
    expect(link(target.loaded)).not.toThrow();
    kernel.close();
  });
});

it('the programs of an object that jump to each other share a module, however it is loaded', async () => {
  const spec = openObject(readFileSync('bench/programs/tail.bpf.o'));
  for (const way of ['load', 'loadSync'] as const) {
    const kernel = await testKernel();
    const { programs } = await kernel[way](spec);
    const modules = new Set(Object.values(programs).map((p) => wasmOf(kernel, p)));
    expect(modules.size).toBe(1);
    expect(jumpsOf(kernel, programs.tail)).toEqual([programs.hop0.id]);
    expect(runBoth(kernel, programs.tail, { data: new Uint8Array(200) }).retval).toBe(200n);
    kernel.close();
  }
});
