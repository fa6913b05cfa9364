// bpftool's grammar: operands and `keyword value` pairs, one after the other. Keywords may be abbreviated.

import { BeewasmError } from '../uapi/errors.ts';

/** Wrong arguments: one line and exit code 2. */
export class UsageError extends BeewasmError {
  override name = 'UsageError';
  readonly code = 'EUSAGE';
}

/** The one candidate that `word` is or abbreviates: an exact match, else the first with this prefix (bpftool is_prefix). */
export function expand(word: string, candidates: readonly string[]): string | undefined {
  return candidates.includes(word) ? word : word === '' ? undefined : candidates.find((c) => c.startsWith(word));
}

export class Words {
  readonly #words: readonly string[];
  readonly #command: string;
  #next = 0;

  /** `command` starts every error message: 'prog run'. */
  constructor(words: readonly string[], command: string) {
    this.#words = words;
    this.#command = command;
  }

  get done(): boolean {
    return this.#next >= this.#words.length;
  }

  fail(message: string): never {
    throw new UsageError(`${this.#command}: ${message}`);
  }

  /** The next word; `what` names it where it is missing. */
  take(what: string): string {
    if (this.done) this.fail(`${what} is missing`);
    return this.#words[this.#next++];
  }

  /** One word or more, up to the first that is a keyword (a file of that name is ./name). */
  until(keywords: readonly string[], what: string): string[] {
    const taken = [this.take(what)];
    while (!this.done && expand(this.#words[this.#next], keywords) === undefined) taken.push(this.take(what));
    return taken;
  }

  /** Nothing may be left. */
  end(): void {
    if (!this.done) this.fail(`unexpected argument '${this.#words[this.#next]}'`);
  }

  /** The next word as one of `candidates`. */
  choose(candidates: readonly string[], what: string): string {
    const word = this.take(what);
    return expand(word, candidates) ?? this.fail(`expected ${candidates.join(', ')}, got '${word}'`);
  }

  /** All that is left as keywords, each at most once; the reader of a keyword takes what follows it. */
  keywords(readers: Readonly<Record<string, (words: Words) => void>>): void {
    const names = Object.keys(readers);
    const seen = new Set<string>();
    while (!this.done) {
      const name = this.choose(names, 'keyword');
      if (seen.has(name)) this.fail(`'${name}' is given twice`);
      seen.add(name);
      readers[name](this);
    }
  }

  /** A number from 0 to `max`, decimal or 0x. */
  number(what: string, max: number): number {
    const word = this.take(what);
    const value = /^(\d+|0x[0-9a-f]+)$/i.test(word) ? Number(word) : Number.NaN;
    if (!(value <= max)) this.fail(`${what} has to be a number up to ${max}, not '${word}'`);
    return value;
  }
}
