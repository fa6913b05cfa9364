// LoadedProgram -> Image. Pure: the same program at the same addresses gives the same bytes. The work is an array of
// passes over one record (compilation.ts); every pass can be timed and dumped.

import { opsOf } from '../src/analysis/cfg.ts';
import { disasmInsn } from '../src/isa/disasm.ts';
import type { LoadedProgram, SlotReader } from '../src/runtime/engine.ts';
import type { Compilation, CompileOptions, Fn, Pass } from './compilation.ts';
import { withModule } from './emit.ts';
import { addEntries, addMiss } from './entries.ts';
import { findFunctions } from './functions.ts';
import { idioms } from './idioms.ts';
import type { BakedMap, Image } from './image.ts';
import { dumpInlined, inline } from './inline.ts';
import { lowerFunction } from './lower.ts';
import { GLOBALS, Module } from './module.ts';
import { narrow } from './narrow.ts';
import { promote } from './promote.ts';
import { reductions } from './reductions.ts';
import { selects } from './selects.ts';
import { split } from './split.ts';
import { renderNodes, structure } from './structure.ts';

export type { CompileOptions };

/** What happens before the module is built. */
export const PASSES: readonly Pass[] = [
  { name: 'functions', fn: findFunctions, dump: (c) => perFn(c, dumpBlocks) },
  { name: 'split', fn: split, dump: (c) => c.fns.map((fn) => fn.name).join('\n') },
  { name: 'inline', fn: inline, dump: (c) => perFn(c, dumpInlined) },
  { name: 'promote', fn: promote, dump: (c) => perFn(c, (fn) => `${fn.vregs} vregs`) },
  { name: 'idioms', fn: idioms, dump: (c) => perFn(c, dumpIdioms) },
  { name: 'narrow', fn: narrow, dump: (c) => perFn(c, dumpWidths) },
  { name: 'selects', fn: selects, dump: (c) => perFn(c, dumpSelects) },
  { name: 'reductions', fn: reductions, dump: (c) => perFn(c, dumpReductions) },
  { name: 'structure', fn: structure, dump: (c) => perFn(c, (fn) => renderNodes(fn.body)) },
];

export function compile(program: LoadedProgram, options: CompileOptions = {}): Image {
  return compileMany([program], options)[0];
}

/**
 * The same for programs that are put into one module: where they are small and many, a module each costs far more than
 * its code; where one jumps to another by a slot that holds it now (`slot`), the jump is a direct one.
 */
export function compileMany(
  programs: readonly LoadedProgram[],
  options: CompileOptions = {},
  slot: SlotReader = () => 0,
): Image[] {
  const byId = new Map<number, Compilation>();
  const cs = programs.map((program, i): Compilation => {
    const { insns, facts } = program.code;
    const ops = opsOf(insns);
    const jumpTarget: Compilation['jumpTarget'] = (map, index) => byId.get(slot(map, index, program));
    const prefix = programs.length > 1 ? `p${i}.` : '';
    return { program, options, prefix, insns, ops, facts, fns: [], fnAt: new Map(), jumpTarget, openCalls: false };
  });
  for (const c of cs) byId.set(c.program.id, c);
  return build(cs, options);
}

function build(cs: readonly Compilation[], options: CompileOptions): Image[] {
  const { passes = PASSES, onPass } = options;
  for (const { name, fn, dump } of passes) {
    const from = performance.now();
    cs.forEach(fn);
    onPass?.(name, performance.now() - from, () => cs.map(dump).join('\n\n'));
  }
  const from = performance.now();
  const images = emit(cs, options);
  onPass?.('emit', performance.now() - from, () => `${images[0].wasm.length} bytes`);
  return images;
}

function emit(cs: readonly Compilation[], options: CompileOptions): Image[] {
  return withModule((builder) => {
    const b = options.tap?.(builder) ?? builder;
    const modules: Module[] = [];
    for (const c of cs) {
      const m = new Module(b, c, modules.at(-1));
      for (const fn of c.fns) if (fn.emitted) lowerFunction(m, fn);
      addEntries(m);
      modules.push(m);
    }
    const jumps = modules.find((m) => m.tailCalls);
    if (jumps !== undefined) addMiss(jumps);
    const [{ imports }] = modules;
    const wasm = builder.finish(
      { functions: imports, globals: GLOBALS },
      {
        optimize: options.level === 'optimized',
        validate: options.validate ?? false,
        names: options.names ?? false,
      },
    );
    options.onText?.(builder.text());
    return modules.map((m) => imageOf(m, wasm));
  });
}

function imageOf(m: Module, wasm: Uint8Array): Image {
  const { program, prefix, insns, fns } = m.c;
  return {
    wasm,
    prefix,
    name: program.code.name,
    maps: program.maps.map(bakedMap),
    helpers: [...m.helpers],
    kfuncs: [...m.kfuncs],
    mapOps: [...m.mapOps],
    jumps: Array.from(m.jumps, (c) => ({ id: c.program.id, maps: c.program.maps.map(bakedMap) })),
    tailCalls: m.tailCalls,
    budget: m.budget,
    insns: insns.length,
    functions: fns.filter((fn) => fn.emitted).length,
  };
}

/** Every number of a map's placement the code may contain. */
export function bakedMap(map: LoadedProgram['maps'][number]): BakedMap {
  const { addr, values, stride, cpuStride, maxEntries, keySize, valueSize, lookup, update } = map;
  const pages = map.arena === null ? [] : [map.arena.data, map.arena.table, map.arena.size];
  const ops = [lookup, update, map.delete].flatMap((op) => op?.args ?? []);
  return {
    type: map.type.name,
    numbers: [addr, values, stride, cpuStride, maxEntries, keySize, valueSize, ...pages, ...ops],
  };
}

function perFn(c: Compilation, dump: (fn: Fn, c: Compilation) => string): string {
  return c.fns.map((fn) => `function at ${fn.start}\n${dump(fn, c)}`).join('\n\n');
}

function dumpBlocks(fn: Fn): string {
  return fn.cfg.blocks.map((b, i) => `block ${i}: ${b.start}..${b.last} taken ${b.taken} fall ${b.fall}`).join('\n');
}

const dumpIdioms = (fn: Fn) =>
  Array.from(fn.idioms.at, ([at, i]) => `${at}: ${i.kind === 'rotate' ? `rotate by ${i.by}` : `load ${i.size}`}`).join(
    '\n',
  );

const dumpSelects = (fn: Fn) =>
  Array.from(fn.selects, ([i, { over, vregs }]) => `block ${i} with ${over} chooses ${vregs.join(' ')}`).join('\n');

const dumpReductions = (fn: Fn) =>
  Array.from(fn.reductions, ([i, { sum, size }]) => `block ${i} adds numbers of ${size} bytes to ${sum}`).join('\n');

/** Disassembly with the width of each result. */
function dumpWidths(fn: Fn, c: Compilation): string {
  const names = ['64', '32', 'dead'];
  const lines = [`params ${fn.widths!.params.map((p) => `r${p.reg}:${p.narrow ? 32 : 64}`).join(' ')}`];
  for (const [i, b] of fn.cfg.blocks.entries()) {
    lines.push(`block ${i}`);
    for (let at = b.start; at <= b.last; at++) {
      if (c.ops[at] === undefined) continue;
      lines.push(`  ${at}: ${disasmInsn(c.insns, at)} ; ${names[fn.widths!.result[at - fn.start]]}`);
    }
  }
  return lines.join('\n');
}
