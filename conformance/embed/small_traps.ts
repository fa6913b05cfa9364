// Statements of small programs for what chance alone seldom puts together: each leads to a place where a verifier could
// believe too much, with details left to chance.

import { SPAN } from '../fuzz/world.ts';
import { callWith } from './small_flow.ts';
import { BASE, block, FP, fork, JUMPS, SCRATCH, type Scope, SLOTS, VALUES } from './small_scope.ts';

/** Eight bytes of the input, all of them likely to be set. */
function large({ d, r }: Scope, dst: number): void {
  d.op('ldxdw', { dst, src: BASE, off: 8 * r.below(SPAN / 8) });
}

/** A jump on a number, and something behind it. */
function judge(s: Scope, dst: number, depth: number): void {
  const { d, r } = s;
  const end = d.label();
  d.to(end, `${r.pick(JUMPS)}${r.pick([64, 64, 32])}_imm`, { dst, imm: r.between(-1, 4) });
  block(s, depth);
  d.place(end);
}

/** Part of a slot is stored anew; what is read then is neither the old number nor the new one. */
export function patch(s: Scope, depth: number): void {
  const { d, r } = s;
  const off = r.pick(SLOTS);
  const dst = r.pick(VALUES);
  const size = r.pick(['w', 'w', 'h', 'b'] as const);
  large(s, SCRATCH);
  d.op('stxdw', { dst: FP, src: SCRATCH, off });
  d.op('mov64_imm', { dst: SCRATCH, imm: r.below(3) });
  const part = r.chance(60) ? 0 : { w: 4, h: 2, b: 1 }[size];
  if (r.chance(60)) d.op(`stx${size}`, { dst: FP, src: SCRATCH, off: off + part });
  else d.op(`st${size}`, { dst: FP, off: off + part, imm: r.below(3) });
  d.op(r.pick(['ldxdw', 'ldxdw', 'ldxw']), { dst, src: FP, off });
  judge(s, dst, depth);
}

const BITS = { w: 32, h: 16, b: 8 } as const;

/** The same slot or register is read with its sign and without: above the middle the two are different numbers. */
export function signs(s: Scope, depth: number): void {
  const { d, r } = s;
  const [plain, signed] = r.pick([
    [2, 3],
    [3, 7],
    [8, 2],
  ]);
  const size = r.pick(['w', 'w', 'h', 'b'] as const);
  const from = { src: BASE, off: 8 * r.below(SPAN / 8) };
  if (r.chance(40)) {
    d.op(`ldx${size}`, { dst: plain, ...from });
    d.op(`movsx64_${BITS[size]}`, { dst: signed, src: plain });
  } else {
    const off = r.pick(SLOTS);
    d.op(`ldx${r.chance(60) ? size : 'dw'}`, { dst: SCRATCH, ...from });
    d.op(`stx${r.chance(70) ? size : 'dw'}`, { dst: FP, src: SCRATCH, off });
    d.op(`ldx${size}`, { dst: plain, src: FP, off });
    d.op(`ldxs${size}`, { dst: signed, src: FP, off });
  }
  const end = d.label();
  const [first, second] = r.chance(50) ? [plain, signed] : [signed, plain];
  d.to(end, `${r.pick(['jsgt', 'jgt', 'jslt', 'jlt'])}64_imm`, { dst: first, imm: r.between(0, 4) });
  if (r.chance(50)) judge(s, second, depth);
  else d.op('add64_imm', { dst: second, imm: 0 });
  d.place(end);
}

/** Zeros, and something stored among them nobody knows where. */
export function scatter(s: Scope, depth: number): void {
  const { d, r } = s;
  const off = r.pick(SLOTS);
  const value = r.pick(VALUES);
  for (const at of r.chance(60) ? [0, 4] : [4]) d.op('stw', { dst: FP, off: off + at, imm: 0 });
  if (r.chance(50)) d.op('mov64_imm', { dst: value, imm: r.pick([0, 1, -1]) });
  d.op('ldxb', { dst: SCRATCH, src: BASE, off: r.below(SPAN) });
  d.op('and64_imm', { dst: SCRATCH, imm: r.pick([1, 3, 7]) });
  d.op('add64_reg', { dst: SCRATCH, src: FP });
  if (r.chance(70)) d.op('stxb', { dst: SCRATCH, src: value, off });
  else d.op('stb', { dst: SCRATCH, off, imm: r.below(3) });
  const dst = r.pick(VALUES);
  const size = r.pick(['b', 'b', 'h', 'w', 'dw'] as const);
  const part = size === 'b' ? r.below(8) : 0;
  d.op(`ldx${size}`, { dst, src: FP, off: off + part });
  judge(s, dst, depth);
}

/** Two paths leave different numbers in a register, which a comparison reads as its second operand and nothing after it. */
export function compare(s: Scope, depth: number): void {
  const { d, r } = s;
  if (s.forks <= 0 || depth > 1) return;
  s.forks--;
  const [reg, other] = r.pick([
    [2, 3],
    [3, 7],
    [8, 2],
  ]);
  d.op('mov64_imm', { dst: reg, imm: r.below(2) });
  const skip = fork(s);
  d.op('mov64_imm', { dst: reg, imm: r.between(2, 3) });
  d.place(skip);
  d.op('mov64_imm', { dst: other, imm: r.below(4) });
  const after = d.label();
  d.to(after, `${r.pick(JUMPS)}${r.pick([64, 64, 32])}_reg`, { dst: other, src: reg });
  d.op('mov64_imm', { dst: reg, imm: 0 });
  block(s, depth);
  d.place(after);
  d.op('mov64_imm', { dst: reg, imm: 1 });
}

/** Two paths leave different bytes in a slot; another byte of it is written before one of these is read. */
export function neighbours(s: Scope, depth: number): void {
  const { d, r } = s;
  if (s.forks <= 0 || depth > 1) return;
  s.forks--;
  const slot = r.pick(SLOTS);
  const byte = r.below(8);
  const off = slot + byte;
  const zeroFirst = r.chance(50);
  const known = () => d.op('stb', { dst: FP, off, imm: 0 });
  const unknown = () => {
    d.op('ldxb', { dst: SCRATCH, src: BASE, off: r.below(SPAN) });
    d.op('stxb', { dst: FP, src: SCRATCH, off });
  };
  if (zeroFirst) known();
  else unknown();
  const skip = fork(s);
  if (zeroFirst) unknown();
  else known();
  d.place(skip);
  d.op('mov64_imm', { dst: SCRATCH, imm: 0 });
  d.op('stb', { dst: FP, off: slot + ((byte + r.between(1, 7)) % 8), imm: r.below(2) });
  const dst = r.pick(VALUES);
  d.op('ldxb', { dst, src: FP, off });
  judge(s, dst, depth);
}

/** Offset of a slot in which two paths leave different numbers. */
function twoNumbers(s: Scope): number {
  const { d, r } = s;
  const off = r.pick(SLOTS);
  const order = r.chance(50) ? [0, r.between(1, 3)] : [r.between(1, 3), 0];
  d.op('stdw', { dst: FP, off, imm: order[0] });
  const skip = fork(s);
  d.op('stdw', { dst: FP, off, imm: order[1] });
  d.place(skip);
  d.op('mov64_imm', { dst: SCRATCH, imm: 0 });
  return off;
}

/** Two paths leave different numbers in a slot that only a function reads, through a pointer. */
export function lend(s: Scope, depth: number): void {
  const { d, r } = s;
  if (s.forks <= 0 || depth > 1) return;
  s.forks--;
  const off = twoNumbers(s);
  callWith(s, r.pick(VALUES));
  d.op('stdw', { dst: FP, off, imm: 1 });
}

/** Two paths leave different numbers in a slot; a function overwrites it on one of its own paths, and then it is read. */
export function overwrite(s: Scope, depth: number): void {
  const { d, r } = s;
  if (s.forks < 2 || depth > 1) return;
  s.forks -= 2;
  const off = twoNumbers(s);
  const callee = d.label();
  d.op('mov64_reg', { dst: 1, src: FP });
  d.op('mov64_reg', { dst: 2, src: BASE });
  d.to(callee, 'call_local');
  for (const dst of [2, 3]) d.op('mov64_imm', { dst, imm: r.below(3) });
  const dst = r.pick(VALUES);
  d.op('ldxdw', { dst, src: FP, off });
  judge(s, dst, depth);
  s.behind.push(() => {
    d.place(callee);
    const end = d.label();
    d.op('ldxb', { dst: 0, src: 2, off: r.below(SPAN) });
    d.to(end, `${r.pick(['jgt', 'jle'])}64_imm`, { dst: 0, imm: r.pick([1, 2, 127]) });
    d.op('stdw', { dst: 1, off, imm: r.below(4) });
    d.place(end);
    d.op('mov64_imm', { dst: 0, imm: 0 });
    d.op('exit');
  });
}
