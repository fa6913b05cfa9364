// The report of suite `real` as text: what differs and why, what was skipped, totals by folder, and time per processed
// instruction of the programs that take long.

import { dirname } from 'node:path';
import { LONG, type RealReport, type RealRow, type Side } from './suites/real.ts';

export function realText({ kernel, rows }: RealReport): string {
  return [
    ...rows.filter((r) => r.outcome.startsWith('false')).flatMap(difference),
    ...reasons(
      'skipped',
      rows.filter((r) => r.outcome === 'skipped').map((r) => r.reason ?? ''),
    ),
    ...reasons(
      'false rejects',
      rows.filter((r) => r.outcome === 'false_reject').map((r) => kindOf(r.beewasm?.message ?? '')),
    ),
    ...messages(rows),
    ...alone(rows),
    '',
    ...speed(rows),
    '',
    ...totals(rows),
    `kernel ${kernel}`,
  ].join('\n');
}

function difference(row: RealRow): string[] {
  const said = ({ verdict, errno, message, processed }: Side) =>
    `${verdict} ${errno ?? ''} ${message ?? ''} (processed ${processed})`;
  return [
    `${row.outcome === 'false_accept' ? 'FALSE ACCEPT' : 'false reject'}  ${row.object} ${row.program} [${row.type}]`,
    `              Linux    ${said(row.linux!)}`,
    `              beewasm  ${said(row.beewasm!)}`,
  ];
}

/** A message without its numbers: what kind of rejection it is. */
function kindOf(message: string): string {
  return message.replace(/-?\b(0x[0-9a-f]+|\d+)\b/g, 'N').replace(/R\d+/g, 'R');
}

function reasons(title: string, all: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const reason of all) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  return sorted.length === 0 ? [] : ['', `${title}:`, ...sorted.map(([why, n]) => `${String(n).padStart(6)}  ${why}`)];
}

/** Rejected by both, in other words. */
function messages(rows: readonly RealRow[]): string[] {
  const differing = rows.filter(
    (r) => r.outcome === 'agree' && r.linux?.verdict === 'REJECT' && r.linux.message !== r.beewasm?.message,
  );
  return differing.length === 0
    ? []
    : [
        '',
        'rejected by both, in other words:',
        ...differing.flatMap((r) => [
          `  ${r.object} ${r.program}`,
          `      Linux    ${r.linux!.errno} ${r.linux!.message}`,
          `      beewasm  ${r.beewasm!.errno} ${r.beewasm!.message}`,
        ]),
      ];
}

/** Programs that the kernel did not look at. */
function alone(rows: readonly RealRow[]): string[] {
  const judged = rows.filter((r) => r.outcome === 'skipped' && r.beewasm !== null);
  const accepted = judged.filter((r) => r.beewasm!.verdict === 'ACCEPT').length;
  const title = `judged by beewasm alone: ${judged.length}, accepted: ${accepted}`;
  return judged.length === 0
    ? []
    : [
        ...reasons(
          `${title}; rejected:`,
          judged.filter((r) => r.beewasm!.verdict === 'REJECT').map((r) => kindOf(r.beewasm!.message ?? '')),
        ),
      ];
}

function speed(rows: readonly RealRow[]): string[] {
  const long = rows
    .filter((r) => r.outcome === 'agree' && r.linux!.processed > LONG && r.beewasm!.processed > LONG)
    .sort((a, b) => b.linux!.processed - a.linux!.processed);
  if (long.length === 0) return [];
  const perInsn = (s: Side) => (s.milliseconds * 1000) / s.processed;
  const ratios = long.map((r) => perInsn(r.beewasm!) / perInsn(r.linux!)).sort((a, b) => a - b);
  const sum = (side: 'linux' | 'beewasm', of: 'processed' | 'milliseconds') =>
    long.reduce((n, r) => n + r[side]![of], 0);
  const total = {
    linux: (sum('linux', 'milliseconds') * 1000) / sum('linux', 'processed'),
    beewasm: (sum('beewasm', 'milliseconds') * 1000) / sum('beewasm', 'processed'),
  };
  return [
    `programs with more than ${LONG} processed instructions: ${long.length}`,
    '   processed: Linux   beewasm    us/insn: Linux  beewasm  ratio   whole',
    ...long.map((r) => {
      const [linux, beewasm] = [perInsn(r.linux!), perInsn(r.beewasm!)];
      return [
        String(r.linux!.processed).padStart(19),
        String(r.beewasm!.processed).padStart(10),
        linux.toFixed(2).padStart(17),
        beewasm.toFixed(2).padStart(9),
        (beewasm / linux).toFixed(2).padStart(7),
        (r.beewasm!.milliseconds / r.linux!.milliseconds).toFixed(2).padStart(8),
        `  ${r.object} ${r.program}`,
      ].join('');
    }),
    `all of them: Linux ${total.linux.toFixed(2)} us/insn, beewasm ${total.beewasm.toFixed(2)}, ratio ${(total.beewasm / total.linux).toFixed(2)}; median ratio ${ratios[ratios.length >> 1].toFixed(2)}, worst ${ratios.at(-1)!.toFixed(2)}`,
  ];
}

function totals(rows: readonly RealRow[]): string[] {
  const folders = [...new Set(rows.map((r) => dirname(r.object)))].sort();
  const width = Math.max(5, ...folders.map((f) => f.length));
  const line = (name: string, of: readonly RealRow[]) => {
    const count = (outcome: RealRow['outcome']) => of.filter((r) => r.outcome === outcome).length;
    const both = of.filter((r) => r.outcome === 'agree');
    const rejected = both.filter((r) => r.linux!.verdict === 'REJECT');
    const accepted = both.filter((r) => r.linux!.verdict === 'ACCEPT');
    return [
      name.padEnd(width),
      String(of.length).padStart(9),
      String(both.length).padStart(7),
      String(count('false_accept')).padStart(7),
      String(count('false_reject')).padStart(7),
      String(count('skipped')).padStart(6),
      `${accepted.filter((r) => r.linux!.processed === r.beewasm!.processed).length}/${accepted.length}`.padStart(12),
      `${rejected.filter((r) => r.linux!.message === r.beewasm!.message).length}/${rejected.length}`.padStart(10),
    ].join('');
  };
  return [
    `${'folder'.padEnd(width)} programs  agree  f.acc  f.rej  skip  = processed = message`,
    ...folders.map((f) =>
      line(
        f,
        rows.filter((r) => dirname(r.object) === f),
      ),
    ),
    line('all', rows),
  ];
}
