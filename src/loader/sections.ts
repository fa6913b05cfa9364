// What an ELF section's name says about it: the program type, attach type and flags of a code section (rows of
// sec_defs.ts), and what a data section is for.

import { progTypeById, progTypeByName } from '../spec/prog_types.ts';
import { secDef } from '../spec/sec_defs.ts';

export interface SectionDef {
  /** UAPI bpf_prog_type; null = no row of prog_types.ts knows the section. */
  readonly type: number | null;
  readonly expectedAttachType: number;
  readonly flags: number;
  readonly autoload: boolean;
}

/** A code section's name -> how libbpf would load its programs. A leading `?` means: not by default. */
export function sectionDef(name: string): SectionDef {
  const autoload = !name.startsWith('?');
  const bare = autoload ? name : name.slice(1);
  const def = secDef(bare);
  return {
    type: def ? (progTypeById(def.type)?.id ?? null) : (legacyType(bare)?.id ?? null),
    expectedAttachType: def?.attach ?? 0,
    flags: def?.flags ?? 0,
    autoload,
  };
}

/** libbpf before 1.0 took any section that begins like this; samples of that time name their programs freely. */
const LEGACY: readonly { readonly prefix: string; readonly type: string }[] = [
  { prefix: 'xdp', type: 'xdp' },
  { prefix: 'socket', type: 'socket_filter' },
  { prefix: 'classifier', type: 'sched_cls' },
  { prefix: 'action', type: 'sched_act' },
];

function legacyType(section: string) {
  const row = LEGACY.find(({ prefix }) => section.startsWith(prefix));
  return row && progTypeByName(row.type);
}

export type DataKind = 'data' | 'rodata' | 'bss';

/** Whether a section is global data (`.data`, `.data.hot`, `.rodata.str1.1`, ...), by libbpf's names. */
export function dataKind(name: string): DataKind | null {
  const m = /^\.(data|rodata|bss)(\.|$)/.exec(name);
  return m ? (m[1] as DataKind) : null;
}

/** Sections that mean something to libbpf which is missing here. Their presence changes what an object does. */
export function unsupportedSection(name: string): string | null {
  if (/^\??\.struct_ops(\.link)?$/.test(name)) return `section ${name}`;
  if (name === '.arena.1' || name.startsWith('.addr_space')) return `section ${name}`;
  return null;
}
