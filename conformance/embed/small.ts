// Small programs (10 to 40 instructions) where domain, stack and pruning meet: a few numbers that come from the input, a
// few stack slots, paths that part and meet again, and jumps that what was left behind decides. Few forks, so that every
// path can be walked without pruning as well.

import { Draft, type Label } from '../fuzz/draft.ts';
import type { FuzzProgram } from '../fuzz/program.ts';
import { Random } from '../fuzz/random.ts';
import { cornerBytes, SPAN } from '../fuzz/world.ts';

const FP = 10;
const BASE = 6;
const SCRATCH = 9;
const VALUES = [0, 2, 3, 7, 8];
const SLOTS = [-8, -16, -24];
const JUMPS = ['jeq', 'jne', 'jgt', 'jge', 'jlt', 'jle', 'jsgt', 'jsge', 'jslt', 'jsle', 'jset'];
const ALU = ['add', 'add', 'sub', 'and', 'and', 'or', 'xor', 'lsh', 'rsh', 'arsh', 'mul', 'div', 'mod', 'sdiv', 'smod'];
const SHIFTS: ReadonlySet<string> = new Set(['lsh', 'rsh', 'arsh']);
const DIVISIONS: ReadonlySet<string> = new Set(['div', 'mod', 'sdiv', 'smod']);
const NARROW = ['movsx64_8', 'movsx64_16', 'movsx64_32', 'movsx32_8', 'movsx32_16', 'mov32_reg'];
const SIZES = { dw: 8, w: 4, h: 2, b: 1 } as const;

interface Scope {
  readonly d: Draft;
  readonly r: Random;
  /** Jumps that may still go both ways. */
  forks: number;
  /** A function to call, until it is placed. */
  callee: Label | null;
}

export function generateSmall(seed: number, index: number): FuzzProgram {
  const r = new Random(seed, index);
  const s: Scope = { d: new Draft(), r, forks: r.pick([1, 2, 2, 2, 2, 3, 3, 3, 4, 4]), callee: null };
  const { d } = s;
  d.op('mov64_reg', { dst: BASE, src: 1 });
  for (const dst of VALUES) start(s, dst);
  for (const off of SLOTS) if (r.chance(60)) d.op('stdw', { dst: FP, off, imm: r.below(2) });
  for (let n = r.between(3, 9); n > 0; n--) statement(s, 0);
  d.op('mov64_reg', { dst: 0, src: r.pick(VALUES) });
  d.op('exit');
  if (s.callee !== null) {
    d.place(s.callee);
    func(s);
  }
  return { type: 'raw', verify: true, main: d.finish(), target: null, data: cornerBytes(r) };
}

function start(s: Scope, dst: number): void {
  if (s.r.chance(60)) s.d.op('mov64_imm', { dst, imm: s.r.below(3) });
  else input(s, dst);
}

/** A number from the input, often a small one. */
function input({ d, r }: Scope, dst: number): void {
  const size = r.pick(['b', 'b', 'h', 'w', 'dw', 'sb', 'sh', 'sw'] as const);
  const bytes = SIZES[(size.length === 2 && size !== 'dw' ? size[1] : size) as keyof typeof SIZES];
  d.op(`ldx${size}`, { dst, src: BASE, off: bytes * r.below(SPAN / bytes) });
  if (r.chance(40)) d.op(`and${r.pick(['64', '32'])}_imm`, { dst, imm: r.pick([1, 3, 7, 15, 0x7f]) });
}

type Statement = (s: Scope, depth: number) => void;

const STATEMENTS = {
  number: ({ d, r }) => d.op(`mov${r.pick(['64', '32'])}_imm`, { dst: r.pick(VALUES), imm: r.between(-1, 4) }),
  copy: ({ d, r }) => d.op(`mov${r.pick(['64', '64', '32'])}_reg`, { dst: r.pick(VALUES), src: r.pick(VALUES) }),
  input: (s) => input(s, s.r.pick(VALUES)),
  alu,
  divide,
  narrow,
  spill,
  fill,
  part,
  remember,
  twins,
  decide,
  access,
  atomic,
  pointer,
  half,
  loop,
  mayGoto,
  call,
} as const satisfies Record<string, Statement>;

const WEIGHTS: Readonly<Record<keyof typeof STATEMENTS, number>> = {
  number: 6,
  copy: 8,
  input: 6,
  alu: 18,
  divide: 2,
  narrow: 6,
  spill: 14,
  fill: 12,
  part: 8,
  remember: 10,
  twins: 8,
  decide: 24,
  access: 8,
  atomic: 4,
  pointer: 3,
  half: 2,
  loop: 3,
  mayGoto: 2,
  call: 4,
};

function statement(s: Scope, depth: number): void {
  STATEMENTS[s.r.weighted(WEIGHTS)](s, depth);
}

function block(s: Scope, depth: number): void {
  for (let n = s.r.between(1, 2); n > 0; n--) statement(s, depth + 1);
}

/** A constant that divisions are wrong about: 0, -1, or 0 in one half. */
function divisor({ d, r }: Scope, dst: number): void {
  if (r.chance(70)) d.op('mov64_imm', { dst, imm: r.pick([0, 0, -1, 1, 3]) });
  else
    d.lddw(
      dst,
      r.pick([
        { low: 0, high: 1 },
        { low: 5, high: 2 },
        { low: 1, high: -1 },
      ]),
    );
}

/** A division of 32 bits, of numbers that have an upper half. */
function divide({ d, r }: Scope): void {
  const [dst, src] = r.pick([
    [2, 3],
    [7, 8],
  ]);
  d.lddw(dst, { low: r.between(0, 7), high: r.pick([1, 2, -1]) });
  d.lddw(src, { low: r.between(0, 3), high: r.pick([0, 0, 1]) });
  d.op(`${r.pick([...DIVISIONS])}32_reg`, { dst, src });
}

function alu(s: Scope): void {
  const { d, r } = s;
  const op = r.pick(ALU);
  const width = r.pick([64, 64, 32]);
  const dst = r.pick(VALUES);
  if (r.chance(45)) {
    const src = r.pick(VALUES);
    if (DIVISIONS.has(op) && r.chance(50)) divisor(s, src);
    if (SHIFTS.has(op) && r.chance(30)) d.op('mov64_imm', { dst: src, imm: r.pick([1, 31, 32, 33, 63, 64, 65]) });
    d.op(`${op}${width}_reg`, { dst, src });
  } else if (SHIFTS.has(op))
    d.op(`${op}${width}_imm`, { dst, imm: r.chance(50) ? r.pick([1, 2, 31]) : r.below(width) });
  else if (DIVISIONS.has(op)) d.op(`${op}${width}_imm`, { dst, imm: r.pick([1, 2, 3, 7, -1, -2]) });
  else d.op(`${op}${width}_imm`, { dst, imm: r.chance(70) ? r.between(-2, 8) : r.corner32() });
}

function narrow({ d, r }: Scope): void {
  const dst = r.pick(VALUES);
  if (r.chance(30)) d.op(r.pick(['neg64', 'neg32', 'bswap16', 'bswap32', 'bswap64', 'be16', 'le32']), { dst });
  else d.op(r.pick(NARROW), { dst, src: r.pick(VALUES) });
}

function spill({ d, r }: Scope): void {
  const off = r.pick(SLOTS);
  if (r.chance(75)) {
    const size = r.pick(['dw', 'dw', 'dw', 'w', 'h', 'b'] as const);
    const part = r.chance(80) ? 0 : SIZES[size] * r.below(8 / SIZES[size]);
    d.op(`stx${size}`, { dst: FP, src: r.pick(VALUES), off: off + part });
  } else {
    d.op(`st${r.pick(['dw', 'dw', 'w', 'b'])}`, { dst: FP, off, imm: r.below(3) });
  }
}

function fill({ d, r }: Scope): void {
  const size = r.pick(['dw', 'dw', 'dw', 'w', 'h', 'b', 'sw', 'sh', 'sb'] as const);
  const bytes = size === 'dw' ? 8 : SIZES[size.at(-1) as keyof typeof SIZES];
  const part = r.chance(80) ? 0 : bytes * r.below(8 / bytes);
  d.op(`ldx${size}`, { dst: r.pick(VALUES), src: FP, off: r.pick(SLOTS) + part });
}

/** A fork on the input, and one or both sides change something. */
function part(s: Scope, depth: number): void {
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

/** A jump that the input decides; its label is where it goes. */
function fork({ d, r }: Scope): Label {
  const label = d.label();
  d.op('ldxb', { dst: SCRATCH, src: BASE, off: r.below(SPAN) });
  d.to(label, 'jgt64_imm', { dst: SCRATCH, imm: r.pick([1, 2, 127]) });
  return label;
}

/** Ways a number takes until it decides something: what is left behind on each path, and what is done where they meet. */
const CARRIERS = ['register', 'spilled later', 'slot', 'slot', 'slot', 'byte'] as const;

/** Two paths leave different numbers behind; some time later that decides a jump. */
function remember(s: Scope, depth: number): void {
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
  else if (r.chance(60)) statement(s, depth + 1);
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
function twins(s: Scope, depth: number): void {
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

function decide(s: Scope, depth: number): void {
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

/**
 * A number becomes an offset into the input or the stack, behind a check. Some checks are one too weak, or look at the
 * wrong half or sign: those programs must be refused, unless the number is known otherwise.
 */
function access(s: Scope): void {
  const { d, r } = s;
  const stack = r.chance(50);
  const size = stack ? 'b' : r.pick(['b', 'b', 'w', 'dw'] as const);
  const wrong = r.chance(8);
  d.op(`mov${r.pick(['64', '64', '32'])}_reg`, { dst: SCRATCH, src: r.pick(VALUES) });
  const skip = d.label();
  if (s.forks > 0 && r.chance(60)) {
    s.forks--;
    const limit = stack ? 23 : SPAN - SIZES[size];
    const op = wrong ? r.pick(['jgt32_imm', 'jsgt64_imm', 'jgt64_imm', 'jge64_imm']) : 'jgt64_imm';
    d.to(skip, op, { dst: SCRATCH, imm: wrong ? limit + 1 : r.chance(50) ? limit : r.below(limit) });
  } else {
    d.op(wrong ? 'and32_imm' : 'and64_imm', { dst: SCRATCH, imm: stack ? (wrong ? 31 : 15) : wrong ? 63 : 31 });
  }
  d.op('add64_reg', { dst: SCRATCH, src: stack ? FP : BASE });
  const off = stack ? -24 : 0;
  if (r.chance(50))
    d.op(`${r.pick(['st', 'stx'])}${size}`, { dst: SCRATCH, src: r.pick(VALUES), off, imm: r.below(2) });
  else d.op(`ldx${r.chance(50) && size !== 'dw' ? 's' : ''}${size}`, { dst: r.pick(VALUES), src: SCRATCH, off });
  d.place(skip);
}

const ATOMICS = ['add', 'or', 'and', 'xor', 'fetch_add', 'fetch_or', 'fetch_and', 'fetch_xor', 'xchg', 'cmpxchg'];

function atomic({ d, r }: Scope): void {
  const at = r.chance(75) ? { dst: FP, off: r.pick(SLOTS) } : { dst: BASE, off: 8 * r.below(SPAN / 8) };
  d.op(`atomic_${r.pick(ATOMICS)}${r.pick([64, 64, 32])}`, { ...at, src: r.pick(VALUES) });
}

/** A pointer waits on the stack. */
function pointer({ d, r }: Scope): void {
  const off = r.pick(SLOTS);
  const stack = r.chance(50);
  d.op('stxdw', { dst: FP, src: stack ? FP : BASE, off });
  if (r.chance(50)) d.op('mov64_imm', { dst: r.pick(VALUES), imm: r.below(3) });
  d.op('ldxdw', { dst: SCRATCH, src: FP, off });
  d.op('ldxdw', { dst: r.pick(VALUES), src: SCRATCH, off: stack ? -32 : 0 });
  d.op('stdw', { dst: FP, off, imm: r.below(2) });
}

/** What is left of a pointer in a number. */
function half({ d, r }: Scope): void {
  const dst = r.pick(VALUES);
  const src = r.pick([BASE, FP]);
  if (r.chance(50)) d.op('mov32_reg', { dst, src });
  else {
    d.op('mov64_reg', { dst, src });
    if (r.chance(50)) d.op('sub64_reg', { dst, src: r.pick([BASE, FP]) });
    else d.op('neg64', { dst });
  }
}

/** A loop that only its budget ends, unless a number gets large; what is done with it afterwards depends on the rounds. */
function mayGoto(s: Scope, depth: number): void {
  const { d, r } = s;
  if (depth > 0 || s.forks > 2) return;
  s.forks = 0;
  const dst = r.pick(VALUES);
  const end = d.label();
  const again = d.label();
  d.op('mov64_imm', { dst, imm: 0 });
  d.place(again);
  d.to(end, 'may_goto');
  if (r.chance(50)) {
    lateRound(s, dst, again, end);
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

/** Counted; the count in a slot. */
function loop(s: Scope, depth: number): void {
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
function call(s: Scope): void {
  const { d, r } = s;
  s.callee ??= d.label();
  d.op('mov64_reg', { dst: 1, src: r.pick(VALUES) });
  d.op('mov64_reg', { dst: 2, src: FP });
  d.op('mov64_reg', { dst: 3, src: BASE });
  d.to(s.callee, 'call_local');
  for (const dst of [2, 3]) if (VALUES.includes(dst)) d.op('mov64_imm', { dst, imm: r.below(3) });
}

/** r1 = a number, r2 = the caller's r10, r3 = the input. */
function func({ d, r }: Scope): void {
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
