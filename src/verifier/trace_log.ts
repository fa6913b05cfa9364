// What the log of level 2 says of backtracking (precision.ts). Tracing far back takes millions of steps: a line is put
// into words only if it is still there when the log is read.

import { disasmInsn } from '../isa/index.ts';
import type { InsnIndex } from '../isa/insn.ts';
import type { Env } from './env.ts';
import { frameText, type StepText } from './log.ts';
import type { Trace } from './precision.ts';
import { type State, slotsText } from './state.ts';

export class TraceLog {
  readonly #env: Env;
  readonly #t: Trace;
  readonly #step: StepText;

  constructor(env: Env, t: Trace) {
    this.#env = env;
    this.#t = t;
    const { insns, style } = env.prog;
    this.#step = (frame, regs, low, high, at) =>
      line(frame, `${wanted(regs, low, high)} before ${at}: ${disasmInsn(insns, at, style)}`);
  }

  state(last: InsnIndex, first: InsnIndex, subseq: InsnIndex): void {
    const { frame } = this.#t;
    this.#env.log.later(() => line(frame, `last_idx ${last} first_idx ${first} subseq_idx ${subseq} `));
  }

  before(at: InsnIndex): void {
    if (this.#env.prog.ops[at] === undefined) return;
    const t = this.#t;
    const f = t.frame;
    this.#env.log.step(this.#step, f, t.regs[f], t.slotWord(f, 0), t.slotWord(f, 1), at);
  }

  parent(state: State): void {
    const t = this.#t;
    const mapText = (m: number) => this.#env.mapText(m);
    for (let f = t.frame; f >= 0; f--) {
      const { held } = state;
      const frame = state.frames[f].clone();
      const [regs, low, high] = [t.regs[f], t.slotWord(f, 0), t.slotWord(f, 1)];
      this.#env.log.later(() =>
        line(f, `parent state ${wanted(regs, low, high)}: ${frameText(held, frame, mapText, null)}`),
      );
    }
  }
}

function line(frame: number, text: string): string {
  return `mark_precise: frame${frame}: ${text}`;
}

function wanted(mask: number, low: number, high: number): string {
  const regs: string[] = [];
  for (let r = 0; r <= 10; r++) if ((mask & (1 << r)) !== 0) regs.push(`r${r}`);
  return `regs=${regs.join(',')} stack=${slotsText(low, high)}`;
}
