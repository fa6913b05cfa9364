export { decode, encode, type Insn, type InsnIndex, imm64, LDDW_CODE } from './insn.ts';
export type * from './op.ts';
export { OP_BY_NAME, OPCODES, opOf } from './opcodes.ts';
