// What .BTF.ext says of one function: its type, its lines, its CO-RE relocations, worked out once however many programs call
// it. In: the records by section; out: the function's own. Objects with many of everything are hostile: no list is searched
// from end to end for each function.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import type { FuncProto } from '../spec/func_proto.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import type { BtfExt, ExtCoreRelo } from './btf_ext.ts';
import type { CoreRelocator } from './core_reloc.ts';
import { once } from './once.ts';

/** A function in its section. */
export interface CodeRange {
  readonly section: { readonly name: string };
  /** First byte and size in the section. */
  readonly start: number;
  readonly size: number;
  /** Not visible outside of the object: STV_HIDDEN or STV_INTERNAL. */
  readonly hidden: boolean;
  readonly insns: readonly Insn[];
}

export interface FuncRecords {
  /** null: no func_info. */
  readonly info: { readonly type: number; readonly proto: FuncProto | null } | null;
  /** With CO-RE relocations made. */
  readonly insns: readonly Insn[];
  readonly lines: readonly (readonly [InsnIndex, SourceLine])[];
  /** CO-RE relocations that can't be made. */
  readonly missing: readonly string[];
}

export interface RecordReaders {
  /** null: the object has no BTF, so no CO-RE either. */
  readonly relocate: CoreRelocator | null;
  /** null: no BTF. */
  readonly protoOf: ((id: number, hidden: boolean) => FuncProto | null) | null;
}

/** What answers for every function of an object. */
export function funcRecords(ext: BtfExt, { relocate, protoOf }: RecordReaders): (func: CodeRange) => FuncRecords {
  const [funcs, lines, relos] = [byOffset(ext.funcs), byOffset(ext.lines), byOffset(ext.coreRelos)];
  const known = new Map<CodeRange, FuncRecords>();
  const read = (func: CodeRange): FuncRecords => {
    const type = funcs(func).find((f) => f.offset === func.start)?.type;
    return {
      info: type === undefined ? null : { type, proto: protoOf?.(type, func.hidden) ?? null },
      lines: lines(func).map(({ offset, file, line, column, text }) => [
        (offset - func.start) / 8,
        { file, line, column, text },
      ]),
      ...relocated(func, relos(func), relocate),
    };
  };
  return (func) => once(known, func, () => read(func));
}

/** Records of a function's range, in the order of the file. */
function byOffset<T extends { readonly offset: number }>(
  bySection: ReadonlyMap<string, readonly T[]>,
): (func: CodeRange) => T[] {
  const sorted = new Map<string, { readonly record: T; readonly i: number }[]>();
  return ({ section: { name }, start, size }) => {
    const all = once(sorted, name, () =>
      (bySection.get(name) ?? [])
        .map((record, i) => ({ record, i }))
        .filter(({ record }) => record.offset % 8 === 0)
        .sort((a, b) => a.record.offset - b.record.offset),
    );
    const own = all.slice(firstFrom(all, start), firstFrom(all, start + size));
    return own.sort((a, b) => a.i - b.i).map(({ record }) => record);
  };
}

/** Index of the first record at or behind a byte. */
function firstFrom(all: readonly { readonly record: { readonly offset: number } }[], offset: number): number {
  let [low, high] = [0, all.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (all[middle].record.offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

function relocated(
  func: CodeRange,
  relos: readonly ExtCoreRelo[],
  relocate: CoreRelocator | null,
): Pick<FuncRecords, 'insns' | 'missing'> {
  if (relocate === null || relos.length === 0) return { insns: func.insns, missing: [] };
  const insns = func.insns.slice();
  const missing: string[] = [];
  for (const [index, relo] of relos.entries()) {
    try {
      relocate(insns, (relo.offset - func.start) / 8, relo, index);
    } catch (error) {
      if (!(error instanceof UnsupportedError)) throw error;
      missing.push(error.feature);
    }
  }
  return { insns, missing };
}
