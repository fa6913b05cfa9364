// `disasm FILE`: instructions (raw bytes, or hex text as `asm` prints it) -> the verifier log's text.

import { disasm } from '../isa/disasm.ts';
import { FormatError } from '../uapi/errors.ts';
import { named } from './asm.ts';
import type { Answer, Command } from './command.ts';
import { readInput } from './files.ts';

/** Hex text is recognised by its characters: as raw instructions they would be nonsense. */
export function instructionBytes(file: Uint8Array): Uint8Array {
  const isText = file.every((b) => b === 9 || b === 10 || b === 13 || (b >= 32 && b < 127));
  if (!isText || file.length === 0) return checked(file);
  const digits = new TextDecoder().decode(file).replace(/\s+|0x/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits))
    throw new FormatError('insns', 'neither raw instructions nor hex');
  return checked(
    Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16)),
  );
}

function checked(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) throw new FormatError('insns', 'file is empty');
  if (bytes[0] === 0x7f && bytes[1] === 0x45) throw new FormatError('insns', 'an ELF file: use prog dump xlated');
  return bytes;
}

export const disasmCommand: Command = {
  words: ['disasm'],
  usage: 'FILE',
  summary: "print instructions (raw or hex) as the verifier's log does",
  run({ words }): Answer {
    const path = words.take('file');
    words.end();
    const text = named(path, () => disasm(instructionBytes(readInput(path))));
    const insns = text
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^\d+: /, ''));
    return { json: { insns }, text: () => text };
  },
};
