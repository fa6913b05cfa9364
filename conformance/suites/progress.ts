// A counter on stderr while a suite runs; silent unless stderr is a terminal.

export interface Progress {
  step(failures: number): void;
  end(): void;
}

export function startProgress(label: string, total: number): Progress {
  if (!process.stderr.isTTY) return { step() {}, end() {} };
  let done = 0;
  let shown = 0;
  return {
    step(failures) {
      done++;
      if (Date.now() - shown < 100) return;
      shown = Date.now();
      process.stderr.write(`\r\x1b[K${label} ${done}/${total}${failures ? `, ${failures} differ` : ''}`);
    },
    end() {
      process.stderr.write('\r\x1b[K');
    },
  };
}
