// Puts a Diagnostic together: the row of the message (catalogue.ts), the register in question and its history (path.ts,
// origin.ts), the place in the source. In: a Reject and the search it came from. Nothing here changes a verdict.

import { type DisasmOptions, disasmText, helperName, LOG_STYLE } from '../../isa/index.ts';
import type { InsnIndex } from '../../isa/insn.ts';
import { opOf } from '../../isa/opcodes.ts';
import type { SourceLine } from '../../isa/source.ts';
import { ctxOfType } from '../../spec/ctx.ts';
import { helperById } from '../../spec/helpers.ts';
import { progTypeById } from '../../spec/prog_types.ts';
import type { Env, VerifyOptions } from '../env.ts';
import { regText } from '../log.ts';
import { kindText } from '../reg.ts';
import { type Reject, summaryOf } from '../reject.ts';
import type { State } from '../state.ts';
import type { MapDef, ProgramInput } from '../verified.ts';
import { type Matched, match } from './catalogue.ts';
import type { Diagnostic, Place, TrailStep } from './diagnostic.ts';
import { endLabels, heldLabels, holdsOf } from './held.ts';
import { loopOf, waitingAt } from './loops.ts';
import { calleeName, type Label, originOf } from './origin.ts';
import { pathTo } from './path.ts';
import type { Case, Words } from './row.ts';
import { objectHistory, type Past } from './stack_objects.ts';
import { mapArgument, type Subject, subjectOf } from './subject.ts';
import { describe, rangeWords } from './values.ts';

/** The search that was refused. */
export interface Walk {
  readonly env: Env;
  /** Makes the state that the program starts in. */
  readonly initial: () => State;
  readonly options: VerifyOptions;
}

function linesOf(reject: Reject): string[] {
  return reject.message.split('\n');
}

/** The rule, with what all lines of the message say. */
function matched(reject: Reject): Matched | null {
  const lines = linesOf(reject);
  const main = match(reject.summary ?? lines[lines.length - 1]);
  if (main === null) return null;
  const parts = new Map<string, string>();
  for (const line of lines) for (const [name, value] of match(line)?.parts ?? []) parts.set(name, value);
  for (const [name, value] of main.parts) parts.set(name, value);
  return { ...main, parts };
}

const VERBS: Readonly<Record<string, string>> = {
  ldx: 'reads',
  load_acq: 'reads',
  st: 'writes',
  stx: 'writes',
  store_rel: 'writes',
  atomic: 'changes',
  // Of helpers the name is said.
  call: 'the function uses',
};

/** The map of the subject, or the one that the called helper works on. */
function mapOf(walk: Walk | null, subject: Subject | null): MapDef | null {
  if (walk === null) return null;
  const own = subject?.reg.map ?? -1;
  const { regs } = walk.env.state.frame;
  const index = own >= 0 ? own : (regs[mapArgument(regs)]?.map ?? -1);
  return index < 0 ? null : walk.env.map(index);
}

function caseOf(
  parts: ReadonlyMap<string, string>,
  input: ProgramInput,
  at: InsnIndex | null,
  walk: Walk | null,
  { subject, past = '' }: Findings,
): Case {
  const insn = at === null ? undefined : input.insns[at];
  const op = insn && opOf(insn);
  const prog = walk?.env.prog;
  const kfunc = at === null ? undefined : prog?.kfuncs.get(at)?.name;
  const helper = kfunc ?? (op?.kind === 'call' && op.callee === 'helper' ? (helperName(insn!.imm) ?? '') : '');
  const alloc = Number(parts.get('alloc') ?? NaN);
  const type = progTypeById(input.type);
  const part = (name: string) => parts.get(name) ?? '';
  return {
    part,
    num: (name) => Number(part(name)),
    cause: { why: '', help: '' },
    regno: subject?.regno ?? -1,
    holds: subject === null ? 'something else' : describe(subject.reg, (m) => walk!.env.map(m)),
    kind: subject === null ? '' : kindText(subject.reg),
    smin: subject?.reg.s.smin ?? 0n,
    umax: subject?.reg.s.umax ?? 0n,
    range: subject === null ? '' : rangeWords(subject.reg.s),
    off: subject?.reg.off ?? 0,
    verb: helper === '' ? (VERBS[op?.kind ?? ''] ?? 'uses') : `${helper} uses`,
    write: op?.kind === 'st' || op?.kind === 'stx' || op?.kind === 'store_rel' || op?.kind === 'atomic',
    size: op !== undefined && 'size' in op ? op.size : 0,
    helper,
    taker: prog?.ops[alloc]?.kind === 'call' ? calleeName(prog, alloc) : '',
    open: walk === null ? [] : holdsOf(walk.env),
    past,
    map: mapOf(walk, subject),
    progType: type?.name ?? 'such',
    ctxStruct: ctxOfType(input.type)?.struct ?? '',
    verdicts: type?.verdicts ?? [],
  };
}

/** The case of the last line: what the line above is about comes with it. */
function withCause(c: Case, lines: readonly string[]): Case {
  const found = lines.length < 2 ? null : match(lines[lines.length - 2]);
  if (found === null) return c;
  const own = (name: string) => found.parts.get(name) ?? c.part(name);
  const inner: Case = { ...c, part: own, num: (name) => Number(own(name)) };
  return { ...c, cause: { why: say(found.row.why, inner), help: say(found.row.help, inner) } };
}

function say(words: Words, c: Case): string {
  return typeof words === 'string' ? words : words(c);
}

/** The C line of an instruction: the nearest that has text, in the same function. */
export function sourceOf(input: ProgramInput, at: InsnIndex): SourceLine | null {
  for (let i = at; i >= 0; i--) {
    const line = input.lines?.get(i);
    if (line !== undefined && line.text.trim() !== '') return line;
    if (input.functions?.has(i)) return null;
  }
  return null;
}

function functionOf(input: ProgramInput, at: InsnIndex): string {
  for (let i = at; i >= 0; i--) {
    const name = input.functions?.get(i);
    if (name !== undefined) return name;
  }
  return input.name;
}

/** What places are told from: the program, and how its instructions are printed (names of kfuncs, once they are known). */
interface Listing {
  readonly input: ProgramInput;
  readonly style: DisasmOptions;
}

function disasmAt({ input, style }: Listing, at: InsnIndex): string {
  const ref = input.mapRefs.get(at);
  const name = ref && input.maps[ref.map]?.name;
  const lddw = name ? () => `map[name:${name}]${ref.kind === 'value' ? `[0]+${ref.off}` : ''}` : style.lddw;
  return disasmText(input.insns, at, { ...style, lddw });
}

function placeOf(listing: Listing, at: InsnIndex): Place {
  const { input } = listing;
  return { insn: at, disasm: disasmAt(listing, at), function: functionOf(input, at), source: sourceOf(input, at) };
}

const AROUND = 3;

/** Instructions around some of them, in order. */
function listingOf(listing: Listing, at: InsnIndex | null, trail: readonly TrailStep[]): Diagnostic['listing'] {
  if (at === null) return [];
  const { input } = listing;
  const wanted = new Set(trail.map((step) => step.insn));
  for (let i = Math.max(at - AROUND, 0); i <= Math.min(at + AROUND, input.insns.length - 1); i++) wanted.add(i);
  const slots = [...wanted].sort((a, b) => a - b);
  // The second half of an lddw is no instruction.
  const whole = slots.filter((i) => i === at || !(input.insns[i].code === 0 && input.insns[i - 1]?.code === 0x18));
  return whole.map((insn) => ({ insn, disasm: disasmAt(listing, insn) }));
}

/** The instruction to point at, when the search does not say one: what the message names. */
function namedPlace(parts: ReadonlyMap<string, string>, input: ProgramInput): InsnIndex | null {
  const named = parts.get('insn');
  return named === undefined || input.insns[Number(named)] === undefined ? null : Number(named);
}

/** The calls that are open: who called the function that is refused. */
function callLabels({ env }: Walk): Label[] {
  const open = env.state.frames.slice(1).filter((frame) => !frame.isCallback);
  return open.map(({ callsite }) => ({ insn: callsite, text: 'called from here' }));
}

/** For a program whose functions need too much stack: how much each of them uses. */
function stackLabels({ env }: Walk): Label[] {
  const used = env.prog.subprogs
    .map(({ start }, i) => ({ start, bytes: env.stackDepth[i] }))
    .filter((f) => f.bytes > 0);
  const largest = used.sort((a, b) => b.bytes - a.bytes).slice(0, 4);
  return largest.map(({ start, bytes }) => ({ insn: start, text: `this function uses ${bytes} bytes of stack` }));
}

interface Findings {
  readonly at: InsnIndex | null;
  readonly labels: readonly Label[];
  readonly subject: Subject | null;
  readonly past?: Past;
}

/** Of the byte of the stack that 'off {off}+{i}' means, from the frame pointer. */
function namedOffset(parts: ReadonlyMap<string, string>): number {
  return Number((parts.get('off') ?? parts.get('where') ?? '').replace(/^off /, '')) + Number(parts.get('i'));
}

/** What the search knows beyond the message. */
function investigate(found: Matched | null, reject: Reject, at: InsnIndex | null, walk: Walk): Findings {
  const parts = found?.parts ?? new Map<string, string>();
  const none = { at, labels: [], subject: null };
  if (reject.code === 'E2BIG' && at !== null) {
    const loop = loopOf(walk.env);
    if (loop === null) return none;
    const text = `this path came by here ${loop.times} times and is still not at its end`;
    return { ...none, at: loop.insn, labels: [{ insn: loop.insn, text }] };
  }
  if (found?.rule === 'The sequence of {count} jumps is too complex.') {
    const branch = waitingAt(walk.env);
    if (branch === null) return none;
    return { ...none, at: branch.insn, labels: [{ insn: branch.insn, text: `${branch.times} of them wait here` }] };
  }
  if (at === null) return { ...none, labels: parts.has('size') ? stackLabels(walk) : [] };
  const path = pathTo(walk.env, walk.initial, walk.options);
  const subject = subjectOf(found, walk.env, at, path);
  const { held, over, object } = found?.row ?? {};
  if (held !== undefined) {
    return { ...none, labels: [...heldLabels(walk.env, path, held), ...callLabels(walk)] };
  }
  if (over !== undefined) return { ...none, labels: [...endLabels(path, over), ...callLabels(walk)] };
  if (object !== undefined && subject !== null && path !== null) {
    const off = object === 'named' ? namedOffset(parts) : null;
    const { past, labels } = objectHistory(walk.env.prog, path, subject.reg, off);
    if (past === 'there' || object === 'argument') {
      return { at, labels: [...labels, ...callLabels(walk)], subject, past };
    }
  }
  if (found?.rule === 'infinite loop detected at insn {insn}') {
    const from = walk.env.prevInsnIdx;
    return {
      at,
      labels: from < 0 || from === at ? [] : [{ insn: from, text: 'the path goes back from here' }],
      subject: null,
    };
  }
  const traceable = subject !== null && path !== null && subject.regno < 10;
  if (!traceable) return { at, labels: callLabels(walk), subject };
  const trace = (regno: number) => originOf(walk.env.prog, (m) => walk.env.map(m), path, regno);
  const size = sizeFollows(walk, at, subject.regno) ? trace(subject.regno + 1) : [];
  return { at, labels: [...trace(subject.regno), ...size, ...callLabels(walk)], subject };
}

/** Whether the argument behind `regno` is the size of the memory it points to. */
function sizeFollows({ env }: Walk, at: InsnIndex, regno: number): boolean {
  const insn = env.prog.insns[at];
  const call = env.prog.ops[at]?.kind === 'call' && insn.src === 0;
  const kind = call ? helperById(insn.imm)?.args[regno] : undefined;
  return kind === 'size' || kind === 'size_or_zero';
}

/** Explains a rejection at instruction `at` (null: the program as a whole) of a search (null: before it began). */
export function diagnose(input: ProgramInput, reject: Reject, at: InsnIndex | null, walk: Walk | null): Diagnostic {
  const found = matched(reject);
  const place = at ?? reject.insn ?? namedPlace(found?.parts ?? new Map(), input);
  const findings: Findings =
    walk === null ? { at: place, labels: [], subject: null } : investigate(found, reject, place, walk);
  const { subject } = findings;
  const listing = { input, style: walk?.env.prog.style ?? LOG_STYLE };
  const lines = linesOf(reject);
  const c = withCause(caseOf(found?.parts ?? new Map(), input, findings.at, walk, findings), lines);
  const trail = findings.labels.map(({ insn, text }) => ({ ...placeOf(listing, insn), text }));
  const cls = found?.row.class ?? 'malformed';
  return {
    class: typeof cls === 'string' ? cls : cls(c),
    rule: found?.rule ?? null,
    message: summaryOf(reject),
    code: reject.code,
    program: input.name,
    place: findings.at === null ? null : placeOf(listing, findings.at),
    why: found === null ? 'the verifier refuses this' : say(found.row.why, c),
    help: found === null ? 'the log shows the path that leads here' : say(found.row.help, c),
    register:
      subject === null
        ? null
        : {
            name: `R${subject.regno}`,
            value: regText(subject.reg, subject.frameno, (m) => walk!.env.mapText(m)),
            holds: c.holds,
          },
    trail,
    listing: listingOf(listing, findings.at, trail),
  };
}
