// One line on a terminal that says what is being done, when it takes longer than a moment; gone before anything else is
// written. On a pipe or a file nothing is shown.

/** After this long people wonder; more often than this nobody can read. */
const PATIENCE_MS = 1000;
const EVERY_MS = 100;

/** The part of a tty.WriteStream that is needed. */
export interface Screen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export class Progress {
  readonly #screen: Screen;
  readonly #now: () => number;
  #next: number;
  #shown = false;

  constructor(screen: Screen, now: () => number = () => performance.now()) {
    this.#screen = screen;
    this.#now = now;
    this.#next = now() + PATIENCE_MS;
  }

  show(what: string): void {
    if (this.#screen.isTTY !== true || this.#now() < this.#next) return;
    this.#next = this.#now() + EVERY_MS;
    const line = `... ${what.replace(/\p{Cc}/gu, '\ufffd')}`.slice(0, (this.#screen.columns ?? 80) - 1);
    this.#screen.write(`\r\x1b[2K${line}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.#screen.write('\r\x1b[2K');
    this.#shown = false;
  }
}
