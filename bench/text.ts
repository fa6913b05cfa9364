// A report as tables for a terminal.

import { styleFor, wantsColours } from '../src/cli/style.ts';
import { type Column, grouped, table } from '../src/cli/table.ts';
import type { Report } from './report.ts';
import { ENGINES } from './run.ts';

const left = (title: string): Column => ({ title, align: 'left' });
const right = (title: string): Column => ({ title, align: 'right' });

function nsText(ns: number | undefined): string {
  return ns === undefined ? '-' : ns < 100 ? ns.toFixed(1) : grouped(ns);
}
function ratioText(ratio: number | undefined): string {
  return ratio === undefined ? '-' : ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0);
}

/** Column title -> engine whose nanoseconds it shows. */
const TIMES = {
  interp: 'interp',
  single: 'jit_single',
  batch: 'jit_batch',
  native: 'native',
  scalar: 'native_scalar',
  'batch*': 'jit_repeat',
  'kernel*': 'kernel',
} as const;
/** Column title -> engine over engine. */
const RATIOS = {
  'batch/native': ['jit_batch', 'native'],
  'batch/scalar': ['jit_batch', 'native_scalar'],
  'batch*/kernel*': ['jit_repeat', 'kernel'],
} as const;

export function reportText(r: Report): string {
  const style = styleFor(wantsColours(process.env, Boolean(process.stdout.isTTY)));
  const paint = (cell: string, row: number) => (row === -1 ? style.dim(cell) : cell);
  const options = { indent: '  ', paint };
  const programs = [...new Set(r.rows.map((row) => row.program))];
  const ns = (program: string, engine: string) =>
    r.rows.find((row) => row.program === program && row.engine === engine)?.ns;
  const peers = [...new Set(r.rows.map((row) => row.engine))].filter(
    (e) => !(ENGINES as readonly string[]).includes(e),
  );
  const times = { ...TIMES, ...Object.fromEntries(peers.map((p) => [p, p])) };
  const ratio = (program: string, [a, b]: readonly [string, string]) => {
    const [x, y] = [ns(program, a), ns(program, b)];
    return ratioText(x !== undefined && y !== undefined ? x / y : undefined);
  };
  const speed = table(
    [left('program'), ...Object.keys(times).map(right), ...Object.keys(RATIOS).map(right)],
    [
      ...programs.map((p) => [
        p,
        ...Object.values(times).map((e) => nsText(ns(p, e))),
        ...Object.values(RATIOS).map((pair) => ratio(p, pair)),
      ]),
      [
        'compute geomean',
        ...Object.keys(times).map(() => ''),
        ...Object.values(RATIOS).map(([a, b]) => ratioText(r.geomean[a]?.[b])),
      ],
    ],
    options,
  );
  const classes = table(
    [left('class'), ...Object.keys(RATIOS).map(right)],
    Object.entries(r.classes).map(([name, of]) => [
      name,
      ...Object.values(RATIOS).map(([a, b]) => ratioText(of[a]?.[b])),
    ]),
    options,
  );
  const { cpu, node, compiler, os } = r.machine;
  return [
    style.dim(`${cpu}, ${os}, Node ${node}, ${compiler ?? 'no C compiler for the native columns'}`),
    '',
    `${style.bold('Nanoseconds per packet')}, the fastest of all rounds; scalar: native without vectors; *: a packet many times, then the next`,
    speed,
    '',
    `${style.bold('Geomeans')} by class`,
    classes,
    ...targetText(r, style.bold('Targets'), options),
    ...loadText(r, style.bold('Loading'), options),
    '',
    memoryText(r, style.bold('Memory')),
  ].join('\n');
}

type Options = { indent: string; paint: (cell: string, row: number) => string };

function targetText(r: Report, title: string, options: Options): string[] {
  const rows = r.targets.map((t) => [t.what, `<= ${t.target}`, ratioText(t.measured), t.met ? 'yes' : 'no', t.detail]);
  if (rows.length === 0) return [];
  return ['', title, table([left('what'), right('target'), right('measured'), left('met'), left('')], rows, options)];
}

function loadText(r: Report, title: string, options: Options): string[] {
  const stages = [...new Set(r.load.map((row) => row.stage))];
  const sizes = [...new Set(r.load.map((row) => row.insns))];
  if (sizes.length === 0) return [];
  const cell = (insns: number, stage: string) =>
    r.load.find((row) => row.insns === insns && row.stage === stage)?.us_per_insn.toFixed(2) ?? '-';
  return [
    '',
    `${title}, µs per instruction of generated programs; kernel: its verifier and JIT together`,
    table(
      [right('insns'), ...stages.map(right)],
      sizes.map((n) => [grouped(n), ...stages.map((stage) => cell(n, stage))]),
      options,
    ),
  ];
}

function memoryText(r: Report, title: string): string {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
  const { binaryen, idle_kernel, program_1k, process } = r.memory;
  const parts = [
    `Binaryen ${mb(binaryen)}`,
    `an idle Kernel ${mb(idle_kernel)}`,
    `a program of 1k instructions ${mb(program_1k)}`,
  ];
  return `${title} (resident): ${parts.join(', ')}; the whole process ${mb(process)}`;
}
