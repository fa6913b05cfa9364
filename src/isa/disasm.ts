// Instructions -> text, exactly as the kernel's verifier log prints them (kernel/bpf/disasm.c print_bpf_insn):
//   0: (b7) r0 = 1
//   1: (85) call bpf_map_lookup_elem#1
// Nothing is checked: whatever bytes come in, a line comes out. The text shows the fields that mean something; values
// in reserved fields are lost. Where the log shows what only a kernel knows (addresses of maps, names of kfuncs) the
// caller's callbacks say it; without them an lddw names its pseudo source (`map[fd:5]`) so that asm() can read it back.

import { helperName } from './helper_names.ts';
import { decode, type Insn, type InsnIndex, imm64, LDDW_CODE } from './insn.ts';
import type { LddwPseudo, Op, Size } from './op.ts';
import { opOf } from './opcodes.ts';
import { ALU_TEXT, JMP_TEXT, SIZE_TEXT } from './text.ts';

export interface DisasmOptions {
  /** Right-hand side of an lddw; undefined = the default text. `value` is the 64-bit immediate. */
  lddw?(pseudo: LddwPseudo, value: bigint, at: InsnIndex): string | undefined;
  /** Name of a called kfunc, or of a helper that uapi does not know; undefined = the default text. */
  callee?(insn: Insn, at: InsnIndex): string | undefined;
}

export interface DisasmListing extends DisasmOptions {
  /** `N: ` before each line (default true). */
  numbers?: boolean;
  /** `(b7) ` before each instruction (default true). */
  codes?: boolean;
}

/** Options for text as in the verifier log: every lddw prints its 64-bit immediate. */
export const LOG_STYLE: DisasmOptions = { lddw: (_pseudo, value) => hex(value) };

const hex = (v: bigint | number) => `0x${v.toString(16)}`;
const signed = (v: number) => (v < 0 ? `${v}` : `+${v}`);
const codeText = (code: number) => code.toString(16).padStart(2, '0');

/** `*(u32 *)(r1 +4)` without the leading star: what atomics print. */
const pointer = (size: Size, reg: number, off: number, sign = 'u') =>
  `(${sign}${SIZE_TEXT[size].slice(1)} *)(r${reg} ${signed(off)})`;

/** With the opcode byte in front, as in the log: `(bf) r6 = r1`. `at` must not be the second slot of an lddw. */
export function disasmInsn(insns: readonly Insn[], at: InsnIndex, opts: DisasmOptions = {}): string {
  const t = disasmText(insns, at, opts);
  return t.startsWith('BUG_') ? t : `(${codeText(insns[at].code)}) ${t}`;
}

/** The bare text: `r6 = r1`. */
export function disasmText(insns: readonly Insn[], at: InsnIndex, opts: DisasmOptions = {}): string {
  const insn = insns[at];
  const op = opOf(insn);
  if (op === undefined) return oddText(insn, insns, at, opts);
  // a jcond that is not may_goto: vsnprintf writes a missing operator as (null)
  if (op.kind === 'may_goto' && insn.src !== 0) {
    return `if r${insn.dst} (null) ${hex(insn.imm >>> 0)} goto pc${signed(insn.off)}`;
  }
  return text(op, insn, insns, at, opts);
}

/** A whole program, one line per instruction; an lddw takes two numbers and one line. */
export function disasm(program: readonly Insn[] | Uint8Array, opts: DisasmListing = {}): string {
  const insns = program instanceof Uint8Array ? decode(program) : program;
  const lines: string[] = [];
  for (let at = 0; at < insns.length; at++) {
    const number = opts.numbers === false ? '' : `${at}: `;
    lines.push(number + (opts.codes === false ? disasmText : disasmInsn)(insns, at, opts));
    if (insns[at].code === LDDW_CODE && insns[at + 1]?.code === 0) at++; // a broken lddw hides nothing
  }
  return lines.map((l) => `${l}\n`).join('');
}

/**
 * Instructions without a row. The kernel prints before it checks, so its log shows them, and the complaint follows:
 * mov with off 5 prints as mov, be17 as be17, an atomic on one byte as an atomic. All of this is the live kernel's text.
 */
function oddText(insn: Insn, insns: readonly Insn[], at: InsnIndex, opts: DisasmOptions): string {
  const { code, dst, src, off, imm } = insn;
  if (code === 0xbc && off === 32) return `w${dst} = (s32)w${src}`;
  if (code === 0x85) return `call unknown#${imm}`;
  const atomic = opOf({ ...insn, code: code | 0x18 }); // the 8-byte one
  if (atomic?.kind === 'atomic') return atomicText(atomic, (code & 0x18) === 0x10 ? 1 : 2, insn);
  const end = opOf({ ...insn, imm: 16 });
  const row = opOf({ ...insn, off: 0, src: 0 }) ?? (end?.kind === 'end' ? end : undefined);
  return row === undefined ? `BUG_${codeText(code)}` : text(row, insn, insns, at, opts);
}

function text(op: Op, insn: Insn, insns: readonly Insn[], at: InsnIndex, opts: DisasmOptions): string {
  const { dst, src, off, imm } = insn;
  switch (op.kind) {
    case 'alu': {
      const r = op.width === 64 ? 'r' : 'w';
      return `${r}${dst} ${ALU_TEXT[op.op]} ${op.operand === 'reg' ? `${r}${src}` : imm}`;
    }
    case 'movsx': {
      const r = op.width === 64 ? 'r' : 'w';
      return `${r}${dst} = (s${op.bits})${r}${src}`;
    }
    case 'cast':
      return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
    case 'neg': {
      const r = op.width === 64 ? 'r' : 'w';
      return `${r}${dst} = -${r}${dst}`;
    }
    case 'end':
      return `r${dst} = ${op.order === 'swap' ? 'bswap' : op.order}${imm} r${dst}`;
    case 'jmp': {
      const r = op.width === 64 ? 'r' : 'w';
      const right = op.operand === 'reg' ? `${r}${src}` : hex(imm >>> 0);
      return `if ${r}${dst} ${JMP_TEXT[op.op]} ${right} goto pc${signed(off)}`;
    }
    case 'ja':
      return op.wide ? `gotol pc${signed(imm)}` : `goto pc${signed(off)}`;
    case 'may_goto':
      return `may_goto pc${signed(off)}`;
    case 'call':
      return callText(op.callee, insn, at, opts);
    case 'exit':
      return 'exit';
    case 'lddw':
      return `r${dst} = ${lddwText(op.pseudo, insns, at, opts)}`;
    case 'ld_abs':
      return `r0 = *(${SIZE_TEXT[op.size]} *)skb[${imm}]`;
    case 'ld_ind':
      return `r0 = *(${SIZE_TEXT[op.size]} *)skb[r${src} + ${imm}]`;
    case 'ldx':
      return `r${dst} = *${pointer(op.size, src, off, op.signed ? 's' : 'u')}`;
    case 'st':
      return `*${pointer(op.size, dst, off)} = ${imm}`;
    case 'stx':
      return `*${pointer(op.size, dst, off)} = r${src}`;
    case 'atomic':
      return atomicText(op, op.size, insn);
    case 'load_acq':
      return `r${dst} = load_acquire(${pointer(op.size, src, off)})`;
    case 'store_rel':
      return `store_release(${pointer(op.size, dst, off)}, r${src})`;
    default:
      return op satisfies never;
  }
}

function callText(callee: 'helper' | 'local' | 'kfunc' | 'callx', insn: Insn, at: InsnIndex, opts: DisasmOptions) {
  if (callee === 'local') return `call pc${signed(insn.imm)}`;
  if (callee === 'callx') return `callx r${insn.dst}`;
  const known = callee === 'helper' ? helperName(insn.imm) : undefined;
  const name = known ?? opts.callee?.(insn, at) ?? (callee === 'helper' ? 'unknown' : 'kfunc');
  return `call ${name}#${insn.imm}`;
}

function atomicText({ op, fetch }: Op & { kind: 'atomic' }, size: Size, { dst, src, off }: Insn): string {
  const at = pointer(size, dst, off);
  const atomic = size === 8 ? 'atomic64' : 'atomic';
  if (op === 'cmpxchg') return `r0 = ${atomic}_cmpxchg(${at}, r0, r${src})`;
  if (op === 'xchg') return `r${src} = ${atomic}_xchg(${at}, r${src})`;
  if (fetch) return `r${src} = ${atomic}_fetch_${op}(${at}, r${src})`;
  return `lock *${at} ${ALU_TEXT[op]} r${src}`;
}

/** bpftool's words for xlated programs, with `fd` where the field still holds one. */
function lddwText(pseudo: LddwPseudo, insns: readonly Insn[], at: InsnIndex, opts: DisasmOptions): string {
  const { imm } = insns[at];
  const next = insns[at + 1]?.imm ?? 0; // a program may end in half an lddw
  const value = at + 1 < insns.length ? imm64(insns, at) : BigInt(imm >>> 0);
  const own = opts.lddw?.(pseudo, value, at);
  if (own !== undefined) return own;
  switch (pseudo) {
    case 'imm':
      return hex(value);
    case 'map_fd':
      return `map[fd:${imm}]`;
    case 'map_value':
      return `map[fd:${imm}][0]${signed(next)}`;
    case 'map_idx':
      return `map[idx:${imm}]`;
    case 'map_idx_value':
      return `map[idx:${imm}]${signed(next)}`;
    case 'btf_id':
      return `btf[fd:${next}][id:${imm}]`;
    case 'func':
      return `subprog[${signed(imm)}]`;
    default:
      return pseudo satisfies never;
  }
}
