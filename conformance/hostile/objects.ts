// Objects made to cost the loader, or that lie: about types, lines, functions and relocations. One row per idea; `n` is about
// the number of types, records or sections. Every one has to end in verdicts or in one typed error.

import { asm } from '../../src/isa/index.ts';
import type { Insn } from '../../src/isa/insn.ts';
import { btfExt, type Code, type FunctionSymbol, objectFile, TypeWriter } from './object_file.ts';

const END = asm('r0 = 0\nexit').insns;
const BODY = END.length * 8;
const PARAMS = 65_535;
const MEMBERS = 65_535;
/** More functions than that a program may not have. */
const FUNCTIONS = 255;

const range = (n: number): number[] => Array.from({ length: Math.max(0, Math.floor(n)) }, (_, i) => i);

/** A program, and `count` functions after it that it calls, all in one section. */
function callsAll(count: number): { code: Code; starts: number[] } {
  const call = (distance: number): Insn => ({ code: 0x85, dst: 0, src: 1, off: 0, imm: distance });
  const main = [...range(count).map((i) => call(count - i - 1 + END.length + i * END.length)), ...END];
  const starts = range(count).map((i) => main.length * 8 + i * BODY);
  const functions: FunctionSymbol[] = [
    { name: 'main', start: 0, size: main.length * 8 },
    ...starts.map((start, i) => ({ name: `f${i}`, start, size: BODY })),
  ];
  return { code: { name: 'socket', insns: [...main, ...range(count).flatMap(() => END)], functions }, starts };
}

/** A program of `count` instructions to relocate. */
function ones(count: number): Code {
  const insns = [...range(count).map(() => asm('r0 = 1').insns[0]), END[1]];
  return { name: 'socket', insns, functions: [{ name: 'main', start: 0, size: insns.length * 8 }] };
}

const ONE: Code = { name: 'socket', insns: END, functions: [{ name: 'main', start: 0, size: BODY }] };

/** An object whose one program does nothing, with these types. */
function typesOnly(make: (types: TypeWriter) => void): Uint8Array {
  const types = new TypeWriter();
  make(types);
  return objectFile([ONE], { '.BTF': types.btf() });
}

/** Functions f0, f1, ... with the prototype `proto` of each. */
function withPrototypes(types: TypeWriter, count: number, proto: (i: number) => number): Uint8Array {
  const { code, starts } = callsAll(count);
  const records = starts.map((start, i) => [start, types.add('func', `f${i}`, 1, proto(i))]);
  const ext = btfExt(types, [{ section: code.name, records }], [], []);
  return objectFile([code], { '.BTF': types.btf(), '.BTF.ext': ext });
}

const LOCK = (types: TypeWriter) => types.add('struct', 'bpf_spin_lock', 0, 4);

export const HOSTILE_OBJECTS: Readonly<Record<string, (n: number) => Uint8Array>> = {
  'a chain of typedefs that all parameters hang on': (n) => {
    const types = new TypeWriter();
    const int = types.add('int', 'int', 0, 4, [32]);
    for (const i of range(n)) types.add('typedef', `t${i}`, 0, i === 0 ? int : types.next - 1);
    const last = types.next - 1;
    const pointers = range(Math.min(n, PARAMS)).map((i) => types.add('ptr', '', 0, last - (i % n)));
    const params = pointers.flatMap((type) => [0, type]);
    const proto = types.add('funcProto', '', pointers.length, int, params);
    return withPrototypes(types, FUNCTIONS, () => proto);
  },
  'a struct whose members are at the end of a chain of typedefs': (n) =>
    typesOnly((types) => {
      const lock = LOCK(types);
      const int = types.add('int', 'int', 0, 4, [32]);
      for (const i of range(n)) types.add('typedef', `t${i}`, 0, i === 0 ? int : types.next - 1);
      const last = types.next - 1;
      const members = range(Math.min(n, MEMBERS) - 1).map((i) => ({ name: `m${i}`, type: last - i }));
      types.struct('wide', [{ name: 'lock', type: lock }, ...members], 4);
    }),
  'types that are made of themselves': (n) =>
    typesOnly((types) => {
      for (const _ of range(n / 6)) {
        const first = types.next;
        types.add('typedef', 'a', 0, first + 1);
        types.add('const', '', 0, first);
        types.struct('s', [{ name: 'self', type: first + 2 }], 8);
        types.add('array', '', 0, 0, [first + 3, first, 2]);
        types.add('ptr', '', 0, first + 4);
        types.add('var', 'v', 0, first, [1]);
      }
    }),
  'structs in structs, two of each': (n) =>
    typesOnly((types) => {
      const lock = LOCK(types);
      let inner = types.add('int', 'int', 0, 4, [32]);
      for (const i of range(n)) {
        inner = types.struct(
          `s${i}`,
          [...range(2).map((k) => ({ name: `m${k}`, type: inner })), { name: 'l', type: lock }],
          8,
        );
      }
    }),
  'many structs with a lock, around one of many members': (n) =>
    typesOnly((types) => {
      const lock = LOCK(types);
      const int = types.add('int', 'int', 0, 4, [32]);
      const wide = types.struct(
        'wide',
        range(Math.min(n, MEMBERS)).map((i) => ({ name: `m${i}`, type: int })),
        4,
      );
      for (const i of range(n / 10)) {
        types.struct(
          `s${i}`,
          [
            { name: 'lock', type: lock },
            { name: 'w', type: wide },
          ],
          8,
        );
      }
    }),
  'lists of lists in a circle': (n) =>
    typesOnly((types) => {
      const lock = LOCK(types);
      const head = types.add('struct', 'bpf_list_head', 0, 16);
      const node = types.add('struct', 'bpf_list_node', 0, 24);
      const count = Math.floor(n / 2);
      for (const i of range(count)) {
        const id = types.struct(
          `s${i}`,
          ['head', 'node', 'lock'].map((name, k) => ({ name, type: [head, node, lock][k] })),
          24,
        );
        types.add('declTag', `contains:s${(i + 1) % count}:node`, 0, id, [0]);
      }
    }),
  'tags on everything': (n) => {
    const types = new TypeWriter();
    const int = types.add('int', 'int', 0, 4, [32]);
    const ptr = types.add('ptr', '', 0, int);
    const proto = types.add('funcProto', '', 1, int, [0, ptr]);
    const func = types.next;
    const struct = types.struct('s', [{ name: 'm', type: int }], 8);
    for (const i of range(n)) {
      types.add('declTag', 'arg:nonnull', 0, func + 1, [0]);
      types.add('declTag', 'arg:ctx', 0, func + 1, [0]);
      types.add('declTag', `exception_callback:f${i}`, 0, func + 1, [-1]);
      types.add('declTag', 'contains:s:m', 0, struct, [0]);
    }
    return withPrototypes(types, 4, () => proto);
  },
  'arrays of arrays': (n) => {
    const types = new TypeWriter();
    let inner = types.add('int', 'int', 0, 4, [32]);
    for (const _ of range(n)) inner = types.add('array', '', 0, 0, [inner, inner, 1]);
    const proto = types.add('funcProto', '', 1, 1, [0, types.add('ptr', '', 0, inner)]);
    return withPrototypes(types, 4, () => proto);
  },
  'functions with as many parameters as there can be': (n) => {
    const types = new TypeWriter();
    const int = types.add('int', 'int', 0, 4, [32]);
    const params = range(Math.min(n, PARAMS)).flatMap(() => [0, int]);
    const proto = types.add('funcProto', '', params.length / 2, int, params);
    return withPrototypes(types, FUNCTIONS, () => proto);
  },
  'names of the kernel without end': (n) =>
    typesOnly((types) => {
      const int = types.add('int', 'int', 0, 4, [32]);
      const proto = types.add('funcProto', '', 0, int);
      const first = types.next;
      for (const i of range(Math.min(n, MEMBERS))) types.add('func', `k${i}`, 2, proto);
      types.add(
        'datasec',
        '.ksyms',
        types.next - first,
        0,
        range(types.next - first).flatMap((i) => [first + i, 0, 0]),
      );
    }),
  'lines that lie': (n) => {
    const types = new TypeWriter();
    const { code } = callsAll(FUNCTIONS);
    const names = ['a.c', 'int main(void)'].map((text) => types.text(text));
    const records = range(n).map((i) => [(i * 2_654_435_761) >>> (i % 3 === 0 ? 0 : 18), ...names, 0xffffffff]);
    const ext = btfExt(types, [], [{ section: code.name, records }], []);
    return objectFile([code], { '.BTF': types.btf(), '.BTF.ext': ext });
  },
  'functions that are others': (n) => {
    const types = new TypeWriter();
    types.add('int', 'int', 0, 4, [32]);
    const { code } = callsAll(FUNCTIONS);
    const records = range(n).map((i) => [(i % 64) * 8, i % 2]);
    const ext = btfExt(types, [{ section: code.name, records }], [], []);
    return objectFile([code], { '.BTF': types.btf(), '.BTF.ext': ext });
  },
  'relocations without end': (n) => {
    const types = new TypeWriter();
    const int = types.add('int', 'int', 0, 4, [32]);
    const struct = types.struct(
      's',
      range(Math.min(n, MEMBERS)).map((i) => ({ name: `m${i}`, type: int })),
      4,
    );
    const code = ones(n);
    const access = types.text('0:0');
    // FIELD_EXISTS
    const records = range(n).map((i) => [i * 8, struct, access, 2]);
    const ext = btfExt(types, [], [], [{ section: code.name, records }]);
    return objectFile([code], { '.BTF': types.btf(), '.BTF.ext': ext });
  },
  'relocations to types that are nested in too many ways': (n) => {
    const types = new TypeWriter();
    const int = types.add('int', 'int', 0, 4, [32]);
    // Nameless members are looked into, named ones compared, prototypes behind pointers compared, too.
    let [hidden, named, proto] = [int, int, int];
    for (const _ of range(Math.min(n, 40))) {
      hidden = types.struct(
        '',
        range(2).map(() => ({ name: '', type: hidden })),
        4,
      );
      named = types.struct(
        'n',
        range(2).map((k) => ({ name: `m${k}`, type: named })),
        4,
      );
      proto = types.add('ptr', '', 0, types.add('funcProto', '', 2, int, [0, proto, 0, proto]));
    }
    const outer = types.struct(
      'outer',
      [
        { name: '', type: hidden },
        { name: 'x', type: int },
      ],
      8,
    );
    const other = types.struct('outer', [{ name: '', type: hidden }], 8);
    const alias = types.add('typedef', 'alias', 0, proto);
    const code = ones(4);
    // FIELD_EXISTS, TYPE_MATCHES, TYPE_EXISTS
    const records = [
      [0, outer, types.text('0:1'), 2],
      [8, named, types.text('0'), 12],
      [16, alias, types.text('0'), 8],
      [24, other, types.text('0'), 8],
    ];
    const ext = btfExt(types, [], [], [{ section: code.name, records }]);
    return objectFile([code], { '.BTF': types.btf(), '.BTF.ext': ext });
  },
  'relocations with many candidates': (n) => {
    const types = new TypeWriter();
    const int = types.add('int', 'int', 0, 4, [32]);
    const structs = range(n / 2).map(() => types.struct('same', [{ name: 'm', type: int }], 4));
    const code = ones(n / 2);
    const access = types.text('0:0');
    const records = range(n / 2).map((i) => [i * 8, structs[i], access, 2]);
    const ext = btfExt(types, [], [], [{ section: code.name, records }]);
    return objectFile([code], { '.BTF': types.btf(), '.BTF.ext': ext });
  },
  'programs that all call the same functions': (n) => {
    const types = new TypeWriter();
    const shared = callsAll(FUNCTIONS - 1);
    const names = ['a.c', 'x();'].map((text) => types.text(text));
    const lines = range(shared.code.insns.length).map((i) => [i * 8, ...names, 1024 * i]);
    const programs = range(n / 10).map((i) => ({ name: `p${i}`, start: 0, size: shared.starts[0] }));
    const code = { ...shared.code, functions: [...programs, ...shared.code.functions.slice(1)] };
    const ext = btfExt(types, [], [{ section: code.name, records: lines }], []);
    return objectFile([code], { '.BTF': types.btf(), '.BTF.ext': ext });
  },
  'sections without end': (n) =>
    objectFile(
      range(Math.min(n, 0xfe00)).map((i) => ({ ...ONE, functions: [{ ...ONE.functions[0], name: `p${i}` }] })),
      {},
    ),
};
