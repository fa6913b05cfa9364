// The self-check of the interpreter: before every instruction the registers and the stack must lie in a state of the
// books of the running program, and what it touches in the memory of its pointer. Remembers the first arrival that does not.

import { createInterpreter } from '../../src/interp/interp.ts';
import { type DisasmOptions, disasm, LOG_STYLE } from '../../src/isa/index.ts';
import type { InsnIndex } from '../../src/isa/insn.ts';
import type { Memory } from '../../src/memory/memory.ts';
import type { Engine, LoadedProgram } from '../../src/runtime/engine.ts';
import { kfuncByNumber } from '../../src/spec/kfunc_abi.ts';
import { stateText } from '../../src/verifier/log.ts';
import type { State } from '../../src/verifier/state.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import { type ExactBook, type KeptBook, type Mode, type NoBook, type Node, recordExact, recordKept } from './book.ts';
import { Comparison } from './contains.ts';
import { Scene } from './scene.ts';
import { outsideMemory } from './touch.ts';

export interface Violation {
  /** 'verdict': pruning on and pruning off disagree about the program. */
  readonly mode: Mode | 'verdict';
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
export const AS_RANDOM: LoadedAs = { expectedAttachType: 0, flags: 0, license: 'GPL' };

/** Without pruning a program may have at most so many states. */
const MAX_STATES = 30_000;
const MAX_STEPS = 200_000;
const SHOWN_STATES = 4;

/** Code for engines: calls of kfuncs are numbered. */
const STYLE: DisasmOptions = {
  ...LOG_STYLE,
  callee: (insn) => (insn.src === 2 ? kfuncByNumber(insn.imm)?.name : undefined),
};

interface Books {
  readonly kept: KeptBook | null;
  readonly exact: ExactBook | null;
}

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
  readonly #books = new Map<LoadedProgram, Books>();
  readonly #comparison = new Comparison();
  #scene: Scene | null = null;

  constructor() {
    this.engine = createInterpreter({
      maxSteps: MAX_STEPS,
      onStep: (pc, regs, program) => this.#step(pc, regs, program),
    });
  }

  /** Verifies the program once more, with its states on record. */
  learn(program: LoadedProgram, memSize: number, loadedAs: LoadedAs): void {
    const { expectedAttachType, flags, license, insns = program.code.insns } = loadedAs;
    const input = { ...program.code, insns, expectedAttachType, flags, license, memSize };
    this.keep(program, recordKept(input, MAX_STATES), recordExact(input, MAX_STATES));
  }

  /** The books of a program. */
  keep(program: LoadedProgram, kept: KeptBook | NoBook, exact: ExactBook | NoBook): void {
    this.#books.set(program, { kept: this.#counted(kept), exact: this.#counted(exact) });
  }

  #counted<B extends KeptBook | ExactBook>(book: B | NoBook): B | null {
    const { counts } = this;
    if ('why' in book) {
      const reason = `${book.mode}: ${book.why}`;
      counts.skipped[reason] = (counts.skipped[reason] ?? 0) + 1;
      return null;
    }
    counts.programs[book.mode]++;
    counts.states[book.mode] += book.size;
    return book;
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
    const books = this.#books.get(program);
    if (books === undefined) return;
    if (books.kept?.expects(pc)) {
      this.counts.arrivals.kept++;
      this.violation = this.#kept(pc, scene, books.kept);
    }
    if (books.exact !== null) {
      this.counts.arrivals.exact++;
      this.violation ??= this.#exact(pc, scene, books.exact);
    }
    scene.remember();
  }

  #kept(pc: InsnIndex, scene: Scene, book: KeptBook): Violation | null {
    const states = book.statesAt(pc, scene.calls);
    for (let at = 0; at < states.length; at++) {
      if (this.#comparison.kept(states[at], scene, book) !== null) continue;
      // Loops come back to the same state.
      if (at > 0) [states[0], states[at]] = [states[at], states[0]];
      return null;
    }
    return describe('kept', pc, scene, states, (state) => this.#comparison.kept(state, scene, book));
  }

  #exact(pc: InsnIndex, scene: Scene, book: ExactBook): Violation | null {
    const from = scene.node;
    const ways = from === null ? entries(book, pc, scene) : onwards(from);
    for (const node of ways) {
      if (node.insn !== pc || node.state.frames.length !== scene.calls.length) continue;
      if (this.#comparison.exact(node.state, scene, from === null ? null : from.state) !== null) continue;
      scene.node = node;
      const where = outsideMemory(pc, scene, node.state);
      return where === null ? null : describe('exact', pc, scene, [node.state], () => where);
    }
    const here = ways.filter((node) => node.insn === pc).map((node) => node.state);
    return describe('exact', pc, scene, here, (state) => this.#comparison.exact(state, scene, null));
  }
}

/** Where a run that is on no path yet may be: at the root; behind a tail call of a called function, anywhere. */
function entries({ root }: ExactBook, pc: InsnIndex, scene: Scene): readonly Node[] {
  if (pc === 0 && scene.calls.length === 1) return [root];
  const all: Node[] = [root];
  for (let i = 0; i < all.length; i++) all.push(...all[i].next);
  return all.filter(({ state }) => state.frames.every((f, i) => f.callsite === scene.calls[i]?.callsite));
}

/** Some arithmetic is followed for two values of its operand: one of them as a second visit of the same instruction. */
function onwards({ insn, next }: Node): readonly Node[] {
  if (next.length < 2) return next;
  const again = next.filter((node) => node.insn === insn);
  return again.length === 0 ? next : [...next, ...again.flatMap((node) => node.next)];
}

function describe(
  mode: Mode,
  pc: InsnIndex,
  scene: Scene,
  states: readonly State[],
  why: (state: State) => string | null,
): Violation {
  const regs = scene.calls.map(
    (call, f) => `frame ${f}: ${[...call.regs].map((v, r) => `r${r}=0x${v.toString(16)}`).join(' ')}`,
  );
  const shown = states.slice(0, SHOWN_STATES).flatMap((s) => [` ${why(s)}`, `   ${stateText(s, String)}`]);
  const program = disasm(scene.program.code.insns, STYLE);
  const head = `before insn ${pc}, ${mode} states: in none of ${states.length}`;
  return { mode, insn: pc, text: [head, ...regs, ...shown, program].join('\n') };
}
