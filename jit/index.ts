// The JIT as an Engine: programs are compiled when they are first linked, once for all CPUs.

import type { Engine, LoadedProgram, SlotReader } from '../src/runtime/engine.ts';
import type { HelperName } from '../src/spec/helpers.ts';
import { type CompileOptions, compile, compileMany } from './compile.ts';
import { loadBinaryen } from './emit.ts';
import type { Image } from './image.ts';
import { grouped } from './jumps.ts';
import { type Compiled, type LinkHost, link } from './link.ts';
import { MAP_HELPERS } from './lower_map.ts';

export interface JitOptions extends CompileOptions {
  /** Back edges and calls one run may make of a program that counts them (unverified, may_goto, `stoppable`): then EAGAIN. */
  readonly maxSteps?: number;
}

export interface JitEngine extends Engine {
  readonly name: 'jit';
  /** Compiles now, on this thread. */
  image(program: LoadedProgram): Image;
  /** Compiles programs into one module, for linking later; of no use for those compiled already. */
  compileTogether(programs: readonly LoadedProgram[], slot?: SlotReader): void;
}

const moduleOf = ({ wasm }: Image) => new WebAssembly.Module(wasm as Uint8Array<ArrayBuffer>);

/** Two billion: seconds, so that an endless loop ends as an error and not as a hang. */
const DEFAULT_STEPS = 2 ** 31;

/** An engine that compiles. Binaryen has been imported when the promise is kept; everything is synchronous then. */
export async function createJitEngine(options: JitOptions = {}): Promise<JitEngine> {
  await loadBinaryen();
  return jitEngine(options);
}

/** The same at once; compiling throws until loadBinaryen() is done. */
export function jitEngine(options: JitOptions = {}): JitEngine {
  const done = new WeakMap<LoadedProgram, Compiled>();
  /** Groups of programs as images of one module. */
  const compiledGroups = (programs: readonly LoadedProgram[], slot: SlotReader) =>
    grouped(
      programs.filter((program) => !done.has(program)),
      slot,
    ).map((group) => ({ group, made: compileMany(group, options, slot) }));
  const keep = (group: readonly LoadedProgram[], made: readonly Image[], module: WebAssembly.Module) => {
    group.forEach((program, i) => {
      images.set(program, made[i]);
      done.set(program, { image: made[i], module });
    });
  };
  const images = new WeakMap<LoadedProgram, Image>();
  const image = (program: LoadedProgram): Image => {
    let made = images.get(program);
    if (made === undefined) images.set(program, (made = compile(program, options)));
    return made;
  };
  const compiled = (program: LoadedProgram): Compiled => {
    let made = done.get(program);
    if (made === undefined) {
      const from = image(program);
      done.set(program, (made = { image: from, module: moduleOf(from) }));
    }
    return made;
  };
  const calling = new Map<string, WeakMap<LoadedProgram, Compiled>>();
  /** The program with real calls of these map helpers. */
  const compiledCalling = (program: LoadedProgram, helpers: readonly HelperName[]): Compiled => {
    const key = helpers.toSorted().join();
    const known = calling.get(key) ?? new WeakMap<LoadedProgram, Compiled>();
    calling.set(key, known);
    let made = known.get(program);
    if (made === undefined) {
      const from = compile(program, { ...options, calls: new Set(helpers) });
      known.set(program, (made = { image: from, module: moduleOf(from) }));
    }
    return made;
  };
  const host: LinkHost = {
    maxSteps: options.maxSteps ?? DEFAULT_STEPS,
    compiled(program, mocked) {
      const helpers = [...mocked].filter((name) => name in MAP_HELPERS);
      return helpers.length > 0 ? compiledCalling(program, helpers) : compiled(program);
    },
  };
  return {
    name: 'jit',
    image,
    compileTogether(programs, slot) {
      const made = compileMany(programs, options, slot);
      keep(programs, made, moduleOf(made[0]));
    },
    async prepare(programs, slot) {
      for (const { group, made } of compiledGroups(programs, slot)) {
        keep(group, made, await WebAssembly.compile(made[0].wasm as Uint8Array<ArrayBuffer>));
      }
    },
    prepareSync(programs, slot) {
      for (const { group, made } of compiledGroups(programs, slot)) keep(group, made, moduleOf(made[0]));
    },
    link: (program, cpu, resolve) => link(host, program, cpu, resolve),
  };
}

export type { Pass } from './compilation.ts';
export { type CompileOptions, compile, compileMany, PASSES } from './compile.ts';
export { dumpWat } from './dump.ts';
export { JitError, loadBinaryen } from './emit.ts';
export type { Image } from './image.ts';
export type { Builder } from './wasm.ts';
