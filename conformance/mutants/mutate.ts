// One or two small changes to a program, of the kinds that programmers and compilers get wrong: another constant,
// register, offset, operator, width or condition; two instructions exchanged; one left out. References to maps keep
// their place.

import { type Insn, LDDW_CODE } from '../../src/isa/insn.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import type { Random } from './random.ts';

const CONSTANTS = [
  0, 1, -1, 2, 4, 7, 8, 16, 31, 32, 63, 64, 255, 512, 4096, 0x7fff, 0xffff, 0x7fffffff, -0x80000000, -8, -512,
];
const ALU_OPS = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0, 0xb0, 0xc0];
const JUMP_OPS = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
const NOTHING: Insn = { code: 0x05, dst: 0, src: 0, off: 0, imm: 0 };

const isAlu = (i: Insn) => (i.code & 7) === 4 || (i.code & 7) === 7;
const isJump = (i: Insn) => ((i.code & 7) === 5 || (i.code & 7) === 6) && JUMP_OPS.includes(i.code & 0xf0);
const isMemory = (i: Insn) => [1, 2, 3].includes(i.code & 7);
const usesImm = (i: Insn) => (isAlu(i) || isJump(i)) && (i.code & 8) === 0;

interface Mutation {
  readonly applies: (insn: Insn) => boolean;
  readonly change: (insn: Insn, random: Random) => Insn;
}

const nudge = (random: Random) => random.pick([-8, -4, -2, -1, 1, 2, 4, 8]);
const register = (random: Random) => random.below(11);

const MUTATIONS: readonly Mutation[] = [
  { applies: usesImm, change: (i, r) => ({ ...i, imm: r.pick(CONSTANTS) }) },
  { applies: usesImm, change: (i, r) => ({ ...i, imm: (i.imm + nudge(r)) | 0 }) },
  { applies: (i) => isAlu(i) || isJump(i) || isMemory(i), change: (i, r) => ({ ...i, dst: register(r) }) },
  { applies: (i) => (isAlu(i) || isJump(i)) && (i.code & 8) !== 0, change: (i, r) => ({ ...i, src: register(r) }) },
  { applies: (i) => (i.code & 7) === 1 || (i.code & 7) === 3, change: (i, r) => ({ ...i, src: register(r) }) },
  { applies: isMemory, change: (i, r) => ({ ...i, off: clamp(i.off + nudge(r)) }) },
  { applies: isMemory, change: (i, r) => ({ ...i, code: (i.code & ~0x18) | r.pick([0x00, 0x08, 0x10, 0x18]) }) },
  {
    applies: (i) => isAlu(i) && ALU_OPS.includes(i.code & 0xf0),
    change: (i, r) => ({ ...i, code: (i.code & 0x0f) | r.pick(ALU_OPS) }),
  },
  { applies: isAlu, change: (i) => ({ ...i, code: i.code ^ 3 }) },
  { applies: isJump, change: (i, r) => ({ ...i, code: (i.code & 0x0f) | r.pick(JUMP_OPS) }) },
  { applies: isJump, change: (i) => ({ ...i, code: i.code ^ 3 }) },
  { applies: isJump, change: (i, r) => ({ ...i, off: clamp(i.off + nudge(r)) }) },
  {
    applies: (i) => i.code === 0x85 && i.src === 0,
    change: (i, r) => ({ ...i, imm: r.pick([1, 2, 3, 5, 6, 7, 8, 12, 26, 28, 44, 51]) }),
  },
  { applies: (i) => i.code !== 0x95, change: () => NOTHING },
  // Fields that an instruction has no use for must be 0.
  { applies: usesImm, change: (i, r) => ({ ...i, src: 1 + register(r) }) },
  { applies: (i) => isAlu(i) && !usesImm(i), change: (i, r) => ({ ...i, imm: r.pick(CONSTANTS) }) },
];

function clamp(off: number): number {
  return Math.max(-0x8000, Math.min(0x7fff, off));
}

/** Slots that are half of an lddw stay as they are. */
function changeable(insns: readonly Insn[], at: number): boolean {
  return insns[at].code !== LDDW_CODE && (at === 0 || insns[at - 1].code !== LDDW_CODE);
}

/** Another call for a call, another constant for a constant of 64 bits, any other instruction for the rest. */
function borrow(
  insns: Insn[],
  at: number,
  mapRefs: ProgramInput['mapRefs'],
  calls: readonly Insn[],
  random: Random,
): boolean {
  const insn = insns[at];
  if (insn.code === LDDW_CODE) {
    if (insn.src !== 0 || mapRefs.has(at)) return false;
    insns[at] = { ...insn, imm: random.pick([insn.imm + nudge(random), ...CONSTANTS]) | 0 };
    return true;
  }
  const from = random.below(insns.length);
  if (!changeable(insns, at)) return false;
  if (isCall(insn)) insns[at] = random.pick(calls);
  else if (changeable(insns, from) && !isJump(insns[from])) insns[at] = insns[from];
  else return false;
  return true;
}

/** A helper or a function of the kernel. */
export const isCall = (i: Insn) => i.code === 0x85 && i.src !== 1;

function once(insns: Insn[], random: Random, mapRefs: ProgramInput['mapRefs'], calls: readonly Insn[]): void {
  for (let tries = 0; tries < 50; tries++) {
    const at = random.below(insns.length);
    if (calls.length > 0 && random.below(3) === 0 && borrow(insns, at, mapRefs, calls, random)) return;
    if (!changeable(insns, at)) continue;
    if (random.below(12) === 0 && at + 1 < insns.length && changeable(insns, at + 1)) {
      [insns[at], insns[at + 1]] = [insns[at + 1], insns[at]];
      return;
    }
    const mutation = random.pick(MUTATIONS);
    if (!mutation.applies(insns[at])) continue;
    insns[at] = mutation.change(insns[at], random);
    return;
  }
}

/** A mutant of the program. With `calls`, also such that call one of these instead, or do something of the program twice. */
export function mutate(input: ProgramInput, random: Random, calls: readonly Insn[] = []): ProgramInput {
  const insns = [...input.insns];
  once(insns, random, input.mapRefs, calls);
  if (random.below(3) === 0) once(insns, random, input.mapRefs, calls);
  return { ...input, insns };
}
