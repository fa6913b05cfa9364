// openObject on objects built from test/objects/loader, on the example, and on damaged copies of them.

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import type { Insn } from '../src/isa/insn.ts';
import { checkLoadable, type MapSpec, type ObjectSpec, openObject } from '../src/loader/index.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { BPF_MAP_TYPE as MAP, BPF_PROG_TYPE as PROG } from '../src/uapi/enums.ts';
import { BeewasmError, FormatError, UnsupportedError } from '../src/uapi/errors.ts';

const read = (path: string) => new Uint8Array(readFileSync(new URL(`../../${path}`, import.meta.url)));
const load = (name: string) => openObject(read(`test/objects/loader/${name}.bpf.o`));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

/** Slots of bpf-to-bpf calls and function addresses -> slot they lead to. */
function localTargets(insns: readonly Insn[]): [number, number][] {
  const isLocal = (i: Insn) => (i.code === 0x85 && i.src === 1) || (i.code === 0x18 && i.src === 4);
  return insns.flatMap((insn, at) => (isLocal(insn) ? [[at, at + insn.imm + 1] as [number, number]] : []));
}

describe('programs', () => {
  const spec = load('programs');

  it('come by section and symbol, with type, attach type, flags and autoload', () => {
    const rows = Object.values(spec.programs).map((p) => [
      p.name,
      p.section,
      p.type,
      p.expectedAttachType,
      p.flags,
      p.autoload,
    ]);
    expect(rows).toEqual([
      ['first', 'xdp', PROG.BPF_PROG_TYPE_XDP, 37, 0, true],
      ['second', 'xdp', PROG.BPF_PROG_TYPE_XDP, 37, 0, true],
      ['manual', '?xdp', PROG.BPF_PROG_TYPE_XDP, 37, 0, false],
      ['frags', 'xdp.frags/devmap', PROG.BPF_PROG_TYPE_XDP, 33, 32, true],
      ['filter', 'socket', PROG.BPF_PROG_TYPE_SOCKET_FILTER, 0, 0, true],
      ['unknown', 'made_up/thing', null, 0, 0, true],
    ]);
    expect(spec.license).toBe('Dual BSD/GPL');
  });

  it('carry every function they call, once, depth first', () => {
    const { functions, insns } = spec.programs.first;
    expect([...functions.values()]).toEqual(['first', 'shared', 'middle', 'leaf']);
    const nameOf = (slot: number) => functions.get(slot);
    expect(localTargets(insns).map(([, to]) => nameOf(to))).toEqual(['shared', 'leaf', 'middle', 'leaf', 'leaf']);
    expect([...spec.programs.second.functions.values()]).toEqual(['second']);
  });

  it('turn the address of a function into a pc-relative lddw', () => {
    const { functions, insns } = spec.programs.manual;
    const [[, target]] = localTargets(insns);
    expect(functions.get(target)).toBe('step');
    expect(insns[insns.length - 1].code).toBe(0x95);
  });

  it('know the C line of each instruction, those of appended functions too', () => {
    const { lines, functions } = spec.programs.first;
    const leaf = [...functions].find(([, name]) => name === 'leaf')![0];
    const at = [...lines.keys()].filter((slot) => slot >= leaf);
    const line = lines.get(at[at.length - 1])!;
    expect(line.file).toBe('./test/objects/loader/programs.bpf.c');
    expect(line.text.trim()).toBe('return x * 3;');
    expect(line.line).toBe(11);
    for (const slot of functions.keys()) expect(lines.has(slot)).toBe(true);
  });

  it('without a known type are refused by the name of their section, when loaded', () => {
    expect(() => checkLoadable(spec.programs.first)).not.toThrow();
    expect(() => checkLoadable(spec.programs.unknown)).toThrow(
      new UnsupportedError(
        'section made_up/thing',
        "program unknown: section 'made_up/thing' names no supported program type",
      ),
    );
  });

  it('may be one function without a section', () => {
    expect(Object.keys(load('lone').programs)).toEqual(['lone']);
    expect(load('lone').programs.lone.type).toBeNull();
  });
});

describe('global data', () => {
  it('becomes one map per section, under its name, .rodata frozen', () => {
    const { maps } = load('data');
    const rows = Object.values(maps).map((m) => [m.name, m.valueSize, m.flags, m.frozen ?? false, m.data?.length]);
    expect(rows).toEqual([
      ['.rodata', 24, 128, true, 24],
      ['.data', 16, 0, false, 16],
      ['.data.special', 4, 0, false, 4],
      ['.bss', 108, 0, false, undefined],
    ]);
    for (const m of Object.values(maps)) {
      expect([m.type, m.keySize, m.maxEntries]).toEqual([MAP.BPF_MAP_TYPE_ARRAY, 4, 1]);
    }
  });

  it('has named variables with their place and value', () => {
    const { variables } = load('data');
    const rows = Object.values(variables).map((v) => [v.name, v.map, v.offset, hex(v.get()).slice(0, 16)]);
    expect(rows).toEqual([
      ['limit', '.rodata', 0, '07000000'],
      ['enabled', '.rodata', 4, '01'],
      ['shift', '.rodata', 5, 'fe'],
      ['seed', '.rodata', 8, '8877665544332211'],
      ['prog.____fmt', '.rodata', 16, '7465787420256400'],
      ['counter', '.data', 0, '05000000'],
      ['ports', '.data', 4, '5000bb0135001600'],
      ['hidden', '.data', 12, '09000000'],
      ['special', '.data.special', 0, 'cdab0000'],
      ['total', '.bss', 0, '0000000000000000'],
      ['table', '.bss', 8, '0000000000000000'],
    ]);
  });

  it('is referred to by map and offset, the addend of static variables included', () => {
    const { programs, variables } = load('data');
    const { relocs, insns } = programs.prog;
    const used = relocs.map((r) => Object.values(variables).find((v) => v.map === r.map && v.offset === r.off)?.name);
    expect(used).toEqual([
      'enabled',
      'ports',
      'seed',
      'total',
      'shift',
      'limit',
      'table',
      'table',
      'special',
      'hidden',
      'counter',
      'prog.____fmt',
    ]);
    for (const r of relocs) {
      expect(r.kind).toBe('value');
      expect(insns[r.insn]).toMatchObject({ code: 0x18, src: 2, imm: 0 });
      expect(insns[r.insn + 1].imm).toBe(r.off);
    }
  });

  it('can be edited: numbers of both signs, bigints, booleans, bytes; .bss too', () => {
    const { variables, maps } = load('data');
    variables.limit.set(0xffffffff);
    variables.shift.set(-128);
    variables.seed.set(0xfedcba9876543210n);
    variables.enabled.set(false);
    variables.ports.set(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
    variables.total.set(-2n);
    expect(hex(maps['.rodata'].data!).slice(0, 32)).toBe('ffffffff008000001032547698badcfe');
    expect(hex(maps['.data'].data!)).toBe('05000000010203040506070809000000');
    expect(hex(maps['.bss'].data!)).toBe('feffffffffffffff'.padEnd(216, '0'));
    expect(hex(variables.seed.get())).toBe('1032547698badcfe');
    // get() is a copy
    variables.limit.get().fill(1);
    expect(hex(variables.limit.get())).toBe('ffffffff');
  });

  it('are a copy of the file, also of one in a Buffer', () => {
    const bytes = Buffer.from(readFileSync('test/objects/loader/data.bpf.o'));
    const before = Buffer.from(bytes);
    const { variables, btf } = openObject(bytes);
    variables.limit.set(7);
    btf!.fill(0);
    expect(bytes.equals(before)).toBe(true);
  });

  it.each([
    ['limit', 2 ** 32, 'ERANGE'],
    ['limit', -(2 ** 31) - 1, 'ERANGE'],
    ['enabled', 256, 'ERANGE'],
    ['limit', 1.5, 'EINVAL'],
    ['limit', new Uint8Array(3), 'EINVAL'],
    ['table', 1, 'EINVAL'],
  ])('refuses %s = %o: %s', (name, value, code) => {
    const { variables } = load('data');
    const before = hex(variables[name].get());
    expect(() => variables[name].set(value)).toThrow(expect.objectContaining({ code }));
    expect(hex(variables[name].get())).toBe(before);
  });

  it('loads without BTF, with variables from symbols', () => {
    const { variables, programs, btf } = load('nodebug');
    expect(btf).toBeNull();
    expect(hex(variables.limit.get())).toBe('07000000');
    expect(variables.total.map).toBe('.bss');
    expect(programs.prog.relocs.map((r) => r.map)).toEqual(['.bss', '.rodata']);
  });
});

describe('BTF maps', () => {
  const spec = load('maps');
  const shape = (m: MapSpec) => [m.type, m.keySize, m.valueSize, m.maxEntries, m.flags, m.pinning, m.mapExtra];

  it.each([
    ['typed', [MAP.BPF_MAP_TYPE_HASH, 12, 8, 100, 1, 1, 0n]],
    ['sized', [MAP.BPF_MAP_TYPE_LRU_HASH, 12, 40, 10, 0, 0, 0n]],
    ['both', [MAP.BPF_MAP_TYPE_ARRAY, 4, 24, 3, 0, 0, 0n]],
    ['twin_a', [MAP.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 8, 0, 0, 0n]],
    ['twin_b', [MAP.BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 8, 0, 0, 0n]],
    ['bloom', [MAP.BPF_MAP_TYPE_BLOOM_FILTER, 0, 4, 1000, 0, 0, 5n]],
    ['ring', [MAP.BPF_MAP_TYPE_RINGBUF, 0, 0, 262144, 0, 0, 0n]],
    ['perf', [MAP.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 0, 0, 0, 0n]],
    ['queue', [MAP.BPF_MAP_TYPE_QUEUE, 0, 2, 16, 0, 0, 0n]],
    ['trie', [MAP.BPF_MAP_TYPE_LPM_TRIE, 8, 4, 64, 1, 0, 0n]],
    ['devs', [MAP.BPF_MAP_TYPE_DEVMAP, 4, 8, 4, 0, 0, 0n]],
    ['cpus', [MAP.BPF_MAP_TYPE_CPUMAP, 4, 8, 2, 0, 0, 0n]],
    ['socks', [MAP.BPF_MAP_TYPE_XSKMAP, 4, 4, 64, 0, 0, 0n]],
    ['outer', [MAP.BPF_MAP_TYPE_ARRAY_OF_MAPS, 4, 4, 4, 0, 0, 0n]],
    ['jumps', [MAP.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, 0, 0, 0n]],
    ['plain_jumps', [MAP.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 3, 0, 0, 0n]],
  ])('%s', (name, expected) => {
    expect(shape(spec.maps[name])).toEqual(expected);
  });

  it('have inner maps and static slots', () => {
    expect(shape(spec.maps.outer.inner!)).toEqual([MAP.BPF_MAP_TYPE_HASH, 2, 8, 5, 0, 0, 0n]);
    expect(spec.maps.outer.slots).toEqual([
      { index: 1, symbol: 'inner_x' },
      { index: 3, symbol: 'inner_y' },
    ]);
    expect(spec.maps.jumps.slots).toEqual([{ index: 2, symbol: 'target' }]);
    expect(spec.maps.plain_jumps.slots).toBeUndefined();
  });

  it('tell where locks and timers are in the value', () => {
    expect(spec.maps.guards.specialFields).toEqual([
      { type: 'bpf_spin_lock', offset: 8 },
      { type: 'bpf_timer', offset: 16 },
    ]);
    expect(spec.maps.typed.specialFields).toEqual([]);
  });

  it('are told apart by place, not only by symbol', () => {
    expect(spec.programs.target.relocs.map((r) => [r.map, r.kind])).toEqual([
      ['twin_b', 'fd'],
      ['twin_a', 'fd'],
    ]);
    expect(spec.programs.target.insns[spec.programs.target.relocs[0].insn]).toMatchObject({ src: 1, imm: 0 });
  });

  it('looks through structs that nest in more ways than could be walked', () => {
    expect(load('nested').maps.values).toMatchObject({ valueSize: 8 });
  });
});

describe('what is not there yet', () => {
  const spec = load('beyond');

  it.each([
    ['uses_kconfig', 'extern CONFIG_HZ'],
    ['uses_core', 'CO-RE'],
    ['uses_metadata', "'metadata'"],
  ])('%s is refused naming %s, when it is loaded', (name, what) => {
    expect(() => checkLoadable(spec.programs[name])).toThrow(UnsupportedError);
    expect(() => checkLoadable(spec.programs[name])).toThrow(what);
  });

  it.each([
    ['uses_ksym', 'extern some_symbol'],
    ['uses_kfunc', 'kfunc bpf_some_kfunc'],
  ])('%s is refused naming %s, when no kernel has it', (name, what) => {
    expect(() => programInput(spec, spec.programs[name])).toThrow(UnsupportedError);
    expect(() => programInput(spec, spec.programs[name])).toThrow(what);
  });

  it('.kconfig: the version of Linux that beewasm follows, weak variables as 0, others by option', () => {
    const { programs, maps, variables } = spec;
    expect(() => checkLoadable(programs.uses_version)).not.toThrow();
    expect(programs.uses_version.relocs.map((r) => [r.map, r.kind])).toEqual([
      ['.kconfig', 'value'],
      ['.kconfig', 'value'],
    ]);
    expect(maps['.kconfig']).toMatchObject({ frozen: true, flags: 128, maxEntries: 1 });
    expect(hex(variables.LINUX_KERNEL_VERSION.get())).toBe('00120600');
    const given = openObject(read('test/objects/loader/beyond.bpf.o'), {
      kconfig: { CONFIG_HZ: 250, CONFIG_WEAK: 'y' },
    });
    expect(() => checkLoadable(given.programs.uses_kconfig)).not.toThrow();
    expect(hex(given.variables.CONFIG_HZ.get())).toBe('fa000000');
    expect(hex(given.variables.CONFIG_WEAK.get())).toBe('01');
  });

  it('weak symbols of the kernel are 0, calls to weak kfuncs can not be reached', () => {
    const { insns } = programInput(spec, spec.programs.uses_weak);
    expect(insns.filter((i) => i.code === 0x18).map((i) => [i.src, i.imm])).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(insns.filter((i) => i.code === 0x85).map((i) => [i.src, i.imm])).toEqual([[0, 2002000000]]);
  });

  it('does not stand in the way of other programs', () => {
    expect(() => checkLoadable(spec.programs.fine)).not.toThrow();
  });

  it('.maps section without BTF', () => {
    expect(() => load('nodebug_maps')).toThrow(new UnsupportedError('.maps section without BTF'));
  });
});

describe('CO-RE relocations', () => {
  // The values that libbpf 1.1.2 puts in, with the same object as btf_custom_path.
  const expected = {
    offset: 44,
    element: 152,
    second: 288,
    size: 2,
    array_size: 24,
    is_signed: 0,
    exists: 1,
    exists_not: 0,
    flavour: 1,
    bit_offset: 264,
    bit_size: 4,
    lshift: 34,
    rshift: 58,
    type_exists: 1,
    type_exists_not: 0,
    type_size: 280,
    type_matches: 1,
    type_matches_not: 0,
    enum_exists: 1,
    enum_exists_not: 0,
    enum_value: 17,
  };
  const bytes = read('test/objects/loader/core.bpf.o');
  const btf = load('core_target').btf!;
  const { programs } = openObject(bytes, { btf });

  it.each(Object.entries(expected))('%s is %i', (name, value) => {
    expect(() => checkLoadable(programs[name])).not.toThrow();
    expect(programs[name].insns[0].imm).toBe(value);
  });

  it('loads get the offset and width of the target', () => {
    expect(programs.load.insns.find((i) => (i.code & 7) === 1 && i.off === 12)?.code).toBe(0x69);
  });

  it('what the target lacks becomes a call that no verifier takes', () => {
    expect(programs.poisoned.insns[0]).toEqual({ code: 0x85, dst: 0, src: 0, off: 0, imm: 195896080 });
  });

  it('need a target', () => {
    expect(() => checkLoadable(openObject(bytes).programs.offset)).toThrow('without the BTF of a target');
  });

  it('damaged targets are typed errors', () => {
    for (let at = 0; at < btf.length; at += 7) {
      const damaged = btf.slice();
      damaged[at] ^= 0x55;
      try {
        openObject(bytes, { btf: damaged });
      } catch (error) {
        expect(error).toBeInstanceOf(BeewasmError);
      }
    }
  });
});

describe('objects from before BTF', () => {
  const word = (m: MapSpec) => [m.type, m.keySize, m.valueSize, m.maxEntries, m.flags, m.pinning];

  it('libbpf: 20 bytes for a map', () => {
    expect(word(load('legacy').maps.old)).toEqual([MAP.BPF_MAP_TYPE_HASH, 4, 8, 10, 0, 0]);
    expect(load('legacy').programs.prog.relocs.map((r) => [r.map, r.kind])).toEqual([['old', 'fd']]);
  });

  it('iproute2: ids link inner maps and tail calls', () => {
    const { maps, programs } = load('iproute2');
    expect(word(maps.jumps)).toEqual([MAP.BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 8, 0, 2]);
    expect(maps.jumps.slots).toEqual([{ index: 1, symbol: 'second' }]);
    expect(word(maps.outer.inner!)).toEqual([MAP.BPF_MAP_TYPE_HASH, 4, 8, 10, 1, 0]);
    expect(maps.outer.slots).toEqual([{ index: 3, symbol: 'inner' }]);
    expect(programs.first.type).toBe(PROG.BPF_PROG_TYPE_XDP);
    expect(programs.second.type).toBe(null);
  });

  it('kernel samples: the inner map by its position', () => {
    const { maps, programs } = load('samples_maps');
    expect(maps.outer.inner?.type).toBe(MAP.BPF_MAP_TYPE_HASH);
    expect(maps.inner.pinning).toBe(0);
    expect(programs.prog.type).toBe(PROG.BPF_PROG_TYPE_SOCKET_FILTER);
  });

  it('functions without type and size are the global symbols of their section', () => {
    const typed = load('iproute2');
    const bytes = read('test/objects/loader/iproute2.bpf.o');
    for (const at of functionSymbols(bytes)) bytes.fill(0, at + 16, at + 24)[at + 4] &= 0xf0;
    const untyped = openObject(bytes);
    expect(Object.keys(untyped.programs)).toEqual(Object.keys(typed.programs));
    for (const [name, program] of Object.entries(untyped.programs)) {
      expect(program.insns).toEqual(typed.programs[name].insns);
    }
  });

  it('machine 0 is BPF before it had a number', () => {
    const bytes = read('test/objects/loader/legacy.bpf.o').fill(0, 18, 20);
    expect(Object.keys(openObject(bytes).programs)).toEqual(['prog']);
  });

  /** Offsets of the symbols of type FUNC. */
  function functionSymbols(bytes: Uint8Array): number[] {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const headers = Array.from(
      { length: view.getUint16(60, true) },
      (_, i) => Number(view.getBigUint64(40, true)) + i * 64,
    );
    const table = headers.find((at) => view.getUint32(at + 4, true) === 2)!;
    const start = Number(view.getBigUint64(table + 24, true));
    const count = Number(view.getBigUint64(table + 32, true)) / 24;
    return Array.from({ length: count }, (_, i) => start + i * 24).filter((at) => (bytes[at + 4] & 15) === 2);
  }
});

describe('bad input', () => {
  const header = read('test/objects/loader/lone.bpf.o');
  const changed = (at: number, byte: number) => {
    const bytes = header.slice();
    bytes[at] = byte;
    return bytes;
  };
  it.each([
    ['empty', new Uint8Array(0), 'ELF: file is empty'],
    ['text', new TextEncoder().encode('hello, this is no object'), 'ELF: not an ELF file'],
    ['header only', header.slice(0, 40), 'ELF: file is too short: 40 bytes'],
    ['32-bit', changed(4, 1), 'ELF: not a 64-bit file'],
    ['big-endian', read('test/objects/loader/bigendian.bpf.o'), 'ELF: not a little-endian file'],
    ['x86-64', changed(18, 62), 'ELF: machine 62 is not BPF (247)'],
    ['executable', changed(16, 2), 'ELF: type 2 is not a relocatable object (1)'],
    ['no sections', changed(40, 0).fill(0, 40, 48), 'ELF: no section headers'],
  ])('%s', (_, bytes, message) => {
    expect(() => openObject(bytes)).toThrow(FormatError);
    expect(() => openObject(bytes)).toThrow(message);
  });

  /** undefined when it opens, else the error: which has to be typed. */
  function attempt(bytes: Uint8Array): ObjectSpec | BeewasmError {
    try {
      return openObject(bytes);
    } catch (error) {
      if (error instanceof BeewasmError && !error.message.includes('\n')) return error;
      throw error;
    }
  }

  it("a huge .bss costs nothing until it is used, and has Linux's limit", () => {
    const bytes = read('test/objects/loader/nodebug.bpf.o');
    const view = new DataView(bytes.buffer);
    const headers = view.getUint32(40, true);
    const bss = [...Array(view.getUint16(60, true)).keys()].find(
      (i) => view.getUint32(headers + i * 64 + 4, true) === 8,
    )!;
    view.setUint32(headers + bss * 64 + 32, 0x7fffffff, true);
    expect(openObject(bytes).maps['.bss']).toMatchObject({ valueSize: 0x7fffffff });
    expect(openObject(bytes).maps['.bss'].data).toBeUndefined();
    view.setUint32(headers + bss * 64 + 36, 1, true);
    expect(() => openObject(bytes)).toThrow(FormatError);
  });

  it('every truncation of the example is a FormatError', () => {
    const whole = read('examples/firewall/firewall.bpf.o');
    expect(Object.keys(openObject(whole).programs).sort()).toEqual(['xdp_fw', 'xdp_fw_dns']);
    for (let n = 0; n < whole.length; n++) {
      const result = attempt(whole.subarray(0, n));
      if (!(result instanceof FormatError)) expect.fail(`${n} bytes: ${JSON.stringify(result)}`);
    }
  });

  it.each(['programs', 'data', 'maps'])('flipped bytes of %s give an object or one typed error, soon', (name) => {
    const whole = read(`test/objects/loader/${name}.bpf.o`);
    let seed = 12345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const outcomes = new Set<string>();
    const start = process.cpuUsage();
    for (let round = 0; round < 2000; round++) {
      const bytes = whole.slice();
      // Headers, tables and BTF are more interesting than .debug_*: half of the flips hit the section headers.
      const tables = new DataView(bytes.buffer).getUint32(40, true);
      for (let flips = 1 + random(3); flips > 0; flips--) {
        const at = random(2) ? tables + random(bytes.length - tables) : random(bytes.length);
        bytes[at] = random(4) ? bytes[at] ^ (1 << random(8)) : random(2) * 255;
      }
      const result = attempt(bytes);
      outcomes.add(result instanceof BeewasmError ? result.name : 'object');
    }
    expect([...outcomes].sort()).toEqual(expect.arrayContaining(['FormatError', 'object']));
    // Processor time, in us: the machine may do other things. It takes a second or two.
    expect(process.cpuUsage(start).user).toBeLessThan(60e6);
  });

  it('flipped words of .BTF and .BTF.ext give an object or one typed error', () => {
    const whole = read('test/objects/loader/maps.bpf.o');
    const magic = [0x9f, 0xeb, 1, 0];
    const starts = [...whole.keys()].filter((i) => magic.every((b, k) => whole[i + k] === b));
    expect(starts.length).toBe(2);
    let opened = 0;
    let refused = 0;
    for (const start of starts) {
      for (let at = start; at < start + 1500; at += 4) {
        for (const word of [0, 1, 0x7fffffff, 0xffffffff]) {
          const bytes = whole.slice();
          new DataView(bytes.buffer).setUint32(at, word, true);
          if (attempt(bytes) instanceof BeewasmError) refused++;
          else opened++;
        }
      }
    }
    expect(opened).toBeGreaterThan(100);
    expect(refused).toBeGreaterThan(100);
  });
});

const oracle = openOracle((reason) => console.log(`loader objects on the live kernel: skipped, ${reason}`));
afterAll(() => oracle?.shutdown());

describe.skipIf(oracle === null)('the live kernel accepts what was linked', () => {
  const runs: [string, string, number | null][] = [
    ['programs', 'first', 18],
    ['programs', 'second', 2],
    ['programs', 'frags', 0],
    ['maps', 'target', 1],
    ['maps', 'jump', 0],
    ['nodebug', 'prog', 7],
    ['data', 'prog', null],
  ];
  it.each(runs)('%s: %s returns %s', (name, program, retval) => {
    const object = load(name);
    const loaded = oracle!.load(programInput(object, object.programs[program]));
    expect(loaded.log).toContain('processed');
    expect(loaded.verdict).toBe('ACCEPT');
    if (retval !== null) expect(oracle!.run(loaded.handle, { data: new Uint8Array(64) }).retval).toBe(retval);
    oracle!.unload(loaded);
  });
});
