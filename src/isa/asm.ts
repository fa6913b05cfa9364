// Text -> instructions. Reads what disasm() and the kernel print (`3: (bf) r6 = r1`, prefixes optional) and what clang
// prints and accepts, with labels:
//     loop:  r1 -= 1                  ; comments start with ; // or a # that follows white space
//            if r1 != 0 goto loop
//            r1 = map flows           ; lddw of a map, left to the caller as a relocation
//            r2 = value .rodata + 8   ; lddw of byte 8 of a map's value
//            r3 = func callback       ; lddw of a function (a label)
//            call bpf_map_lookup_elem
// One statement per line. `r1 = 0x5` is an lddw and `r1 = 5` a mov, as the kernel prints them, unless a prefix says
// otherwise (`(b7)`, or line numbers one apart as in llvm-objdump's listings).
// A prefix that contradicts the line (number or opcode byte) is an error, because jumps would go elsewhere.

import { FormatError } from '../uapi/errors.ts';
import { type FormContext, parseStatement } from './asm_forms.ts';
import { type Statement, StatementError } from './asm_parts.ts';
import { helperId } from './helper_names.ts';
import type { Insn, InsnIndex } from './insn.ts';

export interface AsmOptions {
  /** Number of a helper by name, e.g. for helpers of one's own; default: all of Linux 6.18's. */
  helper?(name: string): number | undefined;
}

export interface AsmReloc {
  /** First slot of the lddw. */
  insn: InsnIndex;
  /** Name of the map. */
  map: string;
  kind: 'fd' | 'value';
  /** kind value: byte of the value. */
  off: number;
}

export interface AsmResult {
  insns: Insn[];
  relocs: AsmReloc[];
  labels: Map<string, InsnIndex>;
  /** Text line (from 1) of each slot. */
  lines: number[];
}

const fail = (line: number, message: string): never => {
  throw new FormatError('asm', `line ${line}: ${message}`);
};

/** `#` needs white space before it: `call bpf_map_lookup_elem#1` has none. */
const stripComment = (line: string) => line.replace(/\/\*.*?\*\//g, ' ').replace(/(;|\/\/|(?<=^|\s)#).*$/, '');

interface Line {
  readonly labels: readonly string[];
  readonly number: number | undefined;
  readonly code: number | undefined;
  /** Number and code as they stood there. */
  readonly prefix: string;
  readonly rest: string;
}

const LABEL = /^([A-Za-z_.$][\w.$]*(?:%=)?)\s*:\s*/;
/** `3: (bf) ` of the kernel, `3: bf 16 00 00 00 00 00 00 ` of llvm-objdump. */
const PREFIX = /^(?:(\d+):\s*)?(?:\(([0-9a-f]{2})\)\s*|([0-9a-f]{2})(?: [0-9a-f]{2}){7}(?:(?: [0-9a-f]{2}){8})?\s+)?/;

function splitLine(text: string): Line {
  const labels: string[] = [];
  let rest = text.trim();
  for (let m = LABEL.exec(rest); m !== null; m = LABEL.exec(rest)) {
    labels.push(m[1]);
    rest = rest.slice(m[0].length);
  }
  const [prefix, number, code, byte] = PREFIX.exec(rest)!;
  return {
    labels,
    number: number === undefined ? undefined : Number(number),
    code: code === undefined && byte === undefined ? undefined : Number.parseInt(code ?? byte, 16),
    prefix: prefix.trim(),
    rest: rest.slice(prefix.length),
  };
}

interface Jump {
  readonly line: number;
  readonly slot: InsnIndex;
  readonly field: 'off' | 'imm';
  readonly label: string;
}

/** Assembles a program. Throws FormatError('asm', 'line N: ...'). */
export function asm(text: string, opts: AsmOptions = {}): AsmResult {
  if (typeof text !== 'string') throw new FormatError('asm', 'the program is not a string');
  const out: AsmResult = { insns: [], relocs: [], labels: new Map(), lines: [] };
  const jumps: Jump[] = [];
  const helper = (name: string) => opts.helper?.(name) ?? helperId(name);
  let base: number | undefined; // first `N:` minus its slot: excerpts of a log may start anywhere

  const lines = text.split(/\r\n|\n|\r/).map((raw) => splitLine(stripComment(raw)));
  lines.forEach(({ labels, number, code, rest, prefix }, index) => {
    const line = index + 1;
    for (const label of labels) addLabel(out, label, line);
    if (number !== undefined) {
      base ??= number - out.insns.length;
      const expected = base + out.insns.length;
      if (number !== expected) fail(line, `expected instruction number ${expected}, not ${number}`);
    }
    if (rest === '') {
      if (prefix !== '') fail(line, `expected an instruction after "${prefix}"`);
      return;
    }
    const next = lines[index + 1]?.number;
    const slots = number === undefined || next === undefined ? undefined : next - number;
    append(out, jumps, statement(rest, { helper, code, slots }, line), line);
  });
  for (const jump of jumps) resolve(out, jump);
  return out;
}

function statement(text: string, ctx: FormContext, line: number): Statement {
  try {
    const s = parseStatement(text, ctx);
    const code = s.insns[0].code;
    if (ctx.code !== undefined && ctx.code !== code) {
      const [is, claimed] = [code, ctx.code].map((c) => c.toString(16).padStart(2, '0'));
      throw new StatementError(`expected (${is}) before "${text}", not (${claimed})`);
    }
    return s;
  } catch (e) {
    if (e instanceof StatementError) return fail(line, e.message);
    throw e;
  }
}

function addLabel(out: AsmResult, name: string, line: number): void {
  if (/^([rw]\d+|pc|exit|goto|gotol|may_goto|call|callx|if|lock|map|value|func|ll)$/.test(name)) {
    fail(line, `expected a label, but ${name} is a word of the language`);
  }
  if (out.labels.has(name)) fail(line, `label ${name} is there twice`);
  out.labels.set(name, out.insns.length);
}

function append(out: AsmResult, jumps: Jump[], s: Statement, line: number): void {
  const slot = out.insns.length;
  if (s.jump !== undefined) jumps.push({ line, slot, ...s.jump });
  if (s.map !== undefined) out.relocs.push({ insn: slot, map: s.map.name, kind: s.map.kind, off: s.map.off });
  for (const insn of s.insns) {
    out.insns.push(insn);
    out.lines.push(line);
  }
}

/** Distances count from the slot after the instruction's first one (RFC 9669 4.3); so does the lddw of a function. */
function resolve(out: AsmResult, { line, slot, field, label }: Jump): void {
  const to = out.labels.get(label) ?? fail(line, `expected a helper or a label, but nothing is called ${label}`);
  const distance = to - slot - 1;
  if (field === 'off' && (distance < -0x8000 || distance > 0x7fff)) {
    fail(line, `${label} is ${distance} slots away: expected -32768 to 32767 (gotol reaches further)`);
  }
  out.insns[slot] = { ...out.insns[slot], [field]: distance };
}
