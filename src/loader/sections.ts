// What an ELF section's name says about it: the program type, attach type and flags of a code section (libbpf's SEC_DEF
// rows), and what a data section is for.

import { progTypeByName, progTypeBySection } from '../spec/prog_types.ts';
import { BPF_ATTACH_TYPE } from '../uapi/enums.ts';

const BPF_F_XDP_HAS_FRAGS = 32;

export interface SectionDef {
  /** UAPI bpf_prog_type; null = no row of prog_types.ts knows the section. */
  readonly type: number | null;
  readonly expectedAttachType: number;
  readonly flags: number;
  readonly autoload: boolean;
}

/** Attach types that differ within one program type, by section name; the first row that fits counts. */
const ATTACH: readonly { readonly section: RegExp; readonly attach: number }[] = [
  { section: /^xdp(\.frags)?\/devmap$/, attach: BPF_ATTACH_TYPE.BPF_XDP_DEVMAP },
  { section: /^xdp(\.frags)?\/cpumap$/, attach: BPF_ATTACH_TYPE.BPF_XDP_CPUMAP },
  { section: /^xdp(\.frags)?(\/|$)/, attach: BPF_ATTACH_TYPE.BPF_XDP },
];

/** A code section's name -> how libbpf would load its programs. A leading `?` means: not by default. */
export function sectionDef(name: string): SectionDef {
  const autoload = !name.startsWith('?');
  const bare = autoload ? name : name.slice(1);
  return {
    type: (progTypeBySection(bare) ?? legacyType(bare))?.id ?? null,
    expectedAttachType: ATTACH.find((row) => row.section.test(bare))?.attach ?? 0,
    flags: /^xdp\.frags(\/|$)/.test(bare) ? BPF_F_XDP_HAS_FRAGS : 0,
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
