// Suite `mutants`: programs nobody wrote. Each is a row of a vectors file with one or two instructions changed; the live
// kernel and our verifier are asked. A false accept is a bug until it is shown to be safe. Mutants that do not decode
// (reserved fields, jumps out of the program, unreachable instructions) say little and are counted apart.

import { verify } from '../../src/verifier/index.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import type { KernelLoad, Oracle } from '../kernel/oracle.ts';
import { mutate } from '../mutants/mutate.ts';
import { seeded } from '../mutants/random.ts';
import type { VerifierRow } from '../vectors.ts';
import type { Progress } from './progress.ts';

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
  readonly false_accept: readonly MutantDifference[];
  readonly false_reject: readonly MutantDifference[];
}

const MALFORMED =
  /uses reserved fields|unknown opcode|jump out of range|unreachable insn|last insn is not an exit|invalid bpf_ld_imm64|jump into the middle|invalid destination|R1[1-5] is invalid|BPF_ATOMIC uses invalid|invalid func|unrecognized bpf_ld_imm64/;

export function runMutants(
  rows: readonly VerifierRow[],
  options: { readonly count: number; readonly seed: number; readonly perfmon: boolean },
  oracle: Oracle,
  progress: Progress,
): MutantsReport {
  const random = seeded(options.seed);
  const parents = rows.filter((r) => r.input.insns.length <= 4096);
  const falseAccept: MutantDifference[] = [];
  const falseReject: MutantDifference[] = [];
  const changed: Tally = { total: 0, agree: 0 };
  const kept: Tally = { total: 0, agree: 0 };
  const processed = { of: 0, equal: 0 };
  let malformed = 0;
  let errnoEqual = 0;
  let messageEqual = 0;
  for (let n = 0; n < options.count; n++) {
    const row = random.pick(parents);
    const mutant = mutate(row.input, random);
    const linux = oracle.load(mutant, { capBpfOnly: !options.perfmon });
    oracle.unload(linux);
    if (linux.verdict === 'REJECT' && MALFORMED.test(linux.message ?? '')) {
      malformed++;
    } else {
      const ours = verify(mutant, { cpus: oracle.possibleCpus, perfmon: options.perfmon });
      const agree = ours.ok === (linux.verdict === 'ACCEPT');
      const tally = linux.verdict === row.kernel.verdict ? kept : changed;
      tally.total++;
      if (agree) tally.agree++;
      if (!ours.ok && linux.verdict === 'REJECT') {
        if (ours.error.code === linux.errno) errnoEqual++;
        if (ours.error.message === linux.message) messageEqual++;
      }
      if (ours.ok && agree) {
        processed.of++;
        if (ours.stats.processed === linux.processed) processed.equal++;
      }
      if (!agree) {
        const difference = differenceOf(`${row.id}#${n}`, mutant, linux, ours.ok ? null : ours.error.message);
        (ours.ok ? falseAccept : falseReject).push(difference);
      }
    }
    progress.step(falseAccept.length + falseReject.length);
  }
  progress.end();
  return {
    suite: 'mutants',
    seed: options.seed,
    total: options.count,
    malformed,
    changed,
    kept,
    errno_equal: errnoEqual,
    message_equal: messageEqual,
    processed_equal: processed,
    false_accept: falseAccept,
    false_reject: falseReject,
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
    `false accepts: ${r.false_accept.length}`,
    ...byReason(r.false_accept, 'linux'),
    `false rejects: ${r.false_reject.length}`,
    ...byReason(r.false_reject, 'ours'),
  ].join('\n');
}
