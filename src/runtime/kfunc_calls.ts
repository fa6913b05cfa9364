// Calls of kernel functions, before a program runs. Those that only hold something off (RCU, preemption) have nothing to
// hold off here: a run is not interrupted, and nothing is freed during it. They become instructions that do nothing; a
// reachable call of any other is refused by its name.

import type { Insn } from '../isa/insn.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import type { Verified } from '../verifier/verified.ts';

/** goto +0 */
const NOTHING: Insn = { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };

const IMPLEMENTED: Readonly<Record<string, Insn>> = {
  bpf_rcu_read_lock: NOTHING,
  bpf_rcu_read_unlock: NOTHING,
  bpf_preempt_disable: NOTHING,
  bpf_preempt_enable: NOTHING,
};

/** The program without such calls. Throws UnsupportedError for the first reachable call of a function that is not here. */
export function withoutKfuncs(code: Verified): Verified {
  const { facts, kfuncs } = code;
  if (kfuncs === undefined || kfuncs.size === 0) return code;
  const insns = code.insns.slice();
  for (const [at, name] of kfuncs) {
    if (Object.hasOwn(IMPLEMENTED, name)) insns[at] = IMPLEMENTED[name];
    else if (facts?.reached[at]) throw new UnsupportedError(`kfunc ${name}`, `kfunc ${name} is not supported yet`);
  }
  return { ...code, insns };
}
