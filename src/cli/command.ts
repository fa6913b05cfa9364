// What a CLI command is: the words that name it, what may follow, and a function from an invocation to an answer. The
// function returns data and a way to write it as text; main.ts prints one or the other and sets the exit code.

import type { ParseArgsConfig } from 'node:util';
import type { Style } from './style.ts';
import type { Words } from './words.ts';

export interface Invocation {
  /** Words after the command's own. */
  readonly words: Words;
  /** Values of the command's own options (-r FILE), by name. */
  readonly options: Readonly<Record<string, string | boolean | undefined>>;
  /** --json: nothing but the answer's `json` may go to stdout. */
  readonly json: boolean;
  /** -d: more of everything. */
  readonly debug: boolean;
  readonly style: Style;
  /** Width of the terminal that the answer goes to; undefined = it goes to a file or a pipe. */
  readonly columns: number | undefined;
  /** Says what is being done, on a terminal, when it takes long. */
  readonly progress?: (what: string) => void;
}

export interface Answer {
  /** What --json prints. */
  readonly json: unknown;
  /** What is printed otherwise; without a final newline one is added, '' prints nothing. */
  readonly text: () => string;
  /** Something was rejected or failed: exit code 1. */
  readonly failed?: boolean;
}

export interface Command {
  /** ['prog', 'run']; each may be abbreviated, as bpftool takes it. */
  readonly words: readonly string[];
  /** What follows the words. */
  readonly usage: string;
  /** A sentence for the help, which wraps it. */
  readonly summary: string;
  /** Options besides the global ones. */
  readonly options?: ParseArgsConfig['options'];
  run(invocation: Invocation): Answer | Promise<Answer>;
}

/** A command that reads its arguments itself and returns the exit code. */
export interface RawCommand {
  readonly words: readonly string[];
  readonly usage: string;
  readonly summary: string;
  runRaw(args: readonly string[]): Promise<number>;
}
