// A rejection explained, as plain data: what `verify` answers beside the log, what `prog load -j` prints. render.ts makes
// text of it.

import type { InsnIndex } from '../../isa/insn.ts';
import type { SourceLine } from '../../isa/source.ts';
import type { Rule } from './catalogue.ts';
import type { DiagnosticClass } from './row.ts';

/** An instruction with its C line, if BTF says which. */
export interface Place {
  readonly insn: InsnIndex;
  /** The instruction as the kernel prints it: `r1 = *(u64 *)(r0 +0)`. */
  readonly disasm: string;
  /** Function that it belongs to: its name, or the program's where there are no names. */
  readonly function: string;
  readonly source: SourceLine | null;
}

/** Something that happened on the path before and explains the rejection. */
export interface TrailStep extends Place {
  /** `bpf_map_lookup_elem returns a pointer to a value of map 'flows' (16 bytes), or NULL` */
  readonly text: string;
}

export interface Diagnostic {
  readonly class: DiagnosticClass;
  /** The message with {names} for what varies: the key of its row in the catalogue. null = words without a row. */
  readonly rule: Rule | null;
  /** Linux's words: the sentence that says why, which may be several lines of the log. */
  readonly message: string;
  /** Linux's errno: 'EACCES', 'EINVAL', ... */
  readonly code: string;
  /** Name of the program. */
  readonly program: string;
  /** The instruction that is refused; null when it is the program as a whole. For limits: the loop that hits them. */
  readonly place: Place | null;
  /** One sentence: why this is wrong, with the numbers. */
  readonly why: string;
  /** What usually fixes it. */
  readonly help: string;
  /** The register in question: `R1`, `pkt(off=14,r=14)` as the kernel prints it, and the same in words. */
  readonly register: { readonly name: string; readonly value: string; readonly holds: string } | null;
  /** Where its value came from and which comparison came last, oldest first. */
  readonly trail: readonly TrailStep[];
  /** Instructions around the refused one (and those of the trail), by number: for programs without line info. */
  readonly listing: readonly { readonly insn: InsnIndex; readonly disasm: string }[];
}
