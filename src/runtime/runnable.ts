// Between verifying and running: what an accepted program calls must exist here. The verifier knows more helpers and map
// types than there are implementations; a program that needs a missing one is refused by its name, before it runs.

import { opOf } from '../isa/opcodes.ts';
import { helperById, runnableById } from '../spec/helpers.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import type { Verified } from '../verifier/verified.ts';

/** A program that is accepted asks for `what`, which is not here. */
export function notYet(program: string, what: string): UnsupportedError {
  return new UnsupportedError(what, `program ${program}: ${what} is not supported yet`);
}

/** Throws UnsupportedError for the first reachable call of a helper without an implementation. */
export function checkRunnable({ name, insns, facts }: Verified): void {
  if (facts === null) return;
  for (const [at, insn] of insns.entries()) {
    if (!facts.reached[at]) continue;
    const op = opOf(insn);
    if (op?.kind !== 'call' || op.callee !== 'helper' || runnableById(insn.imm) !== undefined) continue;
    throw notYet(name, `helper ${helperById(insn.imm)?.name ?? 'unknown'}#${insn.imm}`);
  }
}
