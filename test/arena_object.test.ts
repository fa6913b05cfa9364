// An object with an arena, from its sections to runs: where variables and pages are for programs and for user space. The
// names of the programs in objects/arena say what Linux answers; the live kernel, where it is, must answer the same.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { Kernel, loadJit, openObject } from '../src/index.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import type { MapParams } from '../src/maps/create.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { BPF_FLAGS as F } from '../src/uapi/enums.ts';
import { errnoName } from '../src/uapi/errno.ts';
import { BpfError, FormatError, UnsupportedError } from '../src/uapi/errors.ts';
import { verify } from '../src/verifier/index.ts';
import { runBoth } from './harness.ts';
import { comparable } from './live_log.ts';

const bytes = new Uint8Array(readFileSync(new URL('../../test/objects/arena/arena.bpf.o', import.meta.url)));
const open = () => openObject(bytes);
const START = 1n << 40n;
const names = Object.keys(open().programs);
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

const MESSAGES: Readonly<Record<string, string>> = {
  bad_context: "R1 is not a pointer to arena or scalar.\nCaller passes invalid args into func#1 ('sum')",
  bad_stack: "R1 is not a pointer to arena or scalar.\nCaller passes invalid args into func#1 ('sum')",
  bad_tags:
    "arg#0 arena cannot be combined with any other tags\nCaller passes invalid args into func#1 ('tagged_twice')",
  bad_uncast: "R1 invalid mem access 'scalar'",
  bad_no_arena: 'addr_space_cast insn can only be used in a program that has an associated arena',
};

describe('an object with an arena', () => {
  it('puts variables of section .addr_space.1 into it', () => {
    const spec = open();
    const { arena } = spec.maps;
    expect([arena.type, arena.maxEntries, arena.flags, arena.mapExtra]).toEqual([33, 16, F.BPF_F_MMAPABLE, START]);
    expect([spec.variables.counter.map, spec.variables.counter.offset]).toEqual(['arena', 0]);
    expect(spec.variables.counter.get()[0]).toBe(40);
    expect(spec.programs.ok_count.relocs).toEqual([{ insn: 0, map: 'arena', kind: 'value', off: 0 }]);
    expect(spec.programs.ok_push.relocs.map((r) => [r.kind, r.off])).toContainEqual(['fd', 0]);
  });

  it.each(names)('%s', (name) => {
    const spec = open();
    const result = verify(programInput(spec, spec.programs[name]));
    const said = result.ok ? undefined : result.log.split('\n').slice(0, -2).join('\n');
    if (MESSAGES[name] === undefined) expect(said).toBeUndefined();
    else expect(said?.endsWith(MESSAGES[name]), said).toBe(true);
  });

  it.each([
    [
      'refuses other address spaces',
      (text: string) => text.replaceAll('.addr_space.1', '.addr_space.2'),
      UnsupportedError,
    ],
    ['refuses more variables than fit', (text: string) => text, FormatError],
  ] as const)('%s', (what, change, error) => {
    const changed = Uint8Array.from(Buffer.from(change(Buffer.from(bytes).toString('latin1')), 'latin1'));
    if (what === 'refuses more variables than fit') sectionSize(changed, '.addr_space.1', 16 * 4096 + 8);
    expect(() => openObject(changed)).toThrow(error);
  });
});

/** Makes a section say that it has so many bytes; the file is made longer. */
function sectionSize(elf: Uint8Array, name: string, size: number): void {
  const view = new DataView(elf.buffer);
  const headers = Number(view.getBigUint64(0x28, true));
  const names = headers + 64 * view.getUint16(0x3e, true);
  const strings = Number(view.getBigUint64(names + 24, true));
  for (let at = headers; at < elf.length; at += 64) {
    const from = strings + view.getUint32(at, true);
    if (Buffer.from(elf.subarray(from, from + name.length + 1)).toString() !== `${name}\0`) continue;
    view.setUint32(at + 4, 8, true); // SHT_NOBITS: no bytes in the file
    view.setBigUint64(at + 32, BigInt(size), true);
    return;
  }
  throw new Error(`no section ${name}`);
}

describe('running', () => {
  beforeAll(() => loadJit());

  it('programs and user space see the same bytes', async () => {
    const kernel = new Kernel();
    const spec = open();
    for (const program of Object.values(spec.programs)) program.autoload = program.name.startsWith('ok_');
    spec.variables.counter.set(70);
    const { programs, maps } = await kernel.load(spec);
    const arena = maps.arena.arena!;
    expect([arena.start, arena.size]).toEqual([START, 65536]);
    const word = (at: bigint) => new DataView(arena.read(at, 8).buffer).getBigUint64(0, true);
    const run = (name: string) => Number(BigInt.asIntN(32, runBoth(kernel, programs[name]).retval));
    expect(run('ok_count')).toBe(71);
    expect(word(START)).toBe(71n);
    arena.write(START, Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0));
    expect([run('ok_push'), run('ok_count'), run('ok_push')]).toEqual([5, 6, 11]);
    const first = word(START + 8n);
    expect([first, word(first), word(first + 8n)]).toEqual([START + 8192n, START + 4096n, 6n]);
    expect([run('ok_pop'), word(START + 8n)]).toEqual([5, START + 4096n]);
    expect([run('ok_pop'), run('ok_pop'), run('ok_static'), run('ok_pointer')]).toEqual([0, 0, 6, 0]);
    kernel.close();
  });
});

const ARENA: MapParams = { name: 'a', type: 33, keySize: 0, valueSize: 0, maxEntries: 4, flags: F.BPF_F_MMAPABLE };
const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'OK';
  } catch (e) {
    if (e instanceof BpfError) return e.code;
    throw e;
  }
};

describe('user space', () => {
  const kernel = new Kernel();
  afterAll(() => kernel.close());

  it('gets pages by touching them', () => {
    const arena = kernel.createMap({ ...ARENA, mapExtra: START }).arena!;
    expect(arena.read(START + 4094n, 4)).toEqual(new Uint8Array(4));
    arena.write(START + 4094n, Uint8Array.of(1, 2, 3, 4));
    expect(arena.read(START + 4096n, 2)).toEqual(Uint8Array.of(3, 4));
    expect(codeOf(() => arena.read(START + 16384n, 1))).toBe('EFAULT');
    expect(codeOf(() => arena.read(START - 1n, 1))).toBe('EFAULT');
    expect(codeOf(() => arena.write(START + 16383n, new Uint8Array(2)))).toBe('EFAULT');
    expect(codeOf(() => arena.read(4096n, 1))).toBe('EFAULT');
  });

  it('unless programs must have made them, or only reserved them', () => {
    const flags = ARENA.flags | F.BPF_F_SEGV_ON_FAULT;
    const strict = kernel.createMap({ ...ARENA, flags, mapExtra: START });
    expect(codeOf(() => strict.arena!.read(START, 1))).toBe('EFAULT');
    expect(strict.kernelMap.pages!.alloc(0n, 1)).toBe(START);
    expect(strict.arena!.read(START, 1)).toEqual(Uint8Array.of(0));
    const { arena, kernelMap } = kernel.createMap({ ...ARENA, mapExtra: START });
    expect(kernelMap.pages!.reserve(START + 4096n, 1)).toBe(0);
    expect([codeOf(() => arena!.read(START, 1)), codeOf(() => arena!.read(START + 4096n, 1))]).toEqual([
      'OK',
      'EFAULT',
    ]);
  });

  it('may map an arena later, where programs can be loaded then', () => {
    const map = kernel.createMap(ARENA);
    const arena = map.arena!;
    expect([arena.start, codeOf(() => arena.read(0n, 1)), map.kernelMap.pages!.alloc(0n, 1)]).toEqual([
      0n,
      'EFAULT',
      0n,
    ]);
    expect(codeOf(() => arena.mmap(100n))).toBe('EINVAL');
    expect(codeOf(() => arena.mmap(0x1_ffff_f000n))).toBe('ERANGE');
    expect([codeOf(() => arena.mmap(START)), codeOf(() => arena.mmap(START + 4096n))]).toEqual(['OK', 'EINVAL']);
    expect([arena.start, map.kernelMap.pages!.alloc(0n, 1)]).toEqual([START, START]);
  });

  it('is told that an arena is too large for the memory of a Kernel', () => {
    expect(codeOf(() => kernel.createMap({ ...ARENA, maxEntries: 2 ** 20 }))).toBe('ENOMEM');
  });

  it('can not have programs that were not verified use one', () => {
    const map = kernel.createMap({ ...ARENA, mapExtra: START });
    const insns = [{ code: 0x95, dst: 0, src: 0, off: 0, imm: 0 }];
    expect(() => kernel.loadProgram({ type: 'xdp', insns, maps: [map] }, { verify: false, jit: 'off' })).toThrow(
      UnsupportedError,
    );
  });
});

const SHAPES: readonly (readonly [what: string, shape: Partial<MapParams>, code: string])[] = [
  ['four pages', {}, 'OK'],
  ['at an address', { mapExtra: START }, 'OK'],
  ['at no page', { mapExtra: START + 8n }, 'EINVAL'],
  ['at the end of 4 GiB', { mapExtra: 0x1_ffff_c000n }, 'OK'],
  ['across it', { mapExtra: 0x1_ffff_d000n }, 'ERANGE'],
  ['not mappable', { flags: 0 }, 'EINVAL'],
  ['with other flags', { flags: ARENA.flags | F.BPF_F_NO_USER_CONV | F.BPF_F_SEGV_ON_FAULT }, 'OK'],
  ['with flags of other maps', { flags: ARENA.flags | F.BPF_F_RDONLY_PROG }, 'EINVAL'],
  ['read-only', { flags: ARENA.flags | F.BPF_F_RDONLY }, 'EINVAL'],
  ['no pages', { maxEntries: 0 }, 'EINVAL'],
  ['too many pages', { maxEntries: 2 ** 20 + 1 }, 'E2BIG'],
  ['... at no page', { maxEntries: 2 ** 20 + 1, mapExtra: 8n }, 'EINVAL'],
  ['with keys', { keySize: 4 }, 'EINVAL'],
  ['with values', { valueSize: 8 }, 'EINVAL'],
];

describe('creation and elements', () => {
  const kernel = new Kernel();
  afterAll(() => kernel.close());

  it.each(SHAPES)('%s', (_what, shape, code) => {
    expect(codeOf(() => kernel.createMap({ ...ARENA, ...shape }))).toBe(code);
    if (oracle === null) return;
    const { mapExtra, ...def } = { mapExtra: 0n, ...ARENA, ...shape };
    const handle = oracle.createMap({ ...def, extra: mapExtra });
    expect(handle > 0 ? 'OK' : errnoName(-handle)).toBe(code);
    oracle.close(handle);
  });

  it('there are no elements', () => {
    const own = kernel.createMap(ARENA).kernelMap;
    const none = new Uint8Array(0);
    expect([own.lookup(none), own.update(none, none), own.delete(none), own.nextKey(null)]).toEqual([
      -22, -95, -95, -95,
    ]);
    if (oracle === null) return;
    const map = oracle.createMap(ARENA);
    expect([oracle.lookup(map, none, 8), oracle.update(map, none, none), oracle.nextKey(map, null, 4)]).toEqual([
      -22, -95, -95,
    ]);
    oracle.close(map);
  });
});

const VMLINUX = '/sys/kernel/btf/vmlinux';

describe.skipIf(oracle === null || !existsSync(VMLINUX))('beside the live kernel', () => {
  const object = open();
  const kernelTypes = readKernelTypes(readFileSync(VMLINUX));
  const kernel = oracle && kernelPrograms(oracle, object, console.warn, kernelTypes);
  afterAll(() => kernel?.close());

  it.each(names)('%s', (name) => {
    const both = kernel!.of(object.programs[name]);
    if (typeof both === 'string') throw new Error(both);
    const linux = oracle!.load(both.kernel, { logLevel: 2 });
    oracle!.unload(linux);
    const ours = verify(both.input, { logLevel: 2, cpus: oracle!.possibleCpus, kernelTypes });
    expect(comparable(ours.log)).toEqual(comparable(linux.log));
    expect(ours.ok ? 'ACCEPT' : 'REJECT').toBe(linux.verdict);
  });
});
