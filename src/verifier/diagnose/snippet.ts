// Numbered lines of text with underlined places and labels below them. Columns are bytes in BTF and cells on a terminal:
// tabs are widened, characters of East Asian scripts are two cells wide, and of a very long line only the part around the
// first mark is shown.

import type { RenderOptions, Role } from './render.ts';

export interface Mark {
  /** 1-based byte of the line, as clang counts; 0 = the whole line. */
  readonly column: number;
  readonly label: string;
  readonly primary: boolean;
}

export interface Line {
  readonly number: number;
  readonly text: string;
  readonly marks: Mark[];
}

const TAB = 4;

const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Columns that a text without tabs takes on a terminal. */
export function cells(text: string): number {
  let n = 0;
  for (const ch of text) n += /\p{Mn}/u.test(ch) ? 0 : WIDE.test(ch) ? 2 : 1;
  return n;
}

/** Tabs become spaces. */
function widen(text: string): string {
  let out = '';
  for (const ch of text) out += ch === '\t' ? ' '.repeat(TAB - (cells(out) % TAB)) : ch;
  return out;
}

/** Text in front of a 1-based byte column. */
function before(text: string, column: number): string {
  return new TextDecoder().decode(new TextEncoder().encode(text).subarray(0, column - 1));
}

/** Cells [from, to) of a mark in the widened line: an identifier, a run of signs, or everything. */
function extent(text: string, column: number): [number, number] {
  const whole = (): [number, number] => {
    const lead = text.length - text.trimStart().length;
    return [cells(widen(text.slice(0, lead))), cells(widen(text.trimEnd()))];
  };
  if (column <= 0) return whole();
  const head = before(text, column);
  const token = /^(?:[\p{L}\p{N}_]+|[^\p{L}\p{N}_\s(){};,]+|[(){};,])/u.exec(text.slice(head.length))?.[0];
  if (token === undefined) return whole();
  const from = cells(widen(head));
  return [from, from + cells(token)];
}

interface Settings {
  readonly gutter: number;
  readonly width: number;
  readonly paint: NonNullable<RenderOptions['paint']>;
  readonly wrapped: (text: string, width: number) => string[];
}

/** The part of a line that is shown, and how far marks move to the left. */
function crop(text: string, from: number, room: number): { text: string; shift: number } {
  if (cells(text) <= room) return { text, shift: 0 };
  const chars = [...text];
  const start = Math.max(0, Math.min(from - Math.floor(room / 3), chars.length - room));
  const end = Math.min(start + room, chars.length);
  const shown = chars.slice(start, end);
  if (start > 0) shown[0] = '…';
  if (end < chars.length) shown[shown.length - 1] = '…';
  return { text: shown.join(''), shift: start };
}

/** Underline and label of one mark; a label that does not fit behind it goes below, wrapped. */
function markLines(mark: Mark, from: number, to: number, s: Settings): string[] {
  const role: Role = mark.primary ? 'primary' : 'secondary';
  const bar = s.paint('frame', `${' '.repeat(s.gutter)} |`);
  const line = (mark.primary ? '^' : '-').repeat(Math.max(to - from, 1));
  const room = s.width - s.gutter - 3;
  const indent = ' '.repeat(from);
  if (from + line.length + 1 + cells(mark.label) <= room) {
    return [`${bar} ${indent}${s.paint(role, `${line} ${mark.label}`)}`];
  }
  // Under the mark if it fits there in one line, else as far to the right as it needs.
  const left = Math.max(0, Math.min(from, Math.max(room - cells(mark.label), room > 80 ? 8 : 0)));
  const label = s.wrapped(mark.label, Math.max(room - left, 20));
  return [
    `${bar} ${indent}${s.paint(role, line)}`,
    ...label.map((text) => `${bar} ${' '.repeat(left)}${s.paint(role, text)}`),
  ];
}

/** Lines in the order of their numbers; `...` where some are left out. */
export function snippet(lines: readonly Line[], s: Settings): string[] {
  const out: string[] = [];
  let last: number | null = null;
  for (const line of [...lines].sort((a, b) => a.number - b.number)) {
    if (last !== null && line.number > last + 2) out.push(s.paint('frame', '...'));
    last = line.number;
    const extents = line.marks.map((mark) => ({ mark, at: extent(line.text, mark.column) }));
    const { text, shift } = crop(
      widen(line.text.trimEnd()),
      extents[0]?.at[0] ?? 0,
      Math.max(s.width - s.gutter - 3, 40),
    );
    const number = s.paint('frame', `${String(line.number).padStart(s.gutter)} |`);
    out.push(`${number} ${text}`.trimEnd());
    const end = cells(text);
    for (const { mark, at } of extents) {
      const from = Math.max(0, Math.min(at[0] - shift, end - 1));
      out.push(...markLines(mark, from, Math.max(from + 1, Math.min(at[1] - shift, end)), s));
    }
  }
  return out;
}
