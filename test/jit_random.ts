// Random programs that nobody verified: ALU on corner values, memory, atomics, calls, and jumps anywhere (loops with
// several entrances among them). They write the stack before they read it: what stood there is different for each engine
// (harness.ts). Deterministic by seed.

import { type Insn, LDDW_CODE, OPCODES, type Op } from '../src/isa/index.ts';

const IMMS = [0, 1, -1, 2, 7, 8, 31, 32, 33, 63, 64, 255, 256, 65535, 65536, 0x7fffffff, -0x80000000, -2, -8, 100];
const SCRATCH = [0, 1, 2, 3, 4, 5, 7, 8];
const BASE = 6;

const ofKind = (...kinds: Op['kind'][]) => OPCODES.filter((op) => kinds.includes(op.kind));
const ALU = ofKind('alu', 'movsx', 'neg', 'end');
const JUMPS = ofKind('jmp');
const MEMORY = ofKind('ldx', 'st', 'stx', 'atomic', 'load_acq', 'store_rel');
const HELPERS = [5, 7, 8];

type Draft = Insn & { goes?: 'anywhere' | 'function' };

export function randomProgram(seed: number): Insn[] {
  let state = seed >>> 0;
  const random = (n: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const pick = <T>(list: readonly T[]): T => list[random(list.length)];
  const of = (op: Op, fields: Partial<Insn>): Draft => {
    const { off, imm, src } = op;
    const select = {
      ...(off !== undefined && { off }),
      ...(imm !== undefined && { imm }),
      ...(src !== undefined && { src }),
    };
    return { code: op.code, dst: 0, src: 0, off: 0, imm: 0, ...fields, ...select };
  };
  const raw = (code: number, fields: Partial<Draft> = {}): Draft => ({
    code,
    dst: 0,
    src: 0,
    off: 0,
    imm: 0,
    ...fields,
  });
  const reg = () => pick(SCRATCH);

  const memory = (): Draft => {
    const op = pick(MEMORY);
    const base = pick([BASE, 10]);
    const off = base === 10 ? -8 * (1 + random(4)) - (random(4) === 0 ? random(4) : 0) : random(24);
    const loads = op.kind === 'ldx' || op.kind === 'load_acq';
    const regs = loads ? { dst: reg(), src: base } : { dst: base, src: reg(), imm: pick(IMMS) };
    return { ...of(op, regs), off };
  };
  const alu = () => of(pick(ALU), { dst: reg(), src: reg(), imm: pick(IMMS) });
  const next = (): Draft[] => {
    const k = random(100);
    if (k < 55) return [alu()];
    if (k < 60) return [raw(LDDW_CODE, { dst: reg(), imm: pick(IMMS) }), raw(0, { imm: pick([0, 0, -1, 1]) })];
    if (k < 75) return [memory()];
    if (k < 95) return [{ ...of(pick(JUMPS), { dst: reg(), src: reg(), imm: pick(IMMS) }), goes: 'anywhere' }];
    if (k < 97) return [raw(0x05, { goes: 'anywhere' })];
    if (k < 98) return [raw(0xe5, { goes: 'anywhere' })];
    if (k < 99) return [raw(0x85, { imm: pick(HELPERS) })];
    return [raw(0x85, { src: 1, goes: 'function' })];
  };

  const out: Draft[] = [raw(0xbf, { dst: BASE, src: 1 })];
  for (let off = -8; off >= -40; off -= 8) out.push(raw(0x7a, { dst: 10, off, imm: pick(IMMS) }));
  for (let n = 10 + random(60); n > 0; n--) out.push(...next());
  out.push(raw(0x95));
  const fn = out.length;
  for (let i = 0; i < 6; i++) out.push(alu());
  const spill = [raw(0x7b, { dst: 10, src: 1, off: -8 }), raw(0x79, { dst: 0, src: 10, off: -8 })];
  // The function's own ALU may use r6-r8, which start as 0 there.
  out.push(...spill, raw(0x95));

  const starts = [...Array(fn).keys()].filter((i) => i === 0 || out[i - 1].code !== LDDW_CODE);
  return out.map(({ goes, ...insn }, at): Insn => {
    if (goes === 'function') return { ...insn, imm: fn - at - 1 };
    if (goes === undefined) return insn;
    const forward = starts.filter((s) => s > at);
    const target = random(4) > 0 && forward.length > 0 ? pick(forward) : pick(starts);
    return { ...insn, off: target - at - 1 };
  });
}
