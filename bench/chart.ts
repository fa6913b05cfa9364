// A report as one self-contained SVG: for each program how much longer than native C it takes, on a logarithmic scale. Bars
// start at native (1x): to the left is faster, to the right is slower.

import { geomean, type Report } from './report.ts';
import { COMPUTE } from './workloads.ts';

interface Series {
  readonly title: string;
  readonly colour: string;
  /** This engine's time over native's, each measured the same way. */
  readonly engine: string;
  readonly over: string;
}

const SERIES: readonly Series[] = [
  { title: 'beewasm (WebAssembly, batch)', colour: '#e8a300', engine: 'jit_batch', over: 'native' },
  { title: "Linux kernel's JIT", colour: '#3b6fb6', engine: 'kernel', over: 'native_repeat' },
  { title: 'beewasm interpreter', colour: '#b9bec6', engine: 'interp', over: 'native' },
];

const FIRST = 0.25;
const LAST = 1000;
const TICKS = [0.25, 0.5, 1, 2, 4, 10, 30, 100, 300, 1000];
const PLOT = { left: 210, right: 880, top: 132 };
const WIDTH = 940;
const BAR = 8;
const ROW = SERIES.length * BAR + 9;

function x(ratio: number): number {
  const share = Math.log(Math.min(LAST, Math.max(FIRST, ratio)) / FIRST) / Math.log(LAST / FIRST);
  return Math.round((PLOT.left + share * (PLOT.right - PLOT.left)) * 10) / 10;
}

function xml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function ratioText(ratio: number): string {
  return `${ratio < 9.95 ? ratio.toFixed(2) : ratio.toFixed(0)}×`;
}

interface Line {
  readonly label: string;
  readonly note: string;
  readonly bold: boolean;
  readonly ratios: readonly (number | undefined)[];
}

function lines(r: Report): Line[] {
  const programs = [...new Set(r.rows.map((row) => row.program))].map((program) => {
    const ns = (engine: string) => r.rows.find((row) => row.program === program && row.engine === engine)?.ns;
    const ratios = SERIES.map(({ engine, over }) => {
      const [a, b] = [ns(engine), ns(over)];
      return a !== undefined && b !== undefined ? a / b : undefined;
    });
    const of = r.rows.find((row) => row.program === program)!.class;
    return { label: program, note: of, bold: false, ratios };
  });
  const compute = programs.filter((p) => COMPUTE.has(p.note));
  if (compute.length === 0) return programs;
  const mean = SERIES.map((_, i) => {
    const known = compute.flatMap((p) => p.ratios[i] ?? []);
    return known.length > 0 ? geomean(known) : undefined;
  });
  const title = { label: 'compute geomean', note: `${compute.length} programs`, bold: true, ratios: mean };
  return [title, ...programs];
}

function drawLine(line: Line, top: number): string {
  const middle = top + (SERIES.length * BAR) / 2;
  const weight = line.bold ? ' font-weight="700"' : '';
  const label =
    `<text x="${PLOT.left - 12}" y="${middle + 1}" text-anchor="end"${weight}>${xml(line.label)}</text>` +
    (line.note === line.label
      ? ''
      : `<text x="${PLOT.left - 12}" y="${middle + 12}" text-anchor="end" class="small">${xml(line.note)}</text>`);
  const bars = line.ratios.map((ratio, i) => {
    if (ratio === undefined) return '';
    const [from, to] = [x(1), x(ratio)].sort((a, b) => a - b);
    const y = top + i * BAR;
    const width = Math.max(1, to - from);
    return (
      `<rect x="${from}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 1}" fill="${SERIES[i].colour}"/>` +
      `<text x="${Math.max(to, x(1)) + 4}" y="${y + BAR - 1}" class="value"${i === 0 ? weight : ''}>${ratioText(ratio)}</text>`
    );
  });
  return `${label}\n${bars.join('\n')}`;
}

export function chart(r: Report): string {
  const rows = lines(r);
  const bottom = PLOT.top + rows.length * ROW;
  const height = bottom + 78;
  const grid = TICKS.map((tick) => {
    const at = x(tick);
    const strong = tick === 1;
    return (
      `<line x1="${at}" x2="${at}" y1="${PLOT.top - 8}" y2="${bottom}" stroke="${strong ? '#222' : '#e3e6ea'}"/>` +
      [PLOT.top - 14, bottom + 14]
        .map(
          (y) => `<text x="${at}" y="${y}" text-anchor="middle" class="small">${strong ? 'native' : `${tick}×`}</text>`,
        )
        .join('')
    );
  });
  let at = PLOT.left;
  const legend = SERIES.map(({ title, colour }) => {
    const entry = `<rect x="${at}" y="76" width="12" height="12" fill="${colour}"/><text x="${at + 18}" y="87">${xml(title)}</text>`;
    at += 50 + title.length * 7;
    return entry;
  });
  const { cpu, node, compiler, os } = r.machine;
  const foot = [
    `${cpu}, ${os}, Node ${node}, ${compiler ?? 'no C compiler'} -O2. The fastest of many interleaved rounds; results are compared first.`,
    'The kernel can only repeat one packet, so it is compared with native code that repeats it too; its bars include what TEST_RUN costs per run.',
  ];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="DejaVu Sans, Verdana, sans-serif" font-size="12" fill="#222">
<title>How many times longer than native C: beewasm, the kernel's JIT, the interpreter</title>
<style>.small{font-size:9.5px;fill:#667}.value{font-size:8.5px;fill:#444}</style>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
<text x="24" y="34" font-size="19" font-weight="700">How many times longer than native C</text>
<text x="24" y="54" fill="#556">Time per packet of the same C source, on a logarithmic scale. Bars start at native: shorter is better, to the left is faster.</text>
${legend.join('\n')}
${grid.join('\n')}
${rows.map((line, i) => drawLine(line, PLOT.top + i * ROW)).join('\n')}
${foot.map((text, i) => `<text x="24" y="${bottom + 42 + i * 15}" class="small">${xml(text)}</text>`).join('\n')}
</svg>
`;
}
