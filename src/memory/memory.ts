// The shared linear memory of one Kernel with its typed views. Views cover the window from MEMORY_BASE to the end of
// use, so their indices stay small; `grow` replaces them, so never keep a view across a call that may allocate.

import { BpfError } from '../uapi/errors.ts';
import { type Addr, heapStart, MEMORY_BASE, MEMORY_END, PAGE } from './layout.ts';

export class Memory {
  readonly wasm: WebAssembly.Memory;
  #u8!: Uint8Array;
  #view!: DataView;
  #i32!: Int32Array;
  #i64!: BigInt64Array;

  /** A memory with the blocks of `cpus` CPUs and an empty heap. */
  constructor(cpus: number) {
    this.wasm = new WebAssembly.Memory({
      initial: heapStart(cpus) / PAGE,
      maximum: MEMORY_END / PAGE,
      shared: true,
    });
    this.#refresh();
  }

  #refresh(): void {
    const buffer = this.wasm.buffer;
    this.#u8 = new Uint8Array(buffer, MEMORY_BASE);
    this.#view = new DataView(buffer, MEMORY_BASE);
    this.#i32 = new Int32Array(buffer, MEMORY_BASE);
    this.#i64 = new BigInt64Array(buffer, MEMORY_BASE);
  }

  /** Bytes of the window: index = address - MEMORY_BASE. */
  get u8(): Uint8Array {
    return this.#u8;
  }
  /** View of the window: offset = address - MEMORY_BASE. Throws RangeError outside of it. */
  get view(): DataView {
    return this.#view;
  }
  /** The window as words, for Atomics: index = (address - MEMORY_BASE) / 4, address aligned. */
  get i32(): Int32Array {
    return this.#i32;
  }
  /** The window as double words, for Atomics: index = (address - MEMORY_BASE) / 8, address aligned. */
  get i64(): BigInt64Array {
    return this.#i64;
  }
  /** First address that is not memory. */
  get end(): Addr {
    return MEMORY_BASE + this.#u8.length;
  }

  /** Makes addresses below `end` usable. Throws ENOMEM beyond MEMORY_END. */
  growTo(end: Addr): void {
    if (end <= this.end) return;
    if (end > MEMORY_END) throw new BpfError('ENOMEM', `memory would end at ${end}, limit ${MEMORY_END}`);
    try {
      this.wasm.grow(Math.ceil((end - this.end) / PAGE));
    } catch {
      throw new BpfError('ENOMEM', `the host refuses memory up to ${end}`);
    }
    this.#refresh();
  }

  /** Whether [addr, addr + len) lies inside the window. */
  contains(addr: Addr, len: number): boolean {
    return addr >= MEMORY_BASE && addr + len <= this.end;
  }

  /** A live view of [addr, addr + len); throws EFAULT outside the window. */
  bytes(addr: Addr, len: number): Uint8Array {
    if (!this.contains(addr, len)) throw new BpfError('EFAULT', `address 0x${addr.toString(16)}, ${len} bytes`);
    return this.#u8.subarray(addr - MEMORY_BASE, addr - MEMORY_BASE + len);
  }
  write(addr: Addr, bytes: Uint8Array): void {
    this.bytes(addr, bytes.length).set(bytes);
  }
  u32(addr: Addr): number {
    return this.#view.getUint32(addr - MEMORY_BASE, true);
  }
  setU32(addr: Addr, value: number): void {
    this.#view.setUint32(addr - MEMORY_BASE, value, true);
  }
  u64(addr: Addr): bigint {
    return this.#view.getBigUint64(addr - MEMORY_BASE, true);
  }
  setU64(addr: Addr, value: bigint): void {
    this.#view.setBigUint64(addr - MEMORY_BASE, value, true);
  }

  /** A copy of everything a program can touch: the whole window. */
  snapshot(): Uint8Array {
    return this.#u8.slice();
  }
  /** Puts a snapshot of this memory back. Memory that grew since then keeps its size and is zeroed. */
  restore(snapshot: Uint8Array): void {
    this.#u8.set(snapshot);
    this.#u8.fill(0, snapshot.length);
  }
}
