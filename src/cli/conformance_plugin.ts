// The bpf_conformance plugin: one process runs one program. In: arguments ([memory as hex] [--interp], options of others
// ignored) and the program as hex on stdin; out: r0 as hex on stdout and exit 0, or one line on stderr and exit 1.
// The program runs as type raw (r1 = the memory, r2 = its length) with verification off: the suite executes what RFC 9669
// defines and Linux refuses to load. The JIT runs it unless --interp is given.

import { Kernel, loadJit } from '../index.ts';
import { decode } from '../isa/insn.ts';
import { BeewasmError, FormatError } from '../uapi/errors.ts';
import type { RawCommand } from './command.ts';
import { readInput } from './files.ts';

export const conformancePluginCommand: RawCommand = {
  words: ['conformance-plugin'],
  usage: '[MEMORY] [--interp] < PROGRAM',
  summary: 'run one program, both as hex, for the bpf_conformance runner; prints r0',
  runRaw: conformancePlugin,
};

export async function conformancePlugin(args: readonly string[]): Promise<number> {
  try {
    const r0 = await runOne(args, new TextDecoder().decode(readInput('-')));
    process.stdout.write(`${r0.toString(16)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof BeewasmError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

/** r0 of the program text over the memory in `args`. */
export async function runOne(args: readonly string[], text: string): Promise<bigint> {
  const [first, ...rest] = args;
  const hasMemory = first !== undefined && !first.startsWith('-');
  const options = hasMemory ? rest : args;
  const memory = bytesOf('memory', hasMemory ? first : '');
  const insns = decode(bytesOf('program', text));
  const kernel = new Kernel();
  const jit = options.includes('--interp') ? 'off' : 'auto';
  if (jit !== 'off') await loadJit();
  const program = kernel.loadProgram({ type: 'raw', insns, memSize: memory.length }, { jit, verify: false });
  return program.run64({ data: memory }).retval;
}

/** Hex digits with any white space between them. */
function bytesOf(what: string, text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) throw new FormatError(what, 'not hex bytes');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
