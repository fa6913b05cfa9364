// Compiled programs as text: the module in WAT with the eBPF instructions in between, or what a pass decided.

import { disasmInsn } from '../src/isa/disasm.ts';
import type { LoadedProgram } from '../src/runtime/engine.ts';
import { type CompileOptions, compile, PASSES } from './compile.ts';

/** The module as WAT; in front of its statements stands the instruction they come from. Compiles anew. */
export function dumpWat(program: LoadedProgram, options: CompileOptions = {}): string {
  let wat = '';
  compile(program, {
    ...options,
    onText: (text) => {
      wat = text;
    },
  });
  return annotated(wat, program);
}

/** `;;@ bpf:12:0` -> `;; 12: (07) r1 += 2`, once per run of statements; Binaryen's end marks go. */
function annotated(wat: string, program: LoadedProgram): string {
  const { insns } = program.code;
  const out: string[] = [];
  let last = -1;
  for (const line of wat.split('\n')) {
    const site = /^(\s*);;@(?: bpf:(\d+):0)?$/.exec(line);
    if (site === null) {
      if (line.startsWith(' (func')) last = -1;
      out.push(line);
    } else if (site[2] !== undefined && Number(site[2]) !== last) {
      last = Number(site[2]);
      out.push(`${site[1]};; ${last}: ${disasmInsn(insns, last)}`);
    }
  }
  return out.join('\n');
}

/** What can be dumped: the result of each pass of the compiler, and the module as text. */
export const DUMPS: readonly string[] = [...PASSES.map((pass) => pass.name), 'wat'];

/** One of DUMPS as text that a person can read and diff. */
export function dumpPass(program: LoadedProgram, name: string, options: CompileOptions = {}): string {
  if (name === 'wat') return dumpWat(program, options);
  let text = '';
  compile(program, {
    ...options,
    onPass: (pass, _, dump) => {
      if (pass === name) text = dump();
    },
  });
  return text;
}
