// A byte cursor over chunks. Readers ask `await cursor.need(n)` and then take n bytes at once.
// Invariant: memory held = the current chunk + one record, and only bytes that really arrived are ever allocated: a length
// field in a file can not make us reserve anything. Bytes that were handed out are never overwritten.

import { FormatError } from '../uapi/errors.ts';
import type { ByteSource } from './packet.ts';

export class Cursor {
  /** Bytes consumed so far: the position that error messages name. */
  offset = 0;
  #chunks: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  #buf: Uint8Array = new Uint8Array(0);
  #view = new DataView(this.#buf.buffer);
  #pos = 0;

  constructor(source: ByteSource) {
    if (source instanceof Uint8Array) this.#chunks = [source][Symbol.iterator]();
    else if (Symbol.asyncIterator in source) this.#chunks = source[Symbol.asyncIterator]();
    else this.#chunks = source[Symbol.iterator]();
  }

  /** Bytes that can be taken now. */
  get available(): number {
    return this.#buf.length - this.#pos;
  }

  /** Reads until n bytes are available; false when the source ends before. Call it only when `available` is too small. */
  async need(n: number): Promise<boolean> {
    if (this.available >= n) return true;
    const parts = [this.#buf.subarray(this.#pos)];
    let length = this.available;
    while (length < n) {
      const next = await this.#chunks.next();
      if (next.done) break;
      if (!(next.value instanceof Uint8Array))
        throw new FormatError('pcap', 'the source gives a chunk that is no Uint8Array');
      if (next.value.length === 0) continue;
      parts.push(next.value);
      length += next.value.length;
    }
    this.#use(join(parts, length));
    return length >= n;
  }

  /** A view of the next n bytes, which the caller made sure of with need(). */
  take(n: number): Uint8Array {
    const bytes = this.#buf.subarray(this.#pos, this.#pos + n);
    this.#pos += n;
    this.offset += n;
    return bytes;
  }

  /** The u32 at `at` bytes from here, without consuming it. */
  u32(at: number, littleEndian: boolean): number {
    return this.#view.getUint32(this.#pos + at, littleEndian);
  }

  /** Skips n bytes without keeping them; false when the source ends before. */
  async skip(n: number): Promise<boolean> {
    while (this.available < n) {
      n -= this.available;
      this.take(this.available);
      if (!(await this.need(1))) return false;
    }
    this.take(n);
    return true;
  }

  /** Tells the source that nobody will read on (closes files, aborts downloads). */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  #use(buf: Uint8Array): void {
    this.#buf = buf;
    this.#view = new DataView(buf.buffer, buf.byteOffset, buf.length);
    this.#pos = 0;
  }
}

function join(parts: Uint8Array[], length: number): Uint8Array {
  const full = parts.filter((p) => p.length > 0);
  if (full.length === 1) return full[0];
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of full) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
