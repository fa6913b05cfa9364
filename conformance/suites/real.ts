// Suite `real`: the programs of every object file of a folder, each verified by beewasm and by the live kernel with the
// same instructions and maps: verdict, message, processed instructions and time side by side. CO-RE relocations are made
// for the live kernel's BTF and configuration.
// In: a folder of .o files that other projects built; out: one row per program, nothing is run or attached.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { checkLoadable, type ObjectSpec, openObject, type ProgramSpec } from '../../src/loader/index.ts';
import { progTypeById } from '../../src/spec/prog_types.ts';
import { secDef } from '../../src/spec/sec_defs.ts';
import { BPF_PROG_TYPE as T } from '../../src/uapi/enums.ts';
import { BeewasmError } from '../../src/uapi/errors.ts';
import { type VerifyOptions, verify } from '../../src/verifier/index.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import { errorText } from '../engines.ts';
import { isDeadly } from '../kernel/deadly.ts';
import { type LiveTarget, liveTarget } from '../kernel/live_target.ts';
import type { KernelProgram, Oracle } from '../kernel/oracle.ts';
import { type KernelPrograms, kernelPrograms } from '../objects/kernel_program.ts';
import type { Progress } from './progress.ts';

export interface Side {
  readonly verdict: 'ACCEPT' | 'REJECT';
  readonly errno: string | null;
  readonly message: string | null;
  readonly processed: number;
  readonly milliseconds: number;
}

export interface RealRow {
  readonly object: string;
  readonly program: string;
  readonly section: string;
  readonly type: string;
  readonly insns: number;
  readonly outcome: 'agree' | 'false_accept' | 'false_reject' | 'skipped';
  /** Why it was skipped. beewasm's verdict stands beside it where the kernel loads no program of the kind. */
  readonly reason: string | null;
  readonly linux: Side | null;
  readonly beewasm: Side | null;
}

export interface RealReport {
  readonly suite: 'real';
  readonly kernel: string;
  readonly rows: readonly RealRow[];
}

/** Object files below a folder, in order. */
export function objectFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith('.o') && statSync(path).isFile())
    .sort();
}

/** A program as both verifiers take it. */
export interface BothPrograms {
  readonly name: string;
  readonly input: ProgramInput;
  readonly options: VerifyOptions;
  readonly kernel: KernelProgram;
}

/** The programs of every object below a folder that can be compared: what has none is left out. `bound`: also those that
 * are bound to types of the kernel. Usable until the next one is asked for. */
export function* programsBelow(folder: string, filter: string, oracle: Oracle, bound = false): Generator<BothPrograms> {
  const target = liveTarget();
  for (const path of objectFiles(folder).filter((p) => p.includes(filter))) {
    const name = relative(folder, path);
    const object = orNull(() => openObject(new Uint8Array(readFileSync(path)), target.open));
    if (object === null) continue;
    const kernel = kernelPrograms(oracle, object, undefined, target.verify.kernelTypes);
    for (const program of Object.values(object.programs)) {
      program.type = typeOf(name, program);
      if (program.type === null || !progTypeById(program.type)) continue;
      if (!bound && Object.hasOwn(BOUND_TO_BTF, program.type)) continue;
      const both = orNull(() => {
        checkLoadable(program);
        return kernel.of(program);
      });
      if (both === null || typeof both === 'string') continue;
      yield { name: `${name} ${program.name}`, options: { ...target.verify, cpus: oracle.possibleCpus }, ...both };
    }
    kernel.close();
  }
}

function orNull<T>(make: () => T): T | null {
  try {
    return make();
  } catch (error) {
    if (error instanceof BeewasmError) return null;
    throw error;
  }
}

export function runReal(folder: string, filter: string, oracle: Oracle, progress: (n: number) => Progress): RealReport {
  const files = objectFiles(folder).filter((path) => path.includes(filter));
  const target = liveTarget();
  const bar = progress(files.length);
  const rows: RealRow[] = [];
  for (const path of files) {
    rows.push(...judgeObject(relative(folder, path), new Uint8Array(readFileSync(path)), oracle, target));
    bar.step(rows.filter((r) => r.outcome.startsWith('false')).length);
  }
  bar.end();
  return { suite: 'real', kernel: oracle.kernelRelease, rows };
}

/** Programs of these types are verified against types of the kernel; some machines load none of a kind. */
const BOUND_TO_BTF: Readonly<Record<number, string>> = {
  [T.BPF_PROG_TYPE_TRACING]: 'tracing',
  [T.BPF_PROG_TYPE_LSM]: 'lsm',
  [T.BPF_PROG_TYPE_EXT]: 'ext',
  [T.BPF_PROG_TYPE_STRUCT_OPS]: 'struct_ops',
};

/** Sections that libbpf names by a prefix, and that mean no type of NETWORK. */
const OTHER =
  /^(u?(ret)?probe|k(ret)?(probe|syscall)|usdt|tp|tracepoint|raw_t|perf_event|lwt_|cgroup|sock_?ops|sk_|lirc|syscall|netfilter|flow_dissector)/;

/** Old objects leave the type to their loader: tc for Cilium's and OVS', a socket for Suricata's. */
function typeOf(object: string, { type, section: given }: ProgramSpec): number | null {
  const section = given.replace(/^\?/, '');
  const bound = secDef(section)?.type;
  if (bound !== undefined && Object.hasOwn(BOUND_TO_BTF, bound)) return bound;
  if (type !== null || OTHER.test(section)) return type;
  const tc = /(^|[_/])tc/;
  if (tc.test(section) || tc.test(object)) return T.BPF_PROG_TYPE_SCHED_CLS;
  if (/xdp/.test(object) || /xdp/.test(section)) return T.BPF_PROG_TYPE_XDP;
  return /^(filter|loadbalancer)$/.test(section) ? T.BPF_PROG_TYPE_SOCKET_FILTER : T.BPF_PROG_TYPE_SCHED_CLS;
}

function judgeObject(name: string, bytes: Uint8Array, oracle: Oracle, target: LiveTarget): RealRow[] {
  let object: ObjectSpec;
  try {
    object = openObject(bytes, target.open);
  } catch (error) {
    if (!(error instanceof BeewasmError)) throw error;
    const none = { program: '', section: '', type: '', insns: 0, linux: null, beewasm: null };
    return [{ ...none, object: name, outcome: 'skipped', reason: error.message }];
  }
  const kernel = kernelPrograms(oracle, object, undefined, target.verify.kernelTypes);
  try {
    return Object.values(object.programs).map((program) => {
      program.type = typeOf(name, program);
      return judge(name, program, kernel, oracle, target);
    });
  } finally {
    kernel.close();
  }
}

function judge(
  name: string,
  program: ProgramSpec,
  kernel: KernelPrograms,
  oracle: Oracle,
  { verify: options }: LiveTarget,
): RealRow {
  const type = Object.keys(T).find((k) => T[k as keyof typeof T] === program.type) ?? '';
  const row = {
    object: name,
    program: program.name,
    section: program.section,
    type: type.replace('BPF_PROG_TYPE_', '').toLowerCase(),
    insns: program.insns.length,
    reason: null,
    linux: null,
    beewasm: null,
  };
  const skip = (reason: string): RealRow => ({ ...row, outcome: 'skipped', reason });
  const bound = program.type === null ? undefined : BOUND_TO_BTF[program.type];
  if (program.type === T.BPF_PROG_TYPE_EXT) return skip('replaces a function of another program');
  try {
    checkLoadable(program);
    const both = kernel.of(program);
    if (typeof both === 'string') return skip(both);
    const { input } = both;
    if (!progTypeById(input.type)) return skip(`program type ${row.type}`);
    const allOptions = { ...options, cpus: oracle.possibleCpus };
    if (isDeadly(input, verify(input, allOptions)))
      return skip('Linux 6.18 follows a NULL pointer (maybe_fork_scalars)');
    const linux = askLinux(oracle, both.kernel);
    const beewasm = askBeewasm(input, allOptions);
    if (bound !== undefined && neverLooked(linux))
      return { ...skip(`bound to types of the kernel: ${bound}`), beewasm };
    const outcome = linux.verdict === beewasm.verdict ? 'agree' : `false_${beewasm.verdict.toLowerCase()}`;
    return { ...row, outcome: outcome as RealRow['outcome'], linux, beewasm };
  } catch (error) {
    if (!(error instanceof BeewasmError)) return skip(`internal ${errorText(error)}`);
    return skip(error.message);
  }
}

/** The kernel refused the kind of program, whatever it does. */
function neverLooked({ errno, message, processed }: Side): boolean {
  return errno === 'EPERM' && message === null && processed === 0;
}

/** Programs with fewer processed instructions say little about speed. */
export const LONG = 1000;

/** The best of some tries counts, as long as there is time: the first ones find the verifier's own code cold. */
const TIMES = 4;
const BUDGET_MS = 4000;

function best(once: () => Side): Side {
  const end = performance.now() + BUDGET_MS;
  let fastest = once();
  for (let i = 1; i < TIMES && fastest.processed > LONG && performance.now() + fastest.milliseconds < end; i++) {
    const again = once();
    if (again.milliseconds < fastest.milliseconds) fastest = again;
  }
  return fastest;
}

function askLinux(oracle: Oracle, program: KernelProgram): Side {
  return best(() => {
    const loaded = oracle.load(program);
    oracle.unload(loaded);
    return {
      verdict: loaded.verdict,
      errno: loaded.errno,
      message: loaded.verdict === 'REJECT' ? loaded.message : null,
      processed: loaded.processed ?? 0,
      milliseconds: loaded.verifyMicroseconds === null ? loaded.nanoseconds / 1e6 : loaded.verifyMicroseconds / 1e3,
    };
  });
}

function askBeewasm(input: ProgramInput, options: VerifyOptions): Side {
  return best(() => {
    const start = performance.now();
    const result = verify(input, options);
    const milliseconds = performance.now() - start;
    const common = { processed: result.stats.processed, milliseconds };
    return result.ok
      ? { verdict: 'ACCEPT', errno: null, message: null, ...common }
      : { verdict: 'REJECT', errno: result.error.code, message: result.error.message, ...common };
  });
}
