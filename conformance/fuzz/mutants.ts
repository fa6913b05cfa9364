// Bugs planted into the JIT, to measure whether random programs find them. Each is a compiler with one mistake, made
// through the two hooks every caller of the JIT has: the array of passes (one more pass that changes what the others
// left) and the tap on the module's builder.

import { type Builder, type JitOptions, PASSES, type Pass } from '../../jit/index.ts';
import type { Insn } from '../../src/isa/insn.ts';
import type { Op } from '../../src/isa/op.ts';
import { OP_BY_NAME } from '../../src/isa/opcodes.ts';
import { STACK_FRAME } from '../../src/memory/layout.ts';
import { MAX_TAIL_CALLS, MAY_GOTO_BUDGET } from '../../src/runtime/engine.ts';

export interface Mutant {
  readonly name: string;
  readonly options: JitOptions;
}

type Compilation = Parameters<Pass['fn']>[0];

/** What the named pass left is changed by `fn`. */
function after(name: string, fn: Pass['fn']): JitOptions {
  const at = PASSES.findIndex((p) => p.name === name);
  if (at < 0) throw new Error(`there is no pass ${name}`);
  return { passes: PASSES.toSpliced(at + 1, 0, { name: 'mutant', fn, dump: () => '' }) };
}

/** Instructions are taken for others from the start; `change` answers null for those that stay. */
function misread(
  change: (insn: Insn, op: Op) => { readonly op?: string; readonly insn?: Partial<Insn> } | null,
): JitOptions {
  const fn = (c: Compilation) => {
    const changes = c.insns.map((insn, at) => (c.ops[at] === undefined ? null : change(insn, c.ops[at])));
    const insns = c.insns.map((insn, at) => ({ ...insn, ...changes[at]?.insn }));
    const ops = c.ops.map((op, at) => (changes[at]?.op === undefined ? op : OP_BY_NAME.get(changes[at].op)));
    Object.assign(c, { insns, ops });
  };
  return { passes: [{ name: 'mutant', fn, dump: () => '' }, ...PASSES] };
}

/** One row of the opcode table taken for another. */
const swapped = (from: string, to: string): JitOptions => misread((_, op) => (op.name === from ? { op: to } : null));

const tap = (fn: (b: Builder) => Partial<Builder>): JitOptions => ({ tap: (b) => ({ ...b, ...fn(b) }) });
const i32 = (fn: (ops: Builder['i32'], b: Builder) => Partial<Builder['i32']>): JitOptions =>
  tap((b) => ({ i32: { ...b.i32, ...fn(b.i32, b) } }));
const i64 = (fn: (ops: Builder['i64'], b: Builder) => Partial<Builder['i64']>): JitOptions =>
  tap((b) => ({ i64: { ...b.i64, ...fn(b.i64, b) } }));

/** The constant `value` as the second operand of an operation becomes `other`. */
function constantIn(use: 'sub' | 'ge_u', value: number, other: number): JitOptions {
  return i32((ops) => {
    const made = new Set<number>();
    return {
      const: (n) => {
        const ref = ops.const(n);
        if (n === value) made.add(ref);
        return ref;
      },
      [use]: (a: never, b: never) => ops[use](a, made.has(b) ? (ops.const(other) as never) : b),
    };
  });
}

/** A pass that narrows results the analysis kept whole. */
const tooNarrow = (pick: (op: Op) => boolean): JitOptions =>
  after('narrow', (c) => {
    for (const fn of c.fns) {
      const { result } = fn.widths!;
      for (let i = 0; i < result.length; i++) {
        const op = c.ops[fn.start + i];
        if (op !== undefined && result[i] === 0 && pick(op)) result[i] = 1;
      }
    }
  });

/** All promoted slots of a function but the first become the second one. */
const sharedSlots = after('promote', (c) => {
  for (const fn of c.fns) fn.slots = fn.slots.map((vreg) => Math.min(vreg, 12));
});

/** What a predecessor leaves in the other local is not copied over. */
const noCopies = after('narrow', (c) => {
  for (const fn of c.fns) fn.widths!.needs.fill(0, fn.vregs);
});

/** A called function takes its first two arguments for each other. */
const swappedArguments = tap((b) => ({
  addFunction: (def) => {
    const [first, second] = def.params;
    const called = /f[1-9]\d*$/.test(def.name) && def.params.length > 2 && first === second;
    if (!called) {
      b.addFunction(def);
      return;
    }
    const spare = def.params.length + def.locals.length;
    const get = (local: number) => (first === 'i32' ? b.get32(local) : b.get64(local));
    const swap = [b.set(spare, get(0)), b.set(0, get(1)), b.set(1, get(spare))];
    b.addFunction({ ...def, locals: [...def.locals, first], body: [...swap, ...def.body] });
  },
}));

export const MUTANTS: readonly Mutant[] = [
  { name: 'zero extension is a sign extension', options: i64((ops) => ({ extend_u: ops.extend_s })) },
  { name: 'sign extension is a zero extension', options: i64((ops) => ({ extend_s: ops.extend_u })) },
  { name: 'neg32 leaves 64 bits', options: swapped('neg32', 'neg64') },
  {
    name: 'a 64-bit shift count is taken modulo 32',
    options: i64((ops) => ({ shl: (a, n) => ops.shl(a, ops.and(n, ops.const(31n))) })),
  },
  { name: 'arsh32 is logical', options: swapped('arsh32_reg', 'rsh32_reg') },
  { name: 'sdiv64 is unsigned', options: swapped('sdiv64_reg', 'div64_reg') },
  {
    name: 'division by zero traps (32 bits)',
    options: tap((b) => ({ choose32: (_, x, y) => b.choose32(b.i32.const(0), x, y) })),
  },
  {
    name: 'modulo by zero is zero (64 bits)',
    options: tap((b) => ({ choose64: (c, _, y) => b.choose64(c, b.i64.const(0n), y) })),
  },
  { name: 'cmpxchg64 compares 32 bits', options: swapped('atomic_cmpxchg64', 'atomic_cmpxchg32') },
  { name: 'a fetching add does not fetch', options: swapped('atomic_fetch_add64', 'atomic_add64') },
  { name: 'atomic or is xor', options: swapped('atomic_or32', 'atomic_xor32') },
  { name: 'jne32 jumps when equal', options: swapped('jne32_imm', 'jeq32_imm') },
  { name: 'jslt64 jumps when equal', options: swapped('jslt64_reg', 'jsle64_reg') },
  { name: 'jlt32 compares signed', options: swapped('jlt32_reg', 'jslt32_reg') },
  {
    name: 'gotol goes one instruction too far',
    options: misread((insn, op) => (op.name === 'gotol' ? { insn: { imm: insn.imm + 1 } } : null)),
  },
  { name: 'a signed load of 16 bits is unsigned', options: swapped('ldxsh', 'ldxh') },
  { name: 'a store of 16 bits writes 32', options: swapped('stxh', 'stxw') },
  { name: 'bswap32 swaps 16 bits', options: swapped('bswap32', 'bswap16') },
  { name: 'ld_ind ignores its register', options: swapped('ldindw', 'ldabsw') },
  { name: 'promoted stack slots share a local', options: sharedSlots },
  { name: 'a product is kept in 32 bits', options: tooNarrow((op) => op.name === 'mul64_reg') },
  { name: 'a value is not copied to the other local at the end of a block', options: noCopies },
  { name: 'arguments of a call are exchanged', options: swappedArguments },
  { name: "a callee's frame is its caller's", options: constantIn('sub', STACK_FRAME, 0) },
  { name: 'one tail call too few', options: constantIn('ge_u', MAX_TAIL_CALLS, MAX_TAIL_CALLS - 1) },
  {
    name: 'may_goto jumps too early',
    options: i32((ops) => ({ const: (n) => ops.const(n === MAY_GOTO_BUDGET ? 1 : n) })),
  },
];
