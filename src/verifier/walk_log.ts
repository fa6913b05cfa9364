// What the log of level 1 and 2 says of the walk: instructions, what they changed, where paths come from and end. Nothing
// is put into words here: states are copied (their registers are immutable), and lines are made when the log is read.

import { disasmInsn } from '../isa/index.ts';
import type { InsnIndex } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import type { Env } from './env.ts';
import { frameText } from './log.ts';
import type { Frame } from './state.ts';
import { END } from './steps.ts';

const NO_FRAMES: readonly Frame[] = [];

export class WalkLog {
  readonly #env: Env;
  readonly #on: boolean;
  /** Source by slot. */
  readonly #source: readonly (SourceLine | undefined)[];
  /** Line of source that was printed last. */
  #printedLine: SourceLine | null = null;
  /** What the next instruction is printed behind: the whole state, and how the path got there. */
  #printState = true;
  #printFrom = false;
  /** What the last instruction changed is still to be printed, and what was printed before it ran. */
  #printChanges = false;
  #written = 0;
  /** The call chain before the instruction. */
  #frames = NO_FRAMES;

  constructor(env: Env) {
    this.#env = env;
    this.#on = env.log.on;
    this.#source = this.#on ? sourceBySlot(env) : [];
  }

  /** A path that waited goes on. */
  pathStarts(): void {
    this.#printState = this.#printFrom = true;
    this.#printChanges = false;
  }

  /** The path ends in a state seen before. */
  safe(): void {
    if (!this.#on) return;
    const { log, prevInsnIdx, insnIdx } = this.#env;
    const end = this.#printFrom ? `\nfrom ${prevInsnIdx} to ${insnIdx}${this.#guessed()}: safe` : `${insnIdx}: safe`;
    log.line(end);
  }

  /** An instruction is about to be executed. */
  before(): void {
    if (!this.#on) return;
    const env = this.#env;
    const { log, insnIdx } = env;
    if (this.#printChanges) this.#changes(insnIdx);
    if (this.#printState || this.#printFrom) {
      const state = this.#state(env.frame);
      const from = `\nfrom ${env.prevInsnIdx} to ${insnIdx}${this.#guessed()}:`;
      if (this.#printFrom && log.level > 1) log.later(() => from + state());
      if (this.#printState) log.later(() => `${insnIdx}:${state()}`);
    }
    this.#printState = this.#printFrom = false;
    const source = this.#source[insnIdx];
    if (source !== undefined && source !== this.#printedLine) {
      log.later(() => `; ${source.text.trimStart()} @ ${baseName(source.file)}:${source.line}`);
      this.#printedLine = source;
    }
    const { insns, style } = env.prog;
    log.later(() => `${insnIdx}: ${disasmInsn(insns, insnIdx, style)}`);
    this.#frames = env.state.frames.slice();
    this.#written = log.position;
  }

  /** It was; the path goes on at `next`. Calls and returns show both sides. */
  after(next: InsnIndex): void {
    if (!this.#on || next === END) return;
    const env = this.#env;
    const { log } = env;
    const { frames } = env.state;
    const before = this.#frames;
    const now = frames.length === before.length ? null : this.#state(env.frame);
    if (now === null) {
      // A jump says at once what it taught; others when the path goes on: not when it ends in a state seen before.
      if (env.prog.ops[env.insnIdx]?.kind === 'jmp') this.#changes(env.insnIdx);
      else this.#printChanges = true;
    } else if (frames.length > before.length) {
      const caller = this.#state(frames[frames.length - 2]);
      log.later(() => `caller:\n${caller()}`);
      log.later(() => `callee:\n${now()}`);
      this.#printState = true;
    } else {
      const callee = this.#state(before[before.length - 1]);
      log.later(() => `returning from callee:\n${callee()}`);
      log.later(() => `to caller at ${next}:\n${now()}`);
      if (env.prog.ops[env.insnIdx]?.kind === 'exit') this.#printFrom = true;
      else this.#printChanges = true;
    }
  }

  /** Behind what tracing wrote, the changes have a line of their own, with the number of an instruction. */
  #changes(at: InsnIndex): void {
    const env = this.#env;
    this.#printChanges = false;
    const [low, high] = env.touchedSlots;
    if ((env.touchedRegs | low | high) === 0) return;
    env.log.beside(this.#state(env.frame, { regs: env.touchedRegs, slots: [low, high] }), this.#written, at);
  }

  /** The text of a frame as it is now. */
  #state(frame: Frame, only: Parameters<typeof frameText>[3] = null): () => string {
    const env = this.#env;
    const held = env.state.held;
    const copy = only !== null && (only.slots[0] | only.slots[1]) === 0 ? frame.clone([]) : frame.clone();
    return () => frameText(held, copy, (m) => env.mapText(m), only);
  }

  #guessed(): string {
    return this.#env.state.speculative ? ' (speculative execution)' : '';
  }
}

function baseName(file: string): string {
  return file.slice(file.lastIndexOf('/') + 1);
}

/** The line of each slot: the entry at or before it. */
function sourceBySlot({ prog }: Env): (SourceLine | undefined)[] {
  const { lines } = prog.input;
  if (lines === undefined) return [];
  let line: SourceLine | undefined;
  return prog.insns.map((_, at) => (line = lines.get(at) ?? line));
}

/** The same for one slot. */
export function sourceAt<T>(lines: ReadonlyMap<InsnIndex, T>, at: InsnIndex): T | undefined {
  for (let i = at; i >= 0; i--) {
    const line = lines.get(i);
    if (line !== undefined) return line;
  }
  return undefined;
}
