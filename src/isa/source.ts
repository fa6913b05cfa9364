// Where an instruction comes from, for logs and diagnostics.

/** C source of an instruction, from BTF line info. */
export interface SourceLine {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly text: string;
}
