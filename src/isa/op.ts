// What one instruction means, as a union over `kind`. The rows are in opcodes.ts; the decoder of meaning is
// opOf(insn). Verifier, interpreter and JIT switch on `kind` and end with `satisfies never`, so a new kind breaks the
// build where it is forgotten.

export type Width = 32 | 64;
export type Size = 1 | 2 | 4 | 8;
export type Operand = 'imm' | 'reg';

/** Binary ALU operations (RFC 9669 4.1). sdiv/smod are div/mod with offset 1. */
export type AluOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'sdiv'
  | 'or'
  | 'and'
  | 'lsh'
  | 'rsh'
  | 'mod'
  | 'smod'
  | 'xor'
  | 'mov'
  | 'arsh';

/** Conditional jumps (RFC 9669 4.3). jset = dst & src. */
export type JmpOp = 'jeq' | 'jne' | 'jgt' | 'jge' | 'jlt' | 'jle' | 'jset' | 'jsgt' | 'jsge' | 'jslt' | 'jsle';

export type AtomicOp = 'add' | 'or' | 'and' | 'xor' | 'xchg' | 'cmpxchg';

/** src field of lddw (RFC 9669 5.4; UAPI BPF_PSEUDO_*). */
export type LddwPseudo = 'imm' | 'map_fd' | 'map_value' | 'btf_id' | 'func' | 'map_idx' | 'map_idx_value';

/** src field of call: 0 helper, 1 bpf-to-bpf, 2 kfunc; callx (opcode 0x8d) calls the address in a register. */
export type Callee = 'helper' | 'local' | 'kfunc' | 'callx';

export type OpShape =
  | { readonly kind: 'alu'; readonly op: AluOp; readonly width: Width; readonly operand: Operand }
  | { readonly kind: 'movsx'; readonly bits: 8 | 16 | 32; readonly width: Width }
  /** Arenas (Linux): imm says between which address spaces; 1 = to the program's pointer, 1 << 16 = to the user's. */
  | { readonly kind: 'cast' }
  | { readonly kind: 'neg'; readonly width: Width }
  /** to_le / to_be keep `bits` and zero the rest; 'swap' = bswap (v4). `bits` is selected by imm. */
  | { readonly kind: 'end'; readonly order: 'le' | 'be' | 'swap'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'jmp'; readonly op: JmpOp; readonly width: Width; readonly operand: Operand }
  /** ja: offset in `off`; gotol (wide): offset in `imm`. */
  | { readonly kind: 'ja'; readonly wide: boolean }
  | { readonly kind: 'may_goto' }
  | { readonly kind: 'call'; readonly callee: Callee }
  | { readonly kind: 'exit' }
  | { readonly kind: 'lddw'; readonly pseudo: LddwPseudo }
  | { readonly kind: 'ld_abs'; readonly size: 1 | 2 | 4 }
  | { readonly kind: 'ld_ind'; readonly size: 1 | 2 | 4 }
  | { readonly kind: 'ldx'; readonly size: Size; readonly signed: boolean }
  | { readonly kind: 'st'; readonly size: Size }
  | { readonly kind: 'stx'; readonly size: Size }
  | { readonly kind: 'atomic'; readonly op: AtomicOp; readonly fetch: boolean; readonly size: 4 | 8 }
  | { readonly kind: 'load_acq'; readonly size: Size }
  | { readonly kind: 'store_rel'; readonly size: Size };

/**
 * A row of the opcode table: the shape plus how it is selected. `code` is the opcode byte; where it is not enough,
 * `off`, `imm` or `src` hold the value that selects the row (sdiv: off 1; movsx: off 8|16|32; cast: off 1; atomics: imm; end: imm;
 * lddw and call: src).
 */
export type Op = OpShape & {
  /** Unique, stable name of the row, e.g. 'add64_imm', 'ldxsw', 'atomic_fetch_add64', 'lddw_map_fd'. */
  readonly name: string;
  /** Position in the table: a dense small integer for dispatch. */
  readonly id: number;
  readonly code: number;
  readonly off?: number;
  readonly imm?: number;
  readonly src?: number;
};
