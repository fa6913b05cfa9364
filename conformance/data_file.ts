// Reads a test in bpf_conformance's `.data` format, so that its suite and our own cases (cases/*.data) are read by the
// same reader and ours run under its runner. Sections: `-- asm` (data_asm.ts) or `-- raw` (one 64-bit number a slot),
// `-- mem` (hex bytes), `-- result` (r0) or `-- error` (the message); others are passed over. `#` starts a comment.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { decode, type Insn } from '../src/isa/insn.ts';
import { BeewasmError, FormatError } from '../src/uapi/errors.ts';
import { assembleData } from './data_asm.ts';
import type { IsaRow } from './vectors.ts';

const SECTIONS = ['asm', 'raw', 'mem', 'result', 'error'] as const;
type Section = (typeof SECTIONS)[number];

/** All `.data` files of a folder in order, or one file. */
export function readDataCases(path: string): IsaRow[] {
  const files = tryRead(path, () =>
    statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((name) => name.endsWith('.data'))
          .sort()
          .map((name) => join(path, name))
      : [path],
  );
  return files.map((file) =>
    parseData(
      basename(file, '.data'),
      tryRead(file, () => readFileSync(file, 'utf8')),
    ),
  );
}

function tryRead<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new BeewasmError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? error}`);
  }
}

export function parseData(name: string, text: string): IsaRow {
  const sections = sectionsOf(text);
  const last = (section: Section) => sections[section].at(-1)?.trim() ?? null;
  try {
    const result = last('result');
    const error = last('error');
    if (result === null && error === null) throw new FormatError('data', 'neither result nor error');
    const insns = sections.raw.length > 0 ? rawInsns(words(sections.raw)) : assembleData(sections.asm);
    if (insns.length === 0) throw new FormatError('data', 'no instructions');
    return {
      name,
      insns,
      mem: Uint8Array.from(words(sections.mem), byte),
      expectedR0: result === null ? 0n : u64(result),
      ...(error !== null && { expectedError: error }),
      kernelRetval: null,
      kernelErrno: null,
      kernelMessage: null,
    };
  } catch (e) {
    if (e instanceof FormatError) throw new BeewasmError(`${name}.data: ${e.message}`);
    throw e;
  }
}

function sectionsOf(text: string): Record<Section, string[]> {
  const sections: Record<Section, string[]> = { asm: [], raw: [], mem: [], result: [], error: [] };
  let current: Section | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/#.*$/, '');
    const title = /^--\s*(.*?)\s*$/.exec(line)?.[1];
    if (title !== undefined) current = SECTIONS.find((s) => s === title);
    else if (current !== undefined && line.trim() !== '') sections[current].push(line);
  }
  return sections;
}

const words = (lines: readonly string[]) => lines.flatMap((line) => line.trim().split(/\s+/));

function byte(text: string): number {
  if (!/^[0-9a-f]{1,2}$/i.test(text)) throw new FormatError('data', `expected a hex byte, not "${text}"`);
  return Number.parseInt(text, 16);
}

function u64(text: string): bigint {
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(text)) throw new FormatError('data', `expected 64 bits, not "${text}"`);
  return BigInt(text);
}

function rawInsns(numbers: readonly string[]): Insn[] {
  return decode(new Uint8Array(new BigUint64Array(numbers.map(u64)).buffer));
}
