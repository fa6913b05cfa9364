// Kfuncs about strings of bytes that end with a 0 (kernel/bpf/helpers.c). What they are given need not be a pointer: an
// address that is none of ours is -ERANGE, as one that is not the kernel's, and behind the last byte there is -EFAULT.
// A char has no sign: Linux is compiled so.

import type { HelperImpl } from '../helpers/helper.ts';
import { MEMORY_BASE } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { ERRNO } from '../uapi/errno.ts';
import type { BindKfunc, KfuncRows } from './kfunc.ts';

/** Most bytes that are looked at (Linux XATTR_SIZE_MAX). */
const MOST = 65536;

/** Thrown (inside this file only) where a string leaves the memory. */
const OUTSIDE = Symbol('outside');

/** A string in memory: byte i. */
type Chars = (i: number) => number;

function charsAt({ u8 }: Memory, at: number): Chars {
  const from = at - MEMORY_BASE;
  return (i) => {
    if (from + i >= u8.length) throw OUTSIDE;
    return u8[from + i];
  };
}

const charOf = (value: number): number => value & 0xff;

/** A count of 64 bits, or as much of it as counts. */
const limitOf = (lo: number, hi: number): number => (hi !== 0 ? MOST : Math.min(lo >>> 0, MOST));

/** The kernel's tolower, of Latin-1. */
function lower(c: number): number {
  const isUpper = (c >= 0x41 && c <= 0x5a) || (c >= 0xc0 && c <= 0xde && c !== 0xd7);
  return isUpper ? c + 32 : c;
}

/** The first `strings` arguments are strings, each as (lo, hi); `rest` are the i32 behind them. */
function kfunc(strings: 1 | 2, run: (s: readonly Chars[], rest: readonly number[]) => number): BindKfunc {
  return ({ memory }): HelperImpl =>
    (...args) => {
      const chars: Chars[] = [];
      for (let n = 0; n < strings; n++) {
        const at = args[2 * n] >>> 0;
        if (args[2 * n + 1] !== 0 || !memory.contains(at, 1)) return -ERRNO.ERANGE;
        chars.push(charsAt(memory, at));
      }
      try {
        return run(chars, args.slice(2 * strings));
      } catch (e) {
        if (e === OUTSIDE) return -ERRNO.EFAULT;
        throw e;
      }
    };
}

function compare(a: Chars, b: Chars, fold: (char: number) => number): number {
  for (let i = 0; i < MOST; i++) {
    const [x, y] = [fold(a(i)), fold(b(i))];
    if (x !== y) return x < y ? -1 : 1;
    if (x === 0) return 0;
  }
  return -ERRNO.E2BIG;
}

function length(s: Chars, limit: number): number {
  for (let i = 0; i < limit; i++) if (s(i) === 0) return i;
  return limit === MOST ? -ERRNO.E2BIG : limit;
}

function find(s: Chars, limit: number, char: number): number {
  for (let i = 0; i < limit; i++) {
    const c = s(i);
    if (c === char) return i;
    if (c === 0) return -ERRNO.ENOENT;
  }
  return limit === MOST ? -ERRNO.E2BIG : -ERRNO.ENOENT;
}

function findLast(s: Chars, char: number): number {
  let last: number = -ERRNO.ENOENT;
  for (let i = 0; i < MOST; i++) {
    const c = s(i);
    if (c === char) last = i;
    if (c === 0) return last;
  }
  return -ERRNO.E2BIG;
}

function findOrEnd(s: Chars, char: number): number {
  for (let i = 0; i < MOST; i++) {
    const c = s(i);
    if (c === 0 || c === char) return i;
  }
  return -ERRNO.E2BIG;
}

/** How many bytes in a row are in `set`, or are not. */
function span(s: Chars, set: Chars, inside: boolean): number {
  for (let i = 0; i < MOST; i++) {
    const c = s(i);
    if (c === 0) return i;
    let j = 0;
    while (j < MOST && set(j) !== c && set(j) !== 0) j++;
    if (j === MOST) return -ERRNO.E2BIG;
    if ((set(j) === c) !== inside) return i;
  }
  return -ERRNO.E2BIG;
}

/** Where `part` begins within the first `limit` bytes; its end may be looked at one byte later. */
function findPart(s: Chars, part: Chars, limit: number): number {
  for (let i = 0; i < MOST; i++) {
    let j = 0;
    for (; i + j <= limit && j < MOST; j++) {
      const wanted = part(j);
      if (wanted === 0) return i;
      if (i + j === limit) break;
      const c = s(i + j);
      if (c === 0) return -ERRNO.ENOENT;
      if (c !== wanted) break;
    }
    if (j === MOST) return -ERRNO.E2BIG;
    if (i + j === limit) return -ERRNO.ENOENT;
  }
  return -ERRNO.E2BIG;
}

/** More than any string has: no limit. */
const partLimit = (lo: number, hi: number): number => (hi !== 0 ? Number.POSITIVE_INFINITY : lo >>> 0);

export const stringKfuncs = {
  bpf_strcmp: kfunc(2, ([a, b]) => compare(a, b, (char) => char)),
  bpf_strcasecmp: kfunc(2, ([a, b]) => compare(a, b, lower)),
  bpf_strlen: kfunc(1, ([s]) => length(s, MOST)),
  bpf_strnlen: kfunc(1, ([s], [lo, hi]) => length(s, limitOf(lo, hi))),
  bpf_strchr: kfunc(1, ([s], [char]) => find(s, MOST, charOf(char))),
  bpf_strnchr: kfunc(1, ([s], [lo, hi, char]) => find(s, limitOf(lo, hi), charOf(char))),
  bpf_strchrnul: kfunc(1, ([s], [char]) => findOrEnd(s, charOf(char))),
  // An int in the prototype: no byte is like -56.
  bpf_strrchr: kfunc(1, ([s], [char]) => findLast(s, char | 0)),
  bpf_strspn: kfunc(2, ([s, accept]) => span(s, accept, true)),
  bpf_strcspn: kfunc(2, ([s, reject]) => span(s, reject, false)),
  bpf_strstr: kfunc(2, ([s, part]) => findPart(s, part, MOST)),
  bpf_strnstr: kfunc(2, ([s, part], [lo, hi]) => findPart(s, part, partLimit(lo, hi))),
} as const satisfies KfuncRows;
