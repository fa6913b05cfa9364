// Random straight-line programs on r6 and r7 for scalar_replay.ts: arithmetic that narrows and widens, and comparisons
// with numbers at the edges. No step copies a register to another, since equal registers learn from each other.

import type { Random } from './scalar_world.ts';

const ALU = ['+', '-', '*', '|', '&', '<<', '>>', '^', 's>>', '/', '%', 's/', 's%'];
const JMP = ['==', '!=', '>', '>=', '<', '<=', '&', 's>', 's>=', 's<', 's<='];
const IMM = [0, 1, 2, 3, 5, 7, 8, 15, 31, 32, 100, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7ffffffe];

/** Steps that narrow, compute and compare; jumps to `out`. */
export function randomSteps(r: Random, count: number): string[] {
  const one = (): string => {
    const [i, w] = [r.below(2), r.chance(0.5) ? 'w' : 'r'];
    const [dst, src] = [`${w}${6 + i}`, `${w}${7 - i}`];
    const imm = () => (r.chance(0.3) ? -r.pick(IMM) - 1 : r.chance(0.2) ? 2 ** r.below(31) : r.pick(IMM));
    const bits = w === 'w' ? 32 : 64;
    switch (r.below(10)) {
      case 0:
        return `${dst} = (s${r.pick(w === 'w' ? [8, 16] : [8, 16, 32])})${dst}`;
      case 1:
        return r.chance(0.5) ? `${dst} = -${dst}` : `w${6 + i} = w${6 + i}`;
      case 2:
      case 3: {
        const op = r.pick(ALU.slice(0, r.chance(0.1) ? ALU.length : 9));
        const k = op.includes('<<') || op.includes('>>') ? r.pick([0, 1, 7, 8, 16, 31, 32, 63, 48]) % bits : imm() || 1;
        return `${dst} ${op}= ${k}`;
      }
      case 4:
      case 5:
        return `${dst} ${r.pick(ALU.slice(0, r.chance(0.1) ? ALU.length : 9))}= ${r.chance(0.9) ? src : dst}`;
      default:
        return `if ${dst} ${r.pick(JMP)} ${r.chance(0.7) ? imm() : src} goto out`;
    }
  };
  return Array.from({ length: count }, one);
}
