// `prog load OBJ`: verifies every program of an object (or one) and says what Linux would say: the CI gate. Nothing is
// created and nothing runs. A rejected program shows the log of the path that failed, as BPF_PROG_LOAD returns it.

import type { ObjectSpec, ProgramSpec } from '../loader/index.ts';
import { readKernelTypes } from '../loader/kernel_btf.ts';
import { programInput } from '../runtime/program_input.ts';
import type { KernelTypes } from '../spec/kernel_struct.ts';
import { progTypeByName } from '../spec/prog_types.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import { verify } from '../verifier/index.ts';
import type { VerifierError, VerifierStats } from '../verifier/verified.ts';
import type { Answer, Command, Invocation } from './command.ts';
import { FileError, pickProgram, readInput, readObject } from './files.ts';
import type { Style } from './style.ts';
import { plural } from './text.ts';

export type Verdict =
  | { readonly program: string; readonly verdict: 'accept'; readonly log: string; readonly stats: VerifierStats }
  | {
      readonly program: string;
      readonly verdict: 'reject';
      readonly log: string;
      readonly stats: VerifierStats;
      readonly error: VerifierError;
    }
  | { readonly program: string; readonly verdict: 'unsupported'; readonly reason: string };

export interface LoadOptions {
  /** The log shows every state. */
  readonly verbose: boolean;
  /** See VerifyOptions. */
  readonly allowUninitStack?: boolean;
  readonly perfmon: boolean;
  readonly kernelTypes?: KernelTypes;
}

/** What Linux would answer to loading this program. */
export function loadVerdict(object: ObjectSpec, program: ProgramSpec, options: LoadOptions): Verdict {
  const { verbose, ...rules } = options;
  const name = program.name;
  try {
    const input = programInput(object, program);
    let result = verify(input, { ...rules, logLevel: verbose ? 2 : 0 });
    // As libbpf does: the log is made when it is needed. A path of a million instructions explains nothing.
    if (!result.ok && !verbose && result.error.code !== 'E2BIG') result = verify(input, { ...rules, logLevel: 1 });
    const { log, stats } = result;
    return result.ok
      ? { program: name, verdict: 'accept', log, stats }
      : { program: name, verdict: 'reject', log, stats, error: result.error };
  } catch (error) {
    if (error instanceof UnsupportedError) return { program: name, verdict: 'unsupported', reason: error.message };
    throw error;
  }
}

/** Lines of a log that are printed without -d: a path of a million instructions fills no terminal. */
const SHOWN_LINES = 400;

function cut(log: string, verbose: boolean): string[] {
  const lines = log.trimEnd().split('\n');
  if (verbose || lines.length <= SHOWN_LINES) return lines;
  return [`[${lines.length - SHOWN_LINES} lines left out: -d shows them]`, ...lines.slice(-SHOWN_LINES)];
}

function statistics(log: string): string[] {
  return log.split('\n').filter((line) => line.startsWith('processed '));
}

function text(v: Verdict, style: Style, verbose: boolean): string {
  const name = style.bold(v.program);
  switch (v.verdict) {
    case 'accept': {
      const lines = verbose ? cut(v.log, true) : statistics(v.log);
      return [`${name}: ${style.green('accepted')}`, ...lines].join('\n');
    }
    case 'unsupported':
      return `${name}: ${style.red('not loaded')}: ${v.reason}`;
    case 'reject': {
      const { code, errno, summary, insn, source } = v.error;
      const where = source === null ? '' : `, ${source.file}:${source.line}: ${source.text.trim()}`;
      return [
        `${name}: ${style.red('rejected')}, ${code} (-${errno}): ${summary}`,
        ...(insn === null ? [] : [`at insn ${insn}${where}`]),
        '-- BEGIN PROG LOAD LOG --',
        ...cut(v.log, verbose),
        '-- END PROG LOAD LOG --',
      ].join('\n');
    }
    default:
      return v satisfies never;
  }
}

/** Programs to load: the named one, or all that load by themselves. */
function chosen(object: ObjectSpec, path: string, name: string | undefined): ProgramSpec[] {
  if (name !== undefined) return [pickProgram(object, path, name)];
  const programs = Object.values(object.programs).filter((p) => p.autoload);
  if (programs.length === 0) throw new FileError(`${path} holds no programs to load`);
  return programs;
}

export const progLoad: Command = {
  words: ['prog', 'load'],
  usage: 'OBJ [name N] [type T] [btf FILE] [--strict-stack] [--no-perfmon]',
  summary:
    'verify the programs of an object file, as Linux does for root; exit code 1 if any is rejected. -d: the full log; btf: types of the kernel, for CO-RE relocations and for loads from its structures (/sys/kernel/btf/vmlinux); --strict-stack: nobody may read stack that was not written; --no-perfmon: as for a loader with CAP_BPF, but without CAP_PERFMON',
  options: { 'strict-stack': { type: 'boolean' }, 'no-perfmon': { type: 'boolean' } },
  run({ words, options, style, debug }: Invocation): Answer {
    const path = words.take('object file');
    let name: string | undefined;
    let type: number | undefined;
    let btf: Uint8Array | undefined;
    words.keywords({
      name: (w) => {
        name = w.take('program name');
      },
      btf: (w) => {
        btf = readInput(w.take('file of BTF'));
      },
      type: (w) => {
        const word = w.take('program type');
        type = progTypeByName(word)?.id ?? w.fail(`unknown program type '${word}' (\`beewasm feature\` lists them)`);
      },
    });
    const object = readObject(path, btf && { btf });
    const programs = chosen(object, path, name);
    if (type !== undefined) for (const program of programs) program.type = type;
    const settings = {
      verbose: debug,
      perfmon: options['no-perfmon'] !== true,
      ...(options['strict-stack'] === true && { allowUninitStack: false }),
      ...(btf && { kernelTypes: readKernelTypes(btf) }),
    };
    const verdicts = programs.map((program) => loadVerdict(object, program, settings));
    const bad = verdicts.filter((v) => v.verdict !== 'accept').length;
    const summary =
      bad > 0 && verdicts.length > 1 ? [`${bad} of ${plural(verdicts.length, 'program')} can't be loaded`] : [];
    return {
      json: verdicts,
      text: () => [...verdicts.map((v) => text(v, style, debug)), ...summary].join('\n'),
      failed: bad > 0,
    };
  },
};
