// Calls of kfuncs in generated programs: by the ids of the built-in prototypes, and by those of another BTF.

import type { Insn } from '../../src/isa/insn.ts';
import { COMMON_TYPES, type KernelTypes } from '../../src/spec/kernel_struct.ts';
import type { RunnableKfuncName } from '../../src/spec/kfunc_abi.ts';
import { isKfuncCall } from '../../src/verifier/kfunc.ts';
import type { Draft } from './draft.ts';

export function kfuncCall(d: Draft, name: RunnableKfuncName): void {
  d.op('call_kfunc', { imm: COMMON_TYPES.funcId(name)! });
}

/** The same calls by the ids of another BTF, which is asked for where there are any. */
export function withIdsOf(insns: readonly Insn[], of: () => KernelTypes): readonly Insn[] {
  if (!insns.some(isKfuncCall)) return insns;
  const types = of();
  return insns.map((insn) =>
    isKfuncCall(insn) ? { ...insn, imm: types.funcId(COMMON_TYPES.func(insn.imm)!.name)! } : insn,
  );
}
