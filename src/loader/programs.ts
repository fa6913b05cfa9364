// Code sections -> functions -> programs. A program is an entry function followed by every function it (transitively)
// calls, in the order libbpf appends them (bpf_object__reloc_code: depth first, at the first reference), so instruction
// numbers agree with what the kernel sees. Calls and function addresses become pc-relative; map references become relocs.

import { decode, type Insn, type InsnIndex, LDDW_CODE } from '../isa/insn.ts';
import type { SourceLine } from '../isa/source.ts';
import type { FuncProto } from '../spec/func_proto.ts';
import { BPF_PROG_TYPE } from '../uapi/enums.ts';
import { FormatError, UnsupportedError } from '../uapi/errors.ts';
import type { BtfExt } from './btf_ext.ts';
import {
  type Elf,
  type ElfReloc,
  type ElfSection,
  type ElfSymbol,
  R_BPF,
  relocsOf,
  SHF,
  SHN,
  SHT,
  STB,
  STT,
  STV,
  symbolsOf,
} from './elf.ts';
import { type Externs, KCONFIG } from './externs.ts';
import { funcRecords, type RecordReaders } from './func_records.ts';
import { type AttachTo, sectionDef } from './sections.ts';
import type { KsymReloc, MapReloc, ProgramSpec } from './spec.ts';
import type { OpsLookup } from './struct_ops.ts';

const CALL_CODE = 0x85;
const PSEUDO = { CALL: 1, MAP_FD: 1, MAP_VALUE: 2, KFUNC: 2, BTF_ID: 3, FUNC: 4 } as const;
const TEXT = '.text';

/** Which map lives at a byte of a section; null = the section holds no maps. */
export type MapLookup = (section: number, offset: number) => { map: string; kind: 'fd' | 'value'; off: number } | null;

interface Func {
  readonly name: string;
  readonly section: ElfSection;
  /** First byte and size in the section. */
  readonly start: number;
  readonly size: number;
  /** Not visible outside of the object: STV_HIDDEN or STV_INTERNAL. */
  readonly hidden: boolean;
  readonly insns: readonly Insn[];
  refs: readonly Ref[];
}

/** What one instruction of a function refers to. */
type Ref = { readonly insn: InsnIndex } & (
  | { readonly kind: 'map'; readonly target: NonNullable<ReturnType<MapLookup>> }
  | { readonly kind: 'call' | 'func'; readonly target: Func }
  /** A weak symbol of the kernel that no kernel has. */
  | { readonly kind: 'zero' }
  | { readonly kind: 'ksym'; readonly symbol: Omit<KsymReloc, 'insn'> }
  | { readonly kind: 'unsupported'; readonly what: string }
);

/** Throws UnsupportedError when the program needs something the loader or beewasm lacks. */
export function checkLoadable(program: ProgramSpec): void {
  if (program.unsupported !== undefined) {
    throw new UnsupportedError(program.unsupported, `program ${program.name}: ${program.unsupported} is not supported`);
  }
  if (program.type === null) {
    throw new UnsupportedError(
      `section ${program.section}`,
      `program ${program.name}: section '${program.section}' names no supported program type`,
    );
  }
}

/** What turns references into something: maps, externs, CO-RE. */
export interface Resolver extends RecordReaders {
  readonly mapAt: MapLookup;
  readonly externs: Externs;
  readonly memberOf: OpsLookup;
}

/** Programs that share functions have copies of them: so many instructions may come of an object. */
const ROOM = 1 << 21;
const ROOM_PER_INSN = 16;

/** All programs of an object, in file order. */
export function readPrograms(elf: Elf, ext: BtfExt, resolver: Resolver): ProgramSpec[] {
  const funcs = elf.sections.filter(isCode).flatMap((section) => readFunctions(elf, section));
  const find = functionFinder(funcs);
  const relocs = new Map<ElfSection, Map<number, ElfReloc>>();
  for (const func of funcs) {
    let ofSection = relocs.get(func.section);
    if (ofSection === undefined) {
      ofSection = new Map(relocsOf(elf, func.section).map((r) => [r.offset, r]));
      relocs.set(func.section, ofSection);
    }
    func.refs = readRefs(func, ofSection, find, resolver);
  }
  // Functions of .text are there to be called, except that libbpf loads a lone one as a program.
  const entries = funcs.length === 1 ? funcs : funcs.filter((f) => f.section.name !== TEXT);
  const callable = funcs.filter((f) => !entries.includes(f));
  const recordsOf = funcRecords(ext, resolver);
  const room = ROOM + ROOM_PER_INSN * elf.sections.reduce((n, s) => n + (isCode(s) ? s.size / 8 : 0), 0);
  let linked = 0;
  return entries.map((entry) => {
    const program = link(entry, callable, recordsOf, resolver.memberOf);
    linked += program.insns.length;
    if (linked > room) throw new UnsupportedError(`programs that have more than ${room} instructions altogether`);
    return program;
  });
}

function isCode(section: ElfSection): boolean {
  return section.type === SHT.PROGBITS && (section.flags & SHF.EXECINSTR) !== 0 && section.size > 0;
}

function readFunctions(elf: Elf, section: ElfSection): Func[] {
  const symbols = symbolsOf(elf, section);
  const functions = symbols.filter((s) => s.type === STT.FUNC);
  return (functions.length > 0 ? functions : untypedFunctions(section, symbols))
    .map((s) => readFunction(section, s))
    .sort((a, b) => a.start - b.start);
}

/**
 * clang before 6 gave functions neither type nor size: they are the global symbols of a code section (local ones are
 * labels), each up to the next one. A section without any is one function.
 */
function untypedFunctions(section: ElfSection, symbols: readonly ElfSymbol[]): ElfSymbol[] {
  const globals = symbols
    .filter((s) => s.type === STT.NOTYPE && s.bind !== STB.LOCAL && s.name !== '')
    .sort((a, b) => a.value - b.value)
    .filter((s, i, all) => i === 0 || s.value !== all[i - 1].value);
  if (globals.length > 0) {
    return globals.map((s, i) => ({ ...s, size: (globals[i + 1]?.value ?? section.size) - s.value }));
  }
  const { size, index: shndx } = section;
  const own = symbols.find((s) => s.type === STT.NOTYPE && s.value === 0 && /^(?!\.?L)./.test(s.name));
  return [{ name: own?.name ?? section.name, value: 0, size, type: STT.FUNC, bind: STB.GLOBAL, visibility: 0, shndx }];
}

function readFunction(section: ElfSection, symbol: ElfSymbol): Func {
  const { name, value: start, size, visibility } = symbol;
  if (name === '') throw new FormatError('ELF', `a function of section ${section.name} has no name`);
  if (size === 0 || size % 8 !== 0 || start % 8 !== 0 || start + size > section.size) {
    throw new FormatError(
      'ELF',
      `function ${name} has ${size} bytes at ${start} of section ${section.name} (${section.size} bytes)`,
    );
  }
  const hidden = visibility === STV.INTERNAL || visibility === STV.HIDDEN;
  return { name, section, start, size, hidden, insns: decode(section.data.subarray(start, start + size)), refs: [] };
}

type Finder = (section: number, offset: number) => Func | undefined;

function functionFinder(funcs: readonly Func[]): Finder {
  const byStart = new Map<string, Func>();
  for (const f of funcs) {
    const key = `${f.section.index}:${f.start}`;
    if (!byStart.has(key)) byStart.set(key, f);
  }
  return (section, offset) => byStart.get(`${section}:${offset}`);
}

function readRefs(func: Func, relocs: ReadonlyMap<number, ElfReloc>, find: Finder, resolver: Resolver): Ref[] {
  const refs: Ref[] = [];
  for (let i = 0; i < func.insns.length; i++) {
    const insn = func.insns[i];
    const reloc = relocs.get(func.start + i * 8);
    const isCall = insn.code === CALL_CODE && insn.src === PSEUDO.CALL;
    if (reloc === undefined) {
      if (isCall) refs.push(...localCall(func, i, find));
    } else if (isCall && reloc.type === R_BPF['64_32']) {
      refs.push({ insn: i, ...callTarget(func, i, reloc, find, resolver) });
    } else if (insn.code === LDDW_CODE && isLddwReloc(reloc) && i + 1 < func.insns.length) {
      refs.push({ insn: i, ...addressTarget(func, i, reloc, find, resolver) });
    } else {
      throw wrong(func, i, `relocation type ${reloc.type} does not fit opcode 0x${insn.code.toString(16)}`);
    }
    if (insn.code === LDDW_CODE) i++;
  }
  return refs;
}

/** clang before 3.9 wrote relocation sections with addends, and no type. */
function isLddwReloc({ type, section }: ElfReloc): boolean {
  return type === R_BPF['64_64'] || (type === R_BPF.NONE && section === SHT.RELA);
}

function wrong(func: Func, at: InsnIndex, what: string): FormatError {
  return new FormatError('ELF', `function ${func.name}, insn ${at}: ${what}`);
}

/** A call that clang already resolved: imm is relative within the section. */
function localCall(func: Func, at: InsnIndex, find: Finder): Ref[] {
  const offset = func.start + (at + func.insns[at].imm + 1) * 8;
  const target = find(func.section.index, offset);
  if (target !== undefined) return [{ insn: at, kind: 'call', target }];
  // Hand-written code may call a label of its own: that stays as it is.
  if (offset >= func.start && offset < func.start + func.size) return [];
  throw wrong(func, at, `calls byte ${offset} of section ${func.section.name}, where no function starts`);
}

type Target = Ref extends infer R ? (R extends Ref ? Omit<R, 'insn'> : never) : never;

function callTarget(func: Func, at: InsnIndex, reloc: ElfReloc, find: Finder, { externs }: Resolver): Target {
  const { symbol } = reloc;
  if (symbol.shndx === SHN.UNDEF) {
    const extern = externs.resolve(symbol);
    if (extern.kind === 'zero') return { kind: 'zero' };
    if (extern.kind === 'ksym') return { kind: 'ksym', symbol: extern };
    return { kind: 'unsupported', what: `extern function ${symbol.name}, declared without __ksym,` };
  }
  const offset = symbol.value + reloc.addend + (func.insns[at].imm + 1) * 8;
  const target = find(symbol.shndx, offset);
  if (target === undefined) throw wrong(func, at, `calls '${symbol.name}' at ${offset}, where no function starts`);
  return { kind: 'call', target };
}

/** lddw of a symbol's address: a map, a byte of global data, or a function. The addend is in imm. */
function addressTarget(func: Func, at: InsnIndex, reloc: ElfReloc, find: Finder, { mapAt, externs }: Resolver): Target {
  const { symbol } = reloc;
  if (symbol.shndx === SHN.UNDEF) {
    const extern = externs.resolve(symbol);
    if (extern.kind === 'missing') return { kind: 'unsupported', what: `extern ${symbol.name}` };
    if (extern.kind === 'zero') return { kind: 'zero' };
    if (extern.kind === 'ksym') return { kind: 'ksym', symbol: extern };
    return { kind: 'map', target: { map: KCONFIG, kind: 'value', off: extern.offset } };
  }
  const offset = symbol.value + reloc.addend + func.insns[at].imm;
  // A map has no bytes to point at: behind its name binutils before 2.41 leave where it lies in the section.
  const named = symbol.type === STT.OBJECT ? mapAt(symbol.shndx, symbol.value) : null;
  if (named?.kind === 'fd') return { kind: 'map', target: named };
  const map = mapAt(symbol.shndx, offset);
  if (map !== null) return { kind: 'map', target: map };
  const target = find(symbol.shndx, offset);
  if (target !== undefined) return { kind: 'func', target };
  return {
    kind: 'unsupported',
    what: `reference to '${symbol.name}', which is neither map, global data nor function,`,
  };
}

type RecordsOf = ReturnType<typeof funcRecords>;

interface Placed {
  readonly func: Func;
  readonly base: InsnIndex;
}

/** Entry first, then callees depth first, each at the first reference to it; last what only handles exceptions, likewise. */
function placeFunctions(entry: Func, handler: Func | null): Map<Func, Placed> {
  const placed = new Map<Func, Placed>();
  placeFrom(entry, placed);
  if (handler !== null && !placed.has(handler)) placeFrom(handler, placed);
  return placed;
}

function placeFrom(root: Func, placed: Map<Func, Placed>): void {
  let end = [...placed.values()].reduce((n, { func }) => n + func.insns.length, 0);
  placed.set(root, { func: root, base: end });
  end += root.insns.length;
  const stack = [{ func: root, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const ref = top.func.refs[top.next++];
    if (ref === undefined) {
      stack.pop();
    } else if ((ref.kind === 'call' || ref.kind === 'func') && !placed.has(ref.target)) {
      placed.set(ref.target, { func: ref.target, base: end });
      end += ref.target.insns.length;
      stack.push({ func: ref.target, next: 0 });
    }
  }
}

/** The function that handles exceptions (libbpf bpf_prog_assign_exc_cb). Where there are several the verifier complains. */
function exceptionHandler(entry: Func, callable: readonly Func[], recordsOf: RecordsOf): Func | string | null {
  const names = recordsOf(entry).info?.proto?.exceptionCallbacks ?? [];
  if (names.length !== 1) return null;
  const [name] = names;
  const found = callable.find((f) => f.name === name);
  if (found === undefined) return `exception callback '${name}', which is no function of ${TEXT},`;
  const isGlobal = recordsOf(found).info?.proto?.linkage === 'global';
  return isGlobal ? found : `exception callback '${name}', which is not global,`;
}

function link(entry: Func, callable: readonly Func[], recordsOf: RecordsOf, memberOf: OpsLookup): ProgramSpec {
  const handler = exceptionHandler(entry, callable, recordsOf);
  const placed = placeFunctions(entry, typeof handler === 'string' ? null : handler);
  const insns: Insn[] = [];
  const relocs: MapReloc[] = [];
  const ksyms: KsymReloc[] = [];
  const functions = new Map<InsnIndex, string>();
  const functionTypes = new Map<InsnIndex, number>();
  const prototypes = new Map<InsnIndex, FuncProto>();
  const lines = new Map<InsnIndex, SourceLine>();
  const missing: string[] = typeof handler === 'string' ? [handler] : [];
  for (const { func, base } of placed.values()) {
    functions.set(base, func.name);
    const records = recordsOf(func);
    const { info } = records;
    if (info !== null) functionTypes.set(base, info.type);
    if (info?.proto) prototypes.set(base, info.proto);
    for (const insn of records.insns) insns.push(insn);
    for (const ref of func.refs) {
      const at = base + ref.insn;
      if (ref.kind === 'unsupported') {
        missing.push(ref.what);
      } else if (ref.kind === 'zero') {
        resolveToZero(insns, at);
      } else if (ref.kind === 'ksym') {
        const { name, of, type, weak } = ref.symbol;
        ksyms.push({ insn: at, name, of, type, weak });
        const isCall = insns[at].code === CALL_CODE;
        insns[at] = { ...insns[at], src: isCall ? PSEUDO.KFUNC : PSEUDO.BTF_ID, imm: 0 };
      } else if (ref.kind === 'map') {
        relocs.push({ insn: at, ...ref.target });
        const fd = ref.target.kind === 'fd';
        insns[at] = { ...insns[at], src: fd ? PSEUDO.MAP_FD : PSEUDO.MAP_VALUE, imm: 0 };
        insns[at + 1] = { ...insns[at + 1], imm: ref.target.off };
      } else {
        const distance = placed.get(ref.target)!.base - at - 1;
        insns[at] = { ...insns[at], src: ref.kind === 'call' ? PSEUDO.CALL : PSEUDO.FUNC, imm: distance };
      }
    }
    for (const [at, line] of records.lines) lines.set(base + at, line);
    missing.push(...records.missing);
  }
  const section = sectionDef(entry.section.name);
  const { type, expectedAttachType, flags } = section;
  const ops = type === BPF_PROG_TYPE.BPF_PROG_TYPE_STRUCT_OPS ? memberOf(entry.section.index, entry.start) : undefined;
  if (ops?.ambiguous) missing.push('a program for several functions of the kernel');
  const attachTo: AttachTo | undefined =
    ops === undefined ? section.attachTo : { kind: 'struct', name: ops.struct, member: ops.member };
  return {
    name: entry.name,
    section: entry.section.name,
    type,
    expectedAttachType,
    ...(attachTo && { attachTo }),
    flags,
    autoload: ops === undefined ? section.autoload : !ops.optional,
    insns,
    relocs,
    ksyms,
    functions,
    functionTypes,
    prototypes,
    lines,
    ...(missing.length > 0 ? { unsupported: missing[0] } : {}),
  };
}

/** libbpf's marker in the imm of a call to a weak kfunc that the kernel lacks: no verifier accepts it where it is reached. */
const POISONED_KFUNC = 2002000000;

/** The address 0; a call that is rejected where it is reached. */
export function resolveToZero(insns: Insn[], at: InsnIndex): void {
  if (insns[at].code === CALL_CODE) {
    insns[at] = { ...insns[at], src: 0, imm: POISONED_KFUNC };
  } else {
    insns[at] = { ...insns[at], src: 0, imm: 0 };
    insns[at + 1] = { ...insns[at + 1], imm: 0 };
  }
}
