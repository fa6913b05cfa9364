// An arena as user space has it mapped: bytes by address. Touching a page makes it, as a page fault does on Linux.

import { BpfError } from '../uapi/errors.ts';
import type { ArenaPages } from './arena_pages.ts';

export class UserArena {
  readonly #pages: ArenaPages;
  readonly #name: string;

  constructor(pages: ArenaPages, name: string) {
    this.#pages = pages;
    this.#name = name;
  }

  /** Address of its first byte; 0n = it is mapped nowhere yet (no map_extra, and no mmap). */
  get start(): bigint {
    return this.#pages.userStart;
  }
  /** Bytes. */
  get size(): number {
    return this.#pages.size;
  }

  /** Maps the arena at a multiple of 4096; programs that use it can be loaded then. Throws EINVAL or ERANGE as mmap(2) does. */
  mmap(address: bigint): void {
    this.#done('mmap', address, this.#pages.mmap(address));
  }

  /** A copy of bytes; of new pages they are 0. Throws EFAULT where Linux would send SIGSEGV. */
  read(address: bigint, length: number): Uint8Array {
    return this.#touch('read', address, length).slice();
  }

  /** Throws EFAULT where Linux would send SIGSEGV. */
  write(address: bigint, bytes: Uint8Array): void {
    this.#touch('write', address, bytes.length).set(bytes);
  }

  #touch(operation: string, address: bigint, length: number): Uint8Array {
    const bytes = this.#pages.touch(address, length);
    if (typeof bytes !== 'number') return bytes;
    this.#done(operation, address, bytes);
    return new Uint8Array(0);
  }

  #done(operation: string, address: bigint, result: number): void {
    if (result < 0) {
      throw new BpfError(-result, `arena '${this.#name}': ${operation} at 0x${address.toString(16)} failed`);
    }
  }
}
