// What became of each instruction: eBPF, what is known about it, and its WebAssembly, as rows. The module's text names the
// instruction a statement comes from (`;;@ bpf:SLOT:0`); rows are in its order, and instructions that left nothing stand
// behind the one before them.

import { effects } from '../src/analysis/liveness.ts';
import { disasmInsn } from '../src/isa/disasm.ts';
import type { Insn, InsnIndex } from '../src/isa/insn.ts';
import type { Op } from '../src/isa/op.ts';
import type { LoadedProgram } from '../src/runtime/engine.ts';
import { kfuncByNumber } from '../src/spec/kfunc_abi.ts';
import { REG_KIND } from '../src/verifier/verified.ts';
import { defOf } from './bits.ts';
import { type Compilation, type Fn, isPointer, REGS } from './compilation.ts';
import { type CompileOptions, compile, PASSES } from './compile.ts';
import { RESULT } from './narrow.ts';
import { slotPart } from './slots.ts';
import { parseWat, type Wat } from './wat.ts';

export interface ListingRow {
  /** Set where the instruction is named for the first time; later rows of it have null, as has what is nobody's. */
  readonly insn: InsnIndex | null;
  readonly disasm: string;
  readonly facts: readonly string[];
  /** How many blocks stand around the statement. */
  readonly depth: number;
  /** A whole expression; or only its first line, where the rows that follow stand in it. */
  readonly wat: Wat | string | null;
}

/** Compiles anew. */
export function listing(program: LoadedProgram, options: CompileOptions = {}): ListingRow[] {
  let text = '';
  let compilation: Compilation | undefined;
  const keep = (c: Compilation) => {
    compilation = c;
  };
  compile(program, {
    ...options,
    passes: [...(options.passes ?? PASSES), { name: 'listing', fn: keep, dump: () => '' }],
    onText: (wat) => {
      text = wat;
    },
  });
  const c = compilation!;
  const functions = new Map(parseWat(text).kids.map((wat) => [/^\(func \$(\S+)/.exec(wat.head)?.[1], wat]));
  return c.fns.flatMap((fn) => {
    const wat = functions.get(fn.name);
    return wat === undefined ? [] : rowsOf(c, fn, wat); // else it is inlined
  });
}

/** Declarations on a line. */
const LOCALS = 4;

/** A row, and the instruction its statement comes from. */
interface Placed {
  readonly row: ListingRow;
  readonly site: number | null;
}

function rowsOf(c: Compilation, fn: Fn, func: Wat): ListingRow[] {
  const seen = new Set<number>();
  const placed: Placed[] = [];
  const put = (site: number | null, depth: number, wat: Wat | string) => {
    placed.push({
      row: site === null || seen.has(site) ? code(depth, wat) : rowOf(c, ownerOf(c, fn, site), site, depth, wat),
      site,
    });
    if (site !== null) seen.add(site);
  };
  const statement = (wat: Wat, depth: number) => {
    const inner = wat.kids.some((kid) => kid.sited);
    put(wat.site, depth, inner ? [wat.head, ...headOf(wat)].join(' ') : wat);
    if (!inner) return;
    for (const kid of bodyOf(wat)) statement(kid, depth + 1);
    put(null, depth, ')');
  };
  put(null, 0, func.head);
  const isLocal = (kid: Wat) => kid.head.startsWith('(local $');
  const locals = func.kids.filter(isLocal).map((kid) => kid.head);
  for (let i = 0; i < locals.length; i += LOCALS) put(null, 1, locals.slice(i, i + LOCALS).join(' '));
  const start = placed.length;
  for (const kid of func.kids) if (!isLocal(kid)) statement(kid, 1);
  put(null, 0, ')');
  return withSilent(c, fn, placed, start, seen);
}

const code = (depth: number, wat: Wat | string): ListingRow => ({ insn: null, disasm: '', facts: [], depth, wat });

function rowOf(c: Compilation, fn: Fn, insn: InsnIndex, depth: number, wat: Wat | string | null): ListingRow {
  return { insn, disasm: disasm(c, insn), facts: factsOf(c, fn, insn), depth, wat };
}

const isIn = (fn: Fn, at: InsnIndex) => at >= fn.start && at < fn.start + fn.cfg.blockOf.length;

/** The function an instruction in the code of `fn` belongs to: another one where that was inlined. */
const ownerOf = (c: Compilation, fn: Fn, at: InsnIndex): Fn => (isIn(fn, at) ? fn : c.fns.find((f) => isIn(f, at))!);

/** The rows, and those of the instructions that left nothing: behind the instruction before them. */
function withSilent(c: Compilation, fn: Fn, placed: readonly Placed[], start: number, seen: Set<number>): ListingRow[] {
  const rows: ListingRow[] = [];
  const silentFrom = (owner: Fn, from: InsnIndex, depth: number) => {
    for (let at = from; isIn(owner, at) && !seen.has(at); at++) {
      if (c.ops[at] === undefined || (owner.part !== null && !isReached(owner, at))) continue;
      seen.add(at);
      rows.push(rowOf(c, owner, at, depth, null));
    }
  };
  placed.forEach(({ row, site }, i) => {
    if (i === start) silentFrom(fn, fn.start, row.depth);
    rows.push(row);
    if (site !== null && placed[i + 1]?.site !== site) silentFrom(ownerOf(c, fn, site), site + 1, row.depth);
  });
  return rows;
}

const isReached = (fn: Fn, at: InsnIndex) => (fn.cfg.blockOf[at - fn.start] ?? -1) >= 0;

/** Of an `if`: its condition, which stands in the first line. */
const headOf = (wat: Wat) => (wat.head.startsWith('(if') ? [wat.kids[0].flat] : []);
const bodyOf = (wat: Wat) => (wat.head.startsWith('(if') ? wat.kids.slice(1) : wat.kids);

function disasm(c: Compilation, at: InsnIndex): string {
  const lddw = () => {
    const ref = c.program.code.mapRefs.get(at);
    if (ref === undefined) return undefined;
    const { name } = c.program.code.maps[ref.map];
    return ref.kind === 'fd' ? `map[name:${name}]` : `map[name:${name}][0]+${ref.off}`;
  };
  const callee = (insn: Insn) => kfuncByNumber(insn.imm)?.name;
  return disasmInsn(c.insns, at, { lddw, callee });
}

const KIND_NAMES = new Map<number, string>(Object.entries(REG_KIND).map(([name, kind]) => [kind, name]));

/** In few words: what its operands point to, where its result goes, what it was made of. */
function factsOf(c: Compilation, fn: Fn, at: InsnIndex): string[] {
  const op = c.ops[at]!;
  if (!isReached(fn, at)) return ['dead code'];
  return [...operands(c, at, op), ...slots(fn, at, op), ...jumps(c, fn, at, op), ...results(c, fn, at, op)];
}

function operands(c: Compilation, at: InsnIndex, op: Op): string[] {
  const { facts } = c;
  if (facts === null) return [];
  const { dst, src } = c.insns[at];
  const { use } = effects(c.insns[at], op);
  const out: string[] = [];
  const note = (reg: number, kind: number) => {
    const text = `r${reg} ${KIND_NAMES.get(kind)}`;
    if ((isPointer(kind) || kind === REG_KIND.mixed) && (use & (1 << reg)) !== 0 && !out.includes(text)) out.push(text);
  };
  if (op.kind !== 'call' && op.kind !== 'exit') {
    note(dst, facts.dst[at]);
    note(src, facts.src[at]);
  }
  if (op.kind === 'call' && facts.callMap[at] >= 0) out.push(`map ${c.program.code.maps[facts.callMap[at]].name}`);
  return [...out, ...ARENA_NAMES[facts.arena?.[at] ?? 0]];
}

/** By the bits of Facts.arena. */
const ARENA_NAMES: readonly (readonly string[])[] = [[], ['arena'], [], ['arena or number']];

const vregName = (v: number) => (v < REGS ? `r${v}` : `s${v - REGS}`);

/** Of the stack slot that it reads or writes as a local. */
function slots(fn: Fn, at: InsnIndex, op: Op): string[] {
  if (op.kind !== 'ldx' && op.kind !== 'st' && op.kind !== 'stx') return [];
  const part = slotPart(fn, at, op.size);
  if (part === null) return [];
  return [`slot ${vregName(part.vreg)}`, ...(part.whole ? [] : [`bits ${part.shift}-${part.shift + part.bits - 1}`])];
}

function jumps(c: Compilation, fn: Fn, at: InsnIndex, op: Op): string[] {
  if (op.kind !== 'jmp') return [];
  const taken = c.facts?.taken[at] ?? 3;
  const block = fn.cfg.blockOf[at - fn.start];
  const select = fn.cfg.blocks[block].last === at ? fn.selects.get(block) : undefined;
  return [
    ...(taken === 1 ? ['always jumps'] : taken === 2 ? ['never jumps'] : []),
    ...(select === undefined ? [] : [`chooses ${select.vregs.map(vregName).join(', ')}`]),
  ];
}

function results(c: Compilation, fn: Fn, at: InsnIndex, op: Op): string[] {
  const out: string[] = [];
  const idiom = fn.idioms.at.get(at);
  if (idiom?.kind === 'rotate') out.push(`rotate by ${idiom.by}`);
  if (idiom?.kind === 'load') out.push(`joined load of ${idiom.size}`);
  const def = defOf(fn, at, c.insns[at], op);
  if (def < 0) return out;
  const result = fn.widths?.result[at - fn.start];
  const to = def < REGS ? '→' : `→ ${vregName(def)}`;
  out.push(result === RESULT.dead ? '→ unused' : `${to} ${result === RESULT.narrow ? 'i32' : 'i64'}`);
  return out;
}
