// Programs of any size in the shapes that are hard for a compiler. The second argument (r2) decides which way they go.
// Each row makes about `n` instructions.

import type { Insn } from '../src/isa/index.ts';

const insn = (code: number, fields: Partial<Insn> = {}): Insn => ({ code, dst: 0, src: 0, off: 0, imm: 0, ...fields });
const EXIT = insn(0x95);
const add = (imm: number, dst = 0) => insn(0x07, { dst, imm });
const mov = (dst: number, imm: number) => insn(0xb7, { dst, imm });

type Line = Insn | { readonly label: number } | { readonly goes: number; readonly unless?: Insn };

const label = (n: number): Line => ({ label: n });
/** gotol. */
const go = (to: number): Line => ({ goes: to });
/** if r2 == imm goto label, at any distance: the opposite jump over a gotol. */
const goIf = (imm: number, to: number, dst = 2): Line => ({ goes: to, unless: insn(0x55, { dst, imm, off: 1 }) });

function assemble(lines: readonly Line[]): Insn[] {
  const at = new Map<number, number>();
  let size = 0;
  for (const line of lines) {
    if ('label' in line) at.set(line.label, size);
    else size += 'goes' in line && line.unless !== undefined ? 2 : 1;
  }
  const out: Insn[] = [];
  for (const line of lines) {
    if ('label' in line) continue;
    if (!('goes' in line)) {
      out.push(line);
      continue;
    }
    if (line.unless !== undefined) out.push(line.unless);
    out.push(insn(0x06, { imm: at.get(line.goes)! - out.length - 1 }));
  }
  return out;
}

const times = (n: number, make: (i: number) => readonly Line[]): Line[] =>
  Array.from({ length: Math.floor(n) }, (_, i) => make(i)).flat();

/** A repeatable number below n. */
function scatter(i: number, n: number): number {
  return (Math.imul(i + 1, 0x9e3779b1) >>> 0) % n;
}

const RECIPES = {
  /** One block. */
  straight: (n) =>
    times(n / 4, (i) => [add(i), insn(0x0f, { dst: 3 }), insn(0xaf, { src: 3 }), insn(0x77, { dst: 3, imm: 3 })]),
  /** Ifs in a row. */
  diamonds: (n) => times(n / 5, (i) => [goIf(i, 2 * i), add(1), go(2 * i + 1), label(2 * i), add(3), label(2 * i + 1)]),
  /** Tests, then a target for each, all reachable at the same time; each falls into the next. */
  ladder: (n) => [...times(n / 3, (i) => [goIf(i, i)]), ...times(n / 3, (i) => [label(i), add(1)])],
  /** The same as a switch: each target leaves. */
  cases: (n) => [...times(n / 4, (i) => [goIf(i, i)]), ...times(n / 4, (i) => [label(i), add(i), go(-1)]), label(-1)],
  /** Every test leaves to the same end. */
  cascade: (n) => [...times(n / 3, (i) => [add(1), goIf(i, -1)]), label(-1)],
  /** Forward jumps over up to 300 of the others. */
  mesh: (n) => [
    ...times(n / 4, (i) => [label(i), add(1), goIf(i, Math.min(Math.floor(n / 4), i + 1 + scatter(i, 300))), add(1)]),
    label(Math.floor(n / 4)),
  ],
  /** Forward jumps to anywhere behind. */
  wild: (n) => [
    ...times(n / 4, (i) => [label(i), add(1), goIf(i, i + 1 + scatter(i, Math.floor(n / 4) - i)), add(1)]),
    label(Math.floor(n / 4)),
  ],
  /** Ifs inside ifs. */
  nest: (n) => [
    ...times(n / 5, (i) => [goIf(i, i), add(1)]),
    ...times(n / 5, (i) => [label(Math.floor(n / 5) - 1 - i), add(2)]),
  ],
  /** Short loops one after another. */
  loops: (n) => times(n / 5, (i) => [mov(3, 2), label(i), add(1), add(-1, 3), insn(0x55, { dst: 3, off: -3 })]),
  /** Loops that can be entered in the middle. */
  irreducible: (n) =>
    times(n / 9, (i) => [
      mov(3, 2),
      goIf(i, 2 * i),
      label(2 * i + 1),
      add(1),
      label(2 * i),
      add(10),
      add(-1, 3),
      insn(0x15, { dst: 3, off: 1 }),
      go(2 * i + 1),
    ]),
} as const satisfies Record<string, (n: number) => Line[]>;

export type LargeShape = keyof typeof RECIPES;
export const LARGE_SHAPES = Object.keys(RECIPES) as LargeShape[];

export function largeProgram(shape: LargeShape, n: number): Insn[] {
  return assemble([mov(0, 0), mov(3, 0), ...RECIPES[shape](n), EXIT]);
}
