// Files of the command line. '-' is stdin or stdout. What the system refuses becomes one line that names the file.

import { accessSync, constants, readFileSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { type ObjectSpec, openObject, type ProgramSpec } from '../loader/index.ts';
import { BeewasmError, FormatError, UnsupportedError } from '../uapi/errors.ts';
import type { KernelBtf } from './kernel_btf.ts';

/** The file can't be read or written. */
export class FileError extends BeewasmError {
  override name = 'FileError';
  readonly code = 'EFILE';
}

const A_DIRECTORY = 'it is a directory';

/** "ENOENT: no such file or directory, open 'x'" -> FileError("can't read x: no such file or directory"). */
export function fileError(verb: string, path: string, error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  const reason =
    'code' in error && error.code === 'EISDIR' ? A_DIRECTORY : /^[A-Z0-9]+: ([^,]*)/.exec(error.message)?.[1];
  return new FileError(`can't ${verb} ${path}: ${reason ?? error.message}`);
}

export function readInput(path: string): Uint8Array {
  try {
    // /dev/zero has no end.
    if (path !== '-' && statSync(path).isCharacterDevice()) throw new FileError(`can't read ${path}: it is a device`);
    return new Uint8Array(readFileSync(path === '-' ? 0 : path));
  } catch (error) {
    throw fileError('read', path, error);
  }
}

export function writeOutput(path: string, bytes: Uint8Array): void {
  try {
    writeFileSync(path === '-' ? 1 : path, bytes);
  } catch (error) {
    throw fileError('write', path, error);
  }
}

/**
 * For files that are streamed: refuses an input that can't be read before the output is created, and an output that is
 * the input, which creating it would empty.
 */
export function checkStreams(input: string, output: string | undefined): void {
  if (input === '-') return;
  let from: Stats;
  try {
    accessSync(input, constants.R_OK);
    from = statSync(input);
  } catch (error) {
    throw fileError('read', input, error);
  }
  if (from.isDirectory()) throw new FileError(`can't read ${input}: ${A_DIRECTORY}`);
  if (output === undefined || output === '-' || !from.isFile()) return;
  const to = statSync(output, { throwIfNoEntry: false });
  if (to !== undefined && to.dev === from.dev && to.ino === from.ino) {
    throw new FileError(`can't write ${output}: it is the file that is read`);
  }
}

/** What `parse` makes of a file; errors say which file. */
export function parsed<T>(path: string, parse: (bytes: Uint8Array) => T): T {
  const bytes = readInput(path);
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof FormatError || error instanceof UnsupportedError)
      throw new FileError(`${path}: ${error.message}`);
    throw error;
  }
}

/** `btf`: what CO-RE relocations are made for. */
export function readObject(path: string, btf?: KernelBtf): ObjectSpec {
  return parsed(path, (bytes) => openObject(bytes, btf && { btf: btf.bytes }));
}

/** The program with this name; without a name the only one that there is. */
export function pickProgram(object: ObjectSpec, path: string, name: string | undefined): ProgramSpec {
  const programs = Object.values(object.programs);
  const names = programs.map((p) => p.name).join(', ');
  if (programs.length === 0) throw new FileError(`${path} holds no programs`);
  if (name === undefined) {
    if (programs.length > 1) throw new FileError(`${path} holds several programs, name one of: ${names}`);
    return programs[0];
  }
  if (!Object.hasOwn(object.programs, name)) throw new FileError(`${path} has no program '${name}', only: ${names}`);
  return object.programs[name];
}
