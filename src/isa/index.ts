export { decode, encode, type Insn, type InsnIndex, imm64 } from './insn.ts';
