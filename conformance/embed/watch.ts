// The self-check of the interpreter: before every instruction the registers and the stack must lie in a state of the
// books of the running program. Remembers the first arrival that does not.

import { createInterpreter } from '../../src/interp/interp.ts';
import { disasm, LOG_STYLE } from '../../src/isa/index.ts';
import type { InsnIndex } from '../../src/isa/insn.ts';
import type { Memory } from '../../src/memory/memory.ts';
import type { Engine, LoadedProgram } from '../../src/runtime/engine.ts';
import { stateText } from '../../src/verifier/log.ts';
import type { State } from '../../src/verifier/state.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import { type Book, MODES, type Mode, record } from './book.ts';
import { outside } from './contains.ts';
import { Scene } from './scene.ts';

export interface Violation {
  readonly mode: Mode;
  readonly insn: InsnIndex;
  /** Program, registers, states and why each does not contain what was there. */
  readonly text: string;
}

export interface WatchCounts {
  runs: number;
  /** Arrivals compared, by mode. */
  readonly arrivals: Record<Mode, number>;
  /** Programs with a book, and states in them. */
  readonly programs: Record<Mode, number>;
  readonly states: Record<Mode, number>;
  /** Programs without a book, by reason. */
  readonly skipped: Record<string, number>;
}

/** What a verified program does not remember of its load; `insns`: verify these in its place. */
type LoadedAs = Pick<ProgramInput, 'expectedAttachType' | 'flags' | 'license'> & Partial<Pick<ProgramInput, 'insns'>>;
/** Random programs are loaded so. */
const AS_RANDOM: LoadedAs = { expectedAttachType: 0, flags: 0, license: 'GPL' };

/** Without pruning a program may have at most so many states. */
const MAX_STATES = 30_000;
const MAX_STEPS = 200_000;
const SHOWN_STATES = 4;

export class Watch {
  readonly engine: Engine;
  readonly counts: WatchCounts = {
    runs: 0,
    arrivals: { kept: 0, exact: 0 },
    programs: { kept: 0, exact: 0 },
    states: { kept: 0, exact: 0 },
    skipped: {},
  };
  violation: Violation | null = null;
  readonly #books = new Map<LoadedProgram, Book[]>();
  #scene: Scene | null = null;

  constructor() {
    this.engine = createInterpreter({
      maxSteps: MAX_STEPS,
      onStep: (pc, regs, program) => this.#step(pc, regs, program),
    });
  }

  /** Verifies the program once more, with its states on record. */
  learn(program: LoadedProgram, memSize: number, loadedAs: LoadedAs = AS_RANDOM): void {
    const { expectedAttachType, flags, license, insns = program.code.insns } = loadedAs;
    const input = { ...program.code, insns, expectedAttachType, flags, license, memSize };
    const books: Book[] = [];
    for (const mode of MODES) {
      const book = record(input, mode, MAX_STATES);
      if (typeof book === 'string') {
        const reason = `${mode}: ${book}`;
        this.counts.skipped[reason] = (this.counts.skipped[reason] ?? 0) + 1;
        continue;
      }
      this.counts.programs[mode]++;
      this.counts.states[mode] += book.size;
      books.push(book);
    }
    this.#books.set(program, books);
  }

  forget(program: LoadedProgram): void {
    this.#books.delete(program);
  }

  /** A run starts. */
  begin(memory: Memory): void {
    if (this.#scene?.memory !== memory) this.#scene = new Scene(memory);
    this.#scene.reset();
    this.violation = null;
    this.counts.runs++;
  }

  #step(pc: InsnIndex, regs: BigUint64Array, program: LoadedProgram): void {
    const scene = this.#scene;
    if (scene === null || this.violation !== null) return;
    scene.step(pc, regs, program);
    for (const book of this.#books.get(program) ?? []) {
      if (!book.expects(pc)) continue;
      this.counts.arrivals[book.mode]++;
      this.violation ??= arrival(pc, scene, book);
    }
  }
}

function arrival(pc: InsnIndex, scene: Scene, book: Book): Violation | null {
  const states = book.statesAt(
    pc,
    scene.calls.map((call) => call.callsite),
  );
  const at = states.findIndex((state) => outside(state, scene, book) === null);
  // Loops come back to the same state.
  if (at > 0) [states[0], states[at]] = [states[at], states[0]];
  if (at >= 0) return null;
  return { mode: book.mode, insn: pc, text: describe(pc, scene, book, states) };
}

function describe(pc: InsnIndex, scene: Scene, book: Book, states: readonly State[]): string {
  const { insns } = scene.program.code;
  const regs = scene.calls.map(
    (call, f) => `frame ${f}: ${[...call.regs].map((v, r) => `r${r}=0x${v.toString(16)}`).join(' ')}`,
  );
  const shown = states
    .slice(0, SHOWN_STATES)
    .flatMap((s) => [` ${outside(s, scene, book)}`, `   ${stateText(s, String)}`]);
  return [
    `before insn ${pc}, ${book.mode} states: in none of ${states.length}`,
    ...regs,
    ...shown,
    disasm(insns, LOG_STYLE),
  ].join('\n');
}
