// Symbols of the kernel, before a program runs. Kfuncs that only hold something off (RCU, preemption) have nothing to hold
// off here: a run is not interrupted, and nothing is freed during it. Their calls become instructions that do nothing; a
// reachable call of any other is refused by its name. The address of a function is some number that is not 0.

import { type Insn, LDDW_CODE } from '../isa/insn.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import type { Ksym, Verified } from '../verifier/verified.ts';

/** goto +0 */
const NOTHING: Insn = { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };

const IMPLEMENTED: Readonly<Record<string, Insn>> = {
  bpf_rcu_read_lock: NOTHING,
  bpf_rcu_read_unlock: NOTHING,
  bpf_preempt_disable: NOTHING,
  bpf_preempt_enable: NOTHING,
  bpf_local_irq_save: NOTHING,
  bpf_local_irq_restore: NOTHING,
};

/** What takes the place of the instruction; undefined = nothing here can. */
function replacement(insn: Insn, { name, of }: Ksym): Insn | undefined {
  if (insn.code === LDDW_CODE) return of === 'func' ? { ...insn, src: 0, imm: 1 } : undefined;
  return Object.hasOwn(IMPLEMENTED, name) ? IMPLEMENTED[name] : undefined;
}

/** The program without references to the kernel. Throws UnsupportedError for the first reachable one that nothing here is like. */
export function withoutKsyms(code: Verified): Verified {
  const { facts, ksyms } = code;
  if (ksyms === undefined) return code;
  const insns = code.insns.slice();
  for (const [at, ksym] of ksyms) {
    const other = replacement(insns[at], ksym);
    if (other !== undefined) insns[at] = other;
    else if (facts?.reached[at]) {
      const what = `${ksym.of === 'func' ? 'kfunc' : 'kernel variable'} ${ksym.name}`;
      throw new UnsupportedError(what, `${what} is not supported yet`);
    }
  }
  return { ...code, insns };
}
