// `prog dump xlated|jited OBJ name N`: the instructions as the loader hands them on, with C lines and map names as
// `bpftool prog dump xlated` shows them; or the WebAssembly that the JIT makes of them, as text.

import { Kernel } from '../index.ts';
import { disasmInsn } from '../isa/disasm.ts';
import { encode, type InsnIndex, LDDW_CODE } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import type { ObjectSpec, ProgramSpec } from '../loader/index.ts';
import type { Answer, Command, Invocation } from './command.ts';
import { pickProgram, readObject } from './files.ts';
import { type KernelBtf, kernelTypes, takeKernelBtf } from './kernel_btf.ts';
import { listingJson, listingText } from './listing_text.ts';
import { loadOnly } from './prog_run.ts';
import { hexDump, hexJson } from './text.ts';
import { UsageError } from './words.ts';

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
  const ksyms = new Map(program.ksyms.map((k) => [k.insn, k.name]));
  const callee = (_insn: unknown, at: InsnIndex) => ksyms.get(at);
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
      disasm: disasmInsn(insns, at, { lddw, callee }),
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

/** Of what is no terminal. */
const COLUMNS = 140;

/** Loads the program and shows what the JIT makes of it: side by side with the instructions, or after one pass. */
async function jited(
  object: ObjectSpec,
  program: ProgramSpec,
  btf: KernelBtf | undefined,
  pass: string | undefined,
  at: Invocation,
): Promise<Answer> {
  const { name } = program;
  const { DUMPS, dumpPass, dumpWat } = await import('../../jit/dump.ts');
  if (pass !== undefined && !DUMPS.includes(pass))
    throw new UsageError(`prog dump: no pass '${pass}', there are ${DUMPS.join(', ')}`);
  loadOnly(object, program);
  const kernel = new Kernel({ clock: 'virtual', seed: 0 });
  try {
    const { loaded } = (await kernel.load(object, { jit: 'auto', ...kernelTypes(btf) })).programs[name];
    if (pass !== undefined) {
      const text = dumpPass(loaded, pass);
      return { json: { name, pass, text }, text: () => text };
    }
    const { listing } = await import('../../jit/listing.ts');
    const rows = listing(loaded);
    return {
      json: { name, insns: rows.map(listingJson), ...(at.json ? { wat: dumpWat(loaded) } : {}) },
      text: () => listingText(rows, at.columns ?? COLUMNS, at.style),
    };
  } finally {
    kernel.close();
  }
}

export const progDump: Command = {
  words: ['prog', 'dump'],
  usage: 'xlated|jited OBJ [name N] [btf FILE] [opcodes] [linum] [--dump=PASS]',
  summary:
    'print a program: its eBPF instructions; or beside each what the JIT knows of it and the WebAssembly it became (--dump: the result of one pass of the JIT)',
  options: { dump: { type: 'string' } },
  async run(invocation: Invocation): Promise<Answer> {
    const { words } = invocation;
    const pass = invocation.options.dump as string | undefined;
    const what = words.choose(['xlated', 'jited'], 'what to dump');
    const path = words.take('object file');
    let name: string | undefined;
    let btf: KernelBtf | undefined;
    const options: DumpOptions = { opcodes: false, linum: false };
    const flags = {
      opcodes: () => {
        options.opcodes = true;
      },
      linum: () => {
        options.linum = true;
      },
    };
    words.keywords({
      name: (w) => {
        name = w.take('program name');
      },
      btf: (w) => {
        btf = takeKernelBtf(w);
      },
      ...(what === 'xlated' ? flags : {}),
    });
    if (what === 'xlated' && pass !== undefined) words.fail('--dump goes with jited');
    const object = readObject(path, btf);
    const program = pickProgram(object, path, name);
    if (what === 'jited') return jited(object, program, btf, pass, invocation);
    const rows = dumpRows(program);
    return { json: json(rows, options), text: () => text(rows, options) };
  },
};
