// `asm FILE`: pseudo-C text -> instructions. Prints hex, 8 bytes on a line, which `disasm` reads back; -o writes the
// raw bytes.

import { asm } from '../isa/asm.ts';
import { encode } from '../isa/insn.ts';
import { FormatError } from '../uapi/errors.ts';
import type { Answer, Command } from './command.ts';
import { FileError, readInput, writeOutput } from './files.ts';
import { hexDump } from './text.ts';

/** Text -> bytes. Maps have no file descriptor here, so a reference to one is an error. */
export function assemble(text: string): Uint8Array {
  const { insns, relocs, lines } = asm(text);
  if (relocs.length > 0) {
    const { insn, map } = relocs[0];
    throw new FormatError('asm', `line ${lines[insn]}: map ${map} does not exist outside of an object file`);
  }
  return encode(insns);
}

export const asmCommand: Command = {
  words: ['asm'],
  usage: 'FILE [-o FILE]',
  summary: "assemble text (the verifier log's or clang's) to instructions",
  options: { output: { type: 'string', short: 'o' } },
  run({ words, options }): Answer {
    const path = words.take('file');
    words.end();
    const bytes = named(path, () => assemble(new TextDecoder().decode(readInput(path))));
    const rows = Array.from({ length: bytes.length / 8 }, (_, i) => bytes.subarray(i * 8, i * 8 + 8));
    if (typeof options.output === 'string') {
      writeOutput(options.output, bytes);
      return { json: { insns: rows.length }, text: () => '' };
    }
    return { json: { insns: rows.map(hexDump) }, text: () => rows.map(hexDump).join('\n') };
  },
};

/** Runs `fn`; a FormatError says which file it is about. */
export function named<T>(path: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof FormatError) throw new FileError(`${path}: ${error.message}`);
    throw error;
  }
}
