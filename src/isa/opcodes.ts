// THE opcode table: every instruction of RFC 9669 (v1-v4, atomics, callx, legacy packet access) and of Linux 6.18
// beyond it (load_acquire, store_release, may_goto, addr_space_cast), one row each. Decoder, assembler, disassembler, verifier,
// interpreter and lowering read these rows; a new instruction is a row here and a kind (or a member) in op.ts.
// A row says what an instruction means and what selects it, not what a valid program may put into the other fields:
// reserved fields that are not zero are the verifier's business.

import type { Insn } from './insn.ts';
import type { AluOp, AtomicOp, JmpOp, LddwPseudo, Op, OpShape, Size, Width } from './op.ts';

// code = class | mode | size for loads and stores, class | source | operation for the rest (RFC 9669 3.2, 3.3)
const LD = 0x00;
const LDX = 0x01;
const ST = 0x02;
const STX = 0x03;
const JMP = 0x05;
const JMP32 = 0x06;
const ALU_CLASS = { 32: 0x04, 64: 0x07 } as const satisfies Record<Width, number>;
const JMP_CLASS = { 32: JMP32, 64: JMP } as const satisfies Record<Width, number>;
const SOURCE = { imm: 0x00, reg: 0x08 } as const;
const SIZE = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 } as const satisfies Record<Size, number>;
const MODE = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, atomic: 0xc0 } as const;

/** RFC 9669 4.1; `off` tells signed from unsigned division. */
const ALU = {
  add: { bits: 0x00 },
  sub: { bits: 0x10 },
  mul: { bits: 0x20 },
  div: { bits: 0x30, off: 0 },
  sdiv: { bits: 0x30, off: 1 },
  or: { bits: 0x40 },
  and: { bits: 0x50 },
  lsh: { bits: 0x60 },
  rsh: { bits: 0x70 },
  mod: { bits: 0x90, off: 0 },
  smod: { bits: 0x90, off: 1 },
  xor: { bits: 0xa0 },
  mov: { bits: 0xb0 },
  arsh: { bits: 0xc0 },
} as const satisfies Record<AluOp, { bits: number; off?: number }>;
const NEG = 0x80;
const MOV = ALU.mov.bits;
const END = 0xd0;

/** RFC 9669 4.3. */
const JUMP = {
  jeq: 0x10,
  jgt: 0x20,
  jge: 0x30,
  jset: 0x40,
  jne: 0x50,
  jsgt: 0x60,
  jsge: 0x70,
  jlt: 0xa0,
  jle: 0xb0,
  jslt: 0xc0,
  jsle: 0xd0,
} as const satisfies Record<JmpOp, number>;
const CALL = 0x80;
const EXIT = 0x90;
const JCOND = 0xe0; // Linux: may_goto

/** imm of an atomic (RFC 9669 5.3); xchg and cmpxchg always fetch. */
const ATOMIC = {
  add: 0x00,
  or: 0x40,
  and: 0x50,
  xor: 0xa0,
  xchg: 0xe0,
  cmpxchg: 0xf0,
} as const satisfies Record<AtomicOp, number>;
const FETCH = 0x01;
const LOAD_ACQ = 0x100; // Linux
const STORE_REL = 0x110;

/** src of lddw (RFC 9669 5.4). */
const PSEUDO = {
  imm: 0,
  map_fd: 1,
  map_value: 2,
  btf_id: 3,
  func: 4,
  map_idx: 5,
  map_idx_value: 6,
} as const satisfies Record<LddwPseudo, number>;

const WIDTHS = [64, 32] as const;
const OPERANDS = ['imm', 'reg'] as const;
const SIZES = [1, 2, 4, 8] as const;
const ATOMIC_SIZES = [4, 8] as const;
const SUFFIX = { 1: 'b', 2: 'h', 4: 'w', 8: 'dw' } as const satisfies Record<Size, string>;

type Select = { readonly off?: number; readonly imm?: number; readonly src?: number };
type Row = OpShape & Select & { readonly name: string; readonly code: number };

const row = (name: string, code: number, shape: OpShape, select: Select = {}): Row => ({
  name,
  code,
  ...shape,
  ...select,
});
const keys = <K extends string>(table: Record<K, unknown>) => Object.keys(table) as K[];

/** mov from a register shares its code with movsx and addr_space_cast, so there (and only there) off must be 0. */
function aluRows(op: AluOp): Row[] {
  const { bits, off }: { bits: number; off?: number } = ALU[op];
  return WIDTHS.flatMap((width) =>
    OPERANDS.map((operand) => {
      const select = op === 'mov' && operand === 'reg' ? { off: 0 } : off === undefined ? {} : { off };
      const code = ALU_CLASS[width] | SOURCE[operand] | bits;
      return row(`${op}${width}_${operand}`, code, { kind: 'alu', op, width, operand }, select);
    }),
  );
}

function movsxRows(width: Width): Row[] {
  const from = width === 64 ? ([8, 16, 32] as const) : ([8, 16] as const);
  const code = ALU_CLASS[width] | SOURCE.reg | MOV;
  return from.map((bits) => row(`movsx${width}_${bits}`, code, { kind: 'movsx', bits, width }, { off: bits }));
}

function endRows(name: string, order: 'le' | 'be' | 'swap', code: number): Row[] {
  return ([16, 32, 64] as const).map((bits) =>
    row(`${name}${bits}`, code, { kind: 'end', order, bits }, { imm: bits }),
  );
}

function jmpRows(op: JmpOp): Row[] {
  return WIDTHS.flatMap((width) =>
    OPERANDS.map((operand) => {
      const code = JMP_CLASS[width] | SOURCE[operand] | JUMP[op];
      return row(`${op}${width}_${operand}`, code, { kind: 'jmp', op, width, operand });
    }),
  );
}

function loadStoreRows(size: Size): Row[] {
  const s = SUFFIX[size];
  const bits = SIZE[size];
  const rows = [
    row(`ldx${s}`, LDX | MODE.mem | bits, { kind: 'ldx', size, signed: false }),
    row(`st${s}`, ST | MODE.mem | bits, { kind: 'st', size }),
    row(`stx${s}`, STX | MODE.mem | bits, { kind: 'stx', size }),
    row(`load_acq${size * 8}`, STX | MODE.atomic | bits, { kind: 'load_acq', size }, { imm: LOAD_ACQ }),
    row(`store_rel${size * 8}`, STX | MODE.atomic | bits, { kind: 'store_rel', size }, { imm: STORE_REL }),
  ];
  if (size === 8) return rows;
  return [
    ...rows,
    row(`ldxs${s}`, LDX | MODE.memsx | bits, { kind: 'ldx', size, signed: true }),
    row(`ldabs${s}`, LD | MODE.abs | bits, { kind: 'ld_abs', size }),
    row(`ldind${s}`, LD | MODE.ind | bits, { kind: 'ld_ind', size }),
  ];
}

function atomicRows(op: AtomicOp): Row[] {
  const fetches = op === 'xchg' || op === 'cmpxchg' ? [true] : [false, true];
  return ATOMIC_SIZES.flatMap((size) =>
    fetches.map((fetch) => {
      const prefix = fetches.length === 2 && fetch ? 'atomic_fetch_' : 'atomic_';
      const imm = ATOMIC[op] | (fetch ? FETCH : 0);
      const shape = { kind: 'atomic', op, fetch, size } as const;
      return row(`${prefix}${op}${size * 8}`, STX | MODE.atomic | SIZE[size], shape, { imm });
    }),
  );
}

function lddwRow(pseudo: LddwPseudo): Row {
  const name = pseudo === 'imm' ? 'lddw' : `lddw_${pseudo}`;
  return row(name, LD | MODE.imm | SIZE[8], { kind: 'lddw', pseudo }, { src: PSEUDO[pseudo] });
}

const ROWS: Row[] = [
  ...keys(ALU).flatMap(aluRows),
  ...WIDTHS.flatMap(movsxRows),
  row('addr_space_cast', ALU_CLASS[64] | SOURCE.reg | MOV, { kind: 'cast' }, { off: 1 }),
  ...WIDTHS.map((width) => row(`neg${width}`, ALU_CLASS[width] | NEG, { kind: 'neg', width })),
  ...endRows('le', 'le', ALU_CLASS[32] | SOURCE.imm | END),
  ...endRows('be', 'be', ALU_CLASS[32] | SOURCE.reg | END),
  ...endRows('bswap', 'swap', ALU_CLASS[64] | SOURCE.imm | END),
  ...keys(JUMP).flatMap(jmpRows),
  row('ja', JMP, { kind: 'ja', wide: false }),
  row('gotol', JMP32, { kind: 'ja', wide: true }),
  row('may_goto', JMP | JCOND, { kind: 'may_goto' }),
  row('call_helper', JMP | CALL, { kind: 'call', callee: 'helper' }, { src: 0 }),
  row('call_local', JMP | CALL, { kind: 'call', callee: 'local' }, { src: 1 }),
  row('call_kfunc', JMP | CALL, { kind: 'call', callee: 'kfunc' }, { src: 2 }),
  row('callx', JMP | CALL | SOURCE.reg, { kind: 'call', callee: 'callx' }),
  row('exit', JMP | EXIT, { kind: 'exit' }),
  ...keys(PSEUDO).map(lddwRow),
  ...SIZES.flatMap(loadStoreRows),
  ...keys(ATOMIC).flatMap(atomicRows),
];

export const OPCODES: readonly Op[] = ROWS.map((r, id) => ({ ...r, id }));

export const OP_BY_NAME: ReadonlyMap<string, Op> = new Map(OPCODES.map((op) => [op.name, op]));

// Two array loads per lookup: the code's entry, then the row at the value of its selecting field.
type Entry = { readonly field: keyof Select | null; readonly rows: (Op | undefined)[] };
const BY_CODE = new Array<Entry | undefined>(256).fill(undefined);

function index(op: Op): void {
  const field = op.off !== undefined ? 'off' : op.imm !== undefined ? 'imm' : op.src !== undefined ? 'src' : null;
  const entry = (BY_CODE[op.code] ??= { field, rows: [] });
  const at = field === null ? 0 : op[field]!;
  if (entry.field !== field || entry.rows[at] !== undefined) throw new Error(`opcode table: ${op.name} is ambiguous`);
  while (entry.rows.length < at) entry.rows.push(undefined);
  entry.rows[at] = op;
}
for (const op of OPCODES) index(op);

/**
 * The row of an instruction; undefined when there is none (the second slot of an lddw, too, has none: its code is 0).
 * Fields that select nothing are not looked at.
 */
export function opOf(insn: Insn): Op | undefined {
  const entry = BY_CODE[insn.code];
  if (entry === undefined) return undefined;
  if (entry.field === null) return entry.rows[0];
  const value = insn[entry.field];
  return value >= 0 && value < entry.rows.length ? entry.rows[value] : undefined;
}
