// The verifier's place in loading: a program's input -> what engines get, or the exception of a rejection.

import type { KernelTypes } from '../spec/kernel_struct.ts';
import { type VerifyOptions, verify } from '../verifier/index.ts';
import type { ProgramInput, Verified } from '../verifier/verified.ts';
import type { VerifierReport } from './program.ts';
import { VerifierError } from './rejected.ts';
import { unverified } from './unverified.ts';

export interface Checked {
  readonly code: Verified;
  /** null = nothing was checked. */
  readonly report: VerifierReport | null;
}

/** Throws VerifierError for a program that the verifier refuses. `options` null: nothing is verified. */
export function check(input: ProgramInput, types: KernelTypes, options: VerifyOptions | null): Checked {
  if (options === null) return { code: unverified(input, types), report: null };
  const started = performance.now();
  const result = verify(input, { ...options, kernelTypes: types });
  const duration = performance.now() - started;
  if (!result.ok) throw new VerifierError(input.name, result.error, result.log, result.diagnostics);
  return { code: result.verified, report: { log: result.log, stats: result.stats, duration } };
}
