// What a loader hands on: one object file as plain, editable data. Nothing here lives in a kernel yet.

import type { Insn, InsnIndex } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import type { FuncProto } from '../spec/func_proto.ts';
import type { SpecialField } from '../spec/special_fields.ts';
import type { AttachTo } from './sections.ts';

export interface MapSpec {
  name: string;
  /** UAPI bpf_map_type. */
  type: number;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  flags: number;
  pinning: number;
  mapExtra: bigint;
  /**
   * Global data: initial bytes of the single value (absent = zeros, as .bss starts), or of an arena. .rodata is frozen after
   * load.
   */
  data?: Uint8Array;
  frozen?: boolean;
  /** Inner map of a map-in-map. */
  inner?: MapSpec;
  /** Static slots (`.values = { [0] = &prog_or_map }`): key -> symbol name. */
  slots?: { index: number; symbol: string }[];
  /**
   * Fields of the value that the kernel knows by the name of their type ('bpf_spin_lock', ...); absent = BTF tells nothing
   * of it.
   */
  specialFields?: SpecialField[];
  /** BTF type ids of key and value, 0 = unknown. */
  keyTypeId: number;
  valueTypeId: number;
}

/**
 * A reference from the lddw at `insn`: to a map, or to byte `off` of a global-data map's value. The instruction already
 * has src 1 (map_fd) or 2 (map_value) and imm 0, with `off` in the second slot.
 */
export interface MapReloc {
  insn: InsnIndex;
  map: string;
  kind: 'fd' | 'value';
  off: number;
}

/**
 * A reference to a function or variable of the kernel, by name: a call (src 2) or an lddw (src 3), with imm 0. Names may have
 * flavors: what follows `___` is not looked at.
 */
export interface KsymReloc {
  insn: InsnIndex;
  name: string;
  of: 'func' | 'variable';
  /** What the object declares it as: BTF type id of a prototype, or of the variable's type. */
  type: number;
  /** A kernel that does not have it is fine. */
  weak: boolean;
}

export interface ProgramSpec {
  name: string;
  section: string;
  /** UAPI bpf_prog_type from the section name; null when no row of prog_types.ts knows it. */
  type: number | null;
  expectedAttachType: number;
  /** What the program is bound to: a name in the kernel's BTF. */
  attachTo?: AttachTo;
  flags: number;
  autoload: boolean;
  /** Own instructions followed by every static function it (transitively) calls; calls are pc-relative already. */
  insns: Insn[];
  relocs: MapReloc[];
  ksyms: KsymReloc[];
  /** Function names by first slot. */
  functions: Map<InsnIndex, string>;
  /** BTF type id of each function that has one, by first slot. */
  functionTypes: Map<InsnIndex, number>;
  /** Their prototypes: global ones are verified by it. */
  prototypes: Map<InsnIndex, FuncProto>;
  lines: Map<InsnIndex, SourceLine>;
  /** Why it can't be loaded yet ('CO-RE relocations', 'kfunc bpf_foo', ...): checkLoadable() throws it. */
  unsupported?: string;
}

export interface VariableSpec {
  name: string;
  /** Name of the global-data map that holds it. */
  map: string;
  offset: number;
  size: number;
  /** Little-endian bytes of the current value: a copy / set from bytes, number, bigint or boolean. */
  get(): Uint8Array;
  set(value: Uint8Array | number | bigint | boolean): void;
}

export interface ObjectSpec {
  license: string;
  programs: Record<string, ProgramSpec>;
  maps: Record<string, MapSpec>;
  variables: Record<string, VariableSpec>;
  /** Raw .BTF, for those who want types. */
  btf: Uint8Array | null;
}
