// What Linux 6.18 must not be asked: its verifier follows a NULL pointer there, the loading process dies, and the kernel
// goes on damaged.

import { opOf } from '../../src/isa/opcodes.ts';
import type { ProgramInput, VerifyResult } from '../../src/verifier/verified.ts';

/**
 * A program on which more than 8192 paths wait when an `and` or `or` of a value that is -1 or 0 starts one more (kernel
 * maybe_fork_scalars takes the NULL of push_stack for a state). `result` is our answer: there is no other way to know.
 */
export function isDeadly({ insns }: ProgramInput, result: VerifyResult): boolean {
  if (result.ok || result.error.insn === null) return false;
  const tooComplex = /^The sequence of \d+ jumps is too complex/.test(result.error.message);
  return tooComplex && opOf(insns[result.error.insn])?.kind === 'alu';
}
