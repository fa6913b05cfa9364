// What became of an object on the stack (a dynptr, an iterator, saved interrupt flags) that an argument should be: which
// instruction made it, which one ended it or wrote over it. In: the path with its states; out: labels, oldest first.

import type { InsnIndex } from '../../isa/insn.ts';
import type { Prog } from '../program.ts';
import type { Reg } from '../reg.ts';
import { isConst, numberIn } from '../scalar.ts';
import { EMPTY_SLOT, isObject, type Slot, spiOf } from '../state.ts';
import { calleeName, type Label } from './origin.ts';
import type { Path } from './path.ts';

/** there: it is. gone: it was. never: none was made. '': nobody knows. */
export type Past = 'there' | 'gone' | 'never' | '';

export interface StackObjectHistory {
  readonly past: Past;
  readonly labels: readonly Label[];
}

const NOUNS = { dynptr: 'the dynptr', iter: 'the iterator', irq_flag: 'the interrupt flags' } as const;

/** Calls that end an object, rather than write over it. */
const ENDS = /_destroy$|_submit_dynptr$|_discard_dynptr$|^bpf_local_irq_restore$/;

/** Tells objects of one place apart; '' = none. */
function identity(slot: Slot): string {
  if (!isObject(slot)) return '';
  const { object, id, refObjId } = slot.reg;
  return `${object?.kind}:${object?.type}:${id}:${refObjId}`;
}

function made(prog: Prog, insn: InsnIndex, { reg }: Slot): Label {
  const { object } = reg;
  const name = calleeName(prog, insn);
  if (object?.kind === 'irq_flag') return { insn, text: `${name} saves the flags here` };
  return { insn, text: `${name} makes ${NOUNS[object?.kind ?? 'dynptr']} here` };
}

function ended(prog: Prog, insn: InsnIndex, { reg }: Slot): Label {
  const noun = NOUNS[reg.object?.kind ?? 'dynptr'];
  if (prog.ops[insn]?.kind !== 'call') return { insn, text: `this writes over ${noun}` };
  const name = calleeName(prog, insn);
  if (name === 'bpf_local_irq_restore') return { insn, text: 'the flags are restored here' };
  return { insn, text: `${name} ${ENDS.test(name) ? 'ends' : 'writes over'} ${noun} here` };
}

/**
 * The history of a slot of the stack that `ptr` points into, as the last instruction of the path finds it: the one at `off`
 * bytes from the frame pointer, or (null) that of the pointer.
 */
export function objectHistory(prog: Prog, path: Path, ptr: Reg, off: number | null): StackObjectHistory {
  const at = off ?? (isConst(ptr.s) ? ptr.off + numberIn(ptr.s) : NaN);
  if (ptr.kind !== 'fp' || Number.isNaN(at)) return { past: '', labels: [] };
  const { steps } = path;
  const spi = spiOf(at);
  const slots = steps.map(({ frames }) => frames[ptr.frame]?.stack[spi] ?? EMPTY_SLOT);
  const last = slots.findLastIndex(isObject);
  if (last < 0) return { past: path.complete ? 'never' : '', labels: [] };
  const first = slots.findLastIndex((slot, i) => i < last && identity(slot) !== identity(slots[last]));
  const making = first < 0 ? [] : [made(prog, steps[first].at, slots[first + 1])];
  if (last === slots.length - 1) return { past: 'there', labels: making };
  return { past: 'gone', labels: [...making, ended(prog, steps[last].at, slots[last])] };
}
