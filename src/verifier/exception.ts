// The function that handles a program's exceptions (kernel bpf_find_exception_callback_insn_off): BTF names it in a tag on
// the program's entry, no instruction refers to it. It is a global function, verified on its own for any cookie, and what it
// returns the program returns. In: what BTF tells of the functions; out: its first slot.

import type { InsnIndex } from '../isa/insn.ts';
import { invalid, type Reject, refused } from './reject.ts';
import type { ProgramInput } from './verified.ts';

/** null: the program has none; an exception then ends it with its cookie as the result. */
export function findExceptionCallback({ functions, prototypes }: ProgramInput): InsnIndex | Reject | null {
  if (functions === undefined || prototypes === undefined) return null;
  const names = prototypes.get(0)?.exceptionCallbacks ?? [];
  if (names.length === 0) return null;
  if (names.length > 1) return refused('EEXIST', 'multiple exception callback tags for main subprog');
  const [name] = names;
  const found = [...prototypes].find(([, proto]) => proto.name === name);
  if (found === undefined) return refused('ENOENT', `exception callback '${name}' could not be found in BTF`);
  const [start, { linkage }] = found;
  if (linkage !== 'global') return invalid(`exception callback '${name}' must have global linkage`);
  return start === 0 ? invalid('invalid exception callback insn_off in func_info: 0') : start;
}
