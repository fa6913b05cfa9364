// Columns of text: numbers to the right, widths from the longest cell. Colours are put on after padding, since escape
// codes have no width.

export interface Column {
  readonly title: string;
  readonly align: 'left' | 'right';
}

export interface TableOptions {
  readonly indent?: string;
  /** Paints one padded cell; row -1 is the header. */
  readonly paint?: (text: string, row: number, column: number) => string;
}

export function table(columns: readonly Column[], rows: readonly (readonly string[])[], options: TableOptions = {}) {
  const { indent = '', paint = (text) => text } = options;
  const all = [columns.map((c) => c.title), ...rows];
  const widths = columns.map((_, i) => Math.max(...all.map((row) => row[i].length)));
  const pad = (text: string, i: number) =>
    columns[i].align === 'left' ? text.padEnd(widths[i]) : text.padStart(widths[i]);
  const lines = all.map((row, r) => row.map((cell, i) => paint(pad(cell, i), r - 1, i)).join('  '));
  return lines.map((line) => (indent + line).trimEnd()).join('\n');
}

/** A horizontal bar of `width` cells at most, in eighths of a cell. Something is never drawn as nothing. */
export function bar(share: number, width: number): string {
  const eighths = share > 0 ? Math.max(1, Math.round(Math.min(1, share) * width * 8)) : 0;
  return '█'.repeat(Math.floor(eighths / 8)) + ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8];
}

/** 1234567 -> '1,234,567', the same on every machine. */
export function grouped(n: number): string {
  return Math.round(n).toLocaleString('en-US');
}

/** Three digits with a unit: 1234567 -> '1.23 M'. */
export function short(n: number): string {
  const units = ['', 'k', 'M', 'G'];
  let unit = 0;
  while (n >= 999.5 && unit < units.length - 1) {
    n /= 1000;
    unit++;
  }
  const digits = n < 9.995 ? 2 : n < 99.95 ? 1 : 0;
  return `${unit === 0 && Number.isInteger(n) ? n : n.toFixed(digits)} ${units[unit]}`.trimEnd();
}
