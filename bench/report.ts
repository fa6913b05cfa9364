// Measurements -> what is reported: ratios, geomeans by class, and the targets with the measured values beside them. Pure.

import { spawnSync } from 'node:child_process';
import { arch, cpus, platform, release } from 'node:os';
import type { CallCost } from './call.ts';
import type { LoadRow } from './load.ts';
import type { MemoryUse } from './memory.ts';
import type { EngineName, Measured } from './run.ts';
import { COMPUTE } from './workloads.ts';

export type Ratios = Record<EngineName, Record<EngineName, number>>;

export interface Row {
  readonly program: string;
  readonly class: string;
  readonly engine: EngineName;
  readonly ns: number;
  /** ns over that of each other engine. */
  readonly ratio_to: Record<EngineName, number>;
}

export interface Target {
  readonly what: string;
  readonly target: number;
  readonly measured: number;
  readonly met: boolean;
  /** What else one has to know to judge it. */
  readonly detail: string;
}

export interface Report {
  readonly machine: ReturnType<typeof machine>;
  readonly rows: readonly Row[];
  /** Over the compute programs: engine -> other engine -> ratio. */
  readonly geomean: Ratios;
  /** The same for each class. */
  readonly classes: Record<string, Ratios>;
  readonly targets: readonly Target[];
  readonly load: readonly LoadRow[];
  readonly memory: MemoryUse;
  /** A call from JavaScript. */
  readonly call: CallCost;
}

export function machine(compiler: string | null) {
  const version = compiler === null ? null : spawnSync(compiler, ['--version'], { encoding: 'utf8' }).stdout;
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cpus: cpus().length,
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    v8: process.versions.v8,
    compiler: version?.split('\n')[0] ?? null,
  };
}

export function geomean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}

function ratiosOf(all: readonly Measured[]): Ratios {
  const engines = [...new Set(all.flatMap((m) => Object.keys(m.ns)))];
  const ratio = (a: EngineName, b: EngineName) => all.filter((m) => m.ns[a] && m.ns[b]).map((m) => m.ns[a] / m.ns[b]);
  const against = (a: EngineName) =>
    engines.filter((b) => b !== a && ratio(a, b).length > 0).map((b) => [b, geomean(ratio(a, b))]);
  return Object.fromEntries(engines.map((a) => [a, Object.fromEntries(against(a))]));
}

export interface Measurements {
  readonly machine: Report['machine'];
  readonly all: readonly Measured[];
  readonly load: readonly LoadRow[];
  readonly memory: MemoryUse;
  readonly call: CallCost;
}

export function report({ machine, all, load, memory, call }: Measurements): Report {
  const compute = all.filter((m) => COMPUTE.has(m.class));
  const classes = [...new Set(all.map((m) => m.class))];
  return {
    machine,
    rows: all.flatMap((m) =>
      Object.entries(m.ns).map(([engine, ns]) => ({
        program: m.program,
        class: m.class,
        engine,
        ns,
        ratio_to: ratiosOf([m])[engine],
      })),
    ),
    geomean: ratiosOf(compute.length > 0 ? compute : all),
    classes: Object.fromEntries(classes.map((c) => [c, ratiosOf(all.filter((m) => m.class === c))])),
    targets: targets(all, load, call),
    load,
    memory,
    call,
  };
}

const f2 = (n: number) => n.toFixed(2);

/** The targets that can be judged from what was measured. */
function targets(all: readonly Measured[], load: readonly LoadRow[], call: CallCost): Target[] {
  const compute = all.filter((m) => COMPUTE.has(m.class));
  const mean = ratiosOf(compute);
  const out: Target[] = [];
  const add = (what: string, target: number, measured: number | undefined, detail: string) => {
    if (measured !== undefined && Number.isFinite(measured))
      out.push({ what, target, measured, met: measured <= target, detail });
  };
  add(
    'compute, geomean, vs native C at -O2',
    1.25,
    mean.jit_batch?.native,
    `vs native without vectors ${f2(mean.jit_batch?.native_scalar ?? Number.NaN)}`,
  );
  add(
    "compute, geomean, vs the kernel's JIT",
    0.9,
    mean.jit_repeat?.kernel,
    `both repeating a packet; kernel vs native ${f2(mean.kernel?.native_repeat ?? Number.NaN)}`,
  );
  const worst = [...compute]
    .filter((m) => m.ns.native)
    .sort((a, b) => b.ns.jit_batch / b.ns.native - a.ns.jit_batch / a.ns.native);
  if (worst.length > 0) {
    const [m] = worst;
    add(
      'any compute program vs native C at -O2',
      2.5,
      m.ns.jit_batch / m.ns.native,
      `${m.program}; vs native without vectors ${f2(m.ns.jit_batch / m.ns.native_scalar)}`,
    );
  }
  againstKernel(all, add);
  const calls = all.find((m) => m.program === 'calls');
  add(
    'bpf-to-bpf calls vs native noinline',
    1.2,
    calls && calls.ns.jit_batch / calls.ns.native,
    calls?.ns.kernel ? `kernel vs native ${f2(calls.ns.kernel / calls.ns.native_repeat)}` : '',
  );
  add(
    'call of an empty program from JS vs an empty Wasm function',
    2,
    call.program_ns / call.function_ns,
    `${f2(call.program_ns)} ns, ${f2(call.function_ns)} ns`,
  );
  loadTargets(load, add);
  return out;
}

type Add = (what: string, target: number, measured: number | undefined, detail: string) => void;

/** Operations per run of the map and tail-call programs. */
const OPERATIONS = 16;

/** Map operations and tail calls are judged net of the empty program on either side; the raw ratio stands beside it. */
function againstKernel(all: readonly Measured[], add: Add): void {
  const empty = all.find((m) => m.class === 'empty');
  const rows = [
    { what: '16 array lookups + increments vs kernel', target: 1.2, class: 'array' },
    { what: 'hash lookup hit vs kernel, geomean of 4 key sizes', target: 0.7, class: 'hash lookup' },
    { what: 'hash update + delete vs kernel, geomean of 4 key sizes', target: 0.6, class: 'hash update' },
    { what: 'tail-call hop vs kernel', target: 1.2, class: 'tail calls' },
  ];
  for (const row of rows) {
    const of = all.filter((m) => m.class === row.class && m.ns.kernel);
    if (of.length === 0 || !empty?.ns.kernel) continue;
    const own = geomean(of.map((m) => m.ns.jit_repeat - empty.ns.jit_repeat));
    const kernel = geomean(of.map((m) => m.ns.kernel - empty.ns.kernel));
    const raw = geomean(of.map((m) => m.ns.jit_repeat / m.ns.kernel));
    const each = `${f2(own / OPERATIONS)} ns, kernel ${f2(kernel / OPERATIONS)} ns each`;
    add(row.what, row.target, own / kernel, `${each}, net of the empty program; raw ${f2(raw)}`);
  }
}

function loadTargets(load: readonly LoadRow[], add: Add): void {
  const jit = (insns: number) =>
    load
      .filter((r) => r.insns === insns && ['lower', 'emit', 'compile'].includes(r.stage))
      .reduce((sum, r) => sum + r.us_per_insn, 0);
  const sizes = [...new Set(load.map((r) => r.insns))].filter((n) => n <= 65536);
  if (sizes.length === 0) return;
  const slowest = sizes.reduce((a, b) => (jit(b) > jit(a) ? b : a));
  const each = sizes.map((n) => `${n / 1024}k ${f2(jit(n))}`).join(', ');
  add('load: lower + emit + compile, µs per instruction, up to 64k', 8, jit(slowest), each);
  if (sizes.includes(65536) && sizes.includes(4096)) {
    add('load: 64k over 4k, per instruction', 1.5, jit(65536) / jit(4096), '');
  }
}
