// Loads from structures of the kernel, before a program runs: beewasm has none, so each becomes the constant it gives. Of
// a map these are the fields that say what it was created with; everything else is 0, as a load through a pointer that
// leads nowhere is on Linux (BPF_PROBE_MEM). In: what the verifier accepted; out: the same with moves for those loads.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import { opOf } from '../isa/opcodes.ts';
import { isArena } from '../spec/arena.ts';
import { COMMON_TYPES } from '../spec/kernel_struct.ts';
import { type KernelLoad, type MapDef, REG_KIND, type Verified } from '../verifier/verified.ts';
import { notYet } from './runnable.ts';

const MOV64_IMM = 0xb7;
const MOV32_IMM = 0xb4;

/** Fields of struct bpf_map, with which every structure of a map begins. */
const FIELDS: Readonly<Record<string, (map: MapDef) => number>> = {
  map_type: (m) => m.type,
  key_size: (m) => m.keySize,
  value_size: (m) => m.valueSize,
  max_entries: (m) => m.maxEntries,
  map_flags: (m) => m.flags,
};

/** The first bytes of the structure of a map. */
function mapBytes(map: MapDef): DataView {
  const { size, fields } = COMMON_TYPES.struct('bpf_map')!;
  const bytes = new DataView(new ArrayBuffer(size));
  for (const { name, off } of fields) {
    const value = FIELDS[name]?.(map);
    if (value !== undefined) bytes.setUint32(off, value, true);
  }
  return bytes;
}

/** What the load gives. No field of 8 bytes is known. */
function constantOf(load: KernelLoad, maps: readonly MapDef[], size: number, signed: boolean): number {
  const map = load.map < 0 ? undefined : maps[load.map];
  if (map === undefined) return 0;
  const bytes = mapBytes(map);
  if (size === 8 || load.off + size > bytes.byteLength) return 0;
  if (size === 4) return signed ? bytes.getInt32(load.off, true) : bytes.getUint32(load.off, true);
  if (size === 2) return signed ? bytes.getInt16(load.off, true) : bytes.getUint16(load.off, true);
  return signed ? bytes.getInt8(load.off) : bytes.getUint8(load.off);
}

function move(code: Verified, at: InsnIndex, load: KernelLoad | null): Insn {
  const insn = code.insns[at];
  if (load === null) {
    throw notYet(code.name, `a load from different structures of the kernel (instruction ${at})`);
  }
  const op = opOf(insn);
  if (op?.kind !== 'ldx' && op?.kind !== 'load_acq') return insn;
  const value = constantOf(load, code.maps, op.size, op.kind === 'ldx' && op.signed);
  // A 32-bit move fills the upper half with zeroes.
  return { code: value < 0 ? MOV64_IMM : MOV32_IMM, dst: insn.dst, src: 0, off: 0, imm: value | 0 };
}

/**
 * The program without loads from the kernel. Throws UnsupportedError where one instruction would need two constants, and
 * where what is taken for the kernel's may be anything.
 */
export function withoutKernelLoads(code: Verified): Verified {
  const { facts } = code;
  if (facts === null || facts.kernelLoads.size === 0) return code;
  if (facts.readsAnything) {
    throw notYet(code.name, 'an __arg_untrusted argument that is no structure of the kernel');
  }
  const insns = code.insns.map((insn, at) => {
    const load = facts.kernelLoads.get(at);
    // The structure of an arena is there to be read (maps/arena_pages.ts).
    if (load === undefined || (load !== null && load.map >= 0 && isArena(code.maps[load.map]))) return insn;
    return move(code, at, facts.src[at] === REG_KIND.mixed ? null : load);
  });
  return { ...code, insns };
}
