// The verifier's place in loading: a program's input -> what engines get, or the exception of a rejection.

import { UnsupportedError } from '../uapi/errors.ts';
import type { ProgramInput, Verified } from '../verifier/verified.ts';
import type { VerifierReport } from './program.ts';
import { unverified } from './unverified.ts';

export interface Checked {
  readonly code: Verified;
  readonly report: VerifierReport | null;
}

export function check(input: ProgramInput, verify: boolean): Checked {
  if (!verify) return { code: unverified(input), report: null };
  throw new UnsupportedError('verification');
}
