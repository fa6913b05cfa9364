// `prog dump xlated|jited OBJ name N`: the instructions as the loader hands them on, with C lines and map names as
// `bpftool prog dump xlated` shows them; or the WebAssembly that the JIT makes of them, as text.

import { disasmInsn } from '../isa/disasm.ts';
import { encode, type InsnIndex, LDDW_CODE } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import type { ProgramSpec } from '../loader/index.ts';
import type { Answer, Command, Invocation } from './command.ts';
import { pickProgram, readObject } from './files.ts';
import { hexDump, hexJson } from './text.ts';

export interface DumpRow {
  readonly insn: InsnIndex;
  /** Set where a function starts. */
  readonly function?: string;
  /** Set where a C line starts. */
  readonly source?: SourceLine;
  readonly disasm: string;
  /** 8 bytes, 16 for an lddw. */
  readonly bytes: Uint8Array;
}

export function dumpRows(program: ProgramSpec): DumpRow[] {
  const { insns, functions, lines } = program;
  const relocs = new Map(program.relocs.map((r) => [r.insn, r]));
  const lddw = (_pseudo: unknown, _value: bigint, at: InsnIndex) => {
    const r = relocs.get(at);
    if (r === undefined) return undefined;
    return r.kind === 'fd' ? `map[name:${r.map}]` : `map[name:${r.map}][0]+${r.off}`;
  };
  const rows: DumpRow[] = [];
  for (let at = 0; at < insns.length; ) {
    const slots = insns[at].code === LDDW_CODE && at + 1 < insns.length ? 2 : 1;
    const name = functions.get(at);
    // line 0 without text: code that clang can't attribute
    const source = lines.get(at)?.text.trim() ? lines.get(at) : undefined;
    rows.push({
      insn: at,
      ...(name === undefined ? {} : { function: name }),
      ...(source === undefined ? {} : { source }),
      disasm: disasmInsn(insns, at, { lddw }),
      bytes: encode(insns.slice(at, at + slots)),
    });
    at += slots;
  }
  return rows;
}

interface DumpOptions {
  opcodes: boolean;
  linum: boolean;
}

function text(rows: readonly DumpRow[], { opcodes, linum }: DumpOptions): string {
  const where = (s: SourceLine) => (linum ? ` [file:${s.file} line_num:${s.line} line_col:${s.column}]` : '');
  return rows
    .flatMap((row) => [
      ...(row.function === undefined ? [] : [`${row.function}:`]),
      ...(row.source === undefined ? [] : [`; ${row.source.text.trim()}${where(row.source)}`]),
      `${String(row.insn).padStart(4)}: ${row.disasm}`,
      ...(opcodes ? [`       ${hexDump(row.bytes)}`] : []),
    ])
    .join('\n');
}

function json(rows: readonly DumpRow[], { opcodes, linum }: DumpOptions): unknown {
  return rows.map((row) => ({
    insn: row.insn,
    ...(row.function === undefined ? {} : { function: row.function }),
    ...(row.source === undefined ? {} : { src: row.source.text.trim() }),
    ...(row.source !== undefined && linum
      ? { file: row.source.file, line_num: row.source.line, line_col: row.source.column }
      : {}),
    disasm: row.disasm,
    ...(opcodes ? { opcodes: hexJson(row.bytes) } : {}),
  }));
}

export const progDump: Command = {
  words: ['prog', 'dump'],
  usage: 'xlated OBJ [name N] [opcodes] [linum]',
  summary: 'print a program: eBPF instructions',
  run({ words }: Invocation): Answer {
    words.choose(['xlated'], 'what to dump');
    const path = words.take('object file');
    let name: string | undefined;
    const options: DumpOptions = { opcodes: false, linum: false };
    words.keywords({
      name: (w) => {
        name = w.take('program name');
      },
      opcodes: () => {
        options.opcodes = true;
      },
      linum: () => {
        options.linum = true;
      },
    });
    const rows = dumpRows(pickProgram(readObject(path), path, name));
    return { json: json(rows, options), text: () => text(rows, options) };
  },
};
