// Ways to write a program otherwise so that it means the same: other names for registers, instructions that do nothing,
// stretches of code moved to the end of their function.

import type { Insn } from '../../src/isa/insn.ts';
import type { Op } from '../../src/isa/op.ts';
import { OP_BY_NAME, opOf } from '../../src/isa/opcodes.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import type { Random } from '../fuzz/random.ts';
import { type Line, type Listing, layOut, listingOf } from './listing.ts';

/** null: it has nothing to do in this program, or can't. */
export type Change = (listing: Listing, random: Random) => Listing | null;

const opIn = (line: Line): Op => opOf(line.insn)!;
const code = (name: string): number => OP_BY_NAME.get(name)!.code;
const JA: Insn = { code: code('ja'), dst: 0, src: 0, off: 0, imm: 0 };

/** Registers without a part in calls; without any call also R3 to R5. R0 to R2 carry results and arguments. */
const CALLEE_SAVED = [6, 7, 8, 9];
const FREE = [3, 4, 5, ...CALLEE_SAVED];

const rename: Change = (listing, random) => {
  const lines = listing.flat();
  // ld_abs and ld_ind read the context in R6.
  if (lines.some((l) => ['ld_abs', 'ld_ind'].includes(opIn(l).kind))) return null;
  const from = lines.some((l) => opIn(l).kind === 'call') ? CALLEE_SAVED : FREE;
  const to = shuffled(from, random);
  const name = (r: number) => (from.includes(r) ? to[from.indexOf(r)] : r);
  return mapLines(listing, (line) => {
    const { dst, src } = line.insn;
    return { ...line, insn: { ...line.insn, dst: name(dst), src: selects(opIn(line)) ? src : name(src) } };
  });
};

/** The field `src` is part of the opcode. */
const selects = (op: Op): boolean => op.src !== undefined;

function shuffled<T>(list: readonly T[], random: Random): T[] {
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [out[i], out[j]] = [out[j], out[i]];
  }
  return out;
}

/** Each line replaced; what refers to it follows. */
function mapLines(listing: Listing, change: (line: Line) => Line): Listing {
  const changed = new Map(listing.flat().map((line) => [line, change(line)]));
  for (const line of changed.values()) if (line.to !== undefined) line.to = changed.get(line.to);
  return listing.map((fn) => fn.map((line) => changed.get(line)!));
}

/** `ja +0`, a constant in a register nobody uses, a register copied to itself right after it got a value. */
const noops: Change = (listing, random) => {
  const used = listing.flat().reduce((mask, { insn }) => mask | (1 << insn.dst) | (1 << insn.src), 0b11_0000_0111);
  const unused = FREE.filter((r) => (used & (1 << r)) === 0);
  return listing.map((fn) =>
    fn.flatMap((line, i) => {
      if (i === fn.length - 1 || !fallsThrough(line) || random.chance(70)) return [line];
      const next = fn[i + 1];
      const kind = random.below(3);
      if (kind === 0) return [line, { insn: JA, to: next }];
      if (kind === 1 && unused.length > 0) {
        const insn = { code: code('mov64_imm'), dst: random.pick(unused), src: 0, off: 0, imm: random.below(9) };
        return [line, { insn }];
      }
      const { dst } = line.insn;
      if (!getsNumber(line)) return [line];
      return [line, { insn: { code: code('mov64_reg'), dst, src: dst, off: 0, imm: 0 } }];
    }),
  );
};

/** Control reaches what stands behind it. */
const fallsThrough = (line: Line): boolean => !['ja', 'exit'].includes(opIn(line).kind);

/** A load from memory other than the stack, or a constant: nothing is linked to the register yet. */
function getsNumber(line: Line): boolean {
  const op = opIn(line);
  if (op.kind === 'alu') return op.op === 'mov' && op.operand === 'imm';
  return op.kind === 'ldx' && line.insn.src !== 10;
}

/** A stretch goes to the end of its function; a jump leads there, another one back. */
const outline: Change = (listing, random) => {
  const at = random.below(listing.length);
  const fn = listing[at];
  if (fn.length < 3 || fallsThrough(fn[fn.length - 1])) return null;
  const from = random.below(fn.length - 2);
  // The jump stands where the stretch began, which only jumps may have reached.
  if (from > 0 && !fallsThrough(fn[from - 1])) return null;
  const to = Math.min(fn.length - 1, from + random.between(1, 4));
  const moved = fn.slice(from, to);
  const there: Line = { insn: JA, to: moved[0] };
  // What jumped into the stretch goes on doing so, wherever it lies.
  const back: Line = { insn: JA, to: fn[to] };
  const end = fallsThrough(moved[moved.length - 1]) ? [back] : [];
  const out = [...fn.slice(0, from), there, ...fn.slice(to), ...moved, ...end];
  // A function starts with its first line: jumps and calls to it lead to the jump.
  if (from === 0) for (const line of listing.flat()) if (line.to === moved[0] && isCallTo(line)) line.to = there;
  return listing.with(at, out);
};

const isCallTo = (line: Line): boolean => opIn(line).kind === 'call' || opIn(line).kind === 'lddw';

export const TRANSFORMS = { rename, noops, outline } as const satisfies Record<string, Change>;

/** The program written otherwise. */
export function twinOf(input: ProgramInput, change: Change, random: Random): ProgramInput | null {
  const listing = listingOf(input);
  const changed = listing && change(listing, random);
  return changed && layOut(changed, input);
}
