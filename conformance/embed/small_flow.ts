// Statements of small programs that go round or elsewhere: loops, and calls of a function.

import type { Label } from '../fuzz/draft.ts';
import { SPAN } from '../fuzz/world.ts';
import { BASE, block, FP, fork, JUMPS, SCRATCH, type Scope, SLOTS, VALUES } from './small_scope.ts';

/** A loop that only its budget ends, unless a number gets large; what is done with it afterwards depends on the rounds. */
export function mayGoto(s: Scope, depth: number): void {
  const { d, r } = s;
  if (depth > 0 || s.forks > 2) return;
  s.forks = 0;
  if (r.chance(30)) {
    carried(s);
    return;
  }
  const dst = r.pick(VALUES);
  const end = d.label();
  const again = d.label();
  d.op('mov64_imm', { dst, imm: 0 });
  d.place(again);
  d.to(end, 'may_goto');
  const kind = r.below(3);
  if (kind === 0) {
    lateRound(s, dst, again, end);
    return;
  }
  if (kind === 1) {
    rounds(s, dst, again, end);
    return;
  }
  if (r.chance(30)) d.op(r.pick(['stxdw', 'stxw']), { dst: FP, src: dst, off: r.pick(SLOTS) });
  d.op('add64_imm', { dst, imm: 1 });
  d.to(again, 'jlt64_imm', { dst, imm: r.between(2, 5) });
  d.place(end);
  const skip = d.label();
  d.to(skip, `${r.pick(JUMPS)}64_imm`, { dst, imm: r.below(4) });
  d.op('mov64_imm', { dst: r.pick(VALUES), imm: 1 });
  d.place(skip);
}

/**
 * The number decides in a later round only: the first leaves a large byte in the input, which no state knows of. The other
 * way is followed first, so where the rounds meet nothing was decided yet.
 */
function lateRound({ d, r }: Scope, dst: number, again: Label, end: Label): void {
  const off = r.below(SPAN);
  const late = d.label();
  d.op('ldxb', { dst: SCRATCH, src: BASE, off });
  d.to(late, 'jgt64_imm', { dst: SCRATCH, imm: r.pick([1, 2, 127]) });
  d.op('mov64_imm', { dst, imm: r.between(1, 3) });
  d.op('stb', { dst: BASE, off, imm: -1 });
  d.to(again, 'ja');
  d.place(late);
  d.to(end, `${r.pick(JUMPS)}64_imm`, { dst, imm: r.below(3) });
  d.op('mov64_imm', { dst: r.pick(VALUES), imm: 1 });
  d.place(end);
}

/** Numbers wander from one variable to the next, a round each; the last one decides behind the loop. */
function rounds({ d, r }: Scope, dst: number, again: Label, end: Label): void {
  const others = VALUES.filter((v) => v !== dst);
  const [next, last] = [others[0], others[1]];
  const skip = d.label();
  if (r.chance(50)) d.op('mov64_reg', { dst: last, src: next });
  else {
    const off = r.pick(SLOTS);
    d.op('stxdw', { dst: FP, src: next, off });
    d.op('ldxdw', { dst: last, src: FP, off });
  }
  d.op('mov64_reg', { dst: next, src: dst });
  // A byte of the input, of which no state knows, counts the rounds.
  const off = r.below(SPAN);
  d.op('ldxb', { dst: SCRATCH, src: BASE, off });
  d.op('add64_imm', { dst: SCRATCH, imm: r.between(30, 90) });
  d.op('stxb', { dst: BASE, src: SCRATCH, off });
  d.to(end, 'jgt64_imm', { dst: SCRATCH, imm: 255 });
  d.to(skip, 'jgt64_imm', { dst: SCRATCH, imm: r.pick([100, 127, 200]) });
  d.op('mov64_imm', { dst, imm: r.between(1, 3) });
  d.place(skip);
  d.op('mov64_imm', { dst: SCRATCH, imm: 0 });
  d.to(again, 'ja');
  d.place(end);
  const over = d.label();
  d.to(over, `${r.pick(JUMPS)}64_imm`, { dst: last, imm: r.below(3) });
  d.op('mov64_imm', { dst: last, imm: 1 });
  d.place(over);
}

/** Two paths bring different numbers to a loop; a round carries the number over to where it decides behind the loop. */
function carried(s: Scope): void {
  const { d, r } = s;
  const [from, to] = r.pick([
    [2, 3],
    [3, 7],
    [8, 2],
  ]);
  const [first, second] = r.chance(50) ? [0, r.between(1, 3)] : [r.between(1, 3), 0];
  d.op('mov64_imm', { dst: to, imm: r.chance(50) ? first : second });
  d.op('mov64_imm', { dst: from, imm: first });
  const skip = fork(s);
  d.op('mov64_imm', { dst: from, imm: second });
  d.place(skip);
  d.op('mov64_imm', { dst: SCRATCH, imm: 0 });
  const [again, end, over] = [d.label(), d.label(), d.label()];
  d.place(again);
  // Where the budget ends the loop nothing is decided, mostly: that way is followed first.
  d.to(r.chance(80) ? over : end, 'may_goto');
  const off = r.below(SPAN);
  d.op('ldxb', { dst: SCRATCH, src: BASE, off });
  d.op('add64_imm', { dst: SCRATCH, imm: r.between(60, 120) });
  d.op('stxb', { dst: BASE, src: SCRATCH, off });
  // Out before the number is carried: what a round did is seen by the next one only.
  d.to(end, 'jgt64_imm', { dst: SCRATCH, imm: 255 });
  if (r.chance(60)) d.op('mov64_reg', { dst: to, src: from });
  else {
    const slot = r.pick(SLOTS);
    d.op('stxdw', { dst: FP, src: from, off: slot });
    d.op('ldxdw', { dst: to, src: FP, off: slot });
  }
  d.to(again, 'ja');
  d.place(end);
  d.to(over, `${r.pick(JUMPS)}64_imm`, { dst: to, imm: r.below(3) });
  d.op('mov64_imm', { dst: to, imm: 1 });
  d.place(over);
}

/** Counted; the count in a slot. */
export function loop(s: Scope, depth: number): void {
  const { d, r } = s;
  if (depth > 0) return;
  const forks = s.forks;
  s.forks = Math.min(forks, 1);
  const slot = -32;
  d.op('stdw', { dst: FP, off: slot, imm: 0 });
  const again = d.label();
  d.place(again);
  block(s, depth + 1);
  d.op('ldxdw', { dst: SCRATCH, src: FP, off: slot });
  d.op('add64_imm', { dst: SCRATCH, imm: 1 });
  d.op('stxdw', { dst: FP, src: SCRATCH, off: slot });
  d.to(again, r.pick(['jlt64_imm', 'jslt64_imm', 'jne64_imm']), { dst: SCRATCH, imm: r.between(2, 3) });
  s.forks = Math.min(forks, 1);
}

/** Passes a number, the input and the stack to a function of the program. */
export function call(s: Scope): void {
  callWith(s, s.r.pick(VALUES));
}

export function callWith(s: Scope, number: number): void {
  const { d, r } = s;
  s.callee ??= d.label();
  d.op('mov64_reg', { dst: 1, src: number });
  d.op('mov64_reg', { dst: 2, src: FP });
  d.op('mov64_reg', { dst: 3, src: BASE });
  d.to(s.callee, 'call_local');
  for (const dst of [2, 3]) if (VALUES.includes(dst)) d.op('mov64_imm', { dst, imm: r.below(3) });
}

/** r1 = a number, r2 = the caller's r10, r3 = the input. */
export function func({ d, r }: Scope): void {
  const skip = d.label();
  d.op('mov64_imm', { dst: 0, imm: r.below(2) });
  if (r.chance(50)) d.op('ldxdw', { dst: 1, src: 2, off: r.pick(SLOTS) });
  if (r.chance(50)) d.op('stxdw', { dst: FP, src: 1, off: -8 });
  d.to(skip, `${r.pick(JUMPS)}${r.pick([64, 32])}_imm`, { dst: 1, imm: r.below(4) });
  if (r.chance(60)) d.op('stxdw', { dst: 2, src: r.pick([0, 1]), off: r.pick(SLOTS) });
  else d.op('mov64_imm', { dst: 0, imm: r.between(2, 3) });
  d.place(skip);
  if (r.chance(30)) d.op('ldxdw', { dst: 0, src: 2, off: r.pick(SLOTS) });
  d.op('exit');
}
