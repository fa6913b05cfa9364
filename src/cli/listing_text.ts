// Rows of a listing (jit/listing.ts) in three columns: eBPF, what is known about it, the WebAssembly it became.

import type { ListingRow } from '../../jit/listing.ts';
import { watLines } from '../../jit/wat.ts';
import type { Style } from './style.ts';

/** Columns of the first two at most, and of the last at least. */
const MAX_BPF = 44;
const MAX_FACTS = 24;
const MIN_WAT = 40;

export function listingText(rows: readonly ListingRow[], width: number, style: Style): string {
  const bpfOf = ({ insn, disasm }: ListingRow) => (insn === null ? '' : `${String(insn).padStart(4)}: ${disasm}`);
  const bpf = Math.min(MAX_BPF, Math.max(4, ...rows.map((row) => bpfOf(row).length)));
  const facts = Math.min(MAX_FACTS, Math.max(5, ...rows.map((row) => row.facts.join(', ').length)));
  const rest = Math.max(MIN_WAT, width - bpf - facts - 6);
  const line = (a: string, b: string, c: string) => `${a} │ ${b} │ ${c}`.trimEnd();
  const out = [
    line(style.bold('bpf'.padEnd(bpf)), style.bold('facts'.padEnd(facts)), style.bold('wat')),
    `${'─'.repeat(bpf + 1)}┼${'─'.repeat(facts + 2)}┼${'─'.repeat(rest + 1)}`,
  ];
  for (const row of rows) {
    const indent = ' '.repeat(Math.min(row.depth, 16));
    const columns = [
      cut(bpfOf(row), bpf),
      inLines(row.facts, facts),
      row.wat === null ? [] : watLines(row.wat, rest - indent.length).map((l) => indent + l),
    ];
    for (let i = 0; i < Math.max(1, ...columns.map((c) => c.length)); i++) {
      const [a, b, c] = columns.map((column) => column[i] ?? '');
      out.push(line(a.padEnd(bpf), style.cyan(b.padEnd(facts)), c));
    }
  }
  return out.join('\n');
}

export function listingJson({ insn, disasm, facts, depth, wat }: ListingRow): unknown {
  const code = wat === null || typeof wat === 'string' ? wat : wat.flat;
  return insn === null ? { depth, wat: code } : { insn, disasm, facts, depth, wat: code };
}

/** Words with commas between them, on lines of at most `width`. */
function inLines(words: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const longer = `${lines.at(-1)}, ${word}`;
    if (lines.length > 0 && longer.length <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Text in pieces, the later ones indented. */
function cut(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  return [text.slice(0, width), ...cut(`      ${text.slice(width)}`, width)];
}
