// What an ELF section's name says about it: the program type, attach type and flags of a code section (rows of
// sec_defs.ts), and what a data section is for.

import { ARENA_SECTION } from '../spec/arena.ts';
import { progTypeById, progTypeByName } from '../spec/prog_types.ts';
import { type SecDef, secDef } from '../spec/sec_defs.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../uapi/enums.ts';

export interface SectionDef {
  /** UAPI bpf_prog_type; null = no row of prog_types.ts knows the section. */
  readonly type: number | null;
  readonly expectedAttachType: number;
  readonly flags: number;
  readonly autoload: boolean;
  /** What programs are bound to, in the kernel's BTF. */
  readonly attachTo?: AttachTo;
}

export type AttachTo =
  | { readonly kind: 'func' | 'typedef'; readonly name: string }
  /** A function of another program, which the loader names. */
  | { readonly kind: 'prog'; readonly name: string }
  /** The function that a member of a structure points to. */
  | { readonly kind: 'struct'; readonly name: string; readonly member: string };

/** Names of libbpf's: a tracepoint's type, an iterator's function, a hook of security modules, a function of the kernel. */
function attachToOf(def: SecDef, section: string): { attachTo?: AttachTo } {
  if (!section.includes('/')) return {};
  const name = section.slice(section.indexOf('/') + 1);
  if (def.type === T.BPF_PROG_TYPE_EXT) return { attachTo: { kind: 'prog', name } };
  if (def.type === T.BPF_PROG_TYPE_LSM) return { attachTo: { kind: 'func', name: `bpf_lsm_${name}` } };
  if (def.type !== T.BPF_PROG_TYPE_TRACING) return {};
  if (def.attach === AT.BPF_TRACE_RAW_TP) return { attachTo: { kind: 'typedef', name: `btf_trace_${name}` } };
  return { attachTo: { kind: 'func', name: def.attach === AT.BPF_TRACE_ITER ? `bpf_iter_${name}` : name } };
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
    ...(def ? attachToOf(def, bare) : {}),
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
  if (name === '.arena.1' || (name.startsWith('.addr_space') && name !== ARENA_SECTION)) return `section ${name}`;
  return null;
}
