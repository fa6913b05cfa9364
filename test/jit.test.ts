// The JIT as a whole: control flow of every shape, calls and tail calls between modules, what programs do that nobody
// verified, and what an Image is. Single operations: jit_ops.test.ts; programs on both engines: engines.test.ts.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, type MockInstance, vi } from 'vitest';
import { dumpPass, dumpWat } from '../jit/dump.ts';
import { createJitEngine, type JitEngine, JitError } from '../jit/index.ts';
import { createInterpreter } from '../src/interp/interp.ts';
import { decode, type Insn } from '../src/isa/index.ts';
import { controlWord } from '../src/memory/layout.ts';
import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import { kernelWith, loadText, runBoth, runBothUnlessEndless, testKernel } from './harness.ts';
import { randomProgram } from './jit_random.ts';
import { MEM_SIZE, outcome, Rig } from './jit_rig.ts';

let rig: Rig;
let printed: MockInstance<typeof console.error>;
beforeAll(async () => {
  printed = vi.spyOn(console, 'error'); // before Binaryen is imported, which keeps the function it finds
  rig = await Rig.open();
});
afterAll(() => rig.kernel.close());

const insn = (code: number, fields: Partial<Insn> = {}): Insn => ({ code, dst: 0, src: 0, off: 0, imm: 0, ...fields });
const EXIT = insn(0x95);
const jeq = (imm: number, off: number) => insn(0x15, { dst: 2, imm, off });
const addR0 = (imm: number) => insn(0x07, { imm });

describe('control flow', () => {
  it('nested loops', () => {
    const text = `
      r0 = 0
      r3 = 10
    outer:
      r4 = r3
    inner:
      r0 += r4
      r4 -= 1
      if r4 != 0 goto inner
      r3 -= 1
      if r3 != 0 goto outer
      exit`;
    expect(rig.r0(text)).toBe(220n);
  });

  it('loops one after another do not nest', () => {
    const loop = (i: number) => `r3 = 3\nl${i}:\nr0 += ${i}\nr3 -= 1\nif r3 != 0 goto l${i}\n`;
    const text = `r0 = 0\n${Array.from({ length: 50 }, (_, i) => loop(i)).join('')}exit`;
    const program = rig.load(text);
    expect(rig.run(rig.link(program))).toBe(3n * (49n * 25n));
    const tree = dumpPass(program, 'structure');
    expect(Math.max(...tree.split('\n').map((l) => l.search(/\S/)))).toBeLessThan(10);
  });

  it('a loop with several exits and a continue', () => {
    const text = `
      r0 = 0
      r3 = 0
    head:
      r3 += 1
      if r3 == 5 goto head
      r0 += r3
      if r3 > 20 goto a
      if r0 > 100 goto b
      goto head
    a:
      r0 += 1000
      exit
    b:
      r0 += 2000
      exit`;
    expect(rig.r0(text)).toBe(2115n); // 1 + ... + 15 without 5
  });

  it('a jump into a loop from outside, nested twice', async () => {
    const text = `
      r0 = 0
      r3 = *(u8 *)(r1 +0)
      r4 = 0
      if r3 == 1 goto middle
      if r3 == 2 goto end
    top:
      r0 += 1
    middle:
      r0 += 10
      if r0 < 60 goto inner
      goto end
    inner:
      r4 += 1
      if r4 < 3 goto middle
    end:
      r0 += 100
      if r0 < 400 goto top
      exit`;
    const kernel = await testKernel();
    const program = loadText(kernel, { type: 'raw', text, verify: false });
    const results = [0, 1, 2].map((first) => runBoth(kernel, program, { data: Uint8Array.of(first) }).retval);
    expect(results).toEqual([464n, 463n, 433n]);
    kernel.close();
  });

  it('hundreds of targets that are open at the same time', () => {
    const n = 400;
    // if r2 == i goto target i; all targets stand behind, and each falls into the next.
    const code = [
      ...Array.from({ length: n }, (_, i) => jeq(i, n - 1)),
      ...Array.from({ length: n }, () => addR0(1)),
      EXIT,
    ];
    const run = rig.link(rig.load(code));
    for (const r2 of [0, 1, 200, 399]) expect(run.run64(rig.mem, r2)).toBe(BigInt(n - r2));
  });

  it('forty thousand instructions without overflowing the stack', async () => {
    const quick = await Rig.open({ validate: false });
    const code: Insn[] = [];
    for (let i = 0; i < 10_000; i++) code.push(addR0(1), jeq(i, 1), addR0(1), addR0(1));
    code.push(EXIT);
    expect(quick.link(quick.load(code)).run64(quick.mem, 7)).toBe(10_000n * 3n - 1n);
    quick.kernel.close();
  });

  it('random programs leave every byte as the interpreter does', async () => {
    const jit = await createJitEngine({ validate: true, maxSteps: 65_536 });
    const kernel = kernelWith(createInterpreter({ maxSteps: 20_000 }), jit);
    let compared = 0;
    for (let seed = 1; seed <= 200; seed++) {
      const source = { type: 'raw', insns: randomProgram(seed), name: `seed ${seed}` } as const;
      const program = kernel.loadProgram(source, { jit: 'off', verify: false });
      const data = Uint8Array.from({ length: 64 }, (_, i) => i * 37 + seed);
      if (runBothUnlessEndless(kernel, program, { data })) compared++;
      program.close();
    }
    expect(compared).toBeGreaterThan(120);
    kernel.close();
  });
});

describe('programs that were not verified', () => {
  it('end with an errno', () => {
    expect(outcome(() => rig.r0('r0 = 1'))).toBe('EINVAL');
    expect(outcome(() => rig.r0([insn(0x05, { off: 30 }), EXIT]))).toBe('EINVAL');
    expect(outcome(() => rig.r0([insn(0xff), EXIT]))).toBe('EINVAL');
    expect(outcome(() => rig.r0([insn(0x85, { imm: 9999 }), EXIT]))).toBe('EINVAL');
    expect(outcome(() => rig.r0('r0 = *(u64 *)(r0 +8)\nexit'))).toBe('EFAULT');
    expect(outcome(() => rig.r0('r1 = -8\nr0 = *(u64 *)(r1 +0)\nexit'))).toBe('EFAULT');
    expect(outcome(() => rig.r0('r2 = 0x100000000 ll\nr1 += r2\n*(u64 *)(r1 +0) = r2\nexit'))).toBe('EFAULT');
    expect(outcome(() => rig.r0('r1 = 0xbffffff0 ll\nr0 = *(u64 *)(r1 +0)\nexit'))).toBe('EFAULT');
    expect(outcome(() => rig.r0('call self\nexit\nself:\ncall self\nexit'))).toBe('E2BIG');
    expect(outcome(() => rig.r0('r6 = 77777\ncallx r6\nexit'))).toBe('EINVAL');
  });

  it('do not run for ever', async () => {
    const short = await Rig.open({ maxSteps: 100_000 });
    expect(outcome(() => short.r0('l:\ngoto l'))).toBe('EAGAIN');
    const program = short.load('l:\ngoto l');
    short.kernel.memory.setU32(controlWord(0, 'kill'), 1);
    expect(outcome(() => short.run(short.link(program)))).toBe('EINTR');
    short.kernel.close();
  });

  it('may move r10', () => {
    expect(rig.r0('r10 += -64\n*(u64 *)(r10 -8) = 5\nr0 = *(u64 *)(r10 -8)\nexit')).toBe(5n);
  });
});

describe('runs', () => {
  it('32 and 64 bits', () => {
    const run = rig.link(rig.load('r0 = -2\nr0 += r2\nexit'));
    expect(run.run64(0, 0)).toBe(0xffff_ffff_ffff_fffen);
    expect(run.run32(0, 0)).toBe(0xffff_fffe);
    expect(run.run32(0, 7)).toBe(5);
  });

  it('a batch runs each record', () => {
    const { memory, heap } = rig.kernel;
    const n = 5;
    const batch = heap.alloc(16 * n);
    for (let i = 0; i < n; i++) {
      memory.setU32(batch + 16 * i, rig.mem + i);
      memory.setU32(batch + 16 * i + 4, 1000 + i);
    }
    rig.setMem(Uint8Array.of(10, 20, 30, 40, 50));
    rig.link(rig.load('r0 = *(u8 *)(r1 +0)\nr0 += r2\nexit')).runBatch(batch, n);
    expect(Array.from({ length: n }, (_, i) => memory.u64(batch + 16 * i + 8))).toEqual([
      1010n,
      1021n,
      1032n,
      1043n,
      1054n,
    ]);
    heap.free(batch);
  });
});

const JUMPS = { type: BPF_MAP_TYPE.BPF_MAP_TYPE_PROG_ARRAY, keySize: 4, valueSize: 4, maxEntries: 4, flags: 0 };
const call = (index: number) => `r2 = map jumps\nr3 = ${index}\ncall bpf_tail_call#12\n`;

describe('tail calls between modules', () => {
  it('link what was not linked, on the first jump', async () => {
    const kernel = await testKernel();
    const jumps = kernel.createMap({ name: 'jumps', ...JUMPS });
    const maps = { jumps };
    const load = (text: string) => loadText(kernel, { type: 'xdp', text, maps });
    const first = load(`r6 = r1\n${call(1)}r0 = 9\nexit`);
    expect(runBoth(kernel, first, { data: new Uint8Array(64) }).retval).toBe(9n);
    // Loaded after the module that jumps was linked: beyond the end of its table, and behind stubs.
    const targets = Array.from({ length: 40 }, (_, i) => load(`r0 = ${i}\nexit`));
    for (const i of [39, 0, 20, 39]) {
      jumps.set(1, targets[i]);
      expect(runBoth(kernel, first, { data: new Uint8Array(64) }).retval).toBe(BigInt(i));
    }
    kernel.close();
  });

  it('from functions too, where they return to the caller', async () => {
    const kernel = await testKernel();
    const jumps = kernel.createMap({ name: 'jumps', ...JUMPS });
    const maps = { jumps };
    const target = loadText(kernel, { type: 'xdp', text: 'r0 = 5\nexit', maps });
    jumps.set(0, target);
    const functions = new Map([
      [0, 'main'],
      [4, 'f'],
    ]);
    const text = `
      call f
      r0 += 100
      exit
    f:
      ${call(0)}
      r0 = 1
      exit`;
    const program = loadText(kernel, { type: 'xdp', text: `r6 = r1\n${text}`, maps, functions });
    expect(runBoth(kernel, program, { data: new Uint8Array(64) }).retval).toBe(105n);
    kernel.close();
  });

  it('count per run, in batches too', async () => {
    const kernel = await testKernel();
    const jumps = kernel.createMap({ name: 'jumps', ...JUMPS });
    const hits = kernel.createMap({
      name: 'hits',
      type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
      keySize: 4,
      valueSize: 8,
      maxEntries: 1,
      flags: 0,
    });
    const text = `
      r6 = r1
      r1 = value hits + 0
      r2 = *(u64 *)(r1 +0)
      r2 += 1
      *(u64 *)(r1 +0) = r2
      r1 = r6
      ${call(0)}
      r0 = 2
      exit`;
    const program = loadText(kernel, { type: 'xdp', text, maps: { jumps, hits } });
    jumps.set(0, program);
    const packets = Array.from({ length: 3 }, () => new Uint8Array(64));
    expect([...program.runBatch(packets, { engine: 'jit' })]).toEqual([2, 2, 2]);
    expect(new DataView(hits.get(0)!.slice().buffer).getBigUint64(0, true)).toBe(3n * 34n);
    kernel.close();
  });
});

describe('what is known makes code', () => {
  it('spills of a verified program live in locals', async () => {
    const kernel = await testKernel();
    const text = `
      *(u64 *)(r10 -8) = r1
      r2 = 7
      *(u64 *)(r10 -16) = r2
      call bpf_get_smp_processor_id#8
      r1 = *(u64 *)(r10 -8)
      r2 = *(u64 *)(r10 -16)
      r3 = *(u32 *)(r1 +0)
      r0 += r2
      exit`;
    const program = loadText(kernel, { type: 'xdp', text });
    expect(runBoth(kernel, program, { data: new Uint8Array(64) }).retval).toBe(7n);
    const wat = dumpWat(program.loaded);
    expect(wat).not.toMatch(/i64\.store offset=50/);
    expect(dumpPass(program.loaded, 'promote')).toContain('13 vregs');
    kernel.close();
  });

  it('slots whose address is taken stay in memory', async () => {
    const kernel = await testKernel();
    const maps = {
      hash: kernel.createMap({
        name: 'hash',
        type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH,
        keySize: 4,
        valueSize: 8,
        maxEntries: 4,
        flags: 0,
      }),
    };
    const text = `
      r1 = 0x1122334455667788 ll
      *(u64 *)(r10 -16) = r1
      r6 = *(u32 *)(r10 -12)
      w1 = 3
      *(u32 *)(r10 -4) = w1
      *(u64 *)(r10 -24) = r6
      r1 = map hash
      r2 = r10
      r2 += -4
      r3 = r10
      r3 += -24
      r4 = 0
      call bpf_map_update_elem#2
      r1 = map hash
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem#1
      if r0 == 0 goto out
      r0 = *(u64 *)(r0 +0)
    out:
      exit`;
    const program = loadText(kernel, { type: 'raw', text, maps });
    expect(runBoth(kernel, program).retval).toBe(0x11223344n);
    expect(dumpPass(program.loaded, 'promote')).toContain('12 vregs');
    kernel.close();
  });

  it('lookups in arrays need no call, in hashes one of the map operations', async () => {
    const kernel = await testKernel({ cpus: 2 });
    const shape = { keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 };
    const maps = {
      array: kernel.createMap({ name: 'array', type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, ...shape }),
      percpu: kernel.createMap({ name: 'percpu', type: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_ARRAY, ...shape }),
      hash: kernel.createMap({ name: 'hash', type: BPF_MAP_TYPE.BPF_MAP_TYPE_PERCPU_HASH, ...shape }),
    };
    const lookup = (map: string, key: number) => `
      w1 = ${key}
      *(u32 *)(r10 -4) = w1
      r1 = map ${map}
      r2 = r10
      r2 += -4
      call bpf_map_lookup_elem#1
      if r0 == 0 goto none_${map}${key}
      r1 = *(u64 *)(r0 +0)
      r1 += 1
      *(u64 *)(r0 +0) = r1
      r6 += 1
    none_${map}${key}:`;
    const text = `r6 = 0\n${lookup('array', 3)}${lookup('array', 4)}${lookup('percpu', 2)}${lookup('hash', 1)}r0 = r6\nexit`;
    const program = loadText(kernel, { type: 'raw', text, maps });
    for (const cpu of [0, 1]) expect(runBoth(kernel, program, { cpu }).retval).toBe(2n);
    const { helpers, mapOps } = (kernel.engine('jit') as JitEngine).image(program.loaded);
    expect(helpers).toEqual([]);
    expect(mapOps).toEqual(['hash_lookup_4']);
    kernel.close();
  });

  it.each([4, 8, 12, 16, 20, 24, 36, 40, 6, 44])('hash lookups with keys of %i bytes', async (keySize) => {
    const kernel = await testKernel();
    const shape = { keySize, valueSize: 8, maxEntries: 64, flags: 0 };
    const h = kernel.createMap({ name: 'h', type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH, ...shape });
    const key = (n: number) =>
      Uint8Array.from({ length: keySize }, (_, i) => (i === keySize - 1 ? n : i * 29 + (n % 3)));
    for (let n = 0; n < 60; n++) h.set(key(n), BigInt(n + 1));
    const text = `
      r2 = r1
      r1 = map h
      call bpf_map_lookup_elem
      if r0 == 0 goto none
      r0 = *(u64 *)(r0 +0)
    none:
      exit`;
    const program = loadText(kernel, { type: 'raw', text, maps: { h }, memSize: keySize });
    for (let n = 0; n < 90; n++) {
      expect(runBoth(kernel, program, { data: key(n) }).retval).toBe(n < 60 ? BigInt(n + 1) : 0n);
    }
    kernel.close();
  });

  it('dead sides of branches are not emitted', async () => {
    const kernel = await testKernel();
    const text = `
      r0 = 1
      r2 = 5
      if r2 == 5 goto out
      r0 = 0x7777 ll
    out:
      exit`;
    const program = loadText(kernel, { type: 'raw', text });
    expect(runBoth(kernel, program).retval).toBe(1n);
    expect(dumpWat(program.loaded)).not.toContain(`${0x7777}`);
    kernel.close();
  });
});

describe('images', () => {
  it('are plain data, and the same for the same program', () => {
    const program = rig.load('r0 = 5\nexit');
    const first = (rig.jit as JitEngine).image(program);
    const again = (rig.jit as JitEngine).image({ ...program });
    expect(again.wasm).toEqual(first.wasm);
    expect(structuredClone(first)).toEqual(first);
  });

  it('are refused for maps elsewhere', async () => {
    const kernel = await testKernel();
    const shape = { type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
    const a = kernel.createMap({ name: 'a', ...shape });
    const b = kernel.createMap({ name: 'b', ...shape });
    const load = (m: typeof a) =>
      loadText(kernel, { type: 'raw', text: 'r1 = value m + 0\nr0 = *(u64 *)(r1 +0)\nexit', maps: { m } }).loaded;
    const { link } = await import('../jit/link.ts');
    const image = (kernel.engine('jit') as JitEngine).image(load(a));
    const module = new WebAssembly.Module(image.wasm as Uint8Array<ArrayBuffer>);
    const host = { maxSteps: 1, compiled: () => ({ image, module }) };
    expect(() => link(host, load(b), kernel.cpu(0), () => undefined)).toThrow(/other addresses/);
    kernel.close();
  });

  it('a mistake of the compiler is an internal error', async () => {
    const { withModule } = await import('../jit/emit.ts');
    const bad = () =>
      withModule((b) => {
        b.addFunction({ name: 'f', params: [], result: 'i64', locals: [], body: [b.call('nobody', [])] });
        return b.finish({ functions: new Map(), globals: [] }, { optimize: false, validate: true, names: false });
      });
    printed.mockImplementation(() => {});
    try {
      expect(bad).toThrow(JitError);
      expect(printed.mock.calls.join('\n')).toContain('[wasm-validator error in function f]');
    } finally {
      printed.mockReset(); // prints again
    }
  });
});

const VECTORS = new URL('../../../shared/vectors/', import.meta.url);

/** Public and random programs with known results; not part of the project. */
describe.each(['random-isa-dev.json', 'isa-conformance.json'])('%s', (file) => {
  const url = new URL(file, VECTORS);
  it.skipIf(!existsSync(url))(`every row (skipped where ../shared/vectors/${file} is absent)`, () => {
    const rows = JSON.parse(readFileSync(url, 'utf8')) as {
      name: string;
      mem: string;
      insns: string;
      expected_r0: string;
    }[];
    const failed = rows.filter((row) => {
      const mem = Buffer.from(row.mem, 'hex');
      rig.setMem(mem.subarray(0, MEM_SIZE));
      const program = rig.link(rig.load(decode(Buffer.from(row.insns, 'hex'))));
      return outcome(() => program.run64(rig.mem, mem.length)) !== `0x${BigInt(row.expected_r0).toString(16)}`;
    });
    expect(failed.map((row) => row.name)).toEqual([]);
  });
});
