// Symbols that an object leaves to its loader: variables of the kernel's configuration (`__kconfig`: they become a frozen
// map `.kconfig`, as in libbpf) and symbols of the kernel (`__ksym`). Functions and variables that BTF knows by type are
// found when a program is loaded, in what is known of the kernel then (runtime/program_input.ts). Addresses without a type
// nobody knows here: what is weak resolves to zero, what is not is named as missing by the program that refers to it.

import { BPF_MAP_TYPE } from '../uapi/enums.ts';
import { FormatError } from '../uapi/errors.ts';
import { type Btf, type BtfOf, resolved, sizeOf } from './btf.ts';
import { BPF_F_RDONLY_PROG, datasecId, type SectionVar } from './datasec.ts';
import { type Elf, type ElfSymbol, SHN, STB } from './elf.ts';
import type { MapSpec } from './spec.ts';

export const KCONFIG = '.kconfig';

/** Values by name: 'LINUX_KERNEL_VERSION', 'CONFIG_HZ' -> 1000; tristates and booleans as 'y', 'n', 'm' or true, false. */
export type Kconfig = Readonly<Record<string, number | bigint | boolean | string>>;

export interface Externs {
  /** null: the object asks for none. */
  readonly kconfig: { readonly map: MapSpec; readonly variables: readonly SectionVar[] } | null;
  /** What a symbol without a section stands for. */
  resolve(symbol: ElfSymbol): Extern;
}
export type Extern =
  | { readonly kind: 'kconfig'; readonly offset: number }
  | ({ readonly kind: 'ksym'; readonly name: string; readonly weak: boolean } & Declared)
  | { readonly kind: 'zero' }
  | { readonly kind: 'missing' };

/** What a symbol of the kernel is declared as: BTF type id of the prototype, or of the variable's type. */
interface Declared {
  readonly of: 'func' | 'variable';
  readonly type: number;
}

/** KERNEL_VERSION(6, 18, 0): the Linux that the verifier follows. */
const LINUX_KERNEL_VERSION = (6 << 16) | (18 << 8);

/** What libbpf itself defines (bpf_object__resolve_externs). */
const VIRTUAL: Kconfig = { LINUX_KERNEL_VERSION, LINUX_HAS_BPF_COOKIE: 1, LINUX_HAS_SYSCALL_WRAPPER: 1 };

export function readExterns(elf: Elf, btf: Btf | null, kconfig: Kconfig): Externs {
  const known = { ...VIRTUAL, ...kconfig };
  const undefinedSymbols = elf.symbols.filter((s) => s.shndx === SHN.UNDEF && s.name !== '');
  const weak = new Set(undefinedSymbols.filter((s) => s.bind === STB.WEAK).map((s) => s.name));
  const variables = btf === null ? [] : layOut(btf, kconfigVars(btf));
  const offsets = new Map(variables.map((v) => [v.name, v.offset]));
  const missing = new Set(
    variables.filter((v) => !Object.hasOwn(known, v.name) && !weak.has(v.name)).map((v) => v.name),
  );
  const ksyms = btf === null ? new Map<string, Declared>() : typedKsyms(btf);
  return {
    kconfig: variables.length === 0 ? null : { map: kconfigMap(btf!, variables, known), variables },
    resolve({ name, bind }) {
      const offset = offsets.get(name);
      if (offset !== undefined) return missing.has(name) ? { kind: 'missing' } : { kind: 'kconfig', offset };
      const declared = ksyms.get(name);
      if (declared !== undefined) return { kind: 'ksym', name, ...declared, weak: bind === STB.WEAK };
      return { kind: bind === STB.WEAK ? 'zero' : 'missing' };
    },
  };
}

const KSYMS = '.ksyms';

/** Symbols of the kernel whose types say what they are: functions, and variables that are not void. */
function typedKsyms(btf: Btf): Map<string, Declared> {
  const found = new Map<string, Declared>();
  const id = datasecId(btf, KSYMS);
  if (id === 0) return found;
  for (const { type } of (btf.types[id] as BtfOf<'datasec'>).vars) {
    const t = btf.types[type];
    if (t.kind === 'func') found.set(t.name, { of: 'func', type: t.type });
    else if (t.kind === 'var' && resolved(btf, t.type).kind !== 'void')
      found.set(t.name, { of: 'variable', type: t.type });
  }
  return found;
}

function kconfigVars(btf: Btf): { name: string; type: number }[] {
  const id = datasecId(btf, KCONFIG);
  if (id === 0) return [];
  return (btf.types[id] as BtfOf<'datasec'>).vars.map(({ type }) => {
    const t = btf.types[type];
    if (t.kind !== 'var')
      throw new FormatError('BTF', `DATASEC ${KCONFIG} holds type ${type}, which is not a variable`);
    return { name: t.name, type: t.type };
  });
}

/** One behind the other, each at its alignment. */
function layOut(btf: Btf, vars: readonly { name: string; type: number }[]): SectionVar[] {
  let end = 0;
  return vars.map(({ name, type }) => {
    const size = sizeOf(btf, type);
    const t = resolved(btf, type);
    const align = Math.min(8, Math.max(1, t.kind === 'array' ? sizeOf(btf, t.elem) : size));
    const offset = Math.ceil(end / align) * align;
    end = offset + size;
    return { name, type, linkage: 2, offset, size };
  });
}

function kconfigMap(btf: Btf, variables: readonly SectionVar[], known: Kconfig): MapSpec {
  const last = variables[variables.length - 1];
  const data = new Uint8Array(last.offset + last.size);
  for (const v of variables) {
    if (Object.hasOwn(known, v.name)) data.set(bytesOf(btf, v, known[v.name]), v.offset);
  }
  return {
    name: KCONFIG,
    type: BPF_MAP_TYPE.BPF_MAP_TYPE_ARRAY,
    keySize: 4,
    valueSize: data.length,
    maxEntries: 1,
    flags: BPF_F_RDONLY_PROG,
    pinning: 0,
    mapExtra: 0n,
    data,
    frozen: true,
    keyTypeId: 0,
    valueTypeId: datasecId(btf, KCONFIG),
  };
}

/** enum libbpf_tristate. */
const TRISTATE: Readonly<Record<string, bigint>> = { n: 0n, y: 1n, m: 2n };

function bytesOf(btf: Btf, v: SectionVar, value: Kconfig[string]): Uint8Array {
  const bytes = new Uint8Array(v.size);
  if (typeof value === 'string' && resolved(btf, v.type).kind === 'array') {
    bytes.set(new TextEncoder().encode(value).subarray(0, v.size - 1));
    return bytes;
  }
  let rest: bigint;
  try {
    rest = typeof value === 'string' ? (TRISTATE[value] ?? BigInt(value)) : BigInt(value);
  } catch {
    throw new FormatError('kconfig', `${v.name}: '${value}' is not a number`);
  }
  for (let i = 0; i < v.size; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
  return bytes;
}
