// Compiled programs as text: the module in WAT, and beside it what each pass decided.

import type { LoadedProgram } from '../src/runtime/engine.ts';
import { type CompileOptions, compile } from './compile.ts';
import { textOf } from './emit.ts';

/** The module as WAT with readable names (compiled anew: names are not kept in images). */
export function dumpWat(program: LoadedProgram, options: CompileOptions = {}): string {
  return textOf(compile(program, { ...options, names: true }).wasm);
}

export interface PassDump {
  readonly name: string;
  readonly ms: number;
  readonly text: string;
}

/** What each pass of the compiler made of the program, with its time. */
export function dumpPasses(program: LoadedProgram, options: CompileOptions = {}): PassDump[] {
  const dumps: PassDump[] = [];
  compile(program, { ...options, onPass: (name, ms, dump) => dumps.push({ name, ms, text: dump() }) });
  return dumps;
}
