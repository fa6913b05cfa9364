// One 8-byte instruction slot (RFC 9669 section 3) as plain data. A program is an array of slots, indexed as Linux
// counts them: the 16-byte lddw takes two slots, the second one with code 0 and the upper half in `imm`.

import { FormatError } from '../uapi/errors.ts';

/** Raw fields of one slot. `off` is signed 16-bit, `imm` signed 32-bit; nothing is checked here. */
export interface Insn {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly off: number;
  readonly imm: number;
}

/** Index of a slot in a program. */
export type InsnIndex = number;

export const LDDW_CODE = 0x18;

/** Bytes (little endian, a multiple of 8) -> slots. Throws FormatError('insns') on another length. */
export function decode(bytes: Uint8Array): Insn[] {
  if (bytes.length % 8 !== 0) throw new FormatError('insns', `length ${bytes.length} is not a multiple of 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const insns = new Array<Insn>(bytes.length / 8);
  for (let i = 0; i < insns.length; i++) {
    const at = i * 8;
    const regs = bytes[at + 1];
    insns[i] = {
      code: bytes[at],
      dst: regs & 15,
      src: regs >> 4,
      off: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    };
  }
  return insns;
}

/** Slots -> bytes: the inverse of decode. */
export function encode(insns: readonly Insn[]): Uint8Array {
  const bytes = new Uint8Array(insns.length * 8);
  const view = new DataView(bytes.buffer);
  insns.forEach((insn, i) => {
    const at = i * 8;
    bytes[at] = insn.code;
    bytes[at + 1] = (insn.src << 4) | insn.dst;
    view.setInt16(at + 2, insn.off, true);
    view.setInt32(at + 4, insn.imm, true);
  });
  return bytes;
}

/** The 64-bit immediate of the lddw at slot `at` as an unsigned bigint. */
export function imm64(insns: readonly Insn[], at: InsnIndex): bigint {
  return (BigInt(insns[at + 1].imm >>> 0) << 32n) | BigInt(insns[at].imm >>> 0);
}
