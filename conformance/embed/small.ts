// Small programs (10 to 40 instructions) where domain, stack and pruning meet: a few numbers that come from the input, a
// few stack slots, paths that part and meet again, and jumps that what was left behind decides. Few forks, so that every
// path can be walked without pruning as well.

import { Draft } from '../fuzz/draft.ts';
import type { FuzzProgram } from '../fuzz/program.ts';
import { Random } from '../fuzz/random.ts';
import { cornerBytes, SPAN } from '../fuzz/world.ts';
import { call, func, loop, mayGoto } from './small_flow.ts';
import { ITERATE } from './small_iter.ts';
import { decide, part, remember, twins } from './small_paths.ts';
import { BASE, FP, SCRATCH, type Scope, SLOTS, type Statement, VALUES } from './small_scope.ts';
import { compare, lend, neighbours, overwrite, patch, scatter, signs } from './small_traps.ts';

const ALU = ['add', 'add', 'sub', 'and', 'and', 'or', 'xor', 'lsh', 'rsh', 'arsh', 'mul', 'div', 'mod', 'sdiv', 'smod'];
const SHIFTS: ReadonlySet<string> = new Set(['lsh', 'rsh', 'arsh']);
const DIVISIONS: ReadonlySet<string> = new Set(['div', 'mod', 'sdiv', 'smod']);
const NARROW = ['movsx64_8', 'movsx64_16', 'movsx64_32', 'movsx32_8', 'movsx32_16', 'mov32_reg'];
const SIZES = { dw: 8, w: 4, h: 2, b: 1 } as const;

export function generateSmall(seed: number, index: number): FuzzProgram {
  const r = new Random(seed, index);
  const s: Scope = {
    d: new Draft(),
    r,
    forks: r.pick([1, 2, 2, 2, 2, 3, 3, 3, 4, 4]),
    callee: null,
    behind: [],
    iterators: 0,
    statement: (depth) => STATEMENTS[r.weighted(WEIGHTS)](s, depth),
  };
  const { d } = s;
  d.op('mov64_reg', { dst: BASE, src: 1 });
  for (const dst of VALUES) start(s, dst);
  for (const off of SLOTS) if (r.chance(60)) d.op('stdw', { dst: FP, off, imm: r.below(2) });
  for (let n = r.between(3, 9); n > 0; n--) s.statement(0);
  d.op('mov64_reg', { dst: 0, src: r.pick(VALUES) });
  d.op('exit');
  if (s.callee !== null) {
    d.place(s.callee);
    func(s);
  }
  for (const place of s.behind) place();
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
  patch,
  signs,
  scatter,
  compare,
  neighbours,
  lend,
  overwrite,
  ...ITERATE,
} as const satisfies Record<string, Statement>;

const WEIGHTS: Readonly<Record<keyof typeof STATEMENTS, number>> = {
  number: 6,
  copy: 8,
  input: 6,
  alu: 18,
  divide: 3,
  narrow: 6,
  spill: 14,
  fill: 12,
  part: 8,
  remember: 10,
  twins: 8,
  decide: 24,
  access: 12,
  atomic: 4,
  pointer: 3,
  half: 2,
  loop: 3,
  mayGoto: 3,
  call: 4,
  patch: 2,
  signs: 3,
  scatter: 3,
  compare: 4,
  neighbours: 4,
  lend: 4,
  overwrite: 3,
  iterate: 3,
  wander: 2,
  offset: 2,
  uneven: 1,
};

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

/** A division of 32 bits, of numbers that have an upper half, or a signed one of whole numbers below 0. */
function divide({ d, r }: Scope): void {
  const [dst, src] = r.pick([
    [2, 3],
    [7, 8],
  ]);
  if (r.chance(40)) {
    d.op('mov64_imm', { dst, imm: r.between(-9, -1) });
    d.op('mov64_imm', { dst: src, imm: r.pick([1, 2, 3, -1, -2]) });
    d.op(`${r.pick(['sdiv', 'smod'])}64_reg`, { dst, src });
    return;
  }
  d.lddw(dst, { low: r.between(0, 7), high: r.pick([1, 2, -1]) });
  d.lddw(src, { low: r.pick([0, 0, 1, 2, 3]), high: r.pick([0, 0, 1]) });
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

/**
 * A number becomes an offset into the input or the stack, behind a check. Some checks are one too weak, or look at the
 * wrong half or sign: those programs must be refused, unless the number is known otherwise.
 */
function access(s: Scope): void {
  const { d, r } = s;
  const stack = r.chance(50);
  const size = stack ? 'b' : r.pick(['b', 'b', 'w', 'dw'] as const);
  const wrong = r.chance(14);
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
