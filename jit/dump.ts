// Compiled programs as text: the module in WAT with the eBPF instructions in between, and what each pass decided.

import { disasmInsn } from '../src/isa/disasm.ts';
import type { LoadedProgram } from '../src/runtime/engine.ts';
import { type CompileOptions, compile } from './compile.ts';

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
