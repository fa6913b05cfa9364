// Loads and stores (RFC 9669 5.1, 5.2). Alignment hints are 1 everywhere: BPF on x86 allows any address.
//
// Programs that were not verified get each address checked against the window of the Kernel's memory, on 64 bits, as the
// interpreter does; what the window doesn't have yet traps by itself.

import type { Insn } from '../src/isa/insn.ts';
import type { Op, Size } from '../src/isa/op.ts';
import { MEMORY_BASE, MEMORY_END, STACK_FRAME } from '../src/memory/layout.ts';
import { usesArena } from '../src/runtime/program_arena.ts';
import { FP } from './compilation.ts';
import type { FnLowering } from './function.ts';
import { arenaPlace, type Use } from './lower_arena.ts';
import { loadSlot, storeSlot, storeSlotConst } from './lower_slot.ts';
import { slotPart } from './slots.ts';
import type { I32 } from './wasm.ts';

type OpOf<K extends Op['kind']> = Op & { kind: K };

export interface Place {
  readonly ptr: I32;
  readonly offset: number;
}

/** Where the access of `size` bytes at l.at goes. To be used once. */
export function reach(l: FnLowering, reg: number, off: number, size: number, use: Use): Place {
  return usesArena(l.c.program.code, l.at) ? arenaPlace(l, reg, off, size, use) : place(l, reg, off);
}

/** Address `reg` + off as a base and a static offset. To be used once. */
export function place(l: FnLowering, reg: number, off: number): Place {
  if (reg === FP && off < 0 && off >= -STACK_FRAME) {
    const base = l.frameBase();
    if (base !== undefined) return { ptr: base, offset: STACK_FRAME + off };
  }
  if (l.c.facts === null) return { ptr: checked(l, reg, off), offset: 0 };
  return behind(l, l.low(reg), off, l.lowest(reg));
}

/**
 * `off` behind (or before) an address of a verified program. A static offset is added without wrapping, so that it can't
 * be negative: what is before the address is found from `lowest` before it, the same base for all such accesses.
 */
export function behind({ b }: FnLowering, ptr: I32, off: number, lowest: number): Place {
  if (off >= 0) return { ptr, offset: off };
  return { ptr: b.i32.add(ptr, b.i32.const(lowest)), offset: off - lowest };
}

function checked(l: FnLowering, reg: number, off: number): I32 {
  const { b } = l;
  const addr = l.local('addr', 'i64');
  const fromBase = b.i64.add(l.whole(reg), b.i64.const(BigInt(off - MEMORY_BASE)));
  const outside = b.i64.ge_u(b.tee64(addr, fromBase), b.i64.const(BigInt(MEMORY_END - MEMORY_BASE)));
  l.push(b.if(outside, l.m.fail('address', l.at)));
  return b.i32.add(b.i32.wrap(b.get64(addr)), b.i32.const(MEMORY_BASE));
}

const LOAD32 = {
  1: ['load8_u', 'load8_s'],
  2: ['load16_u', 'load16_s'],
  4: ['load', 'load'],
} as const;

export function lowerLdx(l: FnLowering, insn: Insn, op: OpOf<'ldx'>): void {
  const { b } = l;
  const { dst, src, off } = insn;
  const part = slotPart(l.fn, l.at, op.size);
  if (part !== null) {
    loadSlot(l, part, dst);
  } else if (!op.signed) {
    loadReg(l, op.size, reach(l, src, off, op.size, 'load'), dst);
  } else {
    const { ptr, offset } = reach(l, src, off, op.size, 'load');
    l.setSigned(dst, b.i32[LOAD32[op.size as 1 | 2 | 4][1]](offset, 1, ptr));
  }
}

/** `size` bytes of memory into a register, zero-extended. */
export function loadReg(l: FnLowering, size: Size, { ptr, offset }: Place, dst: number): void {
  const { b } = l;
  if (size < 8) l.setLow(dst, b.i32[LOAD32[size as 1 | 2 | 4][0]](offset, 1, ptr));
  // The low half stands first.
  else if (l.wantsLow) l.setLow(dst, b.i32.load(offset, 1, ptr));
  else l.setWhole(dst, b.i64.load(offset, 1, ptr));
}

export function lowerSt(l: FnLowering, insn: Insn, op: OpOf<'st'>): void {
  const { b } = l;
  const { dst, off, imm } = insn;
  const part = slotPart(l.fn, l.at, op.size);
  if (part !== null) {
    storeSlotConst(l, part, imm);
    return;
  }
  const { ptr, offset } = reach(l, dst, off, op.size, 'store');
  if (op.size === 8) l.push(b.i64.store(offset, 1, ptr, b.i64.const(BigInt(imm))));
  else l.push(storeLow(l, op.size, { ptr, offset }, b.i32.const(imm)));
}

export function lowerStx(l: FnLowering, insn: Insn, op: OpOf<'stx'>): void {
  const { dst, src, off } = insn;
  const part = slotPart(l.fn, l.at, op.size);
  if (part !== null) storeSlot(l, part, src);
  else storeReg(l, op.size, reach(l, dst, off, op.size, 'store'), src);
}

/** The low `size` bytes of a register to memory. */
export function storeReg(l: FnLowering, size: Size, { ptr, offset }: Place, src: number): void {
  const { b } = l;
  if (size === 8) l.push(b.i64.store(offset, 1, ptr, l.whole(src)));
  else l.push(storeLow(l, size, { ptr, offset }, l.low(src)));
}

const STORE32 = { 1: 'store8', 2: 'store16', 4: 'store' } as const;

function storeLow(l: FnLowering, size: 1 | 2 | 4, { ptr, offset }: Place, value: I32) {
  return l.b.i32[STORE32[size]](offset, 1, ptr, value);
}
