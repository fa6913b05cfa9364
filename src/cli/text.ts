// Pieces of text that several commands print, in bpftool's shapes.

/** bpftool fprint_hex: two digits per byte, a wider gap after 8, 16 on a line. */
export function hexDump(bytes: Uint8Array): string {
  let text = '';
  bytes.forEach((byte, i) => {
    const gap = i === 0 ? '' : i % 16 === 0 ? '\n' : i % 8 === 0 ? '  ' : ' ';
    text += gap + byte.toString(16).padStart(2, '0');
  });
  return text;
}

/** bpftool print_hex_data_json. */
export function hexJson(bytes: Uint8Array): string[] {
  return Array.from(bytes, (b) => `0x${b.toString(16).padStart(2, '0')}`);
}

/** JSON with numbers wider than 53 bits as 0x strings, and Maps as objects. */
export function jsonText(value: unknown, pretty: boolean): string {
  const plain = (_key: string, v: unknown): unknown => {
    if (typeof v === 'bigint') return v >= 0n && v <= 0x1fffffffffffffn ? Number(v) : wide(v);
    if (v instanceof Uint8Array) return hexJson(v);
    return v instanceof Map ? Object.fromEntries(v) : v;
  };
  return JSON.stringify(value, plain, pretty ? 4 : undefined);
}

function wide(v: bigint): number | string {
  if (v < 0n && v >= -0x1fffffffffffffn) return Number(v);
  return `0x${BigInt.asUintN(64, v).toString(16)}`;
}

/** Words in lines of at most `width` columns; what is in [brackets] stays together. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.match(/\[[^\]]*\]|\S+/g) ?? []) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

export function plural(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}
