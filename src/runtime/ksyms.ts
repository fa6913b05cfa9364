// Symbols of the kernel, before a program runs. A call of a kfunc gets the number by which engines know it
// (spec/kfunc_abi.ts); a reachable call of one that can't run is refused by its name. Sections (RCU, preemption) need
// nothing: a run is not interrupted, and nothing is freed during it. The address of a function is some number that is not 0.

import { type Insn, LDDW_CODE } from '../isa/insn.ts';
import { kfuncByName, SECTION_KFUNCS } from '../spec/kfunc_abi.ts';
import type { Ksym, Verified } from '../verifier/verified.ts';
import { notYet } from './runnable.ts';

/** goto +0 */
const NOTHING: Insn = { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };

/** What takes the place of the instruction; undefined = nothing here can. */
function replacement(insn: Insn, { name, of }: Ksym, progType: number): Insn | undefined {
  if (insn.code === LDDW_CODE) return of === 'func' ? { ...insn, src: 0, imm: 1 } : undefined;
  if (SECTION_KFUNCS.has(name)) return NOTHING;
  const kfunc = kfuncByName(name, progType);
  return kfunc && { ...insn, imm: kfunc.number };
}

/** What no path reaches, and no engine knows: number 0 is no kfunc's. */
function unreached(insn: Insn): Insn {
  return insn.code === LDDW_CODE ? insn : { ...insn, imm: 0 };
}

/** The program as engines know it. Throws UnsupportedError for the first reachable symbol that nothing here is like. */
export function withoutKsyms(code: Verified): Verified {
  const { facts, ksyms } = code;
  if (ksyms === undefined) return code;
  const insns = code.insns.slice();
  for (const [at, ksym] of ksyms) {
    const other = replacement(insns[at], ksym, code.type);
    if (other === undefined && facts?.reached[at]) {
      throw notYet(code.name, `${ksym.of === 'func' ? 'kfunc' : 'kernel variable'} ${ksym.name}`);
    }
    insns[at] = other ?? unreached(insns[at]);
  }
  return { ...code, insns };
}
