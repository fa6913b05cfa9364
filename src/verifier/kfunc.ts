// Calls of kernel functions before the walk (kernel add_kfunc_call): which function the id in an instruction names, what
// its prototype and its row of spec/kfuncs.ts say. In: the program and what is known of the kernel; out: a Kfunc per call.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { KernelFunc } from '../spec/kernel_func.ts';
import type { KernelTypes } from '../spec/kernel_struct.ts';
import { callableUnderLock, type KfuncRow, kfuncFor } from '../spec/kfuncs.ts';
import { attachTypeOf, progTypeById } from '../spec/prog_types.ts';
import { at, invalid, type Reject, refused, tooBig } from './reject.ts';
import type { ProgramInput } from './verified.ts';

export interface Kfunc extends KernelFunc {
  /** In the kernel's BTF. */
  readonly id: number;
  /** null: programs of this type may not call it. */
  readonly row: KfuncRow | null;
  readonly underLock: boolean;
}

/** Whether all of these KF.* flags are set; of what may not be called none is. */
export function hasFlag(kfunc: Kfunc, flag: number): boolean {
  return kfunc.row !== null && (kfunc.row.flags & flag) !== 0;
}

/** The program ends with it, whatever called whom; its argument is the result. */
export function throws(kfunc: Kfunc | undefined): boolean {
  return kfunc?.name === 'bpf_throw';
}

export type Kfuncs = ReadonlyMap<InsnIndex, Kfunc>;

const MAX_KFUNCS = 256;
/** Drivers implement these; programs are loaded for one device then, which beewasm has none of. */
const DEVICE = 'bpf_xdp_metadata_';

export function isKfuncCall(insn: Insn): boolean {
  return insn.code === 0x85 && insn.src === 2;
}

/** What every call refers to. A call of id 0 has no entry: it is refused where it is reached. */
export function findKfuncs(input: ProgramInput, types: KernelTypes, gpl: boolean): Kfuncs | Reject {
  const found = new Map<InsnIndex, Kfunc>();
  const byId = new Map<number, Kfunc>();
  for (const [i, insn] of input.insns.entries()) {
    if (!isKfuncCall(insn)) continue;
    if (!gpl) return at(i, invalid('cannot call kernel function from non-GPL compatible program'));
    if (insn.imm === 0 && insn.off === 0) continue;
    const known = insn.off === 0 ? byId.get(insn.imm) : undefined;
    const kfunc = known ?? findKfunc(input, types, insn);
    if (!('params' in kfunc)) return at(i, kfunc);
    if (kfunc.name.startsWith(DEVICE)) return at(i, invalid('metadata kfuncs require device-bound program'));
    byId.set(insn.imm, kfunc);
    if (byId.size > MAX_KFUNCS) return at(i, tooBig('too many different kernel function calls'));
    found.set(i, kfunc);
  }
  return found;
}

function findKfunc({ type, expectedAttachType }: ProgramInput, types: KernelTypes, insn: Insn): Kfunc | Reject {
  if (insn.off < 0) return invalid('negative offset disallowed for kernel module function call');
  if (insn.off > 0) return refused('EPROTO', 'kfunc offset > 0 without fd_array is invalid');
  const func = types.func(insn.imm);
  if (func === undefined) return invalid(`kernel btf_id ${insn.imm >>> 0} is not a function`);
  const row = kfuncFor(func.name, type, attachTypeOf(progTypeById(type)!, expectedAttachType));
  return { ...func, id: insn.imm, row: row ?? null, underLock: callableUnderLock(func.name) };
}
