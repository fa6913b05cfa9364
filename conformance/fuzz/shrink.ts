// A failing program made smaller while it goes on failing: instructions are taken out, constants become simple. In: a
// program and the question whether one still fails (a program that does not even load does not); out: the smallest found.

import { targetOf } from '../../src/analysis/cfg.ts';
import type { Insn } from '../../src/isa/insn.ts';
import { opOf } from '../../src/isa/opcodes.ts';
import { isLddw } from './draft.ts';
import type { Code, FuzzProgram } from './program.ts';

export type Fails = (program: FuzzProgram) => boolean;

/** Questions one shrinking may ask. */
const MAX_TRIALS = 3000;

export function shrink(program: FuzzProgram, fails: Fails): FuzzProgram {
  let trials = 0;
  let best = program;
  const attempt = (candidate: FuzzProgram): boolean => {
    if (trials++ >= MAX_TRIALS || !fails(candidate)) return false;
    best = candidate;
    return true;
  };
  if (best.target !== null) attempt({ ...best, target: null });
  for (let before = -1; before !== sizeOf(best) && trials < MAX_TRIALS; ) {
    before = sizeOf(best);
    for (const part of ['main', 'target'] as const) {
      if (best[part] === null) continue;
      takeOut(
        () => best[part]!,
        (code) => attempt({ ...best, [part]: code }),
      );
      simplify(
        () => best[part]!,
        (code) => attempt({ ...best, [part]: code }),
      );
    }
  }
  zeroData(
    () => best.data,
    (data) => attempt({ ...best, data }),
  );
  return best;
}

const sizeOf = ({ main, target }: FuzzProgram): number => main.insns.length + (target?.insns.length ?? 0);

type Attempt<T> = (candidate: T) => boolean;

/** Ever smaller stretches of instructions, from the end. */
function takeOut(now: () => Code, attempt: Attempt<Code>): void {
  for (let size = now().insns.length >> 1; size > 0; size >>= 1) {
    for (let at = now().insns.length - size; at >= 0; at -= size) {
      const code = without(now(), at, Math.min(at + size, now().insns.length));
      if (code !== null) attempt(code);
    }
  }
}

function simplify(now: () => Code, attempt: Attempt<Code>): void {
  for (let at = 0; at < now().insns.length; at++) {
    const insn = now().insns[at];
    const op = opOf(insn);
    if (op === undefined || !['alu', 'jmp', 'st', 'lddw'].includes(op.kind) || now().mapRefs.has(at)) continue;
    for (const imm of [0, 1]) {
      if (insn.imm === imm || (insn.imm === 0 && imm === 1)) continue;
      if (attempt({ ...now(), insns: now().insns.with(at, { ...insn, imm }) })) break;
    }
  }
}

function zeroData(now: () => Uint8Array, attempt: Attempt<Uint8Array>): void {
  for (let at = 0; at + 8 <= now().length; at += 8) {
    const data = now().slice();
    if (data.subarray(at, at + 8).every((b) => b === 0)) continue;
    data.fill(0, at, at + 8);
    attempt(data);
  }
}

/** The code without slots [from, to): jumps into them go to what follows. null where that would cut an lddw. */
export function without({ insns, mapRefs }: Code, from: number, to: number): Code | null {
  const cuts = (at: number) => at > 0 && at < insns.length && insns[at].code === 0 && isLddw(insns[at - 1]);
  if (from >= to || cuts(from) || cuts(to)) return null;
  const placeOf = (at: number) => (at <= from ? at : at < to ? from : at - (to - from));
  const kept: Insn[] = [];
  insns.forEach((insn, at) => {
    if (at >= from && at < to) return;
    const field = distanceField(insn);
    if (field === null) {
      kept.push(insn);
      return;
    }
    const op = opOf(insn)!;
    const target = op.kind === 'lddw' ? at + 1 + insn.imm : targetOf(insn, op, at);
    kept.push({ ...insn, [field]: placeOf(target) - placeOf(at) - 1 });
  });
  const refs = [...mapRefs].filter(([at]) => at < from || at >= to);
  return { insns: kept, mapRefs: new Map(refs.map(([at, ref]) => [placeOf(at), ref])) };
}

/** The field with the distance to another instruction. */
function distanceField(insn: Insn): 'off' | 'imm' | null {
  const op = opOf(insn);
  switch (op?.kind) {
    case 'jmp':
    case 'may_goto':
      return 'off';
    case 'ja':
      return op.wide ? 'imm' : 'off';
    case 'call':
      return op.callee === 'local' ? 'imm' : null;
    case 'lddw':
      return op.pseudo === 'func' ? 'imm' : null;
    default:
      return null;
  }
}
