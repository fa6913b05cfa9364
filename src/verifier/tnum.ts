// Tracked numbers (kernel tnum.c): a 64-bit value of which some bits are known. A bit set in `mask` is unknown and is
// 0 in `value`. Both are unsigned 64-bit bigints. All functions are total and pure; each result contains every number
// that the operation can give for members of its operands (soundness is checked exhaustively on small widths).

export interface Tnum {
  readonly value: bigint;
  readonly mask: bigint;
}

export const U64_MAX = (1n << 64n) - 1n;
const U32 = 0xffffffffn;

export const TNUM_UNKNOWN: Tnum = { value: 0n, mask: U64_MAX };

export function tnumConst(value: bigint): Tnum {
  return { value, mask: 0n };
}

function tnum(value: bigint, mask: bigint): Tnum {
  return { value, mask };
}

/** Number of bits needed for x: 0 for 0, 64 for 2^63. */
function bitLength(x: bigint): number {
  const hi = Number(x >> 32n);
  return hi !== 0 ? 64 - Math.clz32(hi) : 32 - Math.clz32(Number(x & U32));
}

/** The smallest tnum around [min, max]: the common prefix is known, everything below is not. */
export function tnumRange(min: bigint, max: bigint): Tnum {
  const bits = bitLength(min ^ max);
  if (bits > 63) return TNUM_UNKNOWN;
  const delta = (1n << BigInt(bits)) - 1n;
  return tnum(min & ~delta & U64_MAX, delta);
}

export function tnumLsh(a: Tnum, shift: number): Tnum {
  const s = BigInt(shift);
  return tnum((a.value << s) & U64_MAX, (a.mask << s) & U64_MAX);
}

export function tnumRsh(a: Tnum, shift: number): Tnum {
  const s = BigInt(shift);
  return tnum(a.value >> s, a.mask >> s);
}

/** Arithmetic right shift of the low `width` bits; at 32 the upper half of the result is zero. */
export function tnumArsh(a: Tnum, shift: number, width: 32 | 64): Tnum {
  const s = BigInt(shift);
  return tnum(
    BigInt.asUintN(width, BigInt.asIntN(width, a.value) >> s),
    BigInt.asUintN(width, BigInt.asIntN(width, a.mask) >> s),
  );
}

export function tnumAdd(a: Tnum, b: Tnum): Tnum {
  const sm = a.mask + b.mask;
  const sv = a.value + b.value;
  const sigma = sm + sv;
  const mu = ((sigma ^ sv) | a.mask | b.mask) & U64_MAX;
  return tnum(sv & ~mu & U64_MAX, mu);
}

export function tnumSub(a: Tnum, b: Tnum): Tnum {
  const dv = BigInt.asUintN(64, a.value - b.value);
  const alpha = BigInt.asUintN(64, dv + a.mask);
  const beta = BigInt.asUintN(64, dv - b.mask);
  const mu = (alpha ^ beta) | a.mask | b.mask;
  return tnum(dv & ~mu & U64_MAX, mu);
}

export function tnumNeg(a: Tnum): Tnum {
  return tnumSub(tnumConst(0n), a);
}

export function tnumAnd(a: Tnum, b: Tnum): Tnum {
  const alpha = a.value | a.mask;
  const beta = b.value | b.mask;
  const v = a.value & b.value;
  return tnum(v, alpha & beta & ~v & U64_MAX);
}

export function tnumOr(a: Tnum, b: Tnum): Tnum {
  const v = a.value | b.value;
  return tnum(v, (a.mask | b.mask) & ~v & U64_MAX);
}

export function tnumXor(a: Tnum, b: Tnum): Tnum {
  const v = a.value ^ b.value;
  const mu = a.mask | b.mask;
  return tnum(v & ~mu & U64_MAX, mu);
}

/** What is in either: bits that differ or are unknown in one become unknown. */
export function tnumUnion(a: Tnum, b: Tnum): Tnum {
  const mu = (a.value ^ b.value) | a.mask | b.mask;
  return tnum(a.value & b.value & ~mu & U64_MAX, mu);
}

/** Long multiplication: a known bit of `a` adds b shifted, an unknown one adds either nothing or that. */
export function tnumMul(x: Tnum, y: Tnum): Tnum {
  let a = x;
  let b = y;
  let acc = tnumConst(0n);
  while (a.value !== 0n || a.mask !== 0n) {
    if ((a.value & 1n) !== 0n) acc = tnumAdd(acc, b);
    else if ((a.mask & 1n) !== 0n) acc = tnumUnion(acc, tnumAdd(acc, b));
    a = tnumRsh(a, 1);
    b = tnumLsh(b, 1);
  }
  return acc;
}

/** Numbers that are in both; when the operands contradict each other the result is arbitrary. */
export function tnumIntersect(a: Tnum, b: Tnum): Tnum {
  const mu = a.mask & b.mask;
  return tnum((a.value | b.value) & ~mu & U64_MAX, mu);
}

/** The smallest member that is at least `min`, or undefined. */
export function tnumAtLeast(a: Tnum, min: bigint): bigint | undefined {
  if (min <= a.value) return a.value;
  if (min > (a.value | a.mask)) return undefined;
  // A member is value plus a part of mask, so a part of mask is wanted that is at least `need`.
  const need = min - a.value;
  const outside = need & ~a.mask;
  if (outside === 0n) return min;
  // Below the highest bit that mask can't have nothing stays; adding one there carries to the next free bit of mask.
  const below = (1n << BigInt(bitLength(outside))) - 1n;
  return a.value + (((need | ~a.mask | below) + 1n) & a.mask);
}

/** The one member within [min, max], or undefined if there is none or more than one. */
export function tnumOnlyMember(a: Tnum, min: bigint, max: bigint): bigint | undefined {
  // Usually the range holds the whole tnum.
  if (min <= a.value && (a.value | a.mask) <= max) return a.mask === 0n ? a.value : undefined;
  const first = tnumAtLeast(a, min);
  if (first === undefined || first > max) return undefined;
  const second = tnumAtLeast(a, first + 1n);
  return second === undefined || second > max ? first : undefined;
}

/** Whether some number may be in both. */
export function tnumOverlap(a: Tnum, b: Tnum): boolean {
  const known = ~(a.mask | b.mask) & U64_MAX;
  return (a.value & known) === (b.value & known);
}

/** The low `size` bytes, zero-extended. */
export function tnumCast(a: Tnum, size: number): Tnum {
  const bits = size * 8;
  return tnum(BigInt.asUintN(bits, a.value), BigInt.asUintN(bits, a.mask));
}

/** The low `size` bytes in the other order, zero-extended (kernel tnum_bswap16/32/64). */
export function tnumBswap(a: Tnum, size: 2 | 4 | 8): Tnum {
  return tnum(bswap(a.value, size), bswap(a.mask, size));
}

function bswap(x: bigint, size: number): bigint {
  let out = 0n;
  for (let i = 0; i < size; i++) out = (out << 8n) | ((x >> BigInt(8 * i)) & 255n);
  return out;
}

export function tnumSubreg(a: Tnum): Tnum {
  return tnumCast(a, 4);
}

export function tnumClearSubreg(a: Tnum): Tnum {
  return tnum(a.value & ~U32 & U64_MAX, a.mask & ~U32 & U64_MAX);
}

export function tnumWithSubreg(a: Tnum, subreg: Tnum): Tnum {
  return tnumOr(tnumClearSubreg(a), tnumSubreg(subreg));
}

export function tnumIsConst(a: Tnum): boolean {
  return a.mask === 0n;
}

export function tnumSubregIsConst(a: Tnum): boolean {
  return (a.mask & U32) === 0n;
}

/** Whether every member is a multiple of `size` (a power of two). */
export function tnumIsAligned(a: Tnum, size: number): boolean {
  return ((a.value | a.mask) & BigInt(size - 1)) === 0n;
}

/** Whether every member of `b` is a member of `a`. */
export function tnumIn(a: Tnum, b: Tnum): boolean {
  if ((b.mask & ~a.mask) !== 0n) return false;
  return a.value === (b.value & ~a.mask);
}

export function tnumEqual(a: Tnum, b: Tnum): boolean {
  return a.value === b.value && a.mask === b.mask;
}

/** As the kernel's log prints it. */
export function tnumText(a: Tnum): string {
  if (a.mask === 0n) return a.value <= 0xffffn ? a.value.toString() : `0x${a.value.toString(16)}`;
  return `(0x${a.value.toString(16)}; 0x${a.mask.toString(16)})`;
}
