// Atomics (RFC 9669 5.3) and Linux's load_acquire / store_release.
//
// A Wasm atomic traps on an address that is not a multiple of its size, so the general form tests the address and does
// unaligned ones with plain loads and stores. On the stack nobody else can look: plain there, too (1.6 ns against 10).

import type { Insn } from '../src/isa/insn.ts';
import type { AtomicOp, Op } from '../src/isa/op.ts';
import { STACK_FRAME } from '../src/memory/layout.ts';
import { usesArena } from '../src/runtime/program_arena.ts';
import { REG_KIND } from '../src/verifier/verified.ts';
import { FP } from './compilation.ts';
import type { FnLowering } from './function.ts';
import { isMissing, type Use } from './lower_arena.ts';
import { reach, storeReg } from './lower_memory.ts';
import type { Builder, I32, I64, IntOps, Stmt, ValType } from './wasm.ts';

type OpOf<K extends Op['kind']> = Op & { kind: K };

/** How an access of one instruction may be done. */
interface Cell {
  readonly ptr: () => I32;
  readonly offset: number;
  readonly size: number;
  readonly mode: 'plain' | 'atomic' | 'test';
}

/** Address reg + off in a local, so that it can be used several times. */
function cellAt(l: FnLowering, reg: number, off: number, size: number, side: 'dst' | 'src', use: Use): Cell {
  const { b } = l;
  const onStack = l.c.facts?.[side][l.at] === REG_KIND.stack;
  const { ptr, offset } = reach(l, reg, off, size, use);
  const local = l.local('cell', 'i32');
  l.push(b.set(local, ptr));
  // Frames are aligned: an own slot is as aligned as its offset says.
  const fixed = reg === FP && off < 0 && off >= -STACK_FRAME && off % size === 0;
  const mode = onStack ? 'plain' : size === 1 || (fixed && l.frameBase() !== undefined) ? 'atomic' : 'test';
  return { ptr: () => b.get32(local), offset, size, mode };
}

/** Runs one of two ways to do it, or tests the address for which. */
function either(l: FnLowering, cell: Cell, atomic: () => Stmt[], plain: () => Stmt[]): void {
  const { i32 } = l.b;
  if (cell.mode === 'plain') {
    l.push(...plain());
    return;
  }
  if (cell.mode === 'atomic') {
    l.push(...atomic());
    return;
  }
  const unaligned = i32.and(i32.add(cell.ptr(), i32.const(cell.offset)), i32.const(cell.size - 1));
  l.push(l.b.if(unaligned, plain(), atomic()));
}

/** One width: its operations, and how registers are read and written at it. */
interface Width<T extends I32 | I64> {
  readonly type: ValType;
  readonly ops: IntOps<T>;
  readonly reg: (v: number) => T;
  readonly get: (local: number) => T;
  readonly set: (v: number, value: T) => void;
  readonly choose: (condition: I32, a: T, b: T) => T;
}

const width32 = (l: FnLowering): Width<I32> => ({
  type: 'i32',
  ops: l.b.i32,
  reg: (v) => l.low(v),
  get: l.b.get32,
  set: (v, value) => l.setLow(v, value),
  choose: l.b.choose32,
});
const width64 = (l: FnLowering): Width<I64> => ({
  type: 'i64',
  ops: l.b.i64,
  reg: (v) => l.whole(v),
  get: l.b.get64,
  set: (v, value) => l.setWhole(v, value),
  choose: l.b.choose64,
});

export function lowerAtomic(l: FnLowering, insn: Insn, op: OpOf<'atomic'>): void {
  const cell = cellAt(l, insn.dst, insn.off, op.size, 'dst', 'store');
  if (op.size === 4) rmw(l, cell, insn, op, width32(l));
  else rmw(l, cell, insn, op, width64(l));
}

/** What a plain read-modify-write stores; cmpxchg apart. */
const NEXT = {
  add: (ops, old, src) => ops.add(old, src),
  or: (ops, old, src) => ops.or(old, src),
  and: (ops, old, src) => ops.and(old, src),
  xor: (ops, old, src) => ops.xor(old, src),
  xchg: (_ops, _old, src) => src,
} as const satisfies Record<Exclude<AtomicOp, 'cmpxchg'>, <T>(ops: IntOps<T>, old: T, src: T) => T>;

function rmw<T extends I32 | I64>(l: FnLowering, cell: Cell, insn: Insn, op: OpOf<'atomic'>, w: Width<T>): void {
  const { b } = l;
  const { offset } = cell;
  const { src } = insn;
  const old = l.local(`old_${w.type}`, w.type);
  const load = () => b.set(old, w.ops.load(offset, 1, cell.ptr()));
  const store = (value: T) => w.ops.store(offset, 1, cell.ptr(), value);
  if (op.op === 'cmpxchg') {
    either(
      l,
      cell,
      () => [b.set(old, w.ops.atomic.rmw.cmpxchg(offset, cell.ptr(), w.reg(0), w.reg(src)))],
      () => [load(), b.if(w.ops.eq(w.get(old), w.reg(0)), [store(w.reg(src))])],
    );
    w.set(0, kept(l, w, old, 0));
    return;
  }
  const { op: name } = op;
  either(
    l,
    cell,
    () => [b.set(old, w.ops.atomic.rmw[name](offset, cell.ptr(), w.reg(src)))],
    () => [load(), store(NEXT[name](w.ops, w.get(old), w.reg(src)))],
  );
  if (op.fetch) w.set(src, kept(l, w, old, src));
}

/** What a fetching atomic leaves in `reg`: where its arena has no such page, as much of what it held as it works on. */
function kept<T extends I32 | I64>(l: FnLowering, w: Width<T>, old: number, reg: number): T {
  if (!usesArena(l.c.program.code, l.at)) return w.get(old);
  return w.choose(isMissing(l), w.reg(reg), w.get(old));
}

export function lowerLoadAcquire(l: FnLowering, insn: Insn, op: OpOf<'load_acq'>): void {
  const cell = cellAt(l, insn.src, insn.off, op.size, 'src', 'load');
  const { b } = l;
  const { ptr, offset } = cell;
  if (op.size === 8) {
    const value = l.local('old_i64', 'i64');
    either(
      l,
      cell,
      () => [b.set(value, b.i64.atomic.load(offset, ptr()))],
      () => [b.set(value, b.i64.load(offset, 1, ptr()))],
    );
    l.setWhole(insn.dst, b.get64(value));
    return;
  }
  const name = ({ 1: 'load8_u', 2: 'load16_u', 4: 'load' } as const)[op.size];
  const value = l.local('old_i32', 'i32');
  either(
    l,
    cell,
    () => [b.set(value, b.i32.atomic[name](offset, ptr()))],
    () => [b.set(value, b.i32[name](offset, 1, ptr()))],
  );
  l.setLow(insn.dst, b.get32(value));
}

export function lowerStoreRelease(l: FnLowering, insn: Insn, op: OpOf<'store_rel'>): void {
  const cell = cellAt(l, insn.dst, insn.off, op.size, 'dst', 'store');
  either(
    l,
    cell,
    () => [atomicStore(l.b, l, op.size, cell, insn.src)],
    () => plainStore(l, cell, op.size, insn.src),
  );
}

function atomicStore(b: Builder, l: FnLowering, size: 1 | 2 | 4 | 8, { ptr, offset }: Cell, src: number): Stmt {
  if (size === 8) return b.i64.atomic.store(offset, ptr(), l.whole(src));
  const name = ({ 1: 'store8', 2: 'store16', 4: 'store' } as const)[size];
  return b.i32.atomic[name](offset, ptr(), l.low(src));
}

/** The statements storeReg would push. */
function plainStore(l: FnLowering, { ptr, offset }: Cell, size: 1 | 2 | 4 | 8, src: number): Stmt[] {
  const { out } = l;
  l.out = [];
  storeReg(l, size, { ptr: ptr(), offset }, src);
  const stmts = l.out;
  l.out = out;
  return stmts;
}
