// A rejection: the errno Linux answers and the text its log ends with. Checks return `Reject | null`. Every message has a
// row in diagnose/rows_*.ts that explains it: words without one do not compile.

import type { InsnIndex } from '../isa/insn.ts';
import type { ErrnoName } from '../uapi/errno.ts';
import type { Message } from './diagnose/catalogue.ts';

export interface Reject {
  readonly code: ErrnoName;
  /** One or more lines (those in front are told by explain()); the last one is what people quote. */
  readonly message: Message | `${string}\n${string}`;
  /** The line that says why, where it is not the last one. */
  readonly summary?: string;
  /** Linux 6.18 forgets to end the line: what the log says next stands on it too. */
  readonly unended?: true;
  /** The instruction, where the search does not know it: before it starts. */
  readonly insn?: InsnIndex;
}

/** EACCES: the program would do something it may not. */
export function denied(message: Message): Reject {
  return { code: 'EACCES', message };
}

/** EINVAL: the program is malformed or uses something in a way that is not defined. */
export function invalid(message: Message): Reject {
  return { code: 'EINVAL', message };
}

/** E2BIG: a limit was hit. */
export function tooBig(message: Message): Reject {
  return { code: 'E2BIG', message };
}

/** EFAULT, not E2BIG: that is how Linux 6.18 answers when too many branches wait (push_stack). */
export function tooManyBranches(pending: number): Reject {
  return refused('EFAULT', `The sequence of ${pending} jumps is too complex.`);
}

/** Any other errno. */
export function refused(code: ErrnoName, message: Message): Reject {
  return { code, message };
}

/** The instruction that is wrong, for what is checked before the search. */
export function at(insn: InsnIndex, reject: Reject): Reject {
  return { ...reject, insn };
}

/** The sentence that says why: the last line, behind those that it goes on from. */
export function summaryOf({ message, summary }: Reject): string {
  if (summary !== undefined) return summary;
  const lines = message.split('\n');
  const start = lines.findLastIndex((_line, i) => i === 0 || !/(,| in)$/.test(lines[i - 1]));
  return lines.slice(start).join(' ');
}

/** Adds a line below the text of a rejection. */
export function explain(reject: Reject, line: Message): Reject {
  // As plain strings: the product of all messages with all messages is too much for the compiler.
  const [above, below]: readonly string[] = [reject.message, line];
  return { code: reject.code, message: `${above}\n${below}` };
}
