// LoadedProgram -> Image. Pure: the same program at the same addresses gives the same bytes. The work is an array of
// passes over one record (compilation.ts); every pass can be timed and dumped.

import { opsOf } from '../src/analysis/cfg.ts';
import { disasmInsn } from '../src/isa/disasm.ts';
import type { LoadedProgram } from '../src/runtime/engine.ts';
import type { Compilation, CompileOptions, Fn } from './compilation.ts';
import { withModule } from './emit.ts';
import { addEntries } from './entries.ts';
import { findFunctions } from './functions.ts';
import type { BakedMap, Image } from './image.ts';
import { lowerFunction } from './lower.ts';
import { GLOBALS, Module } from './module.ts';
import { narrow } from './narrow.ts';
import { promote } from './promote.ts';
import { renderNodes, structure } from './structure.ts';

export type { CompileOptions };

interface Pass {
  readonly name: string;
  readonly fn: (c: Compilation) => void;
  readonly dump: (c: Compilation) => string;
}

const PASSES: readonly Pass[] = [
  { name: 'functions', fn: findFunctions, dump: (c) => perFn(c, dumpBlocks) },
  { name: 'promote', fn: promote, dump: (c) => perFn(c, (fn) => `${fn.vregs} vregs`) },
  { name: 'narrow', fn: narrow, dump: (c) => perFn(c, dumpWidths) },
  { name: 'structure', fn: structure, dump: (c) => perFn(c, (fn) => renderNodes(fn.body)) },
  { name: 'emit', fn: emit, dump: (c) => `${c.image?.wasm.length} bytes` },
];

export function compile(program: LoadedProgram, options: CompileOptions = {}): Image {
  const { insns, facts } = program.code;
  const c: Compilation = {
    program,
    options,
    insns,
    ops: opsOf(insns),
    facts,
    fns: [],
    fnAt: new Map(),
    openCalls: false,
    image: null,
  };
  for (const { name, fn, dump } of PASSES) {
    const from = performance.now();
    fn(c);
    options.onPass?.(name, performance.now() - from, () => dump(c));
  }
  return c.image!;
}

function emit(c: Compilation): void {
  const { program, options } = c;
  c.image = withModule((b) => {
    const m = new Module(b, c);
    for (const fn of c.fns) lowerFunction(m, fn);
    addEntries(m);
    const wasm = b.finish(
      { functions: m.imports, globals: GLOBALS },
      {
        optimize: options.level === 'optimized',
        validate: options.validate ?? false,
        names: options.names ?? false,
      },
    );
    options.onText?.(b.text());
    return {
      wasm,
      name: program.code.name,
      maps: program.maps.map(bakedMap),
      helpers: [...m.helpers],
      mapOps: [...m.mapOps],
      tailCalls: m.tailCalls,
      budget: m.budget,
      insns: c.insns.length,
      functions: c.fns.length,
    };
  });
}

/** Every number of a map's placement the code may contain. */
export function bakedMap(map: LoadedProgram['maps'][number]): BakedMap {
  const { addr, values, stride, cpuStride, maxEntries, keySize, valueSize, lookup, update } = map;
  const ops = [lookup, update, map.delete].flatMap((op) => op?.args ?? []);
  return { type: map.type.name, numbers: [addr, values, stride, cpuStride, maxEntries, keySize, valueSize, ...ops] };
}

function perFn(c: Compilation, dump: (fn: Fn, c: Compilation) => string): string {
  return c.fns.map((fn) => `function at ${fn.start}\n${dump(fn, c)}`).join('\n\n');
}

function dumpBlocks(fn: Fn): string {
  return fn.cfg.blocks.map((b, i) => `block ${i}: ${b.start}..${b.last} taken ${b.taken} fall ${b.fall}`).join('\n');
}

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
