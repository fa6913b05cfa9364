// A program being written: instructions with labels instead of distances.

import { type Insn, LDDW_CODE } from '../../src/isa/insn.ts';
import type { Op } from '../../src/isa/op.ts';
import { OP_BY_NAME } from '../../src/isa/opcodes.ts';
import type { MapRef } from '../../src/verifier/verified.ts';
import type { Code } from './program.ts';

export type Label = number;
type Fields = Partial<Pick<Insn, 'dst' | 'src' | 'off' | 'imm'>>;

interface Item {
  readonly insn: Insn;
  readonly to?: Label;
  /** Where the distance goes. */
  readonly field?: 'off' | 'imm';
  readonly ref?: MapRef;
}

export class Draft {
  readonly #items: Item[] = [];
  readonly #labels: number[] = [];

  label(): Label {
    return this.#labels.push(-1) - 1;
  }
  place(label: Label): void {
    this.#labels[label] = this.#items.length;
  }
  isPlaced(label: Label): boolean {
    return this.#labels[label] >= 0;
  }

  /** An instruction of the table, by name or row. */
  op(op: string | Op, fields: Fields = {}): void {
    this.#items.push({ insn: insnOf(op, fields) });
  }
  /** A jump, a local call or the lddw of a function. */
  to(label: Label, op: string | Op, fields: Fields = {}): void {
    const row = rowOf(op);
    const byImm = row.kind === 'call' || row.kind === 'lddw' || (row.kind === 'ja' && row.wide);
    this.#items.push({ insn: insnOf(row, fields), to: label, field: byImm ? 'imm' : 'off' });
    if (row.kind === 'lddw') this.#second(0);
  }
  /** A 64-bit constant; `op` one of the lddw rows. */
  lddw(dst: number, { low, high }: { low: number; high: number }, op = 'lddw'): void {
    this.#items.push({ insn: insnOf(op, { dst, imm: low }) });
    this.#second(high);
  }
  map(dst: number, ref: MapRef): void {
    const op = ref.kind === 'fd' ? 'lddw_map_fd' : 'lddw_map_value';
    this.#items.push({ insn: insnOf(op, { dst }), ref });
    this.#second(ref.off);
  }
  #second(imm: number): void {
    this.#items.push({ insn: { code: 0, dst: 0, src: 0, off: 0, imm } });
  }

  finish(): Code {
    const mapRefs = new Map<number, MapRef>();
    const insns = this.#items.map(({ insn, to, field, ref }, at): Insn => {
      if (ref !== undefined) mapRefs.set(at, ref);
      if (to === undefined || field === undefined) return insn;
      if (!this.isPlaced(to)) throw new Error(`label ${to} has no place`);
      return { ...insn, [field]: this.#labels[to] - at - 1 };
    });
    return { insns, mapRefs };
  }
}

export function rowOf(op: string | Op): Op {
  const row = typeof op === 'string' ? OP_BY_NAME.get(op) : op;
  if (row === undefined) throw new Error(`there is no instruction ${op}`);
  return row;
}

/** Selecting fields are the row's, the others those given where the instruction has a use for them. */
export function insnOf(op: string | Op, fields: Fields): Insn {
  const row = rowOf(op);
  const uses = usesOf(row);
  const of = (field: keyof Fields) =>
    (field === 'dst' ? undefined : row[field]) ?? (uses.includes(field) ? fields[field] : 0) ?? 0;
  return { code: row.code, dst: of('dst'), src: of('src'), off: of('off'), imm: of('imm') };
}

type Uses = readonly (keyof Fields)[];

/** Fields an instruction uses; Linux wants 0 in the others. */
const USES: Readonly<Record<Op['kind'], Uses | { readonly imm: Uses; readonly reg: Uses }>> = {
  alu: { imm: ['dst', 'imm'], reg: ['dst', 'src'] },
  movsx: ['dst', 'src'],
  cast: ['dst', 'src', 'imm'],
  neg: ['dst'],
  end: ['dst'],
  jmp: { imm: ['dst', 'imm', 'off'], reg: ['dst', 'src', 'off'] },
  ja: [],
  may_goto: [],
  call: ['dst', 'imm'],
  exit: [],
  lddw: ['dst', 'imm'],
  ld_abs: ['imm'],
  ld_ind: ['src', 'imm'],
  ldx: ['dst', 'src', 'off'],
  st: ['dst', 'off', 'imm'],
  stx: ['dst', 'src', 'off'],
  atomic: ['dst', 'src', 'off'],
  load_acq: ['dst', 'src', 'off'],
  store_rel: ['dst', 'src', 'off'],
};

function usesOf(row: Op): Uses {
  const uses = USES[row.kind];
  return 'imm' in uses ? uses[row.kind === 'alu' || row.kind === 'jmp' ? row.operand : 'imm'] : uses;
}

export const isLddw = (insn: Insn): boolean => insn.code === LDDW_CODE;
