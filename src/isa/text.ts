// The words of the kernel's instruction text, shared by assembler and disassembler so that the two cannot drift apart
// (kernel/bpf/disasm.c, bpf_alu_string and its neighbours).

import type { AluOp, JmpOp, Size } from './op.ts';

export const ALU_TEXT = {
  add: '+=',
  sub: '-=',
  mul: '*=',
  div: '/=',
  sdiv: 's/=',
  or: '|=',
  and: '&=',
  lsh: '<<=',
  rsh: '>>=',
  mod: '%=',
  smod: 's%=',
  xor: '^=',
  mov: '=',
  arsh: 's>>=',
} as const satisfies Record<AluOp, string>;

export const JMP_TEXT = {
  jeq: '==',
  jne: '!=',
  jgt: '>',
  jge: '>=',
  jlt: '<',
  jle: '<=',
  jset: '&',
  jsgt: 's>',
  jsge: 's>=',
  jslt: 's<',
  jsle: 's<=',
} as const satisfies Record<JmpOp, string>;

export const SIZE_TEXT = { 1: 'u8', 2: 'u16', 4: 'u32', 8: 'u64' } as const satisfies Record<Size, string>;
