// The lookup in a hash map that is known, written out for keys of 4 and 8-byte words (maps/ops/table.ts: layout and hash
// functions): the first element of the bucket is compared in place, everything else (a longer walk, an absent key) is the
// map operation's. Constants of the map are numbers in the code.

import type { MapPlacement, OpCall } from '../src/maps/placement.ts';
import type { FnLowering } from './function.ts';
import type { I32, I64 } from './wasm.ts';

/** Offsets in an element, and the multiplier of wide(): maps/ops/table.ts. */
const HASH = 4;
const KEY = 8;
const WIDE = 0x9e3779b97f4a7c15n;

/** Longest key that is compared in place. */
const MAX_KEY = 40;

export const canInline = (map: MapPlacement): boolean =>
  map.type.store === 'hash' && map.lookup !== null && map.keySize % 4 === 0 && map.keySize <= MAX_KEY;

interface Hashed {
  /** The key's hash (32 bits), after which the words are in locals. */
  readonly hash: I32;
  /** Whether the element at the local `element` has this key. */
  readonly equal: () => I32;
}

/** Address of the value on CPU 0, or 0; `slow` makes the call of the map operation. */
export function hashLookup(l: FnLowering, map: MapPlacement, op: OpCall, slow: () => I32): I32 {
  const { b } = l;
  const { i32 } = b;
  const [table, shift, elems, limit, seed] = op.args;
  const element = l.local('element', 'i32');
  const key = hashKey(l, map.keySize, seed, elems);
  const bucket = i32.shl(i32.shr_u(key.hash, i32.const(shift)), i32.const(3));
  const first = b.tee32(element, i32.load(table, 4, bucket));
  const value = i32.add(b.get32(element), i32.const((elems + KEY + ((map.keySize + 7) & ~7)) | 0));
  const inside = i32.lt_u(first, i32.const(limit | 0));
  return b.choose32(b.choose32(inside, key.equal(), i32.const(0)), value, slow());
}

/** The key is at r2, the element at `elems` + the local `element`. */
function hashKey(l: FnLowering, size: number, seed: number, elems: number): Hashed {
  const { b } = l;
  const { i32 } = b;
  const element = () => b.get32(l.local('element', 'i32'));
  const word32 = (offset: number) => i32.load(elems + offset, 4, element());
  const word64 = (offset: number) => b.i64.load(elems + offset, 8, element());
  if (size !== 4) return wideKey(l, size, seed, word32, word64);
  const k = l.local('key', 'i32');
  const hash = i32.mul(b.tee32(k, i32.load(0, 1, l.low(2))), i32.const(seed | 0));
  return { hash, equal: () => i32.eq(word32(KEY), b.get32(k)) };
}

function wideKey(
  l: FnLowering,
  size: number,
  seed: number,
  word32: (offset: number) => I32,
  word64: (offset: number) => I64,
): Hashed {
  const { b } = l;
  const { i32, i64 } = b;
  const a = BigInt.asUintN(64, BigInt(seed) * WIDE) | 1n;
  const factor = (n: bigint) => i64.const(BigInt.asIntN(64, n));
  const words = Array.from({ length: size >> 3 }, (_, i) => l.local(`key${i}`, 'i64'));
  const load = (i: number) => b.tee64(words[i], i64.load(8 * i, 1, l.low(2)));
  const top = (x: I64) => i32.wrap(i64.shr_u(x, i64.const(32n)));
  const same = (i: number) => i64.eq(word64(KEY + 8 * i), b.get64(words[i]));
  const all = (tests: readonly I32[]) => tests.reduce((x, y) => i32.and(x, y));
  if (size === 8) return { hash: top(i64.mul(load(0), factor(a))), equal: () => same(0) };
  if (size === 16) {
    const second = BigInt.asUintN(64, (a << 29n) | (a >> 35n)) | 1n;
    const sum = i64.add(i64.mul(load(0), factor(a)), i64.mul(load(1), factor(second)));
    return { hash: top(sum), equal: () => all([same(0), same(1)]) };
  }
  // h = size; for each word: h = (h ^ word) * a, h ^= h >> 32; the bytes behind them count as a big-endian number.
  const h = l.local('hash', 'i64');
  let sum: I64 = i64.const(BigInt(size));
  words.forEach((_, i) => {
    const product = b.tee64(h, i64.mul(i64.xor(sum, load(i)), factor(a)));
    sum = i64.xor(product, i64.shr_u(b.get64(h), i64.const(32n)));
  });
  const rest = l.local('key', 'i32');
  const tail = size & 4;
  const last =
    tail === 0 ? sum : i64.xor(sum, i64.extend_u(bigEndian(l, b.tee32(rest, i32.load(size - 4, 1, l.low(2))), rest)));
  const hash = l.local('hash32', 'i32');
  const tests = () => [
    i32.eq(word32(HASH), b.get32(hash)),
    ...words.map((_, i) => same(i)),
    ...(tail === 0 ? [] : [i32.eq(word32(KEY + size - 4), b.get32(rest))]),
  ];
  return { hash: b.tee32(hash, top(i64.mul(last, factor(a)))), equal: () => all(tests()) };
}

/** Bytes of a word the other way round; `first` puts it into `local`. */
function bigEndian({ b }: FnLowering, first: I32, local: number): I32 {
  const { i32 } = b;
  const odd = i32.and(i32.rotl(first, i32.const(8)), i32.const(0x00ff00ff));
  return i32.or(odd, i32.and(i32.rotr(b.get32(local), i32.const(8)), i32.const(0xff00ff00 | 0)));
}
