// Straight-line programs on two registers, r6 and r7, that start as unknown numbers: what our value domain says after
// each step, and what Linux's verifier log (level 2) says. A step is one line of assembly; a conditional jump goes to
// `out` and both of its outcomes count. One representation for both sides, so they can be compared field by field.
//
//   5: (65) if r6 s> 0x64 goto pc+6       ; R6=scalar(id=1,smax=100)
//   from 5 to 12: R0=0 R6=scalar(id=1,smin=umin=101,umax=0x7fffffffffffffff,var_off=(0x0; 0x7fffffffffffffff)) R10=fp0

import { asm } from '../src/isa/asm.ts';
import { type Insn, immTo64, opOf } from '../src/isa/index.ts';
import { isBranchTaken, refine } from '../src/verifier/branch.ts';
import { constant, isEmpty, type Scalar, sameScalar, signExtend, UNKNOWN } from '../src/verifier/scalar.ts';
import { aluScalar, negScalar } from '../src/verifier/scalar_alu.ts';
import { asPrecise, type Fields, fieldsOf, s64, scalarOf, show, u64 } from './scalar_world.ts';

const PROLOGUE = ['call bpf_ktime_get_ns', 'r6 = r0', 'call bpf_ktime_get_ns', 'r7 = r0', 'r0 = 0'];

/** Every jump has an end of its own: where two meet, Linux may say `safe` instead of a state. */
export function program(steps: readonly string[]): Insn[] {
  const body = steps.map((s, i) => s.replace(/goto out$/, `goto out${i}`));
  const ends = steps.flatMap((s, i) => (s.endsWith('goto out') ? [`out${i}:`, 'r0 = 2', 'exit'] : []));
  return asm([...PROLOGUE, ...body, 'r0 = 1', 'exit', ...ends].join('\n')).insns;
}

/** The instructions of the steps themselves. */
function bodyOf(steps: readonly string[]): Insn[] {
  return program(steps).slice(PROLOGUE.length, PROLOGUE.length + steps.length);
}

/** r6 and r7. */
export type Pair = readonly [Scalar, Scalar];

/** A step's outcome: the state behind it (falling through), where a jump takes it, or null where that can't happen. */
export interface Outcome {
  readonly next: Pair | null;
  readonly taken: Pair | null;
}

const START: Pair = [UNKNOWN, UNKNOWN];

/** What our domain says one instruction does. */
export function step(insn: Insn, before: Pair): Outcome {
  const op = opOf(insn);
  const at = insn.dst - 6;
  const [a, b] = [before[at], before[insn.src - 6]];
  const put = (s: Scalar): Outcome => ({ next: at === 0 ? [s, before[1]] : [before[0], s], taken: null });
  const right = (operand: 'imm' | 'reg') => (operand === 'reg' ? b : constant(immTo64(insn.imm)));
  switch (op?.kind) {
    case 'alu':
      return put(aluScalar(op.op, op.width, a, right(op.operand)));
    case 'neg':
      return put(negScalar(op.width, a));
    case 'movsx':
      return put(signExtend(b, (op.bits / 8) as 1 | 2 | 4, op.width));
    case 'jmp': {
      const other = right(op.operand);
      const known = isBranchTaken(op.op, op.width, a, other);
      const outcome = (holds: boolean): Pair | null => {
        if (known === !holds) return null;
        if (known !== undefined) return before;
        const [x, y] = refine(op.op, op.width, holds, a, other);
        const keep = (i: number) => (i === at ? x : op.operand === 'reg' ? y : before[i]);
        return [keep(0), keep(1)];
      };
      return { next: outcome(false), taken: outcome(true) };
    }
    default:
      throw new Error(`no step for opcode ${insn.code}`);
  }
}

/** Our states after the last step, each step on the state that we have. */
export function replay(steps: readonly string[]): Outcome {
  return bodyOf(steps).reduce<Outcome>((o, insn) => (o.next ? step(insn, o.next) : o), { next: START, taken: null });
}

// ------------------------------------------------------------------------------------------- the kernel's log

const REG = /\bR([67])=(P?(?:scalar\((?:[^()]|\([^()]*\))*\)|-?(?:0x)?[0-9a-f]+))/g;

/** `P?scalar(smin=umin=1,...)` or a number. Bounds that the text leaves out are at their limits. */
export function parseScalar(text: string): Scalar {
  const body = /^P?scalar\((.*)\)$/.exec(text)?.[1];
  if (body === undefined) return constant(u64(BigInt(text.replace(/^P|-/g, '')) * (text.includes('-') ? -1n : 1n)));
  const b = fieldsOf(UNKNOWN);
  const tnum = /var_off=\((\w+); (\w+)\)/.exec(body);
  if (tnum) [b.value, b.mask] = [BigInt(tnum[1]), BigInt(tnum[2])];
  for (const [, names, digits] of body.matchAll(/((?:[su](?:min|max)(?:32)?=)+)(-?\w+)/g)) {
    const x = digits.startsWith('-') ? -BigInt(digits.slice(1)) : BigInt(digits);
    for (const name of names.split('=').slice(0, -1)) setBound(b, name, x);
  }
  return scalarOf(b);
}

function setBound(b: Fields, name: string, x: bigint): void {
  if (name === 'smin' || name === 'smax') b[name] = s64(x);
  else if (name === 'umin' || name === 'umax') b[name] = u64(x);
  else if (name === 'smin32') b.s32_min = Number(BigInt.asIntN(32, x));
  else if (name === 'smax32') b.s32_max = Number(BigInt.asIntN(32, x));
  else if (name === 'umin32') b.u32_min = Number(x);
  else b.u32_max = Number(x);
}

/** What a line of the log says about r6 and r7. */
export function registersIn(line: string): [at: 0 | 1, says: Scalar][] {
  return [...line.matchAll(REG)].map(([, n, text]) => [n === '6' ? 0 : 1, parseScalar(text)]);
}

/** That put over what was before. */
function over(before: Pair, line: string): Pair {
  const pair: [Scalar, Scalar] = [...before];
  for (const [at, says] of registersIn(line)) pair[at] = says;
  return pair;
}

/** What Linux says happens at a step. */
export interface KernelOutcome {
  readonly index: number;
  readonly before: Pair;
  readonly after: Outcome;
  /** The log says that the jump can be taken, but not with which state (`from 5 to 12: safe`). */
  readonly takenHidden: boolean;
}

/** One per step, until Linux proves that the rest can't be reached. */
export function kernelOutcomes(log: string, steps: number): KernelOutcome[] {
  const [first, ...others] = log.slice(log.indexOf('\n0: ')).split('\nfrom ');
  const out: KernelOutcome[] = [];
  let before = START;
  for (let index = 0; index < steps; index++) {
    const pc = PROLOGUE.length + index;
    const state = first
      .split('\n')
      .filter((l) => l.startsWith(`${pc}: `))
      .reduce(over, before);
    const target = others.find((o) => o.startsWith(`${pc} to `))?.split('\n')[0];
    // A sign spread over all bits (-1 or 0), and-ed or or-ed with a constant: Linux goes on with either number apart
    // (maybe_fork_scalars); the value domain has nothing to do with that.
    const forked = target?.startsWith(`${pc} to ${pc}:`);
    const falls = first.includes(`\n${pc + 1}: `);
    const hidden = target !== undefined && !target.includes('R10=');
    const jumped = target && !hidden ? over(START, target) : null;
    const after = { next: falls ? state : null, taken: falls ? jumped : state };
    if (!forked) out.push({ index, before, after, takenHidden: hidden });
    if (!falls) break;
    before = state;
  }
  return out;
}

export type Verdict = 'equal' | 'finer' | 'coarser';

/** Our description against Linux's. `finer`: we say more; `coarser`: some part of ours says less than Linux's. */
export function compare(ours: Scalar, linux: Scalar): Verdict {
  if (sameScalar(ours, linux)) return 'equal';
  // A path that can't happen: Linux gives such registers up for lost, we keep them contradictory.
  return isEmpty(ours) || asPrecise(ours, linux) ? 'finer' : 'coarser';
}

export interface Difference {
  readonly step: string;
  readonly verdict: Verdict;
  readonly detail: string;
}

/** Step by step, each from Linux's own state: where ours is not what Linux says. */
export function differences(steps: readonly string[], log: string): { steps: number; found: Difference[] } {
  const insns = bodyOf(steps);
  const known = kernelOutcomes(log, steps.length);
  const found: Difference[] = [];
  for (const { index: i, before, after, takenHidden } of known) {
    const ours = step(insns[i], before);
    for (const side of ['next', 'taken'] as const) {
      if (side === 'taken' && takenHidden) continue;
      const [mine, theirs] = [ours[side], after[side]];
      const head = `${steps[i]} (${side})\n  before ${before.map(show).join('\n         ')}`;
      if (!mine && !theirs) continue;
      if (!mine || !theirs) {
        const verdict = mine ? 'coarser' : 'finer';
        found.push({ step: steps[i], verdict, detail: `${head}\n  ${mine ? 'Linux' : 'ours'} says it can't happen` });
        continue;
      }
      for (const n of [0, 1]) {
        const verdict = compare(mine[n], theirs[n]);
        const detail = `${head}\n  R${n + 6} ours  ${show(mine[n])}\n     Linux ${show(theirs[n])}`;
        if (verdict !== 'equal') found.push({ step: steps[i], verdict, detail });
      }
    }
  }
  return { steps: known.length, found };
}
