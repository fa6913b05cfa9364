// Statements of small programs that go round as long as an iterator gives numbers: the verifier takes the loop for one of
// unknown length, so what a round does must be covered by what it kept of an earlier one.

import type { Label } from '../fuzz/draft.ts';
import { kfuncCall } from '../fuzz/kfunc.ts';
import { SPAN } from '../fuzz/world.ts';
import { BASE, block, FP, fork, JUMPS, SCRATCH, type Scope, SLOTS, type Statement, VALUES } from './small_scope.ts';

/** Where iterators lie, by how deep loops are in each other. */
const ITERATORS = [-40, -48];

/** Calls take r0-r5: numbers again. */
function refill({ d, r }: Scope): void {
  for (const dst of [2, 3]) {
    const from = r.pick(['number', 'number', 'register', 'slot']);
    if (from === 'number') d.op('mov64_imm', { dst, imm: r.below(3) });
    else if (from === 'register') d.op('mov64_reg', { dst, src: r.pick([7, 8]) });
    else d.op('ldxdw', { dst, src: FP, off: r.pick(SLOTS) });
  }
}

function callOn(s: Scope, at: number, name: 'new' | 'next' | 'destroy'): void {
  s.d.op('mov64_reg', { dst: 1, src: FP });
  s.d.op('add64_imm', { dst: 1, imm: at });
  kfuncCall(s.d, `bpf_iter_num_${name}`);
}

/** A first and a last number: constants, or whatever is at hand. */
function begin(s: Scope, at: number): void {
  const { d, r } = s;
  if (r.chance(75)) d.op('mov64_imm', { dst: 2, imm: r.between(-1, 1) });
  else d.op('mov64_reg', { dst: 2, src: r.pick(VALUES) });
  if (r.chance(65)) d.op('mov64_imm', { dst: 3, imm: r.between(1, 5) });
  else {
    d.op('ldxb', { dst: 3, src: BASE, off: r.below(SPAN) });
    d.op('and64_imm', { dst: 3, imm: 7 });
  }
  callOn(s, at, 'new');
  refill(s);
}

/** A loop with `body`, which may go to `done`; r0 is what the iterator gave. */
function each(s: Scope, at: number, body: (done: Label) => void): void {
  const { d, r } = s;
  const forks = s.forks;
  s.forks = Math.min(forks, 1);
  begin(s, at);
  const [again, done] = [d.label(), d.label()];
  d.place(again);
  callOn(s, at, 'next');
  refill(s);
  d.to(done, 'jeq64_imm', { dst: 0, imm: 0 });
  d.op(r.chance(50) ? 'ldxw' : 'ldxsw', { dst: 0, src: 0 });
  body(done);
  d.to(again, 'ja');
  d.place(done);
  callOn(s, at, 'destroy');
  refill(s);
  d.op('mov64_imm', { dst: 0, imm: r.below(3) });
  s.forks = Math.min(forks, 1);
}

/** Something decides whether there is another round. */
function leaveEarly({ d, r }: Scope, done: Label): void {
  const kind = r.below(3);
  if (kind === 0) d.to(done, `${r.pick(JUMPS)}64_imm`, { dst: r.pick(VALUES), imm: r.below(4) });
  else if (kind === 1) {
    // The rounds are counted: without pruning, too, the loop has an end.
    const off = r.pick(SLOTS);
    d.op('ldxdw', { dst: SCRATCH, src: FP, off });
    d.op('add64_imm', { dst: SCRATCH, imm: 1 });
    d.op('stxdw', { dst: FP, src: SCRATCH, off });
    d.to(done, 'jgt64_imm', { dst: SCRATCH, imm: r.between(1, 3) });
  } else {
    d.op('ldxb', { dst: SCRATCH, src: BASE, off: r.below(SPAN) });
    d.to(done, 'jgt64_imm', { dst: SCRATCH, imm: r.pick([1, 2, 127]) });
  }
}

function iterate(s: Scope, depth: number): void {
  const at = ITERATORS[s.iterators];
  if (at === undefined || depth > 2) return;
  s.iterators++;
  each(s, at, (done) => {
    if (s.r.chance(40)) leaveEarly(s, done);
    block(s, depth);
    if (s.r.chance(30)) leaveEarly(s, done);
  });
  s.iterators--;
}

/** A number wanders from one variable or slot to the next, a round each; the last one decides, in the loop or behind it. */
function wander(s: Scope, depth: number): void {
  const at = ITERATORS[s.iterators];
  if (at === undefined || depth > 1) return;
  const { d, r } = s;
  const [a, b] = [SLOTS[0], SLOTS[1]];
  const [first, later] = r.chance(50) ? [0, r.between(1, 3)] : [r.between(1, 3), 0];
  const stored = r.chance(50);
  for (const off of [a, b]) if (stored) d.op('stdw', { dst: FP, off, imm: first });
  for (const dst of [7, 8]) if (!stored) d.op('mov64_imm', { dst, imm: first });
  s.iterators++;
  each(s, at, (done) => {
    if (r.chance(30)) decide(s, done);
    if (r.chance(60)) leaveEarly(s, done);
    if (stored) {
      d.op('ldxdw', { dst: SCRATCH, src: FP, off: a });
      d.op('stxdw', { dst: FP, src: SCRATCH, off: b });
    } else d.op('mov64_reg', { dst: 8, src: 7 });
    const skip = r.chance(40) ? fork(s) : null;
    if (stored) d.op('stdw', { dst: FP, off: a, imm: later });
    else d.op('mov64_imm', { dst: 7, imm: later });
    if (skip !== null) d.place(skip);
    d.op('mov64_imm', { dst: SCRATCH, imm: 0 });
    if (r.chance(30)) s.statement(depth + 1);
  });
  s.iterators--;
  if (stored) d.op('ldxdw', { dst: 8, src: FP, off: b });
  const over = d.label();
  decide(s, over);
  block(s, depth);
  d.place(over);
}

function decide({ d, r }: Scope, over: Label): void {
  d.to(over, `${r.pick(JUMPS)}${r.pick([64, 64, 32])}_imm`, { dst: 8, imm: r.below(4) });
}

/** A sum of the rounds is an offset into the input, behind a check that may be too weak; or the iterator's number is. */
function offset(s: Scope, depth: number): void {
  const at = ITERATORS[s.iterators];
  if (at === undefined || depth > 1) return;
  const { d, r } = s;
  const sum = r.pick([7, 8]);
  d.op('mov64_imm', { dst: sum, imm: 0 });
  s.iterators++;
  each(s, at, (done) => {
    const used = r.chance(60) ? sum : 0;
    const limit = SPAN - 1 + (r.chance(15) ? 1 : 0);
    const op = r.chance(85) ? 'jgt64_imm' : r.pick(['jsgt64_imm', 'jgt32_imm', 'jge64_imm']);
    if (r.chance(90)) d.to(done, op, { dst: used, imm: limit });
    d.op('mov64_reg', { dst: SCRATCH, src: BASE });
    d.op('add64_reg', { dst: SCRATCH, src: used });
    d.op('ldxb', { dst: 2, src: SCRATCH });
    d.op('add64_imm', { dst: sum, imm: r.between(1, 9) });
    if (r.chance(30)) s.statement(depth + 1);
  });
  s.iterators--;
}

/** Asked once more, or ended at different places: on one path after a number, on another before the first. */
function uneven(s: Scope, depth: number): void {
  const at = ITERATORS[s.iterators];
  if (at === undefined || depth > 1 || s.forks <= 0) return;
  const { d, r } = s;
  s.forks--;
  begin(s, at);
  s.iterators++;
  const skip = fork(s);
  callOn(s, at, 'next');
  refill(s);
  d.op('mov64_imm', { dst: 0, imm: r.below(3) });
  block(s, depth);
  d.place(skip);
  d.op('mov64_imm', { dst: SCRATCH, imm: 0 });
  if (r.chance(60)) {
    callOn(s, at, 'next');
    refill(s);
    const none = d.label();
    d.to(none, 'jeq64_imm', { dst: 0, imm: 0 });
    d.op('ldxsw', { dst: 0, src: 0 });
    d.op('mov64_reg', { dst: 7, src: 0 });
    d.place(none);
  }
  callOn(s, at, 'destroy');
  refill(s);
  d.op('mov64_imm', { dst: 0, imm: r.below(3) });
  s.iterators--;
}

export const ITERATE = { iterate, wander, offset, uneven } as const satisfies Record<string, Statement>;
