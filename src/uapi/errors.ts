// The error classes a user can meet. Everything that is the input's fault is a BeewasmError and prints as one line;
// any other exception is a bug of ours.

import { ERRNO, type ErrnoName, errnoName } from './errno.ts';

export class BeewasmError extends Error {
  override name = 'BeewasmError';
}

/** An operation failed the way Linux would fail it: `code` is the errno's name, `errno` its positive number. */
export class BpfError extends BeewasmError {
  override name = 'BpfError';
  readonly code: ErrnoName;
  readonly errno: number;
  /** The message without the code. */
  readonly reason: string;
  constructor(code: ErrnoName | number, reason: string) {
    const name = typeof code === 'number' ? (errnoName(code) ?? 'EINVAL') : code;
    super(`${name}: ${reason}`);
    this.code = name;
    this.errno = ERRNO[name];
    this.reason = reason;
  }
}

/** Bytes or text that are not what they should be. `format` names what was read: 'ELF', 'BTF', 'pcap', 'asm', ... */
export class FormatError extends BeewasmError {
  override name = 'FormatError';
  readonly code = 'EFORMAT';
  readonly format: string;
  constructor(format: string, message: string) {
    super(`${format}: ${message}`);
    this.format = format;
  }
}

/** Well-formed input that asks for something beewasm does not have. `feature` names it. */
export class UnsupportedError extends BeewasmError {
  override name = 'UnsupportedError';
  readonly code = 'EUNSUPPORTED';
  readonly feature: string;
  constructor(feature: string, message = `${feature} is not supported`) {
    super(message);
    this.feature = feature;
  }
}
