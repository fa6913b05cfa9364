// The reports as text for people: what differs first, then a table by theme, then the totals.

import type { IsaReport } from './suites/isa.ts';
import type { RejectsReport } from './suites/rejects.ts';
import { type RowOutcome, sameMessage, type VerifierReport } from './suites/verifier.ts';

export function isaText({ engine, total, passed, failed }: IsaReport): string {
  const lines = failed.map((f) => `  ${f.engine.padEnd(6)} ${f.name}: expected ${f.expected}, got ${f.actual}`);
  return [...lines, `isa, engine ${engine}: ${passed} of ${total} rows pass`].join('\n');
}

export function rejectsText({ total, passed, errno_equal, failed }: RejectsReport): string {
  const lines = failed.map((f) => `  ${f.name}: expected ${f.expected}, got ${f.actual}`);
  return [...lines, `rejects: ${passed} of ${total} rows are refused, ${errno_equal} with Linux's errno`].join('\n');
}

export function verifierText(report: VerifierReport, outcomes: readonly RowOutcome[]): string {
  return [
    ...disagreements(outcomes),
    ...report.run.different.map((d) => `run of ${d.id} on ${d.engine}: expected ${d.expected}, got ${d.actual}`),
    ...otherWords(outcomes),
    ...themeTable(outcomes),
    '',
    `verdicts    ${share(report.agree, report.total)} agree`,
    `            ${report.false_accept.length} false accepts, ${report.false_reject.length} false rejects, ${report.skipped.length} skipped`,
    ...rejectLines(report, outcomes),
    `runs        ${share(report.run.equal, report.run.compared)} equal on both engines`,
    ...processedLine(outcomes),
    ...slowest(outcomes),
  ].join('\n');
}

/** One line per row that differs. Skipped rows are counted by reason: they are many and alike. */
function disagreements(outcomes: readonly RowOutcome[]): string[] {
  const lines = outcomes
    .filter((o) => o.kind === 'false_accept' || o.kind === 'false_reject')
    .map(({ kind, row, message }) => {
      const why = kind === 'false_accept' ? `Linux: ${row.kernel.message ?? row.kernel.errno}` : `beewasm: ${message}`;
      return `${kind === 'false_accept' ? 'FALSE ACCEPT' : 'false reject'}  [${row.theme}] ${row.id}\n              ${why}`;
    });
  const reasons = new Map<string, number>();
  for (const o of outcomes)
    if (o.kind === 'skipped') reasons.set(o.message ?? '', (reasons.get(o.message ?? '') ?? 0) + 1);
  return [...lines, ...[...reasons].map(([reason, n]) => `skipped       ${n} rows: ${reason}`)];
}

/** Rows that both reject, for another errno or with other words. */
function otherWords(outcomes: readonly RowOutcome[]): string[] {
  return outcomes
    .filter(({ kind, row, errno, message }) => {
      const rejected = kind === 'agree' && errno !== null;
      return rejected && (errno !== row.kernel.errno || !sameMessage(row.kernel.message, message));
    })
    .map(({ row, errno, message }) => {
      const linux = `Linux: ${row.kernel.errno} ${row.kernel.message ?? '(no message)'}`;
      return [`other words   [${row.theme}] ${row.id}`, linux, `beewasm: ${errno} ${message}`].join('\n              ');
    });
}

function themeTable(outcomes: readonly RowOutcome[]): string[] {
  const themes = [...new Set(outcomes.map((o) => o.row.theme))].sort();
  const width = Math.max(5, ...themes.map((t) => t.length));
  const head = `${'theme'.padEnd(width)}  rows  agree  f.acc  f.rej  skip`;
  const rows = themes.map((theme) => {
    const of = outcomes.filter((o) => o.row.theme === theme);
    const count = (kind: RowOutcome['kind'], pad: number) => {
      const n = of.filter((o) => o.kind === kind).length;
      return (n === 0 && kind !== 'agree' ? '.' : String(n)).padStart(pad);
    };
    return [
      theme.padEnd(width),
      String(of.length).padStart(6),
      count('agree', 7),
      count('false_accept', 7),
      count('false_reject', 7),
      count('skipped', 6),
    ].join('');
  });
  return ['', head, ...rows];
}

function rejectLines({ errno_equal, message_equal }: VerifierReport, outcomes: readonly RowOutcome[]): string[] {
  const rejected = outcomes.filter((o) => o.kind === 'agree' && o.errno !== null).length;
  return [
    `rejections  ${share(errno_equal, rejected)} with Linux's errno, ${share(message_equal, rejected)} with its message`,
  ];
}

/** How our `processed N insns` compares with Linux's, over rows that both accept. */
function processedLine(outcomes: readonly RowOutcome[]): string[] {
  const ratios = outcomes
    .filter((o) => o.kind === 'agree' && o.errno === null && o.processed !== null && o.row.kernel.processed)
    .map((o) => o.processed! / o.row.kernel.processed!);
  if (ratios.length === 0) return [];
  const equal = ratios.filter((r) => r === 1).length;
  const within = ratios.filter((r) => r >= 0.5 && r <= 2).length;
  return [
    `processed   ${share(equal, ratios.length)} equal to Linux's, ${share(within, ratios.length)} within a factor of two`,
  ];
}

function slowest(outcomes: readonly RowOutcome[]): string[] {
  const slow = outcomes.reduce((a, b) => (b.milliseconds > a.milliseconds ? b : a), outcomes[0]);
  if (!slow) return [];
  const sum = outcomes.reduce((s, o) => s + o.milliseconds, 0);
  return [
    `time        ${(sum / 1000).toFixed(1)} s in verify, longest ${slow.milliseconds.toFixed(0)} ms (${slow.row.id})`,
  ];
}

function share(part: number, whole: number): string {
  return whole === 0 ? '0 of 0' : `${part} of ${whole} (${((100 * part) / whole).toFixed(1)} %)`;
}
