// The format language of bpf_trace_printk (kernel bpf_bprintf_prepare and bstr_printf of 6.18). In: format bytes up to
// their NUL, three 64-bit arguments, a reader for the addresses among them. Out: the text's bytes as Linux would put
// them into its 1024-byte buffer with the length it would have without that limit, or -errno.
//
//   % [0 + - space]* [width] ( d i u x X with l, ll | c | s | p px pK ps pS pB | pks pus | pI4 pi4 pI6 pi6 )
//
// Unlike Linux, %p and %pK print the address itself, not a hash of it; %ps and %pS know no symbols.

import { ERRNO } from '../uapi/errno.ts';

/** MAX_BPRINTF_BUF. */
const MAX_TEXT = 1024;
/** MAX_BPRINTF_BIN_ARGS: what strings and other arguments may take together. */
const MAX_ARGS = 512;
/** FIELD_WIDTH_MAX of lib/vsprintf.c. */
const MAX_WIDTH = 8388607;

export type ReadMemory = (addr: bigint, size: number) => Uint8Array | null;

export interface Formatted {
  readonly bytes: Uint8Array;
  readonly length: number;
}

interface Spec {
  readonly left: boolean;
  readonly plus: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number;
}

const chr = (s: string) => s.charCodeAt(0);
const isDigit = (c: number) => c >= 48 && c <= 57;
const isAlnum = (c: number) =>
  isDigit(c) || ((c | 32) >= 97 && (c | 32) <= 122) || (c >= 0xc0 && c !== 0xd7 && c !== 0xf7);
/** lib/ctype.c: Latin-1, where 0xa0 is space and 0xa1..0xbf, 0xd7, 0xf7 are punctuation. */
const isSpace = (c: number) => c === 32 || (c >= 9 && c <= 13) || c === 0xa0;
const isPunct = (c: number) => c > 32 && c !== 127 && !(c > 127 && c < 0xa1) && !isAlnum(c);
const endsSpec = (c: number) => c === 0 || isSpace(c) || isPunct(c);

class Failure extends Error {
  readonly errno: number;
  constructor(errno: number) {
    super();
    this.errno = errno;
  }
}

/** Text that may be longer than what is kept of it. */
class Output {
  readonly #bytes = new Uint8Array(MAX_TEXT - 1);
  length = 0;

  put(byte: number, times = 1): void {
    const kept = Math.min(times, this.#bytes.length - this.length);
    if (kept > 0) this.#bytes.fill(byte, this.length, this.length + kept);
    this.length += times;
  }
  text(text: Iterable<number>): void {
    for (const byte of text) this.put(byte);
  }
  /** Pads to the field's width with blanks. */
  field(text: Uint8Array, spec: Spec): void {
    const blanks = Math.max(0, spec.width - text.length);
    if (!spec.left) this.put(32, blanks);
    this.text(text);
    if (spec.left) this.put(32, blanks);
  }
  /** number(): sign, then zeroes or digits padded to the field's width. */
  number(sign: string, digits: string, spec: Spec): void {
    const fill = Math.max(0, spec.width - sign.length - digits.length);
    if (!spec.left && !spec.zero) this.put(32, fill);
    this.text(ascii(sign));
    if (!spec.left && spec.zero) this.put(48, fill);
    this.text(ascii(digits));
    if (spec.left) this.put(32, fill);
  }
  done(): Formatted {
    return { bytes: this.#bytes.subarray(0, Math.min(this.length, this.#bytes.length)), length: this.length };
  }
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, chr);
}

/** The arguments, each taken once, within the space Linux has for their binary form. */
class Arguments {
  readonly #args: readonly bigint[];
  readonly #read: ReadMemory;
  #next = 0;
  #room = MAX_ARGS;

  constructor(args: readonly bigint[], read: ReadMemory) {
    this.#args = args;
    this.#read = read;
  }
  /** `size` = 4 or 8 bytes; those are aligned to 4. */
  take(size: number): bigint {
    this.#room -= this.#room % 4;
    return this.#use(size);
  }
  char(): number {
    return Number(this.#use(1) & 0xffn);
  }
  /** Bytes of a string, without its NUL; '' for a bad address. Reads no further than there is room. */
  string(): Uint8Array {
    const addr = this.#use(1);
    this.#room += 1;
    const bytes: number[] = [];
    let byte = this.#read(addr, 1)?.[0] ?? 0;
    while (byte !== 0 && bytes.length < this.#room - 1) {
      bytes.push(byte);
      byte = this.#read(addr + BigInt(bytes.length), 1)?.[0] ?? -1;
      if (byte < 0) {
        bytes.length = 0;
        break;
      }
    }
    this.#room -= bytes.length + 1;
    return Uint8Array.from(bytes);
  }
  /** The bytes behind a pointer, zeroes for a bad one; their text form takes `textSize`. */
  bytes(size: number, textSize: number): Uint8Array {
    const addr = this.#use(size);
    this.#room -= textSize - size;
    return this.#read(addr, size)?.slice() ?? new Uint8Array(size);
  }
  #use(size: number): bigint {
    if (this.#room < size) throw new Failure(ERRNO.ENOSPC);
    this.#room -= size;
    return this.#args[this.#next++];
  }
  get exhausted(): boolean {
    return this.#next >= this.#args.length;
  }
}

/** The format as bytes that can be read past their end, where the NUL stands. */
class Format {
  readonly #bytes: Uint8Array;
  at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  peek(ahead = 0): number {
    return this.#bytes[this.at + ahead] ?? 0;
  }
  get more(): boolean {
    return this.at < this.#bytes.length;
  }
  /** Eats one of these characters. */
  eat(chars: string): string {
    const c = String.fromCharCode(this.peek());
    if (!this.more || !chars.includes(c)) return '';
    this.at++;
    return c;
  }
}

function flagsAndWidth(f: Format): Spec {
  let flags = '';
  for (let c = f.eat('0+- '); c !== ''; c = f.eat('0+- ')) flags += c;
  let width = 0;
  while (isDigit(f.peek())) width = Math.min(MAX_WIDTH, width * 10 + Number(f.eat('0123456789')));
  const has = (c: string) => flags.includes(c);
  return { left: has('-'), plus: has('+'), space: has(' '), zero: has('0'), width };
}

function integer(f: Format, spec: Spec, args: Arguments, out: Output): void {
  const long = f.eat('l') !== '';
  if (long) f.eat('l');
  const kind = f.eat('diuxX');
  if (kind === '') throw new Failure(ERRNO.EINVAL);
  const bits = long ? 64 : 32;
  const raw = args.take(bits / 8);
  if (kind === 'd' || kind === 'i') {
    const value = BigInt.asIntN(bits, raw);
    const sign = value < 0n ? '-' : spec.plus ? '+' : spec.space ? ' ' : '';
    out.number(sign, (value < 0n ? -value : value).toString(), spec);
    return;
  }
  const value = BigInt.asUintN(bits, raw);
  const digits = value.toString(kind === 'u' ? 10 : 16);
  out.number('', kind === 'X' ? digits.toUpperCase() : digits, spec);
}

const hex = (n: number, digits: number) => n.toString(16).padStart(digits, '0');

/** %pI4 1.2.3.4, %pi4 001.002.003.004, %pI6 with colons, %pi6 without. */
function ipAddress(kind: string, args: Arguments): string {
  if (kind.endsWith('4')) {
    const text = (b: Uint8Array) =>
      [...b].map((n) => (kind === 'i4' ? String(n).padStart(3, '0') : String(n))).join('.');
    return text(args.bytes(4, 16));
  }
  const bytes = args.bytes(16, 40);
  const groups = Array.from({ length: 8 }, (_, i) => hex(bytes[2 * i], 2) + hex(bytes[2 * i + 1], 2));
  return groups.join(kind === 'I6' ? ':' : '');
}

/** Behind the 'p'. Letters that follow a known kind are skipped, as pointer() does. */
function pointer(f: Format, spec: Spec, args: Arguments, out: Output): void {
  const next = String.fromCharCode(f.peek());
  const two = next + String.fromCharCode(f.peek(1));
  if (endsSpec(f.peek()) || 'Kx'.includes(next)) {
    out.number('', args.take(8).toString(16), {
      ...spec,
      width: spec.width || 16,
      zero: spec.zero || spec.width === 0,
    });
  } else if (two === 'ks' || two === 'us') {
    f.at += 2;
    if (!endsSpec(f.peek())) throw new Failure(ERRNO.EINVAL);
    // Nothing of user space is in this memory: %pus finds no string.
    const text = args.string();
    if (two === 'ks') out.text(text);
  } else if ('sSB'.includes(next)) {
    const text = ascii(`0x${args.take(8).toString(16)}`);
    if (next === 'B') out.text(text);
    else out.field(text, spec);
  } else if (['i4', 'i6', 'I4', 'I6'].includes(two)) {
    out.text(ascii(ipAddress(two, args)));
  } else {
    throw new Failure(ERRNO.EINVAL);
  }
  while (isAlnum(f.peek())) f.at++;
}

/** One conversion, behind its '%'. */
function conversion(f: Format, args: Arguments, out: Output): void {
  if (args.exhausted) throw new Failure(ERRNO.EINVAL);
  const spec = flagsAndWidth(f);
  if (f.eat('p') !== '') {
    pointer(f, spec, args, out);
  } else if (f.eat('s') !== '') {
    if (!endsSpec(f.peek())) throw new Failure(ERRNO.EINVAL);
    out.field(args.string(), spec);
  } else if (f.eat('c') !== '') {
    out.field(Uint8Array.of(args.char()), { ...spec, width: Math.max(1, spec.width) });
  } else {
    integer(f, spec, args, out);
  }
}

function run(f: Format, args: Arguments, out: Output): void {
  while (f.more) {
    const c = f.peek();
    // Bytes beyond ASCII are text (6.18); control characters are not.
    if (c === 127 || (c < 32 && !isSpace(c))) throw new Failure(ERRNO.EINVAL);
    f.at++;
    if (c !== chr('%')) out.put(c);
    else if (f.eat('%') !== '') out.put(c);
    else conversion(f, args, out);
  }
}

export function formatPrintk(format: Uint8Array, args: readonly bigint[], read: ReadMemory): Formatted | number {
  const end = format.indexOf(0);
  if (end < 0) return -ERRNO.EINVAL;
  const out = new Output();
  try {
    run(new Format(format.subarray(0, end)), new Arguments(args, read), out);
  } catch (e) {
    if (e instanceof Failure) return -e.errno;
    throw e;
  }
  return out.done();
}
