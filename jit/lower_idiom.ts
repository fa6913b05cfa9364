// What idioms.ts found: the operand is kept in a local of its own, and the last instruction becomes one operation on it.

import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { FnLowering } from './function.ts';
import type { Idiom } from './idioms.ts';
import { behind, loadReg } from './lower_memory.ts';

const keptLocal = (l: FnLowering, at: InsnIndex, whole: boolean) => l.local(`kept${at}`, whole ? 'i64' : 'i32');

/** Keeps what the instruction at l.at reads, where an idiom needs it later. */
export function keepOperand(l: FnLowering): void {
  const kept = l.fn.idioms.kept.get(l.at);
  if (kept === undefined) return;
  l.push(l.b.set(keptLocal(l, l.at, kept.whole), kept.whole ? l.whole(kept.reg) : l.low(kept.reg)));
}

export function lowerIdiom(l: FnLowering, { dst }: Insn, idiom: Idiom): void {
  const { b } = l;
  const local = keptLocal(l, idiom.kept, idiom.kind === 'rotate');
  if (idiom.kind === 'rotate') l.setWhole(dst, b.i64.rotl(b.get64(local), b.i64.const(BigInt(idiom.by))));
  else loadReg(l, idiom.size, behind(l, b.get32(local), idiom.off, idiom.off), dst);
}
