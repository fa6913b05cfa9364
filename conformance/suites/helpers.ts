// Suite `helpers`: every helper, asked about with small programs (kernel/helper_probe.ts), for each program type: Linux's
// verdict and message beside ours. In: program types; out: how many agree, and every question where they don't.

import { HELPER_TYPES } from '../../src/spec/helper_types.ts';
import { helperById, helperFor } from '../../src/spec/helpers.ts';
import { progTypeById } from '../../src/spec/prog_types.ts';
import { BPF_PROG_TYPE as T } from '../../src/uapi/enums.ts';
import { verify } from '../../src/verifier/index.ts';
import { errorText } from '../engines.ts';
import { type Probe, probesOf } from '../kernel/helper_probe.ts';
import { messageOf, type Oracle } from '../kernel/oracle.ts';
import type { Progress } from './progress.ts';

export interface HelperRow {
  readonly type: string;
  readonly helper: string;
  readonly probe: string;
  readonly outcome: 'agree' | 'message' | 'false_accept' | 'false_reject';
  readonly linux: string;
  readonly beewasm: string;
}

export interface HelpersReport {
  readonly suite: 'helpers';
  readonly kernel: string;
  readonly asked: number;
  /** Same verdict and, if rejected, the same message. */
  readonly equal: number;
  readonly agree: number;
  readonly different: readonly HelperRow[];
}

/** Types that are asked when none is named. */
const USUAL: readonly number[] = [
  T.BPF_PROG_TYPE_SOCKET_FILTER,
  T.BPF_PROG_TYPE_XDP,
  T.BPF_PROG_TYPE_SCHED_CLS,
  T.BPF_PROG_TYPE_KPROBE,
  T.BPF_PROG_TYPE_TRACEPOINT,
];

const HELPERS = Array.from({ length: 211 }, (_, i) => i + 1);

export function runHelpers(
  types: readonly number[],
  filter: string,
  oracle: Oracle,
  progress: (n: number) => Progress,
): HelpersReport {
  const asked = HELPER_TYPES.filter((row) => (types.length > 0 ? types : USUAL).includes(row.type));
  const helpers = HELPERS.map((id) => helperById(id)!).filter((h) => h.name.includes(filter));
  const bar = progress(asked.length * helpers.length);
  const rows: HelperRow[] = [];
  let differ = 0;
  for (const { type, attach } of asked) {
    for (const helper of helpers) {
      const at = attach?.[0] ?? 0;
      const own = helperFor(helper.id, type, at) ?? helper;
      for (const probe of probesOf(own, type, at)) {
        const row = judge(type, helper.name, probe, oracle);
        rows.push(row);
        if (row.outcome !== 'agree') differ++;
      }
      bar.step(differ);
    }
  }
  bar.end();
  const different = rows.filter((r) => r.outcome !== 'agree');
  return {
    suite: 'helpers',
    kernel: oracle.kernelRelease,
    asked: rows.length,
    equal: rows.length - different.length,
    agree: rows.filter((r) => !r.outcome.startsWith('false')).length,
    different,
  };
}

function judge(type: number, helper: string, probe: Probe, oracle: Oracle): HelperRow {
  const linux = oracle.load(probe.input);
  oracle.unload(linux);
  const ours = verdict(probe);
  const theirs = linux.verdict === 'ACCEPT' ? 'ACCEPT' : `${linux.errno}: ${linux.message ?? ''}`;
  const row = { type: progTypeById(type)!.name, helper, probe: probe.name, linux: theirs, beewasm: ours };
  if ((theirs === 'ACCEPT') !== (ours === 'ACCEPT')) {
    return { ...row, outcome: ours === 'ACCEPT' ? 'false_accept' : 'false_reject' };
  }
  return { ...row, outcome: theirs === ours ? 'agree' : 'message' };
}

function verdict({ input }: Probe): string {
  try {
    const result = verify(input);
    return result.ok ? 'ACCEPT' : `${result.error.code}: ${messageOf(result.log) ?? ''}`;
  } catch (error) {
    return errorText(error);
  }
}

/** Different questions with the same answer become one line. */
export function helpersText({ kernel, asked, equal, agree, different }: HelpersReport): string {
  const groups = new Map<string, { types: Set<string>; probes: Set<string> }>();
  for (const r of different) {
    const key = `${r.outcome.padEnd(12)} ${r.helper}\n    Linux   ${r.linux}\n    beewasm ${r.beewasm}`;
    const group = groups.get(key) ?? { types: new Set(), probes: new Set() };
    group.types.add(r.type);
    group.probes.add(r.probe);
    groups.set(key, group);
  }
  const count = (outcome: HelperRow['outcome']) => different.filter((r) => r.outcome === outcome).length;
  return [
    ...[...groups].map(([key, { types, probes }]) => `${key}\n    ${[...types].join(', ')}: ${[...probes].join(', ')}`),
    '',
    `Linux ${kernel}: ${asked} questions, ${agree} verdicts agree, ${equal} with the same message`,
    `${count('false_accept')} false accepts, ${count('false_reject')} false rejects, ${count('message')} other messages`,
  ].join('\n');
}
