// Logs of the live kernel and ours, made comparable.

/**
 * The lines of a log without what differs by machine, and what the oracle does not load: times, source lines, addresses
 * in lddw, names of maps.
 */
export function comparable(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line !== '' && !/^(verification time|stack depth|; .* @ )/.test(line))
    .map((line) =>
      line
        .trimEnd()
        .replace(/\(18\) (r\d+) = 0x[0-9a-f]+ */, '(18) $1 = ADDR ')
        .replace(/map=[\w.]*,/g, '')
        .replace(/^map '[\w.]*'/, 'map'),
    );
}
