// Sets of numbers as text, for tables: '1-3 7' is 1, 2, 3 and 7.

const sets = new Map<string, ReadonlySet<number>>();

export function idSet(text: string): ReadonlySet<number> {
  const known = sets.get(text) ?? new Set(ranges(text));
  sets.set(text, known);
  return known;
}

function ranges(text: string): number[] {
  return (text.match(/\S+/g) ?? []).flatMap((part) => {
    const [from, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
