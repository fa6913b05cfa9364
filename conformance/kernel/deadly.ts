// What Linux 6.18 must not be asked: its verifier follows a wrong pointer there, the loading process dies, and the kernel
// goes on damaged.

import { opOf } from '../../src/isa/opcodes.ts';
import { findExceptionCallback } from '../../src/verifier/exception.ts';
import type { ProgramInput, VerifyResult } from '../../src/verifier/verified.ts';

/** What Linux 6.18 would not survive. `result` is our answer: there is no other way to know. */
export function isDeadly(input: ProgramInput, result: VerifyResult): boolean {
  return forksTooOften(input, result) || losesHandler(input, result);
}

/**
 * A program on which more than 8192 paths wait when an `and` or `or` of a value that is -1 or 0 starts one more (kernel
 * maybe_fork_scalars takes the NULL of push_stack for a state).
 */
function forksTooOften({ insns }: ProgramInput, result: VerifyResult): boolean {
  if (result.ok || result.error.insn === null) return false;
  const tooComplex = /^The sequence of \d+ jumps is too complex/.test(result.error.message);
  return tooComplex && opOf(insns[result.error.insn])?.kind === 'alu';
}

/**
 * A program whose function for exceptions stands behind a function that no path reaches: Linux removes that one, and then
 * looks for the other where it was before (kernel jit_subprogs, exception_callback_subprog).
 */
function losesHandler(input: ProgramInput, result: VerifyResult): boolean {
  const handler = findExceptionCallback(input);
  if (typeof handler !== 'number' || !result.ok) return false;
  const { subprogs, facts } = result.verified;
  return subprogs.some(({ start }) => start < handler && (facts === null ? start > 0 : facts.reached[start] === 0));
}
