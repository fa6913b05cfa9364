// What an engine gets when verification is off: the program, its functions, and nothing proven about it.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import { opOf } from '../isa/opcodes.ts';
import { isArena } from '../spec/arena.ts';
import type { KernelTypes } from '../spec/kernel_struct.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import { isKfuncCall } from '../verifier/kfunc.ts';
import type { Ksym, ProgramInput, Subprog, Verified } from '../verifier/verified.ts';

/** A program nobody proved anything about. Only the verifier tells accesses to an arena from others: UnsupportedError. */
export function unverified(input: ProgramInput, types: KernelTypes): Verified {
  const { name, type, insns, maps, mapRefs } = input;
  if (maps.some(isArena)) throw new UnsupportedError('an arena in a program that is not verified');
  return {
    name,
    type,
    insns,
    maps,
    mapRefs,
    subprogs: subprogsOf(insns),
    ksyms: calledKfuncs(insns, types),
    facts: null,
    attachType: input.expectedAttachType,
    extends: false,
  };
}

/** By name; '' where the id is of no function. */
function calledKfuncs(insns: readonly Insn[], types: KernelTypes): Map<InsnIndex, Ksym> {
  const calls = [...insns.entries()].filter(([, insn]) => isKfuncCall(insn));
  return new Map(calls.map(([at, { imm }]) => [at, { name: types.func(imm)?.name ?? '', of: 'func' }]));
}

/** Functions: slot 0, every target of a local call and every function whose address is taken. */
export function subprogsOf(insns: readonly Insn[]): Subprog[] {
  const starts = new Set([0]);
  for (const [pc, insn] of insns.entries()) {
    const op = opOf(insn);
    const calls = op?.kind === 'call' && op.callee === 'local';
    const takesAddress = op?.kind === 'lddw' && op.pseudo === 'func';
    const target = pc + 1 + insn.imm;
    if ((calls || takesAddress) && target >= 0 && target < insns.length) starts.add(target);
  }
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((start, i) => ({ start, end: sorted[i + 1] ?? insns.length }));
}
