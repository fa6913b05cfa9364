// The map a user holds. Keys and values are bytes; a number is taken for a 4-byte key and, like a bigint, for a value of
// 1, 2, 4 or 8 bytes; a program object for a PROG_ARRAY slot; an array with one value per CPU for a per-CPU map.
// ENOENT is undefined or false, any other errno a thrown BpfError.

import { ERRNO } from '../uapi/errno.ts';
import { BpfError } from '../uapi/errors.ts';
import type { KernelMap } from './map.ts';
import { roundUp, u32Bytes } from './store.ts';
import { UserArena } from './user_arena.ts';

export type MapKey = Uint8Array | number;
/** A program that may stand in a PROG_ARRAY slot. */
export interface ProgramRef {
  readonly id: number;
}
export type MapValue = Uint8Array | number | bigint | ProgramRef | readonly (Uint8Array | number | bigint)[];

const UPDATE_FLAGS = { any: 0n, noexist: 1n, exist: 2n } as const;
export type UpdateMode = keyof typeof UPDATE_FLAGS;

function integerBytes(value: number | bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const exact = typeof value === 'bigint' || Number.isSafeInteger(value);
  if (!exact || ![1, 2, 4, 8].includes(size)) throw new BpfError('EINVAL', `${value} is not a ${size}-byte value`);
  const wide = BigInt(value);
  const bits = BigInt(size * 8);
  if (BigInt.asUintN(size * 8, wide) !== wide && BigInt.asIntN(size * 8, wide) !== wide) {
    throw new BpfError('EINVAL', `${value} does not fit ${bits} bits`);
  }
  const all = new DataView(new ArrayBuffer(8));
  all.setBigUint64(0, BigInt.asUintN(64, wide), true);
  bytes.set(new Uint8Array(all.buffer, 0, size));
  return bytes;
}

export class BpfMap {
  /** The operations underneath: errnos instead of exceptions, program-side access, placement. */
  readonly kernelMap: KernelMap;

  constructor(kernelMap: KernelMap) {
    this.kernelMap = kernelMap;
  }

  get name(): string {
    return this.kernelMap.params.name;
  }
  /** Name of the map type: 'hash', 'array', 'percpu_hash', ... */
  get type(): string {
    return this.kernelMap.type.name;
  }
  get keySize(): number {
    return this.kernelMap.params.keySize;
  }
  get valueSize(): number {
    return this.kernelMap.params.valueSize;
  }
  get maxEntries(): number {
    return this.kernelMap.params.maxEntries;
  }
  get flags(): number {
    return this.kernelMap.params.flags;
  }
  get frozen(): boolean {
    return this.kernelMap.frozen;
  }

  /** An arena's memory as user space has it; null = it is another map. */
  get arena(): UserArena | null {
    const { pages } = this.kernelMap;
    return pages === null ? null : new UserArena(pages, this.name);
  }

  /** The value as bytes (a per-CPU map: round_up(value_size, 8) for each CPU); undefined = no such key. */
  get(key: MapKey): Uint8Array | undefined {
    return this.#bytes('lookup', this.kernelMap.lookup(this.#key(key)));
  }

  has(key: MapKey): boolean {
    return this.get(key) !== undefined;
  }

  /** This key's value on each CPU, value_size bytes each. A map that is not per-CPU has one. */
  perCpu(key: MapKey): Uint8Array[] | undefined {
    const all = this.get(key);
    if (all === undefined) return undefined;
    const { copies } = this.kernelMap;
    if (!this.kernelMap.type.perCpu) return [all];
    const stride = all.length / copies;
    return Array.from({ length: copies }, (_, cpu) => all.slice(cpu * stride, cpu * stride + this.valueSize));
  }

  /** Throws EEXIST ('noexist', key is there), ENOENT ('exist', key is not), E2BIG (no room, or no such index), ... */
  set(key: MapKey, value: MapValue, mode: UpdateMode = 'any'): void {
    const flags = UPDATE_FLAGS[mode];
    if (flags === undefined) throw new BpfError('EINVAL', `map '${this.name}': update mode '${mode}'`);
    this.#done('update', this.kernelMap.update(this.#key(key), this.#value(value), flags));
  }

  /** Whether the key was there. Throws EINVAL for an array. */
  delete(key: MapKey): boolean {
    const result = this.kernelMap.delete(this.#key(key));
    if (result === -ERRNO.ENOENT) return false;
    this.#done('delete', result);
    return true;
  }

  /** Removes a key and returns its last value (BPF_MAP_LOOKUP_AND_DELETE_ELEM). */
  take(key: MapKey): Uint8Array | undefined {
    return this.#bytes('lookup_and_delete', this.kernelMap.lookupAndDelete(this.#key(key)));
  }

  /** The key after this one, or the first; undefined at the end. */
  nextKey(key: MapKey | null): Uint8Array | undefined {
    return this.#bytes('get_next_key', this.kernelMap.nextKey(key === null ? null : this.#key(key)));
  }

  /** BPF_MAP_FREEZE: user space can't write any more. */
  freeze(): void {
    this.#done('freeze', this.kernelMap.freeze());
  }

  /**
   * Keys in get_next_key order. The next key is read before the current one is handed out, so deleting the current key
   * on the way is fine. At most max_entries keys come, whatever others do to the map meanwhile.
   */
  *keys(): IterableIterator<Uint8Array> {
    let key = this.nextKey(null);
    for (let n = 0; key !== undefined && n < this.maxEntries; n++) {
      const current = key;
      key = this.nextKey(current);
      yield current;
    }
  }

  /** [key, value] in get_next_key order; empty slots are left out. */
  *entries(): IterableIterator<[Uint8Array, Uint8Array]> {
    for (const key of this.keys()) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  *values(): IterableIterator<Uint8Array> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): IterableIterator<[Uint8Array, Uint8Array]> {
    return this.entries();
  }

  #key(key: MapKey): Uint8Array {
    const bytes = typeof key === 'number' ? integerBytes(key, 4) : key;
    if (!(bytes instanceof Uint8Array)) throw new BpfError('EINVAL', `map '${this.name}': ${bytes} is no key`);
    if (bytes.length !== this.keySize) {
      throw new BpfError('EINVAL', `map '${this.name}': key of ${bytes.length} bytes, key_size ${this.keySize}`);
    }
    return bytes;
  }

  #value(value: MapValue): Uint8Array {
    const bytes = this.#valueBytes(value);
    const { userValueSize } = this.kernelMap;
    if (bytes.length !== userValueSize) {
      throw new BpfError('EINVAL', `map '${this.name}': value of ${bytes.length} bytes, expected ${userValueSize}`);
    }
    return bytes;
  }

  #valueBytes(value: MapValue): Uint8Array {
    if (value instanceof Uint8Array) return value;
    if (typeof value === 'number' || typeof value === 'bigint') return integerBytes(value, this.valueSize);
    if (typeof value !== 'object' || value === null) {
      throw new BpfError('EINVAL', `map '${this.name}': ${value} is no value`);
    }
    if ('id' in value) return u32Bytes(value.id);
    const { copies } = this.kernelMap;
    if (!this.kernelMap.type.perCpu || value.length !== copies) {
      throw new BpfError('EINVAL', `map '${this.name}': ${value.length} values, expected ${copies}`);
    }
    const stride = roundUp(this.valueSize, 8);
    const all = new Uint8Array(stride * copies);
    for (const [cpu, one] of value.entries()) {
      const bytes = one instanceof Uint8Array ? one : integerBytes(one, this.valueSize);
      if (bytes.length !== this.valueSize) {
        throw new BpfError(
          'EINVAL',
          `map '${this.name}': value of ${bytes.length} bytes, value_size ${this.valueSize}`,
        );
      }
      all.set(bytes, cpu * stride);
    }
    return all;
  }

  #bytes(operation: string, result: Uint8Array | number): Uint8Array | undefined {
    if (typeof result !== 'number') return result;
    if (result === -ERRNO.ENOENT) return undefined;
    this.#done(operation, result);
    return undefined;
  }

  #done(operation: string, result: number): void {
    if (result < 0) throw new BpfError(-result, `map '${this.name}': ${operation} failed`);
  }
}
