// A program of any length for measuring how loading grows: blocks of 36 instructions as compilers make them (mostly ALU on
// registers and constants, packet loads, spills and reloads, a branch over a few instructions), the same for the same
// seed. Every register is an unknown number at a join, so the verifier walks each instruction about once.

import { asm } from '../src/isa/asm.ts';
import type { Insn } from '../src/isa/insn.ts';

const PROLOGUE = `
  r7 = *(u32 *)(r1 + 4)
  r6 = *(u32 *)(r1 + 0)
  r2 = r6
  r2 += 64
  if r2 > r7 goto out
  r0 = *(u32 *)(r6 + 0)
  r1 = *(u32 *)(r6 + 4)
  r2 = *(u32 *)(r6 + 8)
  r3 = *(u32 *)(r6 + 12)
  r4 = *(u32 *)(r6 + 16)
  r5 = *(u32 *)(r6 + 20)
  r7 = *(u32 *)(r6 + 24)
  r8 = *(u32 *)(r6 + 28)
  r9 = *(u32 *)(r6 + 32)
${Array.from({ length: 8 }, (_, i) => `  *(u64 *)(r10 - ${8 * (i + 1)}) = r${[0, 1, 2, 3, 4, 5, 7, 8][i]}`).join('\n')}
  goto body
out:
  r0 = 2
  exit
body:
`;
/** dst, src, constant -> text. */
const ALU = [
  (d: string, s: string) => `${d} += ${s}`,
  (d: string, s: string) => `${d} ^= ${s}`,
  (d: string, s: string) => `${d} -= ${s}`,
  (d: string, s: string) => `${d} |= ${s}`,
  (d: string, _: string, c: number) => `${d} *= ${c | 1}`,
  (d: string, _: string, c: number) => `${d} &= ${c | 0xff00ff}`,
  (d: string, _: string, c: number) => `${d} <<= ${c & 15}`,
  (d: string, _: string, c: number) => `${d} >>= ${c & 15}`,
  (d: string, s: string) => `${d.replace('r', 'w')} += ${s.replace('r', 'w')}`,
  (d: string, s: string) => `${d.replace('r', 'w')} ^= ${s.replace('r', 'w')}`,
  (d: string, s: string) => `${d} = ${s}`,
  (d: string, _: string, c: number) => `${d} += ${c & 0x7fff}`,
];
/** Nothing is dead: the result hangs on every register and stack slot. */
const TAIL = [
  ...['r1', 'r2', 'r3', 'r4', 'r5', 'r7', 'r8', 'r9'].map((r) => `r0 ^= ${r}`),
  ...Array.from({ length: 8 }, (_, i) => `r1 = *(u64 *)(r10 - ${8 * (i + 1)})\nr0 ^= r1`),
  'exit',
].join('\n');
const REGS = ['r0', 'r1', 'r2', 'r3', 'r4', 'r5', 'r7', 'r8', 'r9'];
/** Instructions of a block. Linux follows at most 8192 branches one after the other: 256k instructions need longer ones than 32. */
const BLOCK = 36;
/** Blocks that differ; longer programs repeat them. */
const BLOCKS = 256;

function random(seed: number): () => number {
  let x = seed | 1;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x >>> 0;
  };
}

function blocks(seed: number): Insn[] {
  const next = random(seed * 0x9e3779b1);
  const reg = () => REGS[next() % REGS.length];
  const alu = () => ALU[next() % ALU.length](reg(), reg(), next());
  const slot = () => 8 * (1 + (next() % 8));
  /** Of what was just loaded: a branch that the verifier can decide would make values precise, and states differ. */
  const choice = (r: string, i: number) => [
    `${r} = *(u${[32, 64][next() % 2]} *)(r6 + ${next() % 56})`,
    `if ${r} ${['>', '==', 's<', '!='][next() % 4]} ${next() & 0xffff} goto join${i}`,
  ];
  const text = Array.from({ length: BLOCKS }, (_, i) =>
    [
      ...Array.from({ length: 8 }, alu),
      `*(u64 *)(r10 - ${slot()}) = ${reg()}`,
      `${reg()} = *(u${[8, 16, 32][next() % 3]} *)(r6 + ${next() % 56})`,
      ...choice(reg(), i),
      ...Array.from({ length: 3 }, alu),
      `join${i}: ${reg()} = *(u64 *)(r10 - ${slot()})`,
      ...Array.from({ length: 8 }, alu),
      `*(u64 *)(r10 - ${slot()}) = ${reg()}`,
      `${reg()} = *(u64 *)(r10 - ${slot()})`,
      ...Array.from({ length: 10 }, alu),
    ].join('\n'),
  ).join('\n');
  return asm(text).insns;
}

/** An XDP program of exactly `length` instructions, at least 64. */
export function generate(length: number, seed: number): Insn[] {
  const head = asm(PROLOGUE).insns;
  const body = blocks(seed);
  const tail = asm(TAIL).insns;
  const filler = asm('r0 += r1').insns[0];
  const room = length - head.length - tail.length;
  const whole = Math.floor(room / BLOCK) * BLOCK; // a block is never cut: its branch would point outside
  const middle = Array.from({ length: room }, (_, i) => (i < whole ? body[i % body.length] : filler));
  return [...head, ...middle, ...tail];
}
