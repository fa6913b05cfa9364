// What was computed from which values, per instruction. Values are immutable and shared, and most paths come to an
// instruction with the very objects that another path brought (more than nine times of ten on large programs): then the
// result is known, and is shared in turn, so that states are found equal by identity.
// What is remembered is a pure function of the operands: forgetting changes no answer.

interface Entry<A, R> {
  readonly a: A;
  readonly b: A;
  readonly result: R;
  next: Entry<A, R> | null;
}

/** Results kept per instruction; the oldest goes. */
const WAYS = 4;

export class Memo<A extends object, R> {
  readonly #newest: (Entry<A, R> | undefined)[] = [];

  /** f(a, b) at instruction `at`, which asks of one function only. */
  get(at: number, a: A, b: A): R | undefined {
    let entry: Entry<A, R> | null | undefined = this.#newest[at];
    while (entry) {
      if (entry.a === a && entry.b === b) return entry.result;
      entry = entry.next;
    }
    return undefined;
  }

  put(at: number, a: A, b: A, result: R): R {
    const entry: Entry<A, R> = { a, b, result, next: this.#newest[at] ?? null };
    this.#newest[at] = entry;
    let last = entry;
    for (let n = 1; n < WAYS && last.next; n++) last = last.next;
    last.next = null;
    return result;
  }
}
