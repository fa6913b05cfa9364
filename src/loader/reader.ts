// Bounds-checked little-endian reads over one slice of a file. Every count and offset of ELF and BTF comes from the
// input, so each read that leaves the slice is a FormatError that says which table ended early.

import { FormatError } from '../uapi/errors.ts';

/** Longest string any table may hold: names of the kernel are at most 512 bytes, source lines a little more. */
const MAX_STRING = 65536;

const utf8 = new TextDecoder();

export class Reader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #format: string;
  readonly #what: string;

  /** `format` and `what` name the slice in errors: 'ELF', 'section header table'. */
  constructor(bytes: Uint8Array, format: string, what: string) {
    // JavaScript passes anything: an ArrayBuffer from fetch(), for one.
    if (!(bytes instanceof Uint8Array)) throw new FormatError(format, `${what} is not a Uint8Array`);
    // A Buffer's slice() is a view: what an object's owner edits would change the file that was given.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#format = format;
    this.#what = what;
  }

  get length(): number {
    return this.bytes.length;
  }

  fail(message: string): never {
    throw new FormatError(this.#format, `${this.#what}: ${message}`);
  }

  #check(at: number, size: number): void {
    if (at < 0 || size < 0 || at + size > this.length) {
      this.fail(`needs ${size} bytes at ${at}, has ${this.length}`);
    }
  }

  u8(at: number): number {
    this.#check(at, 1);
    return this.bytes[at];
  }
  u16(at: number): number {
    this.#check(at, 2);
    return this.#view.getUint16(at, true);
  }
  u32(at: number): number {
    this.#check(at, 4);
    return this.#view.getUint32(at, true);
  }
  i32(at: number): number {
    this.#check(at, 4);
    return this.#view.getInt32(at, true);
  }
  /** A u64 that has to be an offset, size or index: beyond 2^53 it can't be right. */
  size64(at: number): number {
    this.#check(at, 8);
    const high = this.#view.getUint32(at + 4, true);
    if (high >= 0x200000) this.fail(`number at ${at} is too large`);
    return high * 2 ** 32 + this.#view.getUint32(at, true);
  }
  /** A live view of [at, at + size). */
  slice(at: number, size: number): Uint8Array {
    this.#check(at, size);
    return this.bytes.subarray(at, at + size);
  }
  /** The NUL-terminated string at `at`. */
  string(at: number): string {
    this.#check(at, 1);
    const end = this.bytes.indexOf(0, at);
    if (end < 0) this.fail(`string at ${at} does not end`);
    if (end - at > MAX_STRING) this.fail(`string at ${at} is longer than ${MAX_STRING} bytes`);
    return utf8.decode(this.bytes.subarray(at, end));
  }
}
