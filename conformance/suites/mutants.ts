// Suite `mutants`: programs nobody wrote. Each is a row of a vectors file, or a program of an object, with one or two
// instructions changed; the live kernel and our verifier are asked. A false accept is a bug until it is shown to be safe.
// Mutants that do not decode (reserved fields, jumps out of the program, unreachable instructions) say little and are
// counted apart.

import type { Insn } from '../../src/isa/insn.ts';
import { COMMON_TYPES } from '../../src/spec/kernel_struct.ts';
import { type VerifyOptions, verify } from '../../src/verifier/index.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import { errorText } from '../engines.ts';
import { isDeadly } from '../kernel/deadly.ts';
import type { KernelLoad, KernelProgram, Oracle } from '../kernel/oracle.ts';
import { isCall, mutate } from '../mutants/mutate.ts';
import { seeded } from '../mutants/random.ts';
import type { VerifierRow } from '../vectors.ts';
import type { Progress } from './progress.ts';
import { programsBelow } from './real.ts';

export interface MutantDifference {
  /** Row and number of the mutant: the seed makes it again. */
  readonly id: string;
  readonly linux: string | null;
  readonly ours: string | null;
  /** Instructions in hex, 8 bytes each. */
  readonly insns: string;
}

interface Tally {
  total: number;
  agree: number;
}

export interface MutantsReport {
  readonly suite: 'mutants';
  readonly seed: number;
  readonly total: number;
  /** Not counted below: both refuse what does not decode. */
  readonly malformed: number;
  /** Mutants on which Linux changed its mind about the parent, and the others. */
  readonly changed: Tally;
  readonly kept: Tally;
  readonly errno_equal: number;
  readonly message_equal: number;
  readonly processed_equal: { readonly of: number; readonly equal: number };
  /** verify() answers and never throws: each of these is a bug. */
  readonly thrown: readonly MutantDifference[];
  readonly false_accept: readonly MutantDifference[];
  readonly false_reject: readonly MutantDifference[];
  /** Accepted by both after other numbers of instructions, and rejected by both in other words. */
  readonly processed_other: readonly MutantDifference[];
  readonly message_other: readonly MutantDifference[];
}

const MALFORMED =
  /uses reserved fields|unknown opcode|jump out of range|unreachable insn|last insn is not an exit|invalid bpf_ld_imm64|jump into the middle|invalid destination|R1[1-5] is invalid|BPF_ATOMIC uses invalid|invalid func|unrecognized bpf_ld_imm64|number of funcs in func_info doesn't match/;

/** A mutant, and what is known about its parent. */
export interface Mutant {
  readonly id: string;
  readonly parentAccepted: boolean;
  readonly input: ProgramInput;
  readonly kernel: KernelProgram;
  readonly options: VerifyOptions;
}

export interface MutantsOptions {
  readonly count: number;
  readonly seed: number;
  readonly perfmon: boolean;
}

const MAX_SLOTS = 4096;

/** `count` mutants of the rows. */
export function* mutantsOfRows(rows: readonly VerifierRow[], { count, seed }: MutantsOptions): Generator<Mutant> {
  const random = seeded(seed);
  const parents = rows.filter((r) => r.input.insns.length <= MAX_SLOTS);
  for (let n = 0; n < count; n++) {
    const row = random.pick(parents);
    const input = mutate(row.input, random);
    yield { id: `${row.id}#${n}`, parentAccepted: row.kernel.verdict === 'ACCEPT', input, kernel: input, options: {} };
  }
}

/** Longer parents take seconds each, and say no more. What Linux does not verify at all says nothing. */
const MAX_PROCESSED = 20_000;

/** Linux 6.18 follows whatever a kfunc gets for a map, unless it is NULL: a wrong argument is an oops of the kernel. */
function takesMap({ kernelTypes = COMMON_TYPES }: VerifyOptions, i: Insn): boolean {
  const params = i.code === 0x85 && i.src === 2 ? kernelTypes.func(i.imm)?.params : undefined;
  return params?.some((p) => p.name.endsWith('__map')) ?? false;
}

/** Up to `count` mutants of every program of the objects below a folder. */
export function* mutantsBelow(
  folder: string,
  filter: string,
  { count, seed, perfmon }: MutantsOptions,
  oracle: Oracle,
): Generator<Mutant> {
  const random = seeded(seed);
  const calls = new Map<string, Insn>();
  for (const { name, input, options, kernel } of programsBelow(folder, filter, oracle, true)) {
    const answer = ask(input, { ...options, cpus: oracle.possibleCpus, perfmon });
    if (answer.result !== undefined && isDeadly(input, answer.result)) continue;
    const parent = oracle.load(kernel, { capBpfOnly: !perfmon });
    oracle.unload(parent);
    if (parent.processed === null || parent.processed > MAX_PROCESSED || input.insns.length > MAX_SLOTS) continue;
    // One of the differences that README lists: so would be each of its mutants.
    if (answer.result?.ok !== (parent.verdict === 'ACCEPT')) continue;
    for (const i of input.insns.filter(isCall)) calls.set(`${i.src} ${i.imm}`, i);
    const parentAccepted = parent.verdict === 'ACCEPT';
    for (let n = 0; n < count; n++) {
      const mutant = mutate(input, random, [...calls.values()]);
      if (mutant.insns.some((i) => takesMap(options, i))) continue;
      const theirs = { ...kernel, insns: mutant.insns };
      yield { id: `${name}#${n}`, parentAccepted, input: mutant, kernel: theirs, options };
    }
  }
}

/** As verify(), but what it throws is an answer as well: whether it is of a kind a caller can expect. */
function ask(input: ProgramInput, options: VerifyOptions) {
  try {
    return { result: verify(input, options) };
  } catch (error) {
    return { thrown: errorText(error) };
  }
}

export function runMutants(
  mutants: Iterable<Mutant>,
  { seed, perfmon }: MutantsOptions,
  oracle: Oracle,
  progress: Progress,
): MutantsReport {
  const falseAccept: MutantDifference[] = [];
  const falseReject: MutantDifference[] = [];
  const thrown: MutantDifference[] = [];
  const otherCount: MutantDifference[] = [];
  const otherMessage: MutantDifference[] = [];
  const changed: Tally = { total: 0, agree: 0 };
  const kept: Tally = { total: 0, agree: 0 };
  const processed = { of: 0, equal: 0 };
  let total = 0;
  let malformed = 0;
  let errnoEqual = 0;
  let messageEqual = 0;
  for (const { id, parentAccepted, input, kernel, options } of mutants) {
    const answer = ask(input, { ...options, cpus: oracle.possibleCpus, perfmon });
    if (answer.result !== undefined && isDeadly(input, answer.result)) continue;
    total++;
    const linux = oracle.load(kernel, { capBpfOnly: !perfmon });
    oracle.unload(linux);
    const accepted = linux.verdict === 'ACCEPT';
    if (answer.result === undefined) {
      thrown.push(differenceOf(id, input, linux, answer.thrown));
    } else if (!accepted && MALFORMED.test(linux.message ?? '')) {
      malformed++;
    } else {
      const ours = answer.result;
      const agree = ours.ok === accepted;
      const tally = accepted === parentAccepted ? kept : changed;
      tally.total++;
      if (agree) tally.agree++;
      if (!ours.ok && !accepted) {
        if (ours.error.code === linux.errno) errnoEqual++;
        if (ours.error.message === linux.message) messageEqual++;
        else otherMessage.push(differenceOf(id, input, linux, ours.error.message));
      }
      if (ours.ok && agree) {
        processed.of++;
        if (ours.stats.processed === linux.processed) processed.equal++;
        else otherCount.push(differenceOf(id, input, linux, `${linux.processed} ${ours.stats.processed}`));
      }
      if (!agree) {
        const difference = differenceOf(id, input, linux, ours.ok ? null : ours.error.message);
        (ours.ok ? falseAccept : falseReject).push(difference);
      }
    }
    progress.step(falseAccept.length + falseReject.length + thrown.length);
  }
  progress.end();
  return {
    suite: 'mutants',
    seed,
    total,
    malformed,
    changed,
    kept,
    errno_equal: errnoEqual,
    message_equal: messageEqual,
    processed_equal: processed,
    thrown,
    false_accept: falseAccept,
    false_reject: falseReject,
    processed_other: otherCount,
    message_other: otherMessage,
  };
}

function differenceOf(id: string, mutant: ProgramInput, linux: KernelLoad, ours: string | null): MutantDifference {
  const hex = mutant.insns.map((i) => {
    const bytes = new DataView(new ArrayBuffer(8));
    bytes.setUint8(0, i.code);
    bytes.setUint8(1, (i.src << 4) | i.dst);
    bytes.setInt16(2, i.off, true);
    bytes.setInt32(4, i.imm, true);
    return bytes.getBigUint64(0).toString(16).padStart(16, '0');
  });
  return { id, linux: linux.verdict === 'ACCEPT' ? null : linux.message, ours, insns: hex.join('') };
}

const percent = (t: Tally) => (t.total === 0 ? '-' : `${((100 * t.agree) / t.total).toFixed(2)} %`);

/** Differences by what the rejecting side says, numbers aside. */
function byReason(list: readonly MutantDifference[], side: 'linux' | 'ours'): string[] {
  const reasons = new Map<string, MutantDifference[]>();
  for (const d of list) {
    const key = (d[side] ?? '?').replace(/-?(0x[0-9a-f]+|\d+)/g, 'N');
    reasons.set(key, [...(reasons.get(key) ?? []), d]);
  }
  return [...reasons]
    .sort((a, b) => b[1].length - a[1].length)
    .map(([reason, ds]) => `  ${String(ds.length).padStart(5)}  ${reason}   e.g. ${ds[0].id}`);
}

export function mutantsText(r: MutantsReport): string {
  return [
    `mutants: ${r.total} with seed ${r.seed}, ${r.malformed} malformed`,
    `  verdict differs from the parent's: ${r.changed.agree}/${r.changed.total} agree (${percent(r.changed)})`,
    `  verdict as the parent's:           ${r.kept.agree}/${r.kept.total} agree (${percent(r.kept)})`,
    `  processed equal on ${r.processed_equal.equal}/${r.processed_equal.of}; errno ${r.errno_equal}, message ${r.message_equal}`,
    `thrown: ${r.thrown.length}`,
    ...byReason(r.thrown, 'ours'),
    `false accepts: ${r.false_accept.length}`,
    ...byReason(r.false_accept, 'linux'),
    `false rejects: ${r.false_reject.length}`,
    ...byReason(r.false_reject, 'ours'),
  ].join('\n');
}
