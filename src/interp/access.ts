// Memory accesses of one instruction. Addresses are numbers that may be anything; whatever is not wholly inside the
// Kernel's memory throws EFAULT.

import type { AtomicOp } from '../isa/op.ts';
import { MEMORY_BASE } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { BpfError } from '../uapi/errors.ts';
import { set32, setSigned32 } from './registers.ts';

type Size = 1 | 2 | 4 | 8;

/** Offset of [addr, addr + size) in the memory's views. */
export function offsetOf(memory: Memory, addr: number, size: number): number {
  const at = addr - MEMORY_BASE;
  if (at >= 0 && at + size <= memory.view.byteLength) return at;
  throw new BpfError('EFAULT', `no memory at 0x${addr.toString(16)} (${size} bytes)`);
}

/** Register `dst` = the value at addr, zero- or sign-extended. */
export function load(memory: Memory, addr: number, size: Size, signed: boolean, w: Uint32Array, dst: number): void {
  const { view } = memory;
  const at = offsetOf(memory, addr, size);
  switch (size) {
    case 1:
      if (signed) setSigned32(w, dst, view.getInt8(at));
      else set32(w, dst, view.getUint8(at));
      break;
    case 2:
      if (signed) setSigned32(w, dst, view.getInt16(at, true));
      else set32(w, dst, view.getUint16(at, true));
      break;
    case 4:
      if (signed) setSigned32(w, dst, view.getInt32(at, true));
      else set32(w, dst, view.getUint32(at, true));
      break;
    case 8: {
      const low = view.getUint32(at, true);
      w[2 * dst + 1] = view.getUint32(at + 4, true);
      w[2 * dst] = low;
      return;
    }
    default:
      size satisfies never;
  }
}

/** Stores the low `size` bytes of high:low at addr. */
export function store(memory: Memory, addr: number, size: Size, low: number, high: number): void {
  const { view } = memory;
  const at = offsetOf(memory, addr, size);
  switch (size) {
    case 1:
      view.setUint8(at, low);
      break;
    case 2:
      view.setUint16(at, low, true);
      break;
    case 4:
      view.setUint32(at, low, true);
      break;
    case 8:
      view.setUint32(at, low, true);
      view.setUint32(at + 4, high, true);
      break;
    default:
      size satisfies never;
  }
}

/**
 * mem = op(mem, operand) for 4 or 8 bytes; returns the old value, unsigned. cmpxchg stores `operand` if mem equals
 * `expected`. Aligned accesses are atomic among threads (Linux requires alignment); unaligned ones are plain.
 */
export function atomic(
  memory: Memory,
  addr: number,
  size: number,
  op: AtomicOp,
  operand: bigint,
  expected: bigint,
): bigint {
  const at = offsetOf(memory, addr, size);
  if (at % size !== 0) return plainRmw(memory.view, at, size, op, operand, expected);
  if (size === 8) return BigInt.asUintN(64, rmw64(memory.i64, at / 8, op, operand, expected));
  return BigInt(rmw32(memory.i32, at / 4, op, lowHalf(operand), lowHalf(expected)) >>> 0);
}

const lowHalf = (x: bigint) => Number(BigInt.asIntN(32, x));

function rmw64(words: BigInt64Array, i: number, op: AtomicOp, operand: bigint, expected: bigint): bigint {
  switch (op) {
    case 'add':
      return Atomics.add(words, i, operand);
    case 'or':
      return Atomics.or(words, i, operand);
    case 'and':
      return Atomics.and(words, i, operand);
    case 'xor':
      return Atomics.xor(words, i, operand);
    case 'xchg':
      return Atomics.exchange(words, i, operand);
    case 'cmpxchg':
      return Atomics.compareExchange(words, i, expected, operand);
    default:
      return op satisfies never;
  }
}

function rmw32(words: Int32Array, i: number, op: AtomicOp, operand: number, expected: number): number {
  switch (op) {
    case 'add':
      return Atomics.add(words, i, operand);
    case 'or':
      return Atomics.or(words, i, operand);
    case 'and':
      return Atomics.and(words, i, operand);
    case 'xor':
      return Atomics.xor(words, i, operand);
    case 'xchg':
      return Atomics.exchange(words, i, operand);
    case 'cmpxchg':
      return Atomics.compareExchange(words, i, expected, operand);
    default:
      return op satisfies never;
  }
}

function plainRmw(view: DataView, at: number, size: number, op: AtomicOp, operand: bigint, expected: bigint): bigint {
  const words = new BigInt64Array(1);
  const wanted = size === 8 ? expected : BigInt.asUintN(32, expected);
  words[0] = size === 8 ? view.getBigUint64(at, true) : BigInt(view.getUint32(at, true));
  const old = rmw64(words, 0, op, operand, wanted);
  if (size === 8) view.setBigInt64(at, words[0], true);
  else view.setUint32(at, Number(BigInt.asUintN(32, words[0])), true);
  return BigInt.asUintN(64, old);
}
