// The assembler text of bpf_conformance's `.data` files (`add32 %r0, 5`, `ldxw %r1, [%r2+4]`, `lock fetch add [%r10-8], %r3`,
// `jeq %r0, %r1, label`) -> instructions. A word of that language is a row of the opcode table under another name, so
// this is a handful of forms. `exit` as a label means the first exit. Throws FormatError('data').

import type { Insn } from '../src/isa/insn.ts';
import { OP_BY_NAME } from '../src/isa/opcodes.ts';
import { FormatError } from '../src/uapi/errors.ts';

/** One statement: its slots, and the field of the first one that gets the distance to `label`. */
interface Statement {
  readonly insns: readonly Insn[];
  readonly label?: string;
  readonly field?: 'off' | 'imm';
}

type Words = readonly string[];
type Form = readonly [pattern: RegExp, build: (m: RegExpExecArray, operands: Words) => Statement | null];

class BadOperand extends Error {}

function row(name: string, fields: Partial<Insn>): Insn | null {
  const op = OP_BY_NAME.get(name);
  if (op === undefined) return null;
  const { code, off = 0, imm = 0, src = 0 } = op;
  return { code, dst: 0, off, imm, src, ...fields };
}

const one = (insn: Insn | null): Statement | null => insn && { insns: [insn] };
const isRegister = (text: string) => text.startsWith('%r');

function register(text: string): number {
  const n = /^%r(\d|10)$/.exec(text)?.[1] ?? bad('a register', text);
  return Number(n);
}

function integer(text: string, bits: number): bigint {
  const [, sign, digits] = /^([+-]?)(\d+|0x[0-9a-f]+)$/i.exec(text) ?? bad('a number', text);
  const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
  if (value !== BigInt.asUintN(bits, value) && value !== BigInt.asIntN(bits, value)) bad(`${bits} bits`, text);
  return BigInt.asIntN(bits, value);
}

const number = (text: string, bits: 16 | 32) => Number(integer(text, bits));

function memory(text: string): { reg: number; off: number } {
  const [, reg, off] = /^\[(%r\d+)([+-][0-9a-fx]+)?\]$/i.exec(text) ?? bad('[%rN+offset]', text);
  return { reg: register(reg), off: off === undefined ? 0 : number(off, 16) };
}

/** The second operand of ALU and jumps: the row's ending and its field. */
function source(text: string): readonly ['reg', { src: number }] | readonly ['imm', { imm: number }] {
  return isRegister(text) ? ['reg', { src: register(text) }] : ['imm', { imm: number(text, 32) }];
}

function jump(insn: Insn | null, target: string, field: 'off' | 'imm'): Statement | null {
  if (insn === null) return null;
  if (/^[+-]/.test(target)) return one({ ...insn, [field]: number(target, field === 'off' ? 16 : 32) });
  return { insns: [insn], label: target, field };
}

function bad(expected: string, text: string): never {
  throw new BadOperand(`expected ${expected}, not "${text}"`);
}

const BITS = { '': 64, '32': 32 } as const;
const widthOf = (suffix: string | undefined) => BITS[(suffix ?? '') as keyof typeof BITS];

const FORMS: readonly Form[] = [
  [/^exit$/, () => one(row('exit', {}))],
  [/^ja(32)?$/, ([, wide], [to]) => jump(row(wide ? 'gotol' : 'ja', {}), to, wide ? 'imm' : 'off')],
  [/^call$/, (_, words) => call(words)],
  [/^lddw$/, (_, [dst, value]) => lddw(register(dst), integer(value, 64))],
  [/^ldxs?(?:b|h|w|dw)$/, ([name], [dst, from]) => one(row(name, { dst: register(dst), ...loadFrom(from) }))],
  [/^st(?:b|h|w|dw)$/, ([name], [to, imm]) => one(row(name, { ...storeTo(to), imm: number(imm, 32) }))],
  [/^stx(?:b|h|w|dw)$/, ([name], [to, src]) => one(row(name, { ...storeTo(to), src: register(src) }))],
  [/^lock$/, (_, words) => lock(words)],
  [/^(?:le|be|bswap)\d\d$/, ([name], [dst]) => one(row(name, { dst: register(dst) }))],
  [/^swap(\d\d)$/, ([, bits], [dst]) => one(row(`bswap${bits}`, { dst: register(dst) }))],
  [/^neg(32)?$/, ([, suffix], [dst]) => one(row(`neg${widthOf(suffix)}`, { dst: register(dst) }))],
  [
    /^movsx(8|16|32)(32|64)$/,
    ([, from, to], [d, s]) => one(row(`movsx${to}_${from}`, { dst: register(d), src: register(s) })),
  ],
  [
    /^(j[a-z]+)(32)?$/,
    ([, op, suffix], [dst, operand, to]) => {
      const [kind, fields] = source(operand);
      return jump(row(`${op}${widthOf(suffix)}_${kind}`, { dst: register(dst), ...fields }), to, 'off');
    },
  ],
  [
    /^([a-z]+)(32)?$/,
    ([, op, suffix], [dst, operand]) => {
      const [kind, fields] = source(operand);
      return one(row(`${op}${widthOf(suffix)}_${kind}`, { dst: register(dst), ...fields }));
    },
  ],
];

function loadFrom(text: string): Partial<Insn> {
  const { reg, off } = memory(text);
  return { src: reg, off };
}

function storeTo(text: string): Partial<Insn> {
  const { reg, off } = memory(text);
  return { dst: reg, off };
}

function lddw(dst: number, value: bigint): Statement {
  const low = row('lddw', { dst, imm: Number(BigInt.asIntN(32, value)) })!;
  return { insns: [low, { code: 0, dst: 0, src: 0, off: 0, imm: Number(value >> 32n) }] };
}

/** `call 5` (a helper), `call %r2`, `call local function`. */
function call(words: Words): Statement | null {
  const target = words.at(-1)!;
  if (words[0] === 'local') return jump(row('call_local', {}), target, 'imm');
  if (isRegister(target)) return one(row('callx', { dst: register(target) }));
  return one(row('call_helper', { imm: number(target, 32) }));
}

/** `lock [fetch] add|and|or|xor|xchg|cmpxchg[32] [%rN+off], %rN`. */
function lock(words: Words): Statement | null {
  const fetch = words[0] === 'fetch';
  const [name, to, src] = fetch ? words.slice(1) : words;
  const [, op, suffix] = /^([a-z]+)(32)?$/.exec(name) ?? bad('an operation', name);
  return one(row(`atomic_${fetch ? 'fetch_' : ''}${op}${widthOf(suffix)}`, { ...storeTo(to), src: register(src) }));
}

function statement(text: string): Statement {
  const [word, ...operands] = text.replace(/,/g, ' ').trim().split(/\s+/);
  // Destructuring a missing operand gives undefined: an operand too few must be an error, too.
  const padded = [...operands, '', '', ''].slice(0, Math.max(3, operands.length));
  for (const [pattern, build] of FORMS) {
    const match = pattern.exec(word);
    const built = match && build(match, word === 'call' || word === 'lock' ? operands : padded);
    if (built) return built;
  }
  throw new BadOperand(`expected an instruction, not "${text.trim()}"`);
}

/** Lines without comments. */
export function assembleData(lines: readonly string[]): Insn[] {
  const insns: Insn[] = [];
  const labels = new Map<string, number>();
  const jumps: { at: number; label: string; field: 'off' | 'imm' }[] = [];
  for (const line of lines) {
    const name = /^\s*([\w.$]+):\s*$/.exec(line)?.[1];
    if (name !== undefined) {
      labels.set(name, insns.length);
      continue;
    }
    if (line.trim() === 'exit' && !labels.has('exit')) labels.set('exit', insns.length);
    const { insns: slots, label, field } = parsed(line);
    if (label !== undefined) jumps.push({ at: insns.length, label, field: field! });
    insns.push(...slots);
  }
  for (const { at, label, field } of jumps) {
    const to = labels.get(label);
    if (to === undefined) throw new FormatError('data', `there is no label ${label}`);
    insns[at] = { ...insns[at], [field]: to - at - 1 };
  }
  return insns;
}

function parsed(line: string): Statement {
  try {
    return statement(line);
  } catch (e) {
    if (e instanceof BadOperand) throw new FormatError('data', `"${line.trim()}": ${e.message}`);
    throw e;
  }
}
