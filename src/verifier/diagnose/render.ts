// A Diagnostic as text in the manner of rustc, and as the workflow command that puts it on a line of a pull request:
//
//   error[null_dereference]: R0 invalid mem access 'map_value_or_null'
//     --> counter.bpf.c:21:3
//      |
//   18 |         value = bpf_map_lookup_elem(&counters, &key);
//      |                 ------------------- bpf_map_lookup_elem returns a pointer to a value of map 'counters' (8 bytes), or NULL
//   ...
//   21 |         *value += 1;
//      |                ^^ writes memory through R0, which may be NULL here: nothing on this path tests it
//      |
//      = note: insn 9 of count: r1 = *(u64 *)(r0 +0)
//      = help: test it before the first use: if (!ptr) return 0; ...
//
// Where no line info says which C line an instruction belongs to, the lines are instructions.

import type { Diagnostic, Place } from './diagnostic.ts';
import { cells, type Line, snippet } from './snippet.ts';

/** What a piece of the text is, for colours. */
export type Role = 'error' | 'title' | 'frame' | 'primary' | 'secondary' | 'note' | 'help';

export interface RenderOptions {
  /** Puts colours on; default: plain text. */
  readonly paint?: (role: Role, text: string) => string;
  /** Columns that long lines are wrapped to; default 100. */
  readonly width?: number;
}

/** Bytes of files reach the terminal: nothing of them may steer it. */
function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (ch) => (ch === '\t' ? ch : '\ufffd'));
}

function where({ source, insn, function: name }: Place): string {
  if (source === null) return `insn ${insn} of ${name}`;
  return `${source.file}:${source.line}${source.column > 0 ? `:${source.column}` : ''}`;
}

/** Lines of one file (or of the listing), with what is said about them. */
interface Block {
  readonly title: string;
  readonly lines: Line[];
}

function addMark(block: Block, number: number, text: string, column: number, label: string, primary: boolean): void {
  let line = block.lines.find((l) => l.number === number && l.text === text);
  if (line === undefined) block.lines.push((line = { number, text, marks: [] }));
  const same = line.marks.find((m) => m.label === label);
  if (same === undefined) line.marks.push({ column, label, primary });
}

/** The C lines of the place and its trail, by file, the file of the place first. */
function sourceBlocks(d: Diagnostic, place: Place): Block[] {
  const blocks = new Map<string, Block>();
  const marks = [...d.trail, { ...place, text: d.why }];
  const primary = marks.length - 1;
  for (const [i, mark] of [[primary, marks[primary]] as const, ...marks.entries()]) {
    if (mark.source === null) continue;
    const { file, line, column, text } = mark.source;
    if (!blocks.has(file)) blocks.set(file, { title: where(mark), lines: [] });
    addMark(blocks.get(file)!, line, harmless(text), column, harmless(mark.text), i === primary);
  }
  return [...blocks.values()];
}

function listingBlock(d: Diagnostic, place: Place): Block {
  const block: Block = { title: where(place), lines: [] };
  for (const { insn, disasm } of d.listing) block.lines.push({ number: insn, text: harmless(disasm), marks: [] });
  const marks = [...d.trail.map((t) => ({ ...t, primary: false })), { ...place, text: d.why, primary: true }];
  for (const { insn, disasm, text, primary } of marks)
    addMark(block, insn, harmless(disasm), 0, harmless(text), primary);
  return block;
}

/** Words in lines of at most `width` columns. A longer word, as registers are printed, is broken behind a comma. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  const add = (piece: string, space: string) => {
    const last = lines.at(-1);
    if (last === undefined || cells(last + space + piece) > width) lines.push(piece);
    else lines[lines.length - 1] = last + space + piece;
  };
  for (const word of text.split(' ')) {
    const pieces = cells(word) > width / 2 ? word.split(/(?<=,)/) : [word];
    for (const [i, piece] of pieces.entries()) add(piece, i === 0 ? ' ' : '');
  }
  return lines;
}

/** The whole explanation; no newline at its end. */
export function renderDiagnostic(d: Diagnostic, options: RenderOptions = {}): string {
  const { paint = (_role, text) => text, width = 100 } = options;
  const place = d.place;
  const blocks = place === null ? [] : place.source === null ? [listingBlock(d, place)] : sourceBlocks(d, place);
  const gutter = Math.max(1, ...blocks.flatMap((b) => b.lines.map((l) => String(l.number).length)));
  const bar = paint('frame', `${' '.repeat(gutter)} |`);
  const out = [`${paint('error', `error[${d.class}]`)}${paint('title', `: ${harmless(d.message)}`)}`];
  for (const [i, block] of blocks.entries()) {
    out.push(`${' '.repeat(gutter)}${paint('frame', i === 0 ? '-->' : ':::')} ${harmless(block.title)}`, bar);
    out.push(...snippet(block.lines, { gutter, width, paint, wrapped }));
    out.push(bar);
  }
  const tail = (role: 'note' | 'help', text: string) => {
    const head = `${' '.repeat(gutter)} = ${role}: `;
    const [first, ...more] = wrapped(harmless(text), width - head.length);
    out.push(`${paint('frame', `${' '.repeat(gutter)} = `)}${paint(role, role)}: ${first}`);
    for (const line of more) out.push(`${' '.repeat(head.length)}${line}`);
  };
  if (place === null) {
    tail('note', d.why);
    for (const t of d.trail) tail('note', `${t.function}, ${where(t)}: ${t.text}`);
  }
  if (d.register !== null && d.register.value !== '?')
    tail('note', `${d.register.name} = ${d.register.value}: ${d.register.holds}`);
  if (place !== null && place.source !== null) {
    for (const t of d.trail) if (t.source === null) tail('note', `insn ${t.insn} (${t.disasm}): ${t.text}`);
    tail('note', `insn ${place.insn} of ${place.function}: ${place.disasm}`);
  }
  tail('help', d.help);
  return out.join('\n');
}

/** One line: where, what, why; for lists of many rejections. */
export function diagnosticLine(d: Diagnostic): string {
  const at = d.place === null ? '' : `${where(d.place)}: `;
  return harmless(`${at}${d.message} (${d.class}: ${d.why})`);
}

const escapeData = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
const escapeProperty = (text: string) => escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');

/** A path below `root`, as a repository knows it. */
function relative(file: string, root: string): string {
  const inside = root !== '' && file.startsWith(`${root}/`);
  return (inside ? file.slice(root.length + 1) : file).replace(/^(\.\/)+/, '');
}

/** A GitHub workflow command: printed by a job, it annotates the line. `root` is cut off the file's path. */
export function annotation(d: Diagnostic, root = ''): string {
  const source = d.place?.source ?? null;
  const properties = [
    ...(source === null ? [] : [`file=${escapeProperty(relative(source.file, root))}`]),
    ...(source === null ? [] : [`line=${source.line}`]),
    ...(source === null || source.column === 0 ? [] : [`col=${source.column}`]),
    `title=${escapeProperty(`${d.program}: ${d.class}`)}`,
  ];
  // An annotation has one place: the others are named.
  const trail = d.trail.map((t) => {
    const at = t.source === null ? `insn ${t.insn}` : `${relative(t.source.file, root)}:${t.source.line}`;
    return `${at}: ${t.text}`;
  });
  const text = [d.message, d.why, ...trail, `help: ${d.help}`].join('\n');
  return `::error ${properties.join(',')}::${escapeData(text)}`;
}
