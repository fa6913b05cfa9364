// Programs made to cost: what grows with the square of their length, or with the number of ways through them, or takes
// memory for each. One row per idea; `n` is about the number of instructions, up to the million that a program may have.

import { asm } from '../../src/isa/index.ts';
import type { Insn } from '../../src/isa/insn.ts';

const one = (text: string): Insn => asm(text).insns[0];
const END = asm('r0 = 0\nexit').insns;
const LOAD = one('r2 = *(u8 *)(r1 + 0)');
const INCREMENT = one('r3 += 1');
const JA = 0x05;
const JEQ = 0x15;
const JGT = 0x25;
const MAY_GOTO = 0xe5;
const STX = 0x7b;

const insn = (code: number, dst: number, src: number, off: number, imm: number): Insn => ({ code, dst, src, off, imm });
/** `if r2 > 7`, open: r2 is a byte of the input. */
const fork = (off: number): Insn => insn(JGT, 2, 0, off, 7);
const call = (distance: number): Insn => insn(0x85, 0, 1, 0, distance);
const spill = (slot: number, reg: number): Insn => insn(STX, 10, reg, -8 * slot, 0);

function times(n: number, make: (i: number) => readonly Insn[]): Insn[] {
  return Array.from({ length: Math.max(0, Math.floor(n)) }, (_, i) => make(i)).flat();
}

/** `width` functions in each of seven layers, each calling all of the next; no path goes there. */
function layers(width: number): Insn[] {
  const depth = 6;
  const size = (layer: number) => (layer < depth - 1 ? width + 3 : 2);
  const main = width + 4;
  const place = (layer: number, k: number): number => {
    let at = main;
    for (let l = 0; l < layer; l++) at += width * size(l);
    return at + k * size(layer);
  };
  const out: Insn[] = [];
  const callAll = (layer: number) => {
    out.push(one('r0 = 0'), insn(JEQ, 0, 0, width, 0));
    for (let k = 0; k < width; k++) out.push(call(place(layer, k) - out.length - 1));
  };
  callAll(0);
  out.push(...END);
  for (let layer = 0; layer < depth; layer++) {
    for (let k = 0; k < width; k++) {
      if (layer < depth - 1) callAll(layer + 1);
      else out.push(one('r0 = 0'));
      out.push(END[1]);
    }
  }
  return out;
}

/** Functions of two instructions, each called once. */
function functions(count: number): Insn[] {
  const calls = times(count, (i) => [call(count + 1 + i)]);
  return [...calls, ...END, ...times(count, () => END)];
}

export const HOSTILE: Readonly<Record<string, (n: number) => readonly Insn[]>> = {
  'a straight line': (n) => [...times(n - 2, () => [one('r3 = 1')]), ...END],
  'jumps to the next instruction': (n) => [...times(n - 2, () => [insn(JA, 0, 0, 0, 0)]), ...END],
  'open jumps to the next instruction': (n) => [LOAD, ...times(n - 3, () => [fork(0)]), ...END],
  'paths that part and meet': (n) => [LOAD, one('r3 = 0'), ...times((n - 4) / 2, () => [fork(1), INCREMENT]), ...END],
  'paths that part for good': (n) => [
    one('r3 = 0'),
    ...times((n - 3) / 4, () => [LOAD, fork(1), INCREMENT, insn(JGT, 3, 0, 0, 99)]),
    ...END,
  ],
  'a number from far back decides again and again': (n) => [
    one('r2 = 0'),
    ...times((n - 3) / 2, () => [one('r3 = r10'), one('r3 += r2')]),
    ...END,
  ],
  'paths that wait with long histories': (n) => {
    const sign = asm('r3 = *(u64 *)(r1 + 0)\nr3 s>>= 63\nr3 &= 5').insns;
    return [...times(n / 2, () => [spill(1, 2)]), ...times(n / 6, () => sign), ...END];
  },
  'may_goto after may_goto': (n) => [...times(n - 2, () => [insn(MAY_GOTO, 0, 0, 0, 0)]), ...END],
  'loops in loops': (n) => {
    const k = Math.min((n - 3) / 2, 16_000);
    return [LOAD, ...times(k, () => [one('r3 = 1')]), ...times(k, (i) => [fork(-2 * i - 2)]), ...END];
  },
  'blocks that may jump back to the one before': (n) => [
    LOAD,
    one('r4 = 0'),
    one('r3 = 1'),
    ...times((n - 6) / 2, (i) => [fork(i === 0 ? 0 : -4), one('r3 = r4')]),
    ...END,
  ],
  'loops that are left at once': (n) => {
    const k = Math.min(n - 2, 30_000);
    return [...times(k, (i) => [insn(MAY_GOTO, 0, 0, k - i - 1, 0)]), ...END];
  },
  'rounds that end in an open loop': (n) => {
    const k = Math.min((n - 6) / 2, 6000);
    const round = times(k, (i) => [fork(-2 * i - 3), INCREMENT]);
    const back = insn(JA, 0, 0, -(round.length + 3), 0);
    return [LOAD, one('r3 = 0'), insn(MAY_GOTO, 0, 0, round.length + 2, 0), LOAD, ...round, back, ...END];
  },
  'stores whose slot hangs on the path': (n) => {
    const slot = asm('r4 = r10\nr4 += -8').insns;
    const other = one('r4 += -8');
    const store = insn(STX, 4, 10, 0, 0);
    return [LOAD, ...times((n - 3) / 6, () => [...slot, fork(1), other, store, one('r3 = 1')]), ...END];
  },
  'bytes at a variable place of the stack': (n) => [
    ...times(64, (i) => [spill(i + 1, 10)].map((x) => ({ ...x, code: 0x7a, src: 0 }))),
    LOAD,
    ...asm('r4 = r10\nr4 += -512\nr4 += r2').insns,
    ...times(n - 70, (i) => [i % 2 === 0 ? one('*(u8 *)(r4 + 0) = r2') : one('r3 = *(u8 *)(r4 + 0)')]),
    ...END,
  ],
  'a full stack in many states': (n) => [
    ...times(64, (i) => [spill(i + 1, 1)]),
    LOAD,
    one('r3 = 0'),
    ...times((n - 68) / 2, () => [fork(1), INCREMENT]),
    ...END,
  ],
  'a number in every slot': (n) => [
    LOAD,
    ...times(64, (i) => [spill(i + 1, 2)]),
    ...times(n - 67, () => [fork(0)]),
    ...END,
  ],
  'a loop of two million rounds': () => asm('r2 = 0\nl: r2 += 1\nif r2 < 2000000 goto l\nr0 = 0\nexit').insns,
  'chains of calls that no path takes': (n) => layers(Math.min(Math.floor(Math.sqrt(n / 6)), 36)),
  'functions without end': (n) => functions(Math.floor(n / 3)),
};
