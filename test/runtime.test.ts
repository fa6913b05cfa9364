// The Kernel: batches, tail calls, life times, mocks, loading.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Kernel, type ObjectSpec, openObject, VerifierError } from '../src/index.ts';
import { asm } from '../src/isa/index.ts';
import { BPF_MAP_TYPE } from '../src/uapi/enums.ts';
import { BpfError, UnsupportedError } from '../src/uapi/errors.ts';
import { firstDifference, loadText, runBoth, runBothBatch, testKernel } from './harness.ts';
import { array, errorOf, kernelOf, LENGTH, loaded, PASS, packet, progArray } from './runtime_rig.ts';

describe('batches', () => {
  const packets = Array.from({ length: 600 }, (_, i) => packet(14 + i));

  it('give what single runs give, over several engine calls', () => {
    const program = loaded(LENGTH);
    expect([...program.runBatch(packets)]).toEqual(packets.map((data) => program.run({ data }).retval));
    expect([...program.runBatch([])]).toEqual([]);
  });

  it('stay in memory to be run again and read', () => {
    const program = loaded(`
      r2 = *(u32 *)(r1 +0)
      r0 = *(u8 *)(r2 +0)
      r0 += 1
      *(u8 *)(r2 +0) = r0
      r3 = 0x100000000 ll
      r0 |= r3
      exit`);
    const batch = program.batch([packet(64), packet(20)], { ctx: { ingress_ifindex: 3 } });
    batch.run();
    batch.run();
    expect([...batch.retvals()]).toEqual([2, 2]);
    expect(batch.r0(1)).toBe(0x100000002n);
    expect(batch.output(1)).toMatchObject({
      data: Uint8Array.from([2, ...packet(20).slice(1)]),
      ctx: { data_end: 20, ingress_ifindex: 3 },
    });
    expect(errorOf(() => batch.r0(2))).toBe('EINVAL');
    batch.close();
  });

  it.each([
    [null, 'packets is not an array'],
    [packet(64), 'packets is not an array'],
    [[null], 'packet 0 is not a Uint8Array'],
    [[packet(64), 'abc'], 'packet 1 is not a Uint8Array'],
  ])('refuse what is no list of packets, case %#', (packets, reason) => {
    const program = loaded(PASS);
    const error = new BpfError('EINVAL', reason);
    expect(() => program.runBatch(packets as Uint8Array[])).toThrow(error);
    expect(() => program.batch(packets as Uint8Array[])).toThrow(error);
  });

  it('name the packet that can not be run, and leave no memory behind', () => {
    const kernel = kernelOf();
    const program = loaded(PASS, {}, kernel);
    const used = kernel.heap.used;
    expect(() => program.runBatch([packet(64), packet(14).slice(1)])).toThrow(
      'EINVAL: packet 1: the packet has 13 bytes',
    );
    expect(() => program.batch([new Uint8Array(70000)])).toThrow('EINVAL');
    program.runBatch(packets);
    expect(kernel.heap.used).toBe(used);
    expect(kernel.heap.checkCanaries()).toEqual([]);
  });
});

const TAIL_CALL = 'r2 = map jumps\nr3 = 1\ncall bpf_tail_call\nr0 = 77\nexit';

describe('tail calls', () => {
  it('jump, fall through an empty slot and beyond the end', () => {
    const kernel = kernelOf();
    const jumps = progArray(kernel);
    const program = loaded(TAIL_CALL, { maps: { jumps } }, kernel);
    const run = () => program.run({ data: packet(64) }).retval;
    expect(run()).toBe(77);
    jumps.set(1, loaded('r0 = 5\nexit', {}, kernel));
    expect(run()).toBe(5);
    jumps.delete(1);
    expect(run()).toBe(77);
    const beyond = loaded(TAIL_CALL.replace('r3 = 1', 'r3 = 4'), { maps: { jumps } }, kernel);
    expect(beyond.run({ data: packet(64) }).retval).toBe(77);
  });

  it('are 33 at most, in each run of a batch too', () => {
    const kernel = kernelOf();
    const [jumps, a] = [progArray(kernel), array(kernel)];
    const counting = `
      r6 = r1
      r1 = value a + 0
      r2 = *(u64 *)(r1 +0)
      r2 += 1
      *(u64 *)(r1 +0) = r2
      r1 = r6
      ${TAIL_CALL}`;
    const program = loaded(counting, { maps: { jumps, a } }, kernel);
    jumps.set(1, program);
    expect(program.run({ data: packet(64) }).retval).toBe(77);
    expect(a.get(0)![0]).toBe(34);
    program.runBatch([packet(64), packet(64)]);
    expect(a.get(0)![0]).toBe(3 * 34);
  });
});

describe('life times', () => {
  it('a program in an open PROG_ARRAY outlives its handle', () => {
    const kernel = kernelOf();
    const jumps = progArray(kernel);
    const target = loaded('r0 = 5\nexit', {}, kernel);
    jumps.set(1, target);
    target.close();
    const program = loaded(TAIL_CALL, { maps: { jumps } }, kernel);
    expect(errorOf(() => target.run({ data: packet(64) }))).toBe('EBADF');
    expect(program.run({ data: packet(64) }).retval).toBe(5);
    kernel.removeMap(jumps);
    expect(program.run({ data: packet(64) }).retval).toBe(77);
    expect(kernel.programById(target.id)).toBeUndefined();
  });

  it('a map lives while a program uses it', () => {
    const kernel = kernelOf();
    const before = kernel.heap.used;
    const a = array(kernel);
    a.set(0, 9);
    const program = loaded('r1 = value a + 0\nr0 = *(u64 *)(r1 +0)\nexit', { maps: { a } }, kernel);
    kernel.removeMap(a);
    expect(program.run({ data: packet(64) }).retval).toBe(9);
    program.close();
    expect(kernel.heap.used).toBe(before);
  });

  it('programs that jump to each other go with their PROG_ARRAY', () => {
    const kernel = kernelOf();
    const before = kernel.heap.used;
    const jumps = progArray(kernel);
    const program = loaded(TAIL_CALL, { maps: { jumps } }, kernel);
    jumps.set(1, program);
    program.close();
    expect(kernel.programById(program.id)).toBeDefined();
    kernel.removeMap(jumps);
    expect(kernel.programById(program.id)).toBeUndefined();
    expect(kernel.heap.used).toBe(before);
  });

  it('ids are never used again', () => {
    const kernel = kernelOf();
    const ids = [1, 2, 3].map(() => {
      const program = loaded(PASS, {}, kernel);
      program.close();
      return program.id;
    });
    expect(ids).toEqual([1, 2, 3]);
  });

  it('a closed Kernel runs nothing', () => {
    const kernel = kernelOf();
    const program = loaded(PASS, {}, kernel);
    kernel.close();
    expect(errorOf(() => program.run({ data: packet(64) }))).toBe('EBADF');
    expect(errorOf(() => array(kernel))).toBe('EBADF');
  });
});

describe('the world of a program', () => {
  it('has a clock that stands still until it is moved', () => {
    const kernel = kernelOf();
    const program = loaded('call bpf_ktime_get_ns\nexit', { type: 'raw' }, kernel);
    const first = program.run64().retval;
    expect(program.run64().retval).toBe(first);
    kernel.world.advance(5n);
    expect(program.run64().retval).toBe(first + 5n);
    const own = loaded('call bpf_ktime_get_ns\nexit', { type: 'raw' }, new Kernel({ clock: () => 2n ** 63n }));
    expect(own.run64().retval).toBe(2n ** 63n);
  });

  it('has random numbers that a seed repeats', () => {
    const numbers = (seed: number, cpu: number) => {
      const kernel = new Kernel({ clock: 'virtual', seed, cpus: 2 });
      const program = loaded('call bpf_get_prandom_u32\nexit', {}, kernel);
      return [1, 2, 3].map(() => program.run({ data: packet(64), cpu }).retval);
    };
    expect(numbers(1, 0)).toEqual(numbers(1, 0));
    expect(numbers(1, 0)).not.toEqual(numbers(2, 0));
    expect(numbers(1, 0)).not.toEqual(numbers(1, 1));
  });

  it('can be mocked after a program was linked', () => {
    const kernel = kernelOf();
    const program = loaded('call bpf_ktime_get_ns\nexit', { type: 'raw' }, kernel);
    program.run64();
    kernel.helpers.mock('bpf_ktime_get_ns', () => 1_000n);
    expect(program.run64().retval).toBe(1000n);
    kernel.helpers.mock('bpf_ktime_get_ns', () => 1.5);
    expect(() => program.run64()).toThrow(/^EINVAL: .*the mock of bpf_ktime_get_ns returned 1\.5: neither/);
    kernel.helpers.restore('bpf_ktime_get_ns');
    expect(program.run64().retval).not.toBe(1000n);
    expect(errorOf(() => kernel.helpers.mock('bpf_tail_call', () => 0))).toBe('EINVAL');
    expect(errorOf(() => kernel.helpers.mock('bpf_nothing', () => 0))).toBe('EINVAL');
    expect(errorOf(() => kernel.helpers.mock('bpf_ktime_get_ns', undefined!))).toBe('EINVAL');
    expect(errorOf(() => kernel.helpers.mock('bpf_sys_bpf', () => 0))).toBe('EUNSUPPORTED');
  });

  it('can be mocked where the JIT knows the map, and come back', async () => {
    const kernel = await testKernel();
    const shape = { keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 };
    const maps = {
      a: kernel.createMap({ name: 'a', type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY, ...shape }),
      h: kernel.createMap({ name: 'h', type: BPF_MAP_TYPE.BPF_MAP_TYPE_HASH, ...shape }),
    };
    const key = (map: string) => `*(u32 *)(r10 -4) = 1\nr1 = map ${map}\nr2 = r10\nr2 += -4\n`;
    const text = `
      r6 = 0
      ${key('a')}call bpf_map_lookup_elem
      if r0 == 0 goto none
      r6 = *(u64 *)(r0 +0)
    none:
      ${key('h')}r3 = r10\nr3 += -16\n*(u64 *)(r10 -16) = 9\nr4 = 0
      call bpf_map_update_elem
      r6 += r0
      ${key('h')}call bpf_map_delete_elem
      r6 += r0
      r0 = r6
      exit`;
    const program = loadText(kernel, { type: 'raw', text, maps });
    maps.a.set(1, 5n);
    const run = () => runBoth(kernel, program).retval;
    expect(run()).toBe(5n);
    const seen: (number | bigint)[][] = [];
    kernel.helpers.mock('bpf_map_lookup_elem', (...args) => {
      seen.push(args);
      return 0;
    });
    expect(run()).toBe(0n);
    expect(seen).toHaveLength(2);
    expect(seen[0]).toEqual(seen[1]);
    kernel.helpers.mock('bpf_map_update_elem', () => 100);
    kernel.helpers.mock('bpf_map_delete_elem', () => 20);
    expect(run()).toBe(120n);
    kernel.helpers.mock('bpf_map_delete_elem', () => 30);
    expect(run()).toBe(130n);
    expect(runBothBatch(kernel, program, [new Uint8Array(0)])).toEqual(Uint32Array.of(130));
    for (const name of ['lookup', 'update', 'delete']) kernel.helpers.restore(`bpf_map_${name}_elem`);
    expect(run()).toBe(5n);
    kernel.close();
  });

  it('keeps the lines of trace_printk', () => {
    const kernel = kernelOf();
    const text = `
      r1 = ${0x000a6425}  ; "%d\\n"
      *(u64 *)(r10 -8) = r1
      r1 = r10
      r1 += -8
      r2 = 4
      r3 = 42
      call bpf_trace_printk
      exit`;
    const heard: string[] = [];
    kernel.trace.onLine = (line) => heard.push(line);
    loaded(text, {}, kernel).run({ data: packet(64) });
    expect([kernel.trace.take(), kernel.trace.lines, heard]).toEqual([['42'], [], ['42']]);
  });

  it('runs on the CPU it is told', () => {
    const kernel = new Kernel({ cpus: 2, clock: 'virtual', seed: 1 });
    const program = loaded('call bpf_get_smp_processor_id\nexit', {}, kernel);
    expect([0, 1].map((cpu) => program.run({ data: packet(64), cpu }).retval)).toEqual([0, 1]);
    expect(errorOf(() => program.run({ data: packet(64), cpu: 2 }))).toBe('EINVAL');
    expect(errorOf(() => new Kernel({ cpus: 0 }))).toBe('EINVAL');
  });
});

describe('loading', () => {
  it('a file in the place of an object is an error of the caller', async () => {
    const bytes = new Uint8Array(64) as unknown as ObjectSpec;
    await expect(kernelOf().load(bytes)).rejects.toThrow('EINVAL: load takes an ObjectSpec, as openObject(bytes)');
  });

  const bytes = readFileSync(new URL('../../examples/firewall/firewall.bpf.o', import.meta.url));

  it('creates maps, fills data and slots, and takes everything back', async () => {
    const kernel = kernelOf();
    const before = kernel.heap.used;
    const object = await kernel.load(openObject(bytes), { jit: 'off', verify: false });
    const { inspectors } = object.maps;
    expect(object.programs.xdp_fw.type).toBe('xdp');
    expect([...inspectors.values()].map((v) => v[0])).toContain(object.programs.xdp_fw_dns.id);
    expect(object.maps['.rodata'].frozen).toBe(true);
    expect(errorOf(() => object.maps['.rodata'].set(0, new Uint8Array(object.maps['.rodata'].valueSize)))).toBe(
      'EPERM',
    );
    object.close();
    expect(kernel.heap.used).toBe(before);
  });

  it('takes edits of the object, and leaves nothing behind when it fails', async () => {
    const kernel = kernelOf();
    const before = kernel.heap.used;
    const spec = openObject(bytes);
    spec.maps.sources.maxEntries = 7;
    const object = kernel.loadSync(spec, { jit: 'off', verify: false });
    expect(object.maps.sources.maxEntries).toBe(7);
    object.close();
    spec.programs.xdp_fw_dns.autoload = false;
    expect(errorOf(() => kernel.loadSync(spec, { jit: 'off', verify: false }))).toBe('EBADF');
    spec.maps.rules.keySize = 0;
    expect(errorOf(() => kernel.loadSync(spec, { jit: 'off', verify: false }))).toBe('EINVAL');
    expect(kernel.heap.used).toBe(before);
  });

  it('throws what the verifier says', () => {
    const kernel = kernelOf();
    const before = kernel.heap.used;
    const spec = openObject(bytes);
    spec.programs.xdp_fw.insns[0] = { code: 0xbf, dst: 0, src: 9, off: 0, imm: 0 };
    let error: unknown;
    try {
      kernel.loadSync(spec, { jit: 'off' });
    } catch (e) {
      error = e;
    }
    expect(error).toBeInstanceOf(VerifierError);
    expect(error).toMatchObject({ code: 'EACCES', errno: 13, summary: 'R9 !read_ok', program: 'xdp_fw', insn: 0 });
    expect((error as VerifierError).message).toMatch(/^program 'xdp_fw' was rejected \(EACCES\): R9 !read_ok \(insn 0/);
    expect((error as VerifierError).log).toMatch(/R9 !read_ok\nprocessed 1 insns/);
    expect(kernel.heap.used).toBe(before);
  });

  it('keeps the log of an accepted program, as long as asked', () => {
    const log = (logLevel?: 0 | 1 | 2) => {
      const source = { type: 'xdp', insns: asm(PASS).insns };
      return kernelOf().loadProgram(source, { jit: 'off', logLevel }).verifier?.log;
    };
    expect(log()).toMatch(/^processed 2 insns .*\n$/);
    expect(log(2)).toMatch(/0: \(b7\) r0 = 2/);
  });

  it("refuses another Kernel's map, an unknown type and a reference to nothing", () => {
    const [kernel, other] = [kernelOf(), kernelOf()];
    array(other);
    const jumps = progArray(other);
    expect(errorOf(() => loaded(TAIL_CALL, { maps: { jumps } }, kernel))).toBe('EBADF');
    expect(() => loaded(PASS, { type: 'no_such_type' })).toThrow(UnsupportedError);
    const mapRefs = new Map([[0, { map: 0, kind: 'fd', off: 0 } as const]]);
    const source = { type: 'xdp', insns: asm('r1 = 0x1 ll\nexit').insns, mapRefs };
    expect(errorOf(() => kernel.loadProgram(source, { jit: 'off', verify: false }))).toBe('EBADF');
  });
});

it('what JavaScript passes against the types is refused by name', () => {
  const kernel = kernelOf();
  const program = loaded(PASS, {}, kernel);
  const map = array(kernel);
  const any = (value: unknown) => value as never;
  const data = new Uint8Array(64);
  expect(errorOf(() => program.run({ data: any('0123456789abcdef') }))).toBe('EINVAL');
  expect(errorOf(() => program.run({ data: any(new Uint16Array(40)) }))).toBe('EINVAL');
  expect(errorOf(() => program.run({ data, engine: any('fast') }))).toBe('EINVAL');
  for (const wrong of [null, undefined, 'four', {}, 5n]) {
    expect(errorOf(() => map.get(any(wrong)))).toBe('EINVAL');
  }
  for (const wrong of [null, undefined, 'four', {}]) expect(errorOf(() => map.set(0, any(wrong)))).toBe('EINVAL');
  for (const wrong of [null, undefined, 'elf', new ArrayBuffer(64), []]) {
    expect(() => openObject(any(wrong))).toThrow('ELF: file is not a Uint8Array');
  }
});

describe('the harness', () => {
  it('sees a byte that differs, but not in scratch', () => {
    const kernel = kernelOf();
    const a = array(kernel);
    const before = kernel.memory.snapshot();
    kernel.memory.setU32(kernel.memory.end - 4, 1);
    expect(firstDifference(1, before, kernel.memory.snapshot())).toBe(kernel.memory.end - 4);
    kernel.memory.restore(before);
    a.set(0, 1);
    expect(firstDifference(1, before, kernel.memory.snapshot())).toBe(a.kernelMap.placement.values);
    kernel.memory.restore(before);
    loaded('*(u64 *)(r10 -8) = 5\nr0 = 1\nexit', { type: 'raw' }, kernel).run();
    expect(firstDifference(1, before, kernel.memory.snapshot())).toBeNull();
  });
});
