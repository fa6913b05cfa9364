// The parts of a statement of assembler text: the notation of patterns (asm_forms.ts), and what registers, numbers, offsets
// and targets mean as fields of an instruction. A part that is out of range is a StatementError that says what was expected.

import type { Insn } from './insn.ts';
import { OP_BY_NAME } from './opcodes.ts';
import { ALU_TEXT, JMP_TEXT } from './text.ts';

/** A branch destination: slots from the next instruction, or a name to be resolved. */
export type Target = { readonly rel: number } | { readonly label: string };

export interface Statement {
  /** One slot, or two for an lddw. */
  readonly insns: readonly Insn[];
  /** Field of the first slot that gets the distance to a label. */
  readonly jump?: { readonly field: 'off' | 'imm'; readonly label: string };
  readonly map?: { readonly name: string; readonly kind: 'fd' | 'value'; readonly off: number };
}

/** The statement fits no form, or a part of it is out of range; the message says what was expected. */
export class StatementError extends Error {}

/** A form that fits with parts that do not go together, e.g. `lock ... *= `: the opcode table has no such row. */
export class NoInstruction extends StatementError {}

const invert = <K extends string>(table: Record<K, string>) =>
  new Map(Object.entries<string>(table).map(([op, text]) => [text, op as K]));

export const ALU_OF = invert(ALU_TEXT);
export const JMP_OF = invert(JMP_TEXT);

const alternatives = (words: Iterable<string>) =>
  [...words]
    .sort((a, b) => b.length - a.length)
    .map((w) => w.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
    .join('|');

const NUM = '[+-]?\\s*(?:0x[0-9a-fA-F]+|\\d+)(?!\\w)';
const NAME = '[A-Za-z_.$][\\w.$]*(?:%=)?';
const REG = '[rw]\\d+(?!\\w)';

const PARTS: Record<string, string> = {
  d: REG,
  s: REG,
  s2: REG,
  s3: REG,
  imm: NUM,
  hi: NUM,
  lo: NUM,
  name: NAME,
  alu: alternatives([...ALU_OF.keys()].filter((t) => t !== '=')),
  cond: alternatives(JMP_OF.keys()),
  target: `(?:pc\\s*)?[+-]\\s*(?:0x[0-9a-fA-F]+|\\d+)(?:\\s*<[^>]*>)?|${NAME}`,
  size: '[us](?:8|16|32|64)',
  bits: '8|16|32|64',
  off: '(?:[+-]\\s*(?:0x[0-9a-fA-F]+|\\d+))?',
  order: 'le|be|bswap',
  fetch: 'add|or|and|xor',
  wide: '64|',
};

/**
 * `{x}` = a part; a space = optional white space, `~` = some white space; the rest is literal. `{mem}` is the
 * pointer `(u32 *)(r1 +4)`, `{ptr}` clang's `r1 + 4`.
 */
export function pattern(notation: string): RegExp {
  const source = notation
    .replace('{mem}', '( {size} * ) ( {s} {off} )')
    .replace('{ptr}', '{s} {off}')
    .replace(/\{(\w+)\}|~| +|[^\w\s]/g, (all, part: string | undefined) => {
      if (part !== undefined) return `(?<${part}>${PARTS[part]})`;
      if (all === '~') return '\\s+';
      return all[0] === ' ' ? '\\s*' : `\\${all}`;
    });
  return new RegExp(`^${source}$`);
}

export function fail(message: string): never {
  throw new StatementError(message);
}

export function reg(text: string): number {
  const n = Number(text.slice(1));
  return n <= 10 ? n : fail(`no register ${text}: expected ${text[0]}0 to ${text[0]}10`);
}

export const width = (text: string) => (text[0] === 'w' ? 32 : 64);

export function sameWidth(a: string, b: string): void {
  if (a[0] !== b[0]) fail(`${a} and ${b} differ in width: expected ${a[0]}${b.slice(1)}`);
}

/** A register that an instruction reads and writes must be named twice. */
export function sameReg(a: string, b: string): void {
  if (a !== b) fail(`expected ${a} where ${b} stands: the instruction has one register for both`);
}

export function number(text: string): bigint {
  const digits = text.replace(/[\s+-]/g, '');
  return text[0] === '-' ? -BigInt(digits) : BigInt(digits);
}

/** A 32-bit immediate: signed, and where only 32 bits count also unsigned (the log prints jumps as %x). */
export function imm32(text: string, unsignedToo: boolean): number {
  const v = number(text);
  const max = unsignedToo ? 0xffff_ffffn : 0x7fff_ffffn;
  if (v < -0x8000_0000n || v > max) {
    fail(
      `immediate ${text} is out of range: expected -2147483648 to ${max}${unsignedToo ? '' : ' (an lddw takes more: `ll`)'}`,
    );
  }
  return Number(v) | 0;
}

export function off16(text: string): number {
  const v = text === '' ? 0n : number(text);
  return v >= -0x8000n && v <= 0x7fffn ? Number(v) : fail(`offset ${text} is out of range: expected -32768 to 32767`);
}

/** Number of an address space. */
export function space16(text: string): number {
  const v = number(text);
  return v >= 0n && v <= 0xffffn ? Number(v) : fail(`address space ${text} is out of range: expected 0 to 65535`);
}

export function target(text: string): Target {
  const m = /^(?:pc\s*)?([+-].*?)(?:\s*<.*)?$/.exec(text);
  return m ? { rel: Number(number(m[1])) } : { label: text };
}

/** One slot of the row `name`; the row's selectors fill the fields that are not given. */
export function insn(name: string, fields: Partial<Insn>): Insn {
  const op = OP_BY_NAME.get(name);
  if (op === undefined) throw new NoInstruction(`there is no instruction ${name}`);
  return { code: op.code, dst: 0, src: op.src ?? 0, off: op.off ?? 0, imm: op.imm ?? 0, ...fields };
}

export const one = (name: string, fields: Partial<Insn>): Statement => ({ insns: [insn(name, fields)] });

export function lddw(name: string, dst: string, lo: number, hi: number, map?: Statement['map']): Statement {
  if (dst[0] !== 'r') fail(`expected r${dst.slice(1)}: a 64-bit load has no 32-bit form`);
  const insns = [insn(name, { dst: reg(dst), imm: lo }), { code: 0, dst: 0, src: 0, off: 0, imm: hi }];
  return map === undefined ? { insns } : { insns, map };
}

export function lddwNumber(dst: string, text: string): Statement {
  const v = number(text);
  if (v < -(1n << 63n) || v >= 1n << 64n) fail(`immediate ${text} does not fit in 64 bits`);
  return lddw('lddw', dst, Number(BigInt.asIntN(32, v)), Number(BigInt.asIntN(32, v >> 32n)));
}

export function branch(name: string, field: 'off' | 'imm', where: string, fields: Partial<Insn>): Statement {
  const to = target(where);
  if ('label' in to) return { insns: [insn(name, fields)], jump: { field, label: to.label } };
  const value = field === 'off' ? off16(String(to.rel)) : imm32(String(to.rel), false);
  return one(name, { ...fields, [field]: value });
}

export const SUFFIX: Record<string, string> = { 8: 'b', 16: 'h', 32: 'w', 64: 'dw' };

/** Bits of an unsigned access such as `u32`. */
export function bitsOf(size: string): string {
  return size[0] === 'u' ? size.slice(1) : fail(`expected u${size.slice(1)}: only loads into a register have ${size}`);
}

/** A value register of an access: w registers hold at most 32 bits. */
export function valueReg(text: string, bits: string): number {
  if (text[0] === 'w' && bits === '64') fail(`expected r${text.slice(1)}: a 64-bit access needs a 64-bit register`);
  return reg(text);
}

export function baseReg(text: string): number {
  return text[0] === 'r' ? reg(text) : fail(`expected r${text.slice(1)}: an address is a 64-bit register`);
}
