// Statements of small programs in which paths part, leave different things behind, meet again, and are told apart later.

import { SPAN } from '../fuzz/world.ts';
import { call } from './small_flow.ts';
import { BASE, block, FP, fork, JUMPS, SCRATCH, type Scope, SLOTS, VALUES } from './small_scope.ts';

/** A fork on the input, and one or both sides change something. */
export function part(s: Scope, depth: number): void {
  const { d, r } = s;
  if (s.forks <= 0 || depth > 2) return;
  s.forks--;
  d.op('ldxb', { dst: SCRATCH, src: BASE, off: r.below(SPAN) });
  const skip = d.label();
  d.to(skip, `${r.pick(['jgt', 'jeq', 'jset', 'jlt'])}64_imm`, { dst: SCRATCH, imm: r.pick([1, 2, 3, 127]) });
  block(s, depth);
  if (r.chance(40)) {
    const end = d.label();
    d.to(end, 'ja');
    d.place(skip);
    block(s, depth);
    d.place(end);
  } else {
    d.place(skip);
  }
}

/** Ways a number takes until it decides something: what is left behind on each path, and what is done where they meet. */
const CARRIERS = ['register', 'spilled later', 'slot', 'slot', 'slot', 'byte'] as const;

/** Two paths leave different numbers behind; some time later that decides a jump. */
export function remember(s: Scope, depth: number): void {
  const { d, r } = s;
  if (s.forks <= 0 || depth > 1) return;
  s.forks--;
  const carrier = r.pick(CARRIERS);
  const slot = r.pick(SLOTS);
  const byte = slot + r.between(1, 7);
  const reg = r.pick(VALUES);
  const leave = (imm: number) => {
    if (carrier === 'byte') leaveByte(s, byte, imm);
    else if (carrier === 'slot' && r.chance(50)) d.op('stdw', { dst: FP, off: slot, imm });
    else {
      const dst = carrier === 'slot' ? SCRATCH : reg;
      d.op('mov64_imm', { dst, imm });
      if (carrier === 'slot') d.op('stxdw', { dst: FP, src: SCRATCH, off: slot });
    }
  };
  const order = r.chance(50) ? [r.below(2), r.between(1, 3)] : [r.between(1, 3), 0];
  leave(order[0]);
  const skip = fork(s);
  leave(order[1]);
  d.place(skip);
  d.op('mov64_imm', { dst: SCRATCH, imm: 0 });
  if (carrier === 'spilled later') d.op('stxdw', { dst: FP, src: reg, off: slot });
  if (r.chance(15)) call(s);
  else if (r.chance(60)) s.statement(depth + 1);
  const seen = carrier === 'register' ? reg : r.pick(VALUES);
  if (carrier === 'byte') d.op('ldxb', { dst: seen, src: FP, off: byte });
  else if (carrier !== 'register') d.op(r.pick(['ldxdw', 'ldxdw', 'ldxw', 'ldxb']), { dst: seen, src: FP, off: slot });
  const after = d.label();
  d.to(after, `${r.pick(JUMPS)}${r.pick([64, 32])}_imm`, { dst: seen, imm: r.below(3) });
  block(s, depth);
  d.place(after);
}

/** A byte inside of a slot: 0, or nobody knows what. */
function leaveByte({ d, r }: Scope, off: number, imm: number): void {
  if (imm === 0) d.op('stb', { dst: FP, off, imm: 0 });
  else {
    d.op('ldxb', { dst: SCRATCH, src: BASE, off: r.below(SPAN) });
    d.op('stxb', { dst: FP, src: SCRATCH, off });
  }
}

/** What may change a number of that size. */
const EXTEND = { ldxb: 'movsx64_8', ldxw: 'movsx64_32', ldxdw: 'mov32_reg' } as const;

/** Two numbers are equal on one path only; later a jump on one of them comes before a jump on the other. */
export function twins(s: Scope, depth: number): void {
  const { d, r } = s;
  if (s.forks < 2 || depth > 1) return;
  s.forks -= 2;
  const [a, b] = r.pick([
    [2, 3],
    [3, 7],
    [8, 2],
  ]);
  const sum = r.chance(40) ? r.pick(['add64_imm', 'add32_imm'] as const) : null;
  // A sum of 32 bits tells nothing about the upper half of what it was made of.
  const size = sum === 'add32_imm' ? 'ldxdw' : r.pick(['ldxb', 'ldxw', 'ldxdw'] as const);
  for (const dst of [a, b]) d.op(size, { dst, src: BASE, off: 8 * r.below(SPAN / 8) });
  const skip = fork(s);
  const slot = r.pick(SLOTS);
  if (sum === null && r.chance(30)) d.op(EXTEND[size], { dst: b, src: a });
  else if (r.chance(60)) d.op('mov64_reg', { dst: b, src: a });
  else {
    d.op('stxdw', { dst: FP, src: a, off: slot });
    d.op('ldxdw', { dst: b, src: FP, off: slot });
  }
  d.place(skip);
  d.op('mov64_imm', { dst: SCRATCH, imm: 0 });
  if (sum !== null) d.op(sum, { dst: b, imm: r.between(1, 3) });
  const op = r.pick(['jgt64_imm', 'jgt32_imm', 'jsgt64_imm', 'jne64_imm', 'jge64_imm']);
  const imm = r.between(1, 9);
  const end = d.label();
  const [first, second] = r.chance(60) ? [a, b] : [b, a];
  d.to(end, op, { dst: first, imm });
  d.to(end, op, { dst: second, imm: imm + r.below(3) });
  block(s, depth);
  d.place(end);
}

export function decide(s: Scope, depth: number): void {
  const { d, r } = s;
  if (s.forks <= 0 || depth > 2) return;
  s.forks--;
  const dst = r.pick(VALUES);
  if (r.chance(8)) {
    d.op('ldxdw', { dst, src: BASE, off: 8 * r.below(SPAN / 8) });
    const end = d.label();
    d.to(end, 'jset32_imm', { dst, imm: r.pick([-1, -8, 7, -0x80000000]) });
    block(s, depth);
    d.place(end);
    return;
  }
  const op = `${r.pick(JUMPS)}${r.pick([64, 64, 32])}`;
  const skip = d.label();
  if (r.chance(65)) d.to(skip, `${op}_imm`, { dst, imm: r.chance(80) ? r.between(-1, 8) : r.corner32() });
  else d.to(skip, `${op}_reg`, { dst, src: r.pick(VALUES) });
  block(s, depth);
  d.place(skip);
}
