// A program given as instructions, with live maps instead of an object file around it: tests, conformance vectors and
// code generators load programs this way.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import type { BpfMap } from '../maps/bpf_map.ts';
import { progTypeById, progTypeByName } from '../spec/prog_types.ts';
import { BPF_FLAGS } from '../uapi/enums.ts';
import { BpfError, UnsupportedError } from '../uapi/errors.ts';
import type { MapDef, MapRef, ProgramInput } from '../verifier/verified.ts';

/** A program as instructions, with its maps. */
export interface ProgramSource {
  readonly name?: string;
  /** Name ('xdp', 'raw', ...) or UAPI number. */
  readonly type: string | number;
  readonly insns: readonly Insn[];
  readonly maps?: readonly BpfMap[];
  /** The lddw at a slot refers to maps[map]. */
  readonly mapRefs?: ReadonlyMap<InsnIndex, MapRef>;
  readonly license?: string;
  readonly expectedAttachType?: number;
  /** BPF_F_* of BPF_PROG_LOAD. */
  readonly flags?: number;
  /** type raw: bytes of the memory at r1. */
  readonly memSize?: number;
  readonly functions?: ReadonlyMap<InsnIndex, string>;
  readonly lines?: ReadonlyMap<InsnIndex, SourceLine>;
}

/** Number of a program type that beewasm has; else UnsupportedError. */
export function progTypeNumber(type: string | number): number {
  const row = typeof type === 'string' ? progTypeByName(type) : progTypeById(type);
  if (row === undefined) throw new UnsupportedError(`program type ${type}`);
  return row.id;
}

export function sourceInput(source: ProgramSource): ProgramInput {
  const { maps = [], mapRefs = new Map<InsnIndex, MapRef>() } = source;
  for (const [insn, ref] of mapRefs) {
    if (maps[ref.map] === undefined)
      throw new BpfError('EBADF', `insn ${insn} refers to map ${ref.map}, which is not given`);
  }
  return {
    name: source.name ?? '',
    type: progTypeNumber(source.type),
    expectedAttachType: source.expectedAttachType ?? 0,
    flags: source.flags ?? 0,
    license: source.license ?? 'GPL',
    insns: source.insns,
    maps: maps.map(liveMapDef),
    mapRefs,
    ...(source.memSize === undefined ? {} : { memSize: source.memSize }),
    ...(source.functions === undefined ? {} : { functions: source.functions }),
    ...(source.lines === undefined ? {} : { lines: source.lines }),
  };
}

/** The map as the verifier sees it; contents only where they are constants. */
function liveMapDef(map: BpfMap): MapDef {
  const { params, frozen, type } = map.kernelMap;
  const constant = frozen && type.name === 'array' && (params.flags & BPF_FLAGS.BPF_F_RDONLY_PROG) !== 0;
  const contents = constant ? map.get(0) : undefined;
  return {
    name: params.name,
    type: params.type,
    keySize: params.keySize,
    valueSize: params.valueSize,
    maxEntries: params.maxEntries,
    flags: params.flags,
    frozen,
    ...(map.arena === null || map.arena.start === 0n ? {} : { userStart: map.arena.start }),
    ...(contents === undefined ? {} : { contents }),
  };
}
