// What Linux would say about loading: the verdict of one program, or of everything in one object file. Nothing is created
// and nothing runs.

import { compile } from '../../jit/index.ts';
import { Kernel } from '../index.ts';
import type { ObjectSpec, ProgramSpec } from '../loader/index.ts';
import { programInput } from '../runtime/program_input.ts';
import { BPF_PROG_TYPE } from '../uapi/enums.ts';
import { BeewasmError } from '../uapi/errors.ts';
import { type Diagnostic, type VerifyOptions, verify } from '../verifier/index.ts';
import type { VerifierError, VerifierStats } from '../verifier/verified.ts';
import type { AttachTarget } from './attach_target.ts';
import { FileError, pickProgram, readObject } from './files.ts';
import { type KernelBtf, kernelTypes } from './kernel_btf.ts';
import { loadOnly } from './prog_run.ts';

interface Judged {
  readonly object: string;
  readonly program: string;
  readonly stats: VerifierStats;
  /** Instructions of the program with its functions; an lddw counts as two, as in the kernel. */
  readonly insns: number;
  /** Time that the verifier took. */
  readonly duration_us: number;
  readonly log: string;
}

export type Verdict =
  | (Judged & { readonly verdict: 'accept'; readonly jited_bytes?: number | null })
  | (Judged & {
      readonly verdict: 'reject';
      readonly error: VerifierError;
      readonly diagnostics: readonly Diagnostic[];
    })
  /** beewasm can't load it, or libbpf would not: the verifier is not asked. */
  | { readonly object: string; readonly program: string; readonly verdict: 'unsupported'; readonly reason: string }
  /** The file can't be read as an object, or holds nothing to load. */
  | { readonly object: string; readonly program: null; readonly verdict: 'error'; readonly reason: string };

export interface JudgeOptions {
  /** Which log comes with a verdict: none, that of the path that failed, or everything. */
  readonly log: 'none' | 'rejected' | 'all';
  readonly rules: Pick<VerifyOptions, 'allowUninitStack' | 'perfmon' | 'kernelTypes'>;
  /** What programs of type EXT replace. */
  readonly target?: AttachTarget;
}

/** What Linux would answer to loading this program. */
export function judge(path: string, object: ObjectSpec, program: ProgramSpec, options: JudgeOptions): Verdict {
  const { log, rules } = options;
  const name = { object: path, program: program.name };
  try {
    const replaces = program.type === BPF_PROG_TYPE.BPF_PROG_TYPE_EXT;
    if (replaces && options.target === undefined)
      return {
        ...name,
        verdict: 'unsupported',
        reason: `program ${program.name} replaces a function: target OBJ is missing`,
      };
    const input = programInput(object, program, rules.kernelTypes, replaces ? options.target?.of(program) : undefined);
    const started = performance.now();
    const result = verify(input, { ...rules, logLevel: log === 'all' ? 2 : 0 });
    const duration_us = Math.round((performance.now() - started) * 1000);
    const judged = { ...name, stats: result.stats, insns: input.insns.length, duration_us, log: result.log };
    if (result.ok) return { ...judged, verdict: 'accept' };
    const { error, diagnostics } = result;
    // As libbpf does: the log is made when it is needed. A path of a million instructions explains nothing.
    const again = log === 'rejected' && error.code !== 'E2BIG';
    return {
      ...judged,
      verdict: 'reject',
      error,
      diagnostics,
      ...(again ? { log: verify(input, { ...rules, logLevel: 1 }).log } : {}),
    };
  } catch (error) {
    // The target is not the program's fault.
    if (error instanceof FileError) throw error;
    return { ...name, verdict: 'unsupported', reason: reasonOf(error) };
  }
}

/** What is asked of an object. */
export interface Request {
  /** Only this program; undefined = all of them, see `all`. */
  readonly name: string | undefined;
  /** Program type in place of the sections'. */
  readonly type: number | undefined;
  /** Also the programs that do not load by themselves (SEC("?...")). */
  readonly all: boolean;
  /** BTF of the kernel: for CO-RE relocations, and for loads from its structures. */
  readonly btf: KernelBtf | undefined;
}

/** The object and those of its programs that were asked for. */
export function programsOf(path: string, request: Request): { object: ObjectSpec; programs: ProgramSpec[] } {
  const object = readObject(path, request.btf);
  const programs =
    request.name === undefined
      ? Object.values(object.programs).filter((p) => p.autoload || request.all)
      : [pickProgram(object, path, request.name)];
  if (request.type !== undefined) for (const program of programs) program.type = request.type;
  return { object, programs };
}

/** One line for what is wrong with a file; everything else is our bug and goes on. */
export function reasonOf(error: unknown): string {
  if (error instanceof BeewasmError) return error.message.replace(/\s*\n\s*/g, ' ');
  throw error;
}

/** Bytes of WebAssembly that the JIT makes of an accepted program; null when it can't run here. */
export async function jitedBytes(path: string, name: string, request: Request): Promise<number | null> {
  const { object, programs } = programsOf(path, { ...request, name });
  loadOnly(object, programs[0]);
  const kernel = new Kernel({ clock: 'virtual', seed: 0 });
  try {
    const { loaded } = (await kernel.load(object, { jit: 'auto', ...kernelTypes(request.btf) })).programs[name];
    return compile(loaded).wasm.length;
  } catch (error) {
    reasonOf(error);
    return null;
  } finally {
    kernel.close();
  }
}
