// A program as a list of instructions that refer to each other, so that instructions can be put in and moved; laid out
// again, every jump, call and map reference still means the same. In: ProgramInput. Out: ProgramInput.

import { targetOf } from '../../src/analysis/cfg.ts';
import { type Insn, LDDW_CODE } from '../../src/isa/insn.ts';
import { opOf } from '../../src/isa/opcodes.ts';
import type { MapRef, ProgramInput } from '../../src/verifier/verified.ts';

export interface Line {
  readonly insn: Insn;
  /** Second slot of an lddw. */
  readonly second?: Insn;
  readonly ref?: MapRef;
  /** Where a jump, a call or a function's address goes. */
  to?: Line;
}

/** Functions in order, each a list of lines. */
export type Listing = Line[][];

/** null: a program that can't be listed (it does not decode, or leaves its functions). */
export function listingOf({ insns, mapRefs }: ProgramInput): Listing | null {
  const at = new Map<number, Line>();
  const starts = new Set([0]);
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i];
    if (opOf(insn) === undefined) return null;
    const wide = insn.code === LDDW_CODE;
    if (wide && i + 1 >= insns.length) return null;
    at.set(i, { insn, ref: mapRefs.get(i), ...(wide ? { second: insns[i + 1] } : {}) });
    const target = goesTo(insn, i);
    if (target !== null && isCall(insn)) starts.add(target);
    if (wide) i++;
  }
  for (const [i, line] of at) {
    const target = goesTo(line.insn, i);
    if (target === null) continue;
    line.to = at.get(target);
    if (line.to === undefined) return null;
  }
  const listing: Listing = [];
  for (const [i, line] of at) {
    if (starts.has(i)) listing.push([]);
    listing[listing.length - 1].push(line);
  }
  return listing;
}

const isCall = (insn: Insn): boolean => insn.code === 0x85 || insn.code === LDDW_CODE;

function goesTo(insn: Insn, at: number): number | null {
  const op = opOf(insn)!;
  if (op.kind === 'call') return op.callee === 'local' ? at + insn.imm + 1 : null;
  if (op.kind === 'lddw') return op.pseudo === 'func' ? at + insn.imm + 1 : null;
  const jumps = op.kind === 'jmp' || op.kind === 'ja' || op.kind === 'may_goto';
  return jumps ? targetOf(insn, op, at) : null;
}

export function layOut(listing: Listing, input: ProgramInput): ProgramInput {
  const place = new Map<Line, number>();
  let slots = 0;
  for (const line of listing.flat()) {
    place.set(line, slots);
    slots += line.second === undefined ? 1 : 2;
  }
  const insns: Insn[] = [];
  const mapRefs = new Map<number, MapRef>();
  for (const { insn, second, ref, to } of listing.flat()) {
    const at = insns.length;
    if (ref !== undefined) mapRefs.set(at, ref);
    if (to === undefined) insns.push(insn);
    else insns.push({ ...insn, [byImm(insn) ? 'imm' : 'off']: place.get(to)! - at - 1 });
    if (second !== undefined) insns.push(second);
  }
  return { ...input, insns, mapRefs };
}

const GOTOL = 0x06;
const byImm = (insn: Insn): boolean => isCall(insn) || insn.code === GOTOL;
