// The reports as text for people: what differs first, then a table by theme, then the totals.

import type { IsaReport } from './suites/isa.ts';

export function isaText({ engine, total, passed, failed }: IsaReport): string {
  const lines = failed.map((f) => `  ${f.engine.padEnd(6)} ${f.name}: expected ${f.expected}, got ${f.actual}`);
  return [...lines, `isa, engine ${engine}: ${passed} of ${total} rows pass`].join('\n');
}
