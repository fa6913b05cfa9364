// Loads and stores of stack slots that live in locals (promote.ts). What memory would cut off is cut off here.

import type { FnLowering } from './function.ts';
import type { SlotPart } from './slots.ts';
import type { I32 } from './wasm.ts';

export function loadSlot(l: FnLowering, { vreg, shift, bits, whole }: SlotPart, dst: number): void {
  const { b } = l;
  if (whole && l.wantsLow) l.setLow(dst, l.low(vreg));
  else if (whole) l.setWhole(dst, l.whole(vreg));
  else if (shift + bits <= 32)
    l.setLow(dst, cut(l, bits, shift === 0 ? l.low(vreg) : b.i32.shr_u(l.low(vreg), b.i32.const(shift))));
  else l.setLow(dst, cut(l, bits, b.i32.wrap(b.i64.shr_u(l.whole(vreg), b.i64.const(BigInt(shift))))));
}

/** The low `bits` (at most 32) of a value. */
function cut({ b }: FnLowering, bits: number, value: I32): I32 {
  return bits === 32 ? value : b.i32.and(value, b.i32.const(2 ** bits - 1));
}

export function storeSlot(l: FnLowering, part: SlotPart, src: number): void {
  if (part.bits < 64) storeLow(l, part, () => l.low(src));
  else if (l.wantsLow) l.setLow(part.vreg, l.low(src));
  else l.setWhole(part.vreg, l.whole(src));
}

export function storeSlotConst(l: FnLowering, part: SlotPart, imm: number): void {
  if (part.whole) l.setConst(part.vreg, BigInt.asUintN(part.bits, BigInt(imm)));
  else storeLow(l, part, () => l.b.i32.const(imm));
}

/** Up to 32 bits, which may be a part of the slot: the rest of it stays. */
function storeLow(l: FnLowering, { vreg, shift, bits, whole }: SlotPart, value: () => I32): void {
  const { b } = l;
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(shift);
  if (whole) {
    l.setLow(vreg, cut(l, bits, value()));
  } else if (l.wantsLow) {
    if (shift >= 32) l.setLow(vreg, l.low(vreg));
    else if (shift === 0 && bits === 32) l.setLow(vreg, value());
    else {
      const rest = b.i32.and(l.low(vreg), b.i32.const(Number(BigInt.asIntN(32, ~mask))));
      l.setLow(vreg, b.i32.or(rest, b.i32.shl(cut(l, bits, value()), b.i32.const(shift))));
    }
  } else {
    const own = b.i64.extend_u(cut(l, bits, value()));
    const moved = shift === 0 ? own : b.i64.shl(own, b.i64.const(BigInt(shift)));
    // demand.ts asks for the low half of the slot only, where that is what stays.
    const keepsLow = shift === 32 && bits === 32;
    const rest = keepsLow
      ? b.i64.extend_u(l.low(vreg))
      : b.i64.and(l.whole(vreg), b.i64.const(BigInt.asIntN(64, ~mask)));
    l.setWhole(vreg, b.i64.or(rest, moved));
  }
}
