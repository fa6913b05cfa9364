export * from './alu.ts';
export { type AsmOptions, type AsmReloc, type AsmResult, asm } from './asm.ts';
export { type DisasmListing, type DisasmOptions, disasm, disasmInsn, disasmText, LOG_STYLE } from './disasm.ts';
export { helperId, helperName } from './helper_names.ts';
export { decode, encode, type Insn, type InsnIndex, imm64, LDDW_CODE } from './insn.ts';
export type * from './op.ts';
export { OP_BY_NAME, OPCODES, opOf } from './opcodes.ts';
export type { SourceLine } from './source.ts';
