// The exception of a load that the verifier refuses: Linux's errno, its message, and the whole log.

import type { InsnIndex } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import { BeewasmError } from '../uapi/errors.ts';
import type { VerifierError as Rejection } from '../verifier/verified.ts';

export class VerifierError extends BeewasmError {
  override name = 'VerifierError';
  readonly code: string;
  readonly errno: number;
  /** The line that says why, as Linux words it. */
  readonly summary: string;
  /** The kernel-style log, as BPF_PROG_LOAD returns it. */
  readonly log: string;
  readonly program: string;
  readonly insn: InsnIndex | null;
  readonly source: SourceLine | null;

  constructor(program: string, rejection: Rejection, log: string) {
    super(`program '${program}' was rejected (${rejection.code}): ${rejection.message}${at(rejection)}`);
    this.code = rejection.code;
    this.errno = rejection.errno;
    this.summary = rejection.message;
    this.log = log;
    this.program = program;
    this.insn = rejection.insn;
    this.source = rejection.source;
  }
}

function at({ insn, source }: Rejection): string {
  const where = source === null ? '' : `, ${source.file}:${source.line}`;
  return insn === null ? '' : ` (insn ${insn}${where})`;
}
