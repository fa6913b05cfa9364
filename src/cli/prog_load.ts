// `prog load OBJ...`: verifies every program of the objects (or one) and says what Linux would say: the CI gate. One
// program is shown with its log, many as a table; why a program is refused is explained in both.

import type { ObjectSpec, ProgramSpec } from '../loader/index.ts';
import { progTypeByName } from '../spec/prog_types.ts';
import { annotation, renderDiagnostic } from '../verifier/index.ts';
import { AttachTarget } from './attach_target.ts';
import type { Answer, Command, Invocation } from './command.ts';
import { FileError } from './files.ts';
import { type KernelBtf, kernelTypes, takeKernelBtf } from './kernel_btf.ts';
import { diagnosticPaint, type Style } from './style.ts';
import { plural } from './text.ts';
import { type JudgeOptions, jitedBytes, judge, programsOf, type Request, reasonOf, type Verdict } from './verdict.ts';
import { FIGURES, sorted, VERDICTS, verdictTable } from './verdict_table.ts';
import { UsageError, type Words } from './words.ts';

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

interface Look {
  readonly style: Style;
  readonly verbose: boolean;
  /** Columns of the terminal; undefined = no terminal. */
  readonly columns: number | undefined;
}

/** rustc's 100 columns or so, whatever the terminal. */
function explained(v: Extract<Verdict, { verdict: 'reject' }>, { style, columns }: Look): string[] {
  const width = Math.min(Math.max(columns ?? 100, 60), 120);
  return v.diagnostics.map((d) => renderDiagnostic(d, { width, paint: diagnosticPaint(style) }));
}

function logOf(v: Extract<Verdict, { stats: unknown }>, verbose: boolean): string[] {
  return ['-- BEGIN PROG LOAD LOG --', ...cut(v.log, verbose), '-- END PROG LOAD LOG --'];
}

/** One program: its verdict, log and explanation. */
function single(v: Verdict, look: Look): string {
  const { style, verbose } = look;
  const name = style.bold(v.program ?? v.object);
  switch (v.verdict) {
    case 'accept': {
      const lines = verbose ? cut(v.log, true) : statistics(v.log);
      const jited = v.jited_bytes == null ? [] : [`${v.jited_bytes} bytes of WebAssembly`];
      return [`${name}: ${style.green('accepted')}`, ...lines, ...jited].join('\n');
    }
    case 'unsupported':
    case 'error':
      return `${name}: ${style.red('not loaded')}: ${v.reason}`;
    case 'reject': {
      const { code, errno, summary } = v.error;
      const head = `${name}: ${style.red('rejected')}, ${code} (-${errno}): ${summary}`;
      return [head, ...logOf(v, verbose), '', ...explained(v, look)].join('\n');
    }
    default:
      return v satisfies never;
  }
}

/** Many programs: the table, then what is wrong with each that is not accepted. */
function several(verdicts: readonly Verdict[], look: Look): string {
  const notes = verdicts.flatMap((v) => {
    if (v.verdict === 'reject') {
      const log = look.verbose ? logOf(v, true) : [];
      return ['', [look.style.bold(`${v.object}: ${v.program}`), ...log, ...explained(v, look)].join('\n')];
    }
    if (v.verdict === 'accept')
      return look.verbose ? ['', look.style.bold(`${v.object}: ${v.program}`), ...logOf(v, true)] : [];
    return [];
  });
  const lost = verdicts.flatMap((v) =>
    v.verdict === 'unsupported' || v.verdict === 'error'
      ? [v.reason.includes(v.object) ? v.reason : `${v.object}: ${v.reason}`]
      : [],
  );
  return [verdictTable(verdicts, look.style, look.columns), ...(lost.length > 0 ? ['', ...lost] : []), ...notes].join(
    '\n',
  );
}

/** What is wrong with the programs and files in numbers, after everything else; nothing = all are accepted. */
function failures(verdicts: readonly Verdict[]): string[] {
  const count = (verdict: Verdict['verdict']) => verdicts.filter((v) => v.verdict === verdict).length;
  const [rejected, lost, files] = [count('reject'), count('unsupported'), count('error')];
  const programs = verdicts.length - files;
  const parts = [
    ...(rejected + lost > 0 ? [`${rejected + lost} of ${plural(programs, 'program')} can't be loaded`] : []),
    ...(rejected > 0 && lost > 0 ? [`${rejected} are rejected`] : []),
    ...(files > 0 ? [`${plural(files, 'file')} with nothing to load`] : []),
  ];
  return parts.length === 0 ? [] : ['', parts.join(', ')];
}

/** GitHub workflow commands, one line each, for what is not accepted. */
function annotations(verdicts: readonly Verdict[]): string[] {
  return verdicts.flatMap((v) => {
    if (v.verdict === 'accept') return [];
    if (v.verdict === 'reject') return v.diagnostics.map((d) => annotation(d, process.cwd()));
    const title = `${v.object}${v.program === null ? '' : `: ${v.program}`}`;
    return [
      `::error title=${title.replace(/[%:,\r\n]/g, encodeURIComponent)}::${v.reason.replace(/[%\r\n]/g, encodeURIComponent)}`,
    ];
  });
}

interface Arguments {
  readonly paths: readonly string[];
  readonly request: Request;
  /** Object and function that programs of type EXT replace. */
  readonly target: string | undefined;
  readonly func: string | undefined;
}

function parse(words: Words, all: boolean): Arguments {
  let name: string | undefined;
  let type: number | undefined;
  let btf: KernelBtf | undefined;
  let target: string | undefined;
  let func: string | undefined;
  const keywords = {
    name: (w: Words) => {
      name = w.take('program name');
    },
    btf: (w: Words) => {
      btf = takeKernelBtf(w);
    },
    type: (w: Words) => {
      const word = w.take('program type');
      type = progTypeByName(word)?.id ?? w.fail(`unknown program type '${word}' (\`beewasm feature\` lists them)`);
    },
    target: (w: Words) => {
      target = w.take('object file of the target');
    },
    func: (w: Words) => {
      func = w.take('function of the target');
    },
  };
  const paths = words.until(Object.keys(keywords), 'object file');
  words.keywords(keywords);
  return { paths, request: { name, type, btf, all }, target, func };
}

/** The verdicts to show; null = all. */
function filterOf(only: string | boolean | undefined): ReadonlySet<Verdict['verdict']> | null {
  if (typeof only !== 'string') return null;
  return new Set(
    only.split(',').map((word) => {
      const verdict = VERDICTS.get(word);
      if (verdict === undefined) throw new UsageError(`--only ${word} is none of ${[...VERDICTS.keys()].join(', ')}`);
      return verdict;
    }),
  );
}

/** A program to judge, or the verdict that a file already has. */
type Task = Verdict | { readonly path: string; readonly object: ObjectSpec; readonly program: ProgramSpec };

function nothingIn(path: string, object: ObjectSpec): string {
  const optional = Object.keys(object.programs).length;
  if (optional === 0) return `${path} holds no programs to load`;
  return `${path} holds ${plural(optional, 'program')} that load only when asked for (SEC("?...")): --all, or name N`;
}

/** Every program of every object. One object alone that can't be read is an error of the command; among others it is a row. */
function tasks({ paths, request }: Arguments, progress: Invocation['progress']): Task[] {
  return paths.flatMap((path, i): Task[] => {
    progress?.(`reading ${paths.length === 1 ? '' : `${i + 1} of ${paths.length}: `}${path}`);
    try {
      const { object, programs } = programsOf(path, request);
      if (programs.length === 0) throw new FileError(nothingIn(path, object));
      return programs.map((program) => ({ path, object, program }));
    } catch (error) {
      if (paths.length === 1) throw error;
      return [{ object: path, program: null, verdict: 'error', reason: reasonOf(error) }];
    }
  });
}

function judgeAll(all: readonly Task[], options: JudgeOptions, progress: Invocation['progress']): Verdict[] {
  const verdicts = all.map((task, i) => {
    if ('verdict' in task) return task;
    progress?.(`${all.length === 1 ? '' : `${i + 1} of ${all.length}: `}${task.program.name}`);
    return judge(task.path, task.object, task.program, options);
  });
  return verdicts;
}

async function withJited(verdicts: readonly Verdict[], request: Request): Promise<Verdict[]> {
  const out: Verdict[] = [];
  for (const v of verdicts) {
    out.push(v.verdict === 'accept' ? { ...v, jited_bytes: await jitedBytes(v.object, v.program, request) } : v);
  }
  return out;
}

export const progLoad: Command = {
  words: ['prog', 'load'],
  usage:
    'OBJ... [name N] [type T] [btf FILE] [target OBJ [func FUNC]] [--all] [--only VERDICT,...] [--sort COLUMN] [--strict-stack] [--no-perfmon] [--jited] [--annotate]',
  summary:
    'verify the programs of object files, as Linux does for root, and explain what it refuses; exit code 1 if any is rejected. One program is shown with its log, several as a table. -d: the full logs; btf: types of the kernel, for CO-RE relocations and for loads from its structures (/sys/kernel/btf/vmlinux); target: the object whose function freplace programs replace, func: which one, where SEC("freplace/FUNC") does not say; --all: also programs in SEC("?..."); --only: show accepted, rejected, not-loaded, no-program ones (the exit code is that of all); --sort: time, processed, states, peak, marks or insns, largest first; --strict-stack: nobody may read stack that was not written; --no-perfmon: as for a loader with CAP_BPF, but without CAP_PERFMON; --jited: also compile, for the size of the WebAssembly; --annotate: what is wrong as GitHub workflow commands, too',
  options: {
    'strict-stack': { type: 'boolean' },
    'no-perfmon': { type: 'boolean' },
    jited: { type: 'boolean' },
    annotate: { type: 'boolean' },
    all: { type: 'boolean' },
    only: { type: 'string' },
    sort: { type: 'string' },
  },
  async run({ words, options, style, debug, json, columns, progress }: Invocation): Promise<Answer> {
    const args = parse(words, options.all === true);
    const only = filterOf(options.only);
    const by = options.sort as string | undefined;
    if (by !== undefined && FIGURES[by] === undefined)
      throw new UsageError(`--sort ${by} is none of ${Object.keys(FIGURES).join(', ')}`);
    if (json && options.annotate === true) words.fail('--annotate writes lines of text: not with --json');
    const all = tasks(args, progress);
    // A table has no room for logs.
    const logged = json || all.length === 1 ? 'rejected' : 'none';
    const rules = {
      perfmon: options['no-perfmon'] !== true,
      ...(options['strict-stack'] === true && { allowUninitStack: false }),
      ...kernelTypes(args.request.btf),
    };
    const { target, func, request } = args;
    const judging: JudgeOptions = {
      log: debug ? 'all' : logged,
      rules,
      ...(target !== undefined && { target: new AttachTarget(target, func, request.btf, rules) }),
    };
    const judged = judgeAll(all, judging, progress);
    const jited = options.jited === true ? await withJited(judged, args.request) : judged;
    const verdicts = sorted(jited, by).filter((v) => only?.has(v.verdict) ?? true);
    const look: Look = { style, verbose: debug, columns };
    return {
      json: verdicts,
      text: () => {
        const text =
          jited.length === 1 ? verdicts.map((v) => single(v, look)) : [several(verdicts, look), ...failures(jited)];
        return [...text, ...(options.annotate === true ? annotations(verdicts) : [])].join('\n');
      },
      failed: jited.some((v) => v.verdict !== 'accept'),
    };
  },
};
