// Loads and stores through stack pointers (kernel check_stack_read / check_stack_write): spills and fills of whole
// registers, plain bytes, variable offsets, and ranges that helpers read or fill. Bytes that nobody wrote may be read
// unless the caller says otherwise (VerifyOptions.allowUninitStack).

import { destroyDynptr, destroyDynptrs } from './dynptr_slots.ts';
import type { Env } from './env.ts';
import { linkForCopy } from './link.ts';
import { markPrecise } from './precision.ts';
import {
  isNull,
  isPointer,
  NOT_INIT,
  type Reg,
  regWidth,
  UNKNOWN_SCALAR,
  unlinked,
  withPrecision,
  ZERO_SCALAR,
} from './reg.ts';
import { denied, invalid, type Reject, refused } from './reject.ts';
import { highest, isConst, lowest, numberIn } from './scalar.ts';
import {
  byteOf,
  byteType,
  EMPTY_SLOT,
  type Frame,
  isObject,
  isScalarSpill,
  isSpill,
  SLOT,
  type Slot,
  scrub,
  spiOf,
  unspill,
  withByte,
} from './state.ts';
import { tnumText } from './tnum.ts';

const MAX_BPF_STACK = 512;
const BPF_MAX_VAR_OFF = 1 << 29;

/** The frame a stack pointer points into. */
export function frameOf(env: Env, ptr: Reg): Frame {
  return env.state.frames[ptr.frame];
}

function slotAt(frame: Frame, spi: number): Slot {
  return frame.stack[spi] ?? EMPTY_SLOT;
}

/**
 * Whether [off, off + size) from the pointer lies in the frame for every value of the pointer; makes room for it.
 * `off` already holds the pointer's fixed offset.
 */
export function checkStackBounds(
  env: Env,
  regno: number,
  ptr: Reg,
  off: number,
  size: number,
  write: boolean,
): Reject | null {
  const verb = write ? ' write to' : ' read from';
  const { s } = ptr;
  const constant = isConst(s);
  let min: number;
  let max: number;
  if (constant) {
    min = numberIn(s) + off;
    max = min + size;
  } else {
    if (highest(s) >= BPF_MAX_VAR_OFF || lowest(s) <= -BPF_MAX_VAR_OFF) {
      return denied(`invalid unbounded variable-offset${verb} stack R${regno}`);
    }
    min = lowest(s) + off;
    max = highest(s) + off + size;
  }
  // Below the lowest byte that was ever touched there is nothing to read.
  const depth = write || env.allowUninitStack ? MAX_BPF_STACK : frameOf(env, ptr).stack.length * 8;
  let code: 'EACCES' | 'EINVAL' | 'EFAULT' | null = null;
  if (min < -depth || min > -1) code = 'EACCES';
  else if (max > 0) code = 'EINVAL';
  else if (size < 0) code = 'EFAULT';
  if (code !== null) {
    return refused(
      code,
      constant
        ? `invalid${verb} stack R${regno} off=${min} size=${size}`
        : `invalid variable-offset${verb} stack R${regno} var_off=${tnumText(s.var_off)} off=${off} size=${size}`,
    );
  }
  env.growStack(frameOf(env, ptr), -min);
  return null;
}

/** Store of `size` bytes at fp + off, from a register (value) or an immediate (`value` constant, regno -1). */
export function writeStack(
  env: Env,
  ptr: Reg,
  off: number,
  size: number,
  value: Reg | null,
  regno: number,
): Reject | null {
  const { s } = ptr;
  if (!isConst(s)) return writeStackVar(env, ptr, off, size, value, regno);
  return writeStackFixed(env, ptr, off + numberIn(s), size, value, regno);
}

function setSlot(env: Env, frame: Frame, spi: number, slot: Slot): void {
  frame.stack[spi] = slot;
  env.touchSlot(spi);
}

/** Slot after the register was spilled into its low `size` bytes; the bytes above keep being zero or unknown. */
function spilled(old: Slot, reg: Reg, size: number): Slot {
  let types = old.types;
  for (let i = 7; i >= 8 - size; i--) types = withByte(types, i, SLOT.spill);
  for (let i = 7 - size; i >= 0; i--) {
    const t = byteType(old, i);
    if (t !== SLOT.zero && t !== SLOT.invalid) types = withByte(types, i, SLOT.misc);
  }
  return { types, reg: withPrecision(reg, false) };
}

/** What a slot can hold; anything else is stored as plain data. */
function isSpillable({ kind }: Reg): boolean {
  return kind !== 'not_init' && kind !== 'dynptr_ptr';
}

/** Loaders that must not see addresses can't keep half of one; and a load must not overtake the store that hides it. */
function overwritten(env: Env, old: Slot, off: number, size: number, value: Reg | null): Reject | null {
  if (env.perfmon) return null;
  if (isSpill(old) && !isScalarSpill(old) && size !== 8) return denied('attempt to corrupt spilled pointer on stack');
  let barrier = value !== null && isPointer(value) && isSpillable(value);
  for (let i = 0; i < size; i++) {
    const t = byteType(old, byteOf(off + i));
    if (t !== SLOT.misc && t !== SLOT.zero) barrier = true;
  }
  if (barrier) env.speculation.barriersBehind.add(env.insnIdx);
  return null;
}

function writeStackFixed(
  env: Env,
  ptr: Reg,
  off: number,
  size: number,
  given: Reg | null,
  regno: number,
): Reject | null {
  const frame = frameOf(env, ptr);
  const spi = spiOf(off);
  const aligned = off % 8 === 0;
  const reject = overwritten(env, slotAt(frame, spi), off, size, given) ?? destroyDynptr(env, frame, spi);
  if (reject) return reject;
  const old = slotAt(frame, spi);
  // It may have pointed into the dynptr that is gone.
  const value = regno >= 0 ? env.reg(regno) : given;
  if (size === 8) env.stackLive.write(frame.frameno, spi);
  if (value !== null && aligned && value.kind === 'scalar') {
    const fits = regWidth(value) <= size * 8;
    const linked = regno >= 0 && fits ? linkForCopy(env, regno) : value;
    setSlot(env, frame, spi, spilled(old, fits ? linked : unlinked(linked), size));
    env.rememberSlot(spi, frame.frameno);
    return null;
  }
  if (value !== null && value.kind !== 'scalar' && isSpillable(value)) {
    if (size !== 8) return denied('invalid size of register spill');
    if (frame !== env.frame && value.kind === 'fp') {
      return invalid('cannot spill pointers to stack into stack frame of the caller');
    }
    setSlot(env, frame, spi, spilled(old, value, size));
    env.rememberSlot(spi, frame.frameno);
    return null;
  }
  // Plain data: a spilled register in the slot is gone.
  let types = isSpill(old) || isObject(old) ? scrub(old.types) : old.types;
  let type: typeof SLOT.misc | typeof SLOT.zero = SLOT.misc;
  if (value !== null && isNull(value)) {
    // The zero is part of what later loads rely on, and STACK_ZERO cannot be traced back: it becomes precise now.
    if (regno >= 0) {
      const reject = markPrecise(env, regno);
      if (reject) return reject;
    }
    type = SLOT.zero;
  }
  for (let i = 0; i < size; i++) types = withByte(types, byteOf(off + i), type);
  setSlot(env, frame, spi, { types, reg: NOT_INIT });
  return null;
}

function writeStackVar(env: Env, ptr: Reg, off: number, size: number, value: Reg | null, regno: number): Reject | null {
  const frame = frameOf(env, ptr);
  const min = off + lowest(ptr.s);
  const max = off + highest(ptr.s) + size;
  const zero = value !== null && isNull(value);
  let zeroUsed = false;
  const bad = destroyDynptrs(env, frame, min, max);
  if (bad) return bad;
  for (let at = min; at < max; at++) {
    const spi = spiOf(at);
    const slot = slotAt(frame, spi);
    const t = byteType(slot, byteOf(at));
    env.touchSlot(spi);
    // Only some of the bytes are written, but all count as written from here on.
    if (t === SLOT.invalid) env.facts.readsUninitStack = true;
    if (t === SLOT.invalid && !env.allowUninitStack) {
      // Not every byte of the range is written, but all of them would count as written.
      const varOff = tnumText(ptr.s.var_off);
      return invalid(`uninit stack in range of var-offset write prohibited for !root; var_off ${varOff} off: ${off}`);
    }
    if (zero && t === SLOT.spill && isScalarSpill(slot) && isNull(slot.reg)) {
      zeroUsed = true;
      continue;
    }
    const keepZero = zero && t === SLOT.zero;
    zeroUsed ||= keepZero;
    const types = withByte(
      isSpill(slot) ? unspill(slot.types) : slot.types,
      byteOf(at),
      keepZero ? SLOT.zero : SLOT.misc,
    );
    setSlot(env, frame, spi, { types, reg: isObject(slot) ? slot.reg : NOT_INIT });
  }
  if (zeroUsed && regno >= 0) return markPrecise(env, regno);
  return null;
}

/** Load of `size` bytes at the pointer + off. Returns what the register then holds; `unused`: there is none. */
export function readStack(env: Env, regno: number, ptr: Reg, off: number, size: number, unused: boolean): Reg | Reject {
  if (!isConst(ptr.s)) return readStackVar(env, regno, ptr, off, size);
  return readStackFixed(env, ptr, off + numberIn(ptr.s), size, unused && !env.perfmon);
}

function touchRead(env: Env, frame: Frame, spi: number): void {
  env.stackLive.read(frame.frameno, spi);
  env.touchSlot(spi);
}

function readStackFixed(env: Env, ptr: Reg, off: number, size: number, unused: boolean): Reg | Reject {
  const frame = frameOf(env, ptr);
  const spi = spiOf(off);
  const slot = slotAt(frame, spi);
  touchRead(env, frame, spi);
  if (!isSpill(slot)) return unwritten(env, frame, off, size) ?? readBytes(env, frame, off, off + size);
  let spillSize = 1;
  for (let i = 7; i > 0 && byteType(slot, i - 1) === SLOT.spill; i--) spillSize++;
  const { reg } = slot;
  if (size === 8 && spillSize === 8) {
    env.rememberSlot(spi, frame.frameno);
    return reg;
  }
  if (reg.kind !== 'scalar') return denied('invalid size of register fill');
  if (unused) {
    firstUnwritten(env, frame, off, off + size, true);
    return UNKNOWN_SCALAR;
  }
  if (size <= spillSize && off % 8 === 0) {
    env.rememberSlot(spi, frame.frameno);
    return regWidth(reg) > size * 8 ? unlinked(reg) : reg;
  }
  const reject = unwritten(env, frame, off, size);
  if (reject) return reject;
  let spillBytes = 0;
  let zeroBytes = 0;
  for (let i = 0; i < size; i++) {
    const t = byteType(slot, byteOf(off + i));
    if (t === SLOT.spill) spillBytes++;
    if (t === SLOT.zero) zeroBytes++;
  }
  if (spillBytes === size && isNull(reg)) {
    env.rememberSlot(spi, frame.frameno);
    return ZERO_SCALAR;
  }
  return zeroBytes === size ? ZERO_SCALAR : UNKNOWN_SCALAR;
}

/** First of the bytes of a load that nobody wrote. */
function unwritten(env: Env, frame: Frame, off: number, size: number): Reject | null {
  const i = firstUnwritten(env, frame, off, off + size);
  return i < 0 ? null : denied(`invalid read from stack off ${off}+${i} size ${size}`);
}

/** Distance from min to the first byte in [min, max) that must not be read because nobody wrote it; -1 = none. */
function firstUnwritten(env: Env, frame: Frame, min: number, max: number, forHelper = false): number {
  for (let at = min; at < max; at++) {
    const slot = slotAt(frame, spiOf(at));
    if (forHelper && isSpill(slot) && !isScalarSpill(slot)) return at - min;
    const t = byteType(slot, byteOf(at));
    if (t >= SLOT.dynptr) return at - min;
    if (t !== SLOT.invalid) continue;
    // Linux takes a slot with a number in it for written, however narrow the number is. (Here the other bytes read as 0.)
    if (!env.allowUninitStack && !(forHelper && isSpill(slot))) return at - min;
    env.facts.readsUninitStack = true;
  }
  return -1;
}

/** Bytes that are all known zeroes read as 0, anything else as unknown. */
function readBytes(env: Env, frame: Frame, min: number, max: number): Reg {
  let zeroes = 0;
  for (let at = min; at < max; at++) {
    const spi = spiOf(at);
    env.touchSlot(spi);
    if (byteType(slotAt(frame, spi), byteOf(at)) !== SLOT.zero) break;
    zeroes++;
  }
  return zeroes === max - min ? ZERO_SCALAR : UNKNOWN_SCALAR;
}

function readStackVar(env: Env, regno: number, ptr: Reg, off: number, size: number): Reg | Reject {
  const reject = checkStackRange(env, regno, ptr, off, size, { zeroOk: false, write: false, raw: false });
  if (reject) return reject;
  return readBytes(env, frameOf(env, ptr), off + lowest(ptr.s), off + highest(ptr.s) + size);
}

export interface RangeUse {
  readonly zeroOk: boolean;
  /** Somebody may change the bytes. */
  readonly write: boolean;
  /** They need not be readable: where the place is known, all of them are filled. */
  readonly raw: boolean;
}

/** Whether a helper (or a load at a variable offset) may use [off, off + size) from the stack pointer. */
export function checkStackRange(
  env: Env,
  regno: number,
  ptr: Reg,
  off: number,
  size: number,
  use: RangeUse,
): Reject | null {
  if (size === 0 && !use.zeroOk) return denied('invalid zero-sized read');
  const reject = checkStackBounds(env, regno, ptr, off, size, use.write);
  if (reject) return reject;
  const constant = isConst(ptr.s);
  const base = constant ? numberIn(ptr.s) : 0;
  const min = off + (constant ? base : lowest(ptr.s));
  const max = off + (constant ? base : highest(ptr.s)) + size;
  const frame = frameOf(env, ptr);
  if (use.raw && constant) return keepsDynptrs(frame, min, max);
  const i = firstUnwritten(env, frame, min, max, !env.perfmon);
  if (i >= 0) {
    const where = constant ? `off ${min}` : `var_off ${tnumText(ptr.s.var_off)}`;
    return denied(`invalid read from stack R${regno} ${where}+${i} size ${size}`);
  }
  for (let at = min; at < max; at++) {
    const spi = spiOf(at);
    env.stackLive.read(frame.frameno, spi);
    const slot = slotAt(frame, spi);
    if (!use.write) continue;
    const types = isSpill(slot) ? scrub(slot.types) : withByte(slot.types, byteOf(at), SLOT.misc);
    frame.stack[spi] = { types, reg: NOT_INIT };
  }
  return null;
}

/** Memory that a helper fills must not be a dynptr, which might be another argument of it. */
function keepsDynptrs(frame: Frame, min: number, max: number): Reject | null {
  for (let at = min; at < max; at++) {
    if (byteType(slotAt(frame, spiOf(at)), byteOf(at)) === SLOT.dynptr)
      return denied(`potential write to dynptr at off=${at} disallowed`);
  }
  return null;
}

/** Bytes that a helper has filled become data. */
export function fillStack(env: Env, ptr: Reg, off: number, size: number): Reject | null {
  const frame = frameOf(env, ptr);
  const start = off + numberIn(ptr.s);
  for (let at = start; at < start + size; at++) {
    const spi = spiOf(at);
    const slot = slotAt(frame, spi);
    const reject = overwritten(env, slot, at, 1, null);
    if (reject) return reject;
    // A helper that fails may leave bytes as they were.
    if (byteType(slot, byteOf(at)) === SLOT.invalid) env.facts.readsUninitStack = true;
    const types = withByte(isSpill(slot) || isObject(slot) ? scrub(slot.types) : slot.types, byteOf(at), SLOT.misc);
    setSlot(env, frame, spi, { types, reg: NOT_INIT });
  }
  return null;
}
