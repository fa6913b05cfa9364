// Between verifying and running: what an accepted program calls must exist here. The verifier knows more helpers and map
// types than there are implementations; a program that needs a missing one is refused by its name, before it runs.

import { opOf } from '../isa/opcodes.ts';
import { helperById, runnableById } from '../spec/helpers.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import type { Verified } from '../verifier/verified.ts';

/** Throws UnsupportedError for the first reachable call of a helper without an implementation. */
export function checkRunnable({ insns, facts }: Verified): void {
  if (facts === null) return;
  for (const [at, insn] of insns.entries()) {
    if (!facts.reached[at]) continue;
    const op = opOf(insn);
    if (op?.kind !== 'call' || op.callee !== 'helper' || runnableById(insn.imm) !== undefined) continue;
    const what = `helper ${helperById(insn.imm)?.name ?? 'unknown'}#${insn.imm}`;
    throw new UnsupportedError(what, `${what} is not supported yet`);
  }
}
