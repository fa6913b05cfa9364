// HASH and PERCPU_HASH: places buckets, elements and header of one hash table and calls the operations on it
// (maps/ops; the element layout is in maps/ops/table.ts). Elements are all there from the beginning, as in a
// preallocated kernel map: max_entries of them, and one spare per CPU for updates of existing keys.

import { BPF_FLAGS } from '../uapi/enums.ts';
import { callOp } from './ops.ts';
import { type MapOpName, type MapPlacement, NO_ELEMENTS } from './placement.ts';
import { type OpenStore, ownerOf, placeRegions, readElement, roundUp, userValueSize } from './store.ts';

const BUCKET_SIZE = 8;
/** Multiplier of the hash functions when no seed is wanted: 2^32 / golden ratio. */
const DEFAULT_SEED = 0x9e3779b1;

const FIXED_KEY_LOOKUPS: Readonly<Record<number, MapOpName>> = {
  4: 'hash_lookup_4',
  8: 'hash_lookup_8',
  16: 'hash_lookup_16',
};

/** log2 of the bucket count: roundup_pow_of_two(max_entries), at least 2 buckets. */
function bucketBits(maxEntries: number): number {
  return Math.max(1, Math.ceil(Math.log2(maxEntries)));
}

export const openHashStore: OpenStore = (params, type, ctx) => {
  const { memory, ops, cpus } = ctx;
  const { keySize, valueSize, maxEntries } = params;
  const bits = bucketBits(maxEntries);
  const valueOff = 8 + roundUp(keySize, 8);
  const paddedValue = roundUp(valueSize, 8);
  const elemSize = valueOff + paddedValue;
  const spares = type.perCpu ? 0 : cpus;
  const limit = elemSize * (maxEntries + spares);
  // One element more than `limit` says: a corrupt link below the limit still stays inside.
  const cpuStride = type.perCpu ? roundUp(limit + elemSize, 64) : 0;
  const elemsSize = type.perCpu ? cpuStride * cpus : limit + elemSize;

  const userSize = userValueSize(valueSize, type, cpus);
  const sizes = [16 + 4 * cpus, BUCKET_SIZE * 2 ** bits, elemsSize];
  const { addr, parts, scratch, release } = placeRegions(ctx, sizes, keySize, userSize);
  const [header, table, elems] = parts;
  const zeroSeed = (params.flags & BPF_FLAGS.BPF_F_ZERO_SEED) !== 0;
  const seed = zeroSeed || ctx.seed === undefined ? DEFAULT_SEED : (ctx.seed() | 1) >>> 0;

  const hash = [table, 32 - bits, elems, limit, seed];
  const element = [...hash, header, keySize, valueSize, cpuStride, cpus];
  const fixed = FIXED_KEY_LOOKUPS[keySize];
  const placement: MapPlacement = {
    ...NO_ELEMENTS,
    addr,
    type,
    keySize,
    valueSize,
    maxEntries,
    cpuStride,
    table,
    lookup: fixed !== undefined ? { fn: fixed, args: hash } : { fn: 'hash_lookup', args: [...hash, keySize] },
    update: { fn: 'hash_update', args: element },
    delete: { fn: 'hash_delete', args: element },
  };
  ops.hash_init(...hash, header, elemSize, spares * elemSize);

  const owner = ownerOf(ctx);
  const userUpdate = { fn: type.perCpu ? 'hash_update_all' : 'hash_update', args: element } as const;
  const lookup = placement.lookup!;

  return {
    placement,
    lookup(key) {
      memory.write(scratch.key, key);
      return readElement(memory, placement, cpus, callOp(ops, lookup, scratch.key) >>> 0);
    },
    update(key, value, flagsLo, flagsHi) {
      memory.write(scratch.key, key);
      memory.write(scratch.value, value);
      return callOp(ops, userUpdate, owner, scratch.key, scratch.value, flagsLo, flagsHi);
    },
    delete(key) {
      memory.write(scratch.key, key);
      return ops.hash_delete(...element, owner, scratch.key);
    },
    take(key) {
      memory.write(scratch.key, key);
      const result = ops.hash_take(...element, owner, scratch.key, scratch.value);
      return result === 0 ? memory.bytes(scratch.value, userSize).slice() : result;
    },
    nextKey(key) {
      if (key !== null) memory.write(scratch.key, key);
      const result = ops.hash_next_key(...hash, keySize, key === null ? 0 : scratch.key, scratch.key2);
      return result === 0 ? memory.bytes(scratch.key2, keySize).slice() : result;
    },
    release,
  };
};
