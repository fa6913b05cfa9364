// What bpf_trace_printk wrote, for user code: the newest lines, the oldest dropped beyond a limit (as trace_pipe does).

const MAX_LINES = 65536;

export class Trace {
  #lines: string[] = [];
  #dropped = 0;
  /** Called with each new line. */
  onLine: ((line: string) => void) | null = null;

  /** Lines since the last take(). */
  get lines(): readonly string[] {
    return this.#lines;
  }
  /** Lines that were dropped since the Kernel was made. */
  get dropped(): number {
    return this.#dropped;
  }

  write(line: string): void {
    if (this.#lines.length === MAX_LINES) {
      this.#lines.shift();
      this.#dropped++;
    }
    this.#lines.push(line);
    this.onLine?.(line);
  }

  /** The lines, which are then gone. */
  take(): string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }
}
