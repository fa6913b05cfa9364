// Verdicts of many programs as a table in the manner of veristat, sorted by object and program or by a column, with totals. A
// narrow terminal loses columns from the right of the list below, then the middle of long names.

import { cells } from '../verifier/diagnose/snippet.ts';
import type { Style } from './style.ts';
import { type Column, grouped, table } from './table.ts';
import { plural } from './text.ts';
import type { Verdict } from './verdict.ts';

interface VerdictColumn extends Column {
  /** Left out of a narrow table in this order; 0 = never. */
  readonly spare: number;
  cell(v: Verdict): string;
  /** Of all rows. */
  total?(all: readonly Verdict[]): string;
}

const WORDS = { accept: 'accepted', reject: 'rejected', unsupported: 'not loaded', error: 'no program' } as const;

/** Verdicts by the words that a command line has for them. */
export const VERDICTS: ReadonlyMap<string, Verdict['verdict']> = new Map(
  (Object.keys(WORDS) as Verdict['verdict'][]).map((verdict) => [WORDS[verdict].replace(' ', '-'), verdict]),
);

type Judged = Extract<Verdict, { stats: unknown }>;

/** What a table may be sorted by, largest first. */
export const FIGURES: Readonly<Record<string, (v: Judged) => number>> = {
  time: (v) => v.duration_us,
  processed: (v) => v.stats.processed,
  states: (v) => v.stats.totalStates,
  peak: (v) => v.stats.peakStates,
  marks: (v) => v.stats.markRead,
  insns: (v) => v.insns,
};

/** A number that only judged programs have, summed up in the last line. */
function figure(title: string, spare: number, name: string): VerdictColumn {
  const of = FIGURES[name];
  return {
    title,
    align: 'right',
    spare,
    cell: (v) => ('stats' in v ? grouped(of(v)) : '-'),
    total: (all) => grouped(all.reduce((sum, v) => sum + ('stats' in v ? of(v) : 0), 0)),
  };
}

const COLUMNS: readonly VerdictColumn[] = [
  {
    title: 'Object',
    align: 'left',
    spare: 0,
    cell: (v) => v.object,
    total: (all) => plural(new Set(all.map((v) => v.object)).size, 'object'),
  },
  {
    title: 'Program',
    align: 'left',
    spare: 0,
    cell: (v) => v.program ?? '-',
    total: (all) => plural(all.filter((v) => v.program !== null).length, 'program'),
  },
  {
    title: 'Verdict',
    align: 'left',
    spare: 0,
    cell: (v) => WORDS[v.verdict],
    total: (all) => `${all.filter((v) => v.verdict === 'accept').length} accepted`,
  },
  figure('Time (us)', 5, 'time'),
  figure('Processed', 0, 'processed'),
  figure('States', 4, 'states'),
  figure('Peak', 2, 'peak'),
  figure('Marks', 1, 'marks'),
  figure('Insns', 3, 'insns'),
];

const JITED: VerdictColumn = {
  title: 'Jited (B)',
  align: 'right',
  spare: 0,
  cell: (v) => (v.verdict === 'accept' && v.jited_bytes != null ? grouped(v.jited_bytes) : '-'),
  total: (all) => grouped(all.reduce((sum, v) => sum + (v.verdict === 'accept' ? (v.jited_bytes ?? 0) : 0), 0)),
};

/** By a figure, then object and program: the same table whatever the order on the command line. */
export function sorted(verdicts: readonly Verdict[], by: string | undefined): Verdict[] {
  const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  const size = (v: Verdict) => (by !== undefined && 'stats' in v ? FIGURES[by](v) : -1);
  return [...verdicts].sort(
    (a, b) => size(b) - size(a) || compare(a.object, b.object) || compare(a.program ?? '', b.program ?? ''),
  );
}

/** The directories that all objects are in, with the final slash. */
function commonFolder(verdicts: readonly Verdict[]): string {
  const paths = verdicts.map((v) => v.object.split('/').slice(0, -1));
  const first = paths[0] ?? [];
  const differs = first.findIndex((part, i) => paths.some((path) => path[i] !== part));
  const common = differs < 0 ? first : first.slice(0, differs);
  return common.map((part) => `${part}/`).join('');
}

/** At most `width` characters: what is cut is in the middle. */
function shortened(text: string, width: number): string {
  const chars = [...text];
  if (cells(text) <= width) return text;
  const tail = Math.floor((width - 1) / 2);
  return `${chars.slice(0, width - 1 - tail).join('')}…${chars.slice(chars.length - tail).join('')}`;
}

const NARROWEST = 12;

/** Cells of the columns that fit into `width` columns. */
function fitted(columns: readonly VerdictColumn[], all: readonly (readonly string[])[], width: number): number[] {
  const wide = (i: number) => Math.max(cells(columns[i].title), ...all.map((row) => cells(row[i])));
  const need = (shown: readonly number[]) => shown.reduce((sum, i) => sum + wide(i) + 2, -2);
  // Names give way down to half of the terminal, then columns go, then names again.
  const names = Math.max(0, wide(0) + wide(1) - Math.floor(width / 2));
  let shown = columns.map((_, i) => i);
  const spares = columns.map((c, i) => ({ i, spare: c.spare })).filter((c) => c.spare > 0);
  for (const { i } of spares.sort((a, b) => a.spare - b.spare)) {
    if (need(shown) - names <= width) break;
    shown = shown.filter((other) => other !== i);
  }
  return shown;
}

/** The table, as wide as the terminal; everything when `width` is undefined. */
export function verdictTable(verdicts: readonly Verdict[], style: Style, width: number | undefined): string {
  const folder = commonFolder(verdicts);
  const rows = verdicts.map((v) => ({ ...v, object: harmless(v.object.slice(folder.length)) }) as Verdict);
  const columns = verdicts.some((v) => v.verdict === 'accept' && v.jited_bytes !== undefined)
    ? [...COLUMNS, JITED]
    : COLUMNS;
  const text = [...rows.map((v) => columns.map((c) => c.cell(v))), columns.map((c) => c.total?.(rows) ?? '')];
  const shown = width === undefined ? columns.map((_, i) => i) : fitted(columns, text, width);
  const excess = width === undefined ? 0 : totalWidth(columns, text, shown) - width;
  const limits = nameWidths(text, excess);
  const cut = text.map((row) => shown.map((i) => (i < 2 ? shortened(row[i], limits[i]) : row[i])));
  return table(
    shown.map((i) => columns[i]),
    cut,
    {
      paint: (cell, row, column) => {
        if (row < 0 || row === rows.length) return style.bold(cell);
        if (shown[column] !== 2) return cell;
        return rows[row].verdict === 'accept' ? style.green(cell) : style.red(cell);
      },
    },
  );
}

function harmless(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd');
}

function totalWidth(
  columns: readonly VerdictColumn[],
  text: readonly (readonly string[])[],
  shown: readonly number[],
): number {
  return shown.reduce((sum, i) => sum + Math.max(cells(columns[i].title), ...text.map((row) => cells(row[i]))) + 2, -2);
}

/** How wide objects' and programs' names may be when `excess` columns have to go: the longer of the two gives first. */
function nameWidths(text: readonly (readonly string[])[], excess: number): [number, number] {
  const width: [number, number] = [0, 1].map((i) => Math.max(...text.map((row) => cells(row[i])))) as [number, number];
  for (let rest = excess; rest > 0; rest--) {
    const longer = width[0] >= width[1] ? 0 : 1;
    if (width[longer] <= NARROWEST) break;
    width[longer]--;
  }
  return width;
}
