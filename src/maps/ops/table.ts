// The hash table: buckets {u32 head, u32 lock}, and elements linked by byte offset from `elems`:
//
//   +0 u32 next | +4 u32 hash, or the free-list link | +8 key, padded to 8 | value, padded to 8
//
// A link below `limit` is an element, NULLS | bucket ends that bucket's list. A deleted element keeps its next link and
// its value until it is used again, so a reader that stands on it goes on (as with the kernel's preallocated elements).
import { copy, publish } from "./base";

// @ts-ignore: decorator
@inline export const KEY: u32 = 8;
// @ts-ignore: decorator
@inline export const NULLS: u32 = 0x80000000;
// @ts-ignore: decorator
@inline export const NONE: u32 = 0xffffffff;

// @ts-ignore: decorator
@inline
export function valueOffset(keySize: u32): u32 {
  return KEY + ((keySize + 7) & ~7);
}

// @ts-ignore: decorator
@inline
export function bucketOf(buckets: u32, hash: u32, shift: u32): u32 {
  return buckets + ((hash >> shift) << 3);
}

// Multiply-shift hashing (Dietzfelbinger): the top bits of key * seed with a random odd seed are 2-universal.
// @ts-ignore: decorator
@inline
export function hash4(k: u32, seed: u32): u32 {
  return k * seed;
}
// @ts-ignore: decorator
@inline
export function wide(seed: u32): u64 {
  return (<u64>seed * 0x9e3779b97f4a7c15) | 1;
}
// @ts-ignore: decorator
@inline
export function hash8(k: u64, seed: u32): u32 {
  return <u32>((k * wide(seed)) >> 32);
}
// @ts-ignore: decorator
@inline
export function hash16(k0: u64, k1: u64, seed: u32): u32 {
  const a = wide(seed);
  return <u32>((k0 * a + k1 * (rotl<u64>(a, 29) | 1)) >> 32);
}

export function hashKey(keyAddr: u32, keySize: u32, seed: u32): u32 {
  if (keySize == 4) return hash4(load<u32>(keyAddr), seed);
  if (keySize == 8) return hash8(load<u64>(keyAddr), seed);
  if (keySize == 16) return hash16(load<u64>(keyAddr), load<u64>(keyAddr, 8), seed);
  const a = wide(seed);
  let h: u64 = keySize;
  while (keySize >= 8) {
    h = (h ^ load<u64>(keyAddr)) * a;
    h ^= h >> 32;
    keyAddr += 8;
    keySize -= 8;
  }
  let tail: u64 = 0;
  while (keySize > 0) {
    tail = (tail << 8) | load<u8>(keyAddr++);
    keySize--;
  }
  return <u32>(((h ^ tail) * a) >> 32);
}

export function keysEqual(a: u32, b: u32, n: u32): bool {
  while (n >= 8) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
    n -= 8;
  }
  while (n > 0) {
    if (load<u8>(a++) != load<u8>(b++)) return false;
    n--;
  }
  return true;
}

// Offset of the element with this key, or NONE. Safe without the bucket's lock: see the lookups in index.ts.
export function find(buckets: u32, shift: u32, elems: u32, limit: u32, keySize: u32, keyAddr: u32, hash: u32): u32 {
  const head = bucketOf(buckets, hash, shift);
  const end = NULLS | (hash >> shift);
  let off = load<u32>(head);
  for (let steps: i32 = limit >> 4; steps >= 0; steps--) {
    if (off < limit) {
      const e = elems + off;
      if (load<u32>(e, 4) == hash && keysEqual(e + KEY, keyAddr, keySize)) return off;
      off = load<u32>(e);
    } else {
      if (off == end) return NONE;
      off = load<u32>(head);
    }
  }
  return NONE;
}

// Writes the value of an element (`to` = CPU 0's). `fresh` = a new key: the other CPUs' copies start as zeroes.
export function fillValues(to: u32, valueAddr: u32, valueSize: u32, cpuStride: u32, cpus: u32, cpu: u32, all: bool, fresh: bool): void {
  if (cpuStride == 0) {
    copy(to, valueAddr, valueSize);
    return;
  }
  const padded = (valueSize + 7) & ~7;
  for (let i: u32 = 0; i < cpus; i++) {
    if (all) {
      copy(to, valueAddr, padded);
      valueAddr += padded;
    } else {
      if (fresh && i != cpu) memory.fill(to, 0, padded);
      if (i == cpu) copy(to, valueAddr, valueSize);
    }
    to += cpuStride;
  }
}

// Takes the last freed element, else the next never used one; NONE when the map is full.
// The 64-bit word {free head, tag} changes its tag with every pop, so a stale compare can't succeed (ABA).
export function pop(header: u32, elems: u32, limit: u32, keySize: u32, valueSize: u32, cpus: u32): u32 {
  const size = valueOffset(keySize) + ((valueSize + 7) & ~7);
  if (cpus == 1) {
    const off = load<u32>(header);
    if (off < limit) {
      store<u32>(header, load<u32>(elems + off, 4));
      return off;
    }
    const next = load<u32>(header, 8);
    if (next >= limit) return NONE;
    store<u32>(header, next + size, 8);
    return next;
  }
  let word = atomic.load<u64>(header);
  while (<u32>word < limit) {
    const off = <u32>word;
    const rest = ((word >> 32) + 1) << 32 | <u64>load<u32>(elems + off, 4);
    const seen = atomic.cmpxchg<u64>(header, word, rest);
    if (seen == word) return off;
    word = seen;
  }
  let next = atomic.load<u32>(header, 8);
  while (next < limit) {
    const seen = atomic.cmpxchg<u32>(header, next, next + size, 8);
    if (seen == next) return next;
    next = seen;
  }
  return NONE;
}

export function push(header: u32, elems: u32, off: u32, cpus: u32): void {
  const link = elems + off + 4;
  if (cpus == 1) {
    store<u32>(link, load<u32>(header));
    store<u32>(header, off);
    return;
  }
  for (;;) {
    const word = atomic.load<u64>(header);
    store<u32>(link, <u32>word);
    const rest = (word >> 32 << 32) | <u64>off;
    if (atomic.cmpxchg<u64>(header, word, rest) == word) return;
  }
}

// Takes `off` out of its bucket's list; the bucket is locked.
export function unlink(bucket: u32, elems: u32, limit: u32, off: u32, cpus: u32): void {
  const next = load<u32>(elems + off);
  let link = bucket;
  let steps: i32 = limit >> 4;
  while (load<u32>(link) != off) {
    link = elems + load<u32>(link);
    if (link - elems >= limit || --steps < 0) return;
  }
  publish(link, next, cpus);
}
