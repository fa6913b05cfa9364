// Reads the text of a module as Binaryen prints it: a line opens an expression, closes one, is a whole one, or says which
// instruction the next one comes from. Writes an expression on one line, or on as few as fit a width.

export interface Wat {
  /** `(i32.add`, `(local.get $w1)`: the first line, closed where the expression has no others. */
  readonly head: string;
  readonly kids: readonly Wat[];
  /** The instruction it comes from. */
  readonly site: number | null;
  /** It, or an expression in it, comes from an instruction. */
  readonly sited: boolean;
  readonly flat: string;
}

interface Open {
  readonly head: string;
  readonly site: number | null;
  readonly kids: Wat[];
}

/** The module. */
export function parseWat(text: string): Wat {
  const stack: Open[] = [{ head: '', site: null, kids: [] }];
  let site: number | null = null;
  for (const line of text.split('\n')) {
    const t = line.trim();
    if (t === '') continue;
    if (t.startsWith(';;')) {
      const named = /^;;@ bpf:(\d+):/.exec(t);
      site = named === null ? null : Number(named[1]);
      continue;
    }
    if (t === ')') {
      const done = stack.pop()!;
      stack[stack.length - 1].kids.push(closed(done));
      continue;
    }
    const next = { head: t, site, kids: [] };
    site = null;
    if (balance(t) > 0) stack.push(next);
    else stack[stack.length - 1].kids.push(closed(next));
  }
  return stack[0].kids[0];
}

function closed({ head, site, kids }: Open): Wat {
  const flat =
    kids.length === 0 ? (balance(head) > 0 ? `${head})` : head) : `${[head, ...kids.map((k) => k.flat)].join(' ')})`;
  return { head, site, kids, flat, sited: site !== null || kids.some((k) => k.sited) };
}

function balance(line: string): number {
  let open = 0;
  for (const c of line) open += c === '(' ? 1 : c === ')' ? -1 : 0;
  return open;
}

/** Lines of at most `width` columns, if that is possible. */
export function watLines(wat: Wat | string, width: number): string[] {
  if (typeof wat === 'string') return [wat];
  if (wat.flat.length <= width || wat.kids.length === 0) return [wat.flat];
  const inner = wat.kids.flatMap((kid) => watLines(kid, width - 1)).map((line) => ` ${line}`);
  inner[inner.length - 1] += ')';
  return [wat.head, ...inner];
}
