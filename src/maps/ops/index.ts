// The map operations that run as Wasm, for programs and for user code alike (AssemblyScript; one import, the shared
// memory; no data, no start, no state). What goes in: constants of one map (placement.ts hands them out as `args`) and
// addresses in the shared memory. What comes out: an address (0 = none) or 0 / -errno.
//
// Every number an operation relies on is an argument. From memory come only links and locks: a link counts only below
// `limit`, a walk ends after as many steps as the map could have elements, so that no memory content leads an
// operation out of its map or into an endless loop.
//
// Signatures (all i32; `hash` = buckets, shift, elems, limit, seed):
//   array_lookup(values, stride, maxEntries, keyAddr) -> value address on CPU 0 | 0
//   slot_lookup(values, stride, maxEntries, keyAddr) -> same, 0 too when the slot's first u32 is 0
//   array_update[_all](values, stride, maxEntries, valueSize, cpuStride, cpus, owner, keyAddr, valueAddr, flagsLo, flagsHi)
//   hash_lookup_4 | _8 | _16(hash, keyAddr) -> value address on CPU 0 | 0
//   hash_lookup(hash, keySize, keyAddr) -> same, any key size
//   hash_update[_all](hash, header, keySize, valueSize, cpuStride, cpus, owner, keyAddr, valueAddr, flagsLo, flagsHi)
//   hash_delete(hash, header, keySize, valueSize, cpuStride, cpus, owner, keyAddr)
//   hash_take(... as hash_delete, outAddr): delete that first copies the value(s) out (lookup_and_delete)
//   hash_next_key(hash, keySize, keyAddr | 0, outAddr)
//   hash_init(hash, header, elemSize, firstFree), hash_release(buckets, shift, owner) -> locks taken from a dead owner
// _all = user space writes a per-CPU map: `valueAddr` holds round_up(valueSize, 8) bytes for each CPU.
// Value of CPU n = value address on CPU 0 + n * cpuStride; cpuStride 0 = one value for all CPUs.
// owner = lock word of the caller: (generation << 12) | (cpu + 1). With cpus = 1 nothing is locked.
import { cpuOf, copy, lock, publish, unlock, EINVAL, E2BIG, EEXIST, ENOENT } from "./base";
import { NONE, NULLS, KEY, bucketOf, hash4, hash8, hash16, hashKey, find, valueOffset, fillValues, pop, push, unlink } from "./table";

export function array_lookup(values: u32, stride: u32, maxEntries: u32, keyAddr: u32): u32 {
  const i = load<u32>(keyAddr);
  return i < maxEntries ? values + i * stride : 0;
}

export function slot_lookup(values: u32, stride: u32, maxEntries: u32, keyAddr: u32): u32 {
  const i = load<u32>(keyAddr);
  if (i >= maxEntries) return 0;
  const slot = values + i * stride;
  return load<u32>(slot) ? slot : 0;
}

// Order of checks: kernel array_map_update_elem.
// @ts-ignore: decorator
@inline
function arrayUpdate(
  values: u32, stride: u32, maxEntries: u32, valueSize: u32, cpuStride: u32, cpus: u32,
  owner: u32, keyAddr: u32, valueAddr: u32, flagsLo: u32, flagsHi: u32, all: bool,
): i32 {
  if (flagsHi != 0 || (flagsLo & ~4) > 2) return EINVAL;
  const i = load<u32>(keyAddr);
  if (i >= maxEntries) return E2BIG;
  if (flagsLo & 1) return EEXIST;
  if (flagsLo & 4) return EINVAL;
  const cpu = cpuOf(owner);
  if (cpu >= cpus) return EINVAL;
  fillValues(values + i * stride, valueAddr, valueSize, cpuStride, cpus, cpu, all, false);
  return 0;
}

export function array_update(
  values: u32, stride: u32, maxEntries: u32, valueSize: u32, cpuStride: u32, cpus: u32,
  owner: u32, keyAddr: u32, valueAddr: u32, flagsLo: u32, flagsHi: u32,
): i32 {
  return arrayUpdate(values, stride, maxEntries, valueSize, cpuStride, cpus, owner, keyAddr, valueAddr, flagsLo, flagsHi, false);
}

export function array_update_all(
  values: u32, stride: u32, maxEntries: u32, valueSize: u32, cpuStride: u32, cpus: u32,
  owner: u32, keyAddr: u32, valueAddr: u32, flagsLo: u32, flagsHi: u32,
): i32 {
  return arrayUpdate(values, stride, maxEntries, valueSize, cpuStride, cpus, owner, keyAddr, valueAddr, flagsLo, flagsHi, true);
}

// The lookups are written out per key size, without calls, so that a program's module can inline them.
// A walk that ends in another bucket's end mark followed an element that was moved meanwhile: it starts again.

export function hash_lookup_4(buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, keyAddr: u32): u32 {
  const k = load<u32>(keyAddr);
  const b = hash4(k, seed) >> shift;
  const head = buckets + (b << 3);
  let off = load<u32>(head);
  for (let steps: i32 = limit >> 4; steps >= 0; steps--) {
    if (off < limit) {
      const e = elems + off;
      if (load<u32>(e, KEY) == k) return e + 16;
      off = load<u32>(e);
    } else {
      if (off == (NULLS | b)) return 0;
      off = load<u32>(head);
    }
  }
  return 0;
}

export function hash_lookup_8(buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, keyAddr: u32): u32 {
  const k = load<u64>(keyAddr);
  const b = hash8(k, seed) >> shift;
  const head = buckets + (b << 3);
  let off = load<u32>(head);
  for (let steps: i32 = limit >> 4; steps >= 0; steps--) {
    if (off < limit) {
      const e = elems + off;
      if (load<u64>(e, KEY) == k) return e + 16;
      off = load<u32>(e);
    } else {
      if (off == (NULLS | b)) return 0;
      off = load<u32>(head);
    }
  }
  return 0;
}

export function hash_lookup_16(buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, keyAddr: u32): u32 {
  const k0 = load<u64>(keyAddr);
  const k1 = load<u64>(keyAddr, 8);
  const b = hash16(k0, k1, seed) >> shift;
  const head = buckets + (b << 3);
  let off = load<u32>(head);
  for (let steps: i32 = limit >> 4; steps >= 0; steps--) {
    if (off < limit) {
      const e = elems + off;
      if (load<u64>(e, KEY) == k0 && load<u64>(e, KEY + 8) == k1) return e + 24;
      off = load<u32>(e);
    } else {
      if (off == (NULLS | b)) return 0;
      off = load<u32>(head);
    }
  }
  return 0;
}

export function hash_lookup(buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, keySize: u32, keyAddr: u32): u32 {
  const off = find(buckets, shift, elems, limit, keySize, keyAddr, hashKey(keyAddr, keySize, seed));
  return off == NONE ? 0 : elems + off + valueOffset(keySize);
}

// Order of checks: kernel htab_map_update_elem, check_flags, alloc_htab_elem. An existing key of a plain map gets this
// CPU's spare element (linked before the old one is unlinked, as in the kernel), so that a value pointer a program
// holds keeps the old value; a per-CPU map writes in place.
// @ts-ignore: decorator
@inline
function hashUpdate(
  buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, header: u32, keySize: u32, valueSize: u32, cpuStride: u32, cpus: u32,
  owner: u32, keyAddr: u32, valueAddr: u32, flagsLo: u32, flagsHi: u32, all: bool,
): i32 {
  if (flagsHi != 0 || flagsLo > 2) return EINVAL;
  const cpu = cpuOf(owner);
  if (cpu >= cpus) return EINVAL;
  const hash = hashKey(keyAddr, keySize, seed);
  const bucket = bucketOf(buckets, hash, shift);
  const locked = lock(bucket + 4, owner, cpus);
  if (locked != 0) return locked;

  let result: i32 = 0;
  const old = find(buckets, shift, elems, limit, keySize, keyAddr, hash);
  if (old != NONE && flagsLo == 1) {
    result = EEXIST;
  } else if (old == NONE && flagsLo == 2) {
    result = ENOENT;
  } else if (old != NONE && cpuStride != 0) {
    fillValues(elems + old + valueOffset(keySize), valueAddr, valueSize, cpuStride, cpus, cpu, all, false);
  } else {
    const spare = header + 16 + (cpu << 2);
    const off = old == NONE ? pop(header, elems, limit, keySize, valueSize, cpus) : load<u32>(spare);
    if (off >= limit) {
      result = E2BIG;
    } else {
      const e = elems + off;
      store<u32>(e, load<u32>(bucket));
      store<u32>(e, hash, 4);
      copy(e + KEY, keyAddr, keySize);
      fillValues(e + valueOffset(keySize), valueAddr, valueSize, cpuStride, cpus, cpu, all, true);
      publish(bucket, off, cpus);
      if (old != NONE) {
        unlink(bucket, elems, limit, old, cpus);
        store<u32>(spare, old);
      }
    }
  }
  unlock(bucket + 4, cpus);
  return result;
}

export function hash_update(
  buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, header: u32, keySize: u32, valueSize: u32, cpuStride: u32, cpus: u32,
  owner: u32, keyAddr: u32, valueAddr: u32, flagsLo: u32, flagsHi: u32,
): i32 {
  return hashUpdate(buckets, shift, elems, limit, seed, header, keySize, valueSize, cpuStride, cpus, owner, keyAddr, valueAddr, flagsLo, flagsHi, false);
}

export function hash_update_all(
  buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, header: u32, keySize: u32, valueSize: u32, cpuStride: u32, cpus: u32,
  owner: u32, keyAddr: u32, valueAddr: u32, flagsLo: u32, flagsHi: u32,
): i32 {
  return hashUpdate(buckets, shift, elems, limit, seed, header, keySize, valueSize, cpuStride, cpus, owner, keyAddr, valueAddr, flagsLo, flagsHi, true);
}

export function hash_delete(
  buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, header: u32, keySize: u32, valueSize: u32, cpuStride: u32, cpus: u32,
  owner: u32, keyAddr: u32,
): i32 {
  return hash_take(buckets, shift, elems, limit, seed, header, keySize, valueSize, cpuStride, cpus, owner, keyAddr, 0);
}

export function hash_take(
  buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, header: u32, keySize: u32, valueSize: u32, cpuStride: u32, cpus: u32,
  owner: u32, keyAddr: u32, outAddr: u32,
): i32 {
  if (cpuOf(owner) >= cpus) return EINVAL;
  const hash = hashKey(keyAddr, keySize, seed);
  const bucket = bucketOf(buckets, hash, shift);
  const locked = lock(bucket + 4, owner, cpus);
  if (locked != 0) return locked;
  const off = find(buckets, shift, elems, limit, keySize, keyAddr, hash);
  if (off != NONE) {
    if (outAddr != 0) {
      let from = elems + off + valueOffset(keySize);
      const copies: u32 = cpuStride != 0 ? cpus : 1;
      for (let i: u32 = 0; i < copies; i++) {
        copy(outAddr, from, (valueSize + 7) & ~7);
        outAddr += (valueSize + 7) & ~7;
        from += cpuStride;
      }
    }
    unlink(bucket, elems, limit, off, cpus);
  }
  unlock(bucket + 4, cpus);
  if (off == NONE) return ENOENT;
  push(header, elems, off, cpus);
  return 0;
}

// Order: bucket by bucket, newest element of a bucket first. An absent key starts again at the first one.
export function hash_next_key(buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, keySize: u32, keyAddr: u32, outAddr: u32): i32 {
  let b: u32 = 0;
  let off: u32 = NONE;
  if (keyAddr != 0) {
    const hash = hashKey(keyAddr, keySize, seed);
    const at = find(buckets, shift, elems, limit, keySize, keyAddr, hash);
    if (at != NONE) {
      off = load<u32>(elems + at);
      b = (hash >> shift) + 1;
    }
  }
  const count = <u32>1 << (32 - shift);
  while (off >= limit) {
    if (b >= count) return ENOENT;
    off = load<u32>(buckets + (b << 3));
    b++;
  }
  copy(outAddr, elems + off + KEY, keySize);
  return 0;
}

// header: u32 free head, u32 tag, u32 first never used element, u32 0, u32 spare element of each CPU.
// Elements below firstFree are the spares.
export function hash_init(buckets: u32, shift: u32, elems: u32, limit: u32, seed: u32, header: u32, elemSize: u32, firstFree: u32): void {
  const count = <u32>1 << (32 - shift);
  for (let b: u32 = 0; b < count; b++) store<u64>(buckets + (b << 3), <u64>(NULLS | b));
  store<u32>(header, NONE);
  store<u32>(header, firstFree, 8);
  for (let off: u32 = 0, at = header + 16; off < firstFree; off += elemSize, at += 4) store<u32>(at, off);
}

export function hash_release(buckets: u32, shift: u32, owner: u32): i32 {
  const count = <u32>1 << (32 - shift);
  let released: i32 = 0;
  for (let b: u32 = 0; b < count; b++) {
    if (atomic.cmpxchg<u32>(buckets + (b << 3) + 4, owner, 0) == owner) released++;
  }
  return released;
}
