// The exception of a load that the verifier refuses: Linux's errno, its message, the whole log, and the same explained.

import type { InsnIndex } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import { BeewasmError } from '../uapi/errors.ts';
import type { Diagnostic } from '../verifier/diagnose/diagnostic.ts';
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
  /** Why, with the C lines that led there and what usually fixes it; renderDiagnostic() of beewasm/verifier makes text of it. */
  readonly diagnostics: readonly Diagnostic[];

  constructor(program: string, rejection: Rejection, log: string, diagnostics: readonly Diagnostic[]) {
    super(`program '${program}' was rejected (${rejection.code}): ${rejection.summary}${at(rejection, diagnostics)}`);
    this.code = rejection.code;
    this.errno = rejection.errno;
    this.summary = rejection.summary;
    this.log = log;
    this.program = program;
    this.insn = rejection.insn;
    this.source = rejection.source;
    this.diagnostics = diagnostics;
  }
}

/** What one line of the log in front of the message says: the instruction, and where it comes from. */
function at({ insn, source }: Rejection, diagnostics: readonly Diagnostic[]): string {
  if (insn === null) return '';
  const place = diagnostics.find((d) => d.place?.insn === insn)?.place;
  const text = place === undefined || place === null ? '' : `: ${place.disasm}`;
  return ` (insn ${insn}${text}${source === null ? '' : `, ${source.file}:${source.line}`})`;
}
