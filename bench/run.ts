// One workload through every engine: first the proof that they agree, then rounds of tinybench in which the engines take
// turns. What counts is the fastest sample of all rounds: noise of the machine only ever adds.

import { Bench } from 'tinybench';
import { FNV_OFFSET, fnv1a64, loadStages, type Stage, WAYS, Ways } from '../src/cli/measure.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { Native } from './native.ts';
import { loadWorkload, type Workload } from './workloads.ts';

export const ENGINES = [...WAYS, 'native'] as const;
export type EngineName = (typeof ENGINES)[number];

export interface Measured {
  readonly program: string;
  readonly packets: number;
  readonly insns: number;
  /** Instructions that the verifier walked. */
  readonly processed: number;
  /** Nanoseconds per packet; native is missing where there is no C compiler. */
  readonly ns: Readonly<Partial<Record<EngineName, number>>>;
  readonly load_us: Readonly<Record<Stage, number>>;
}

const ROUNDS = 5;
/** One sample lasts at least this long. */
const SAMPLE_MS = 1;

/** A function that passes over all packets `passes` times, and how long one pass took last. */
interface Subject {
  readonly name: EngineName;
  passes: number;
  /** Milliseconds of one pass. */
  pass(passes: number): number | Promise<number>;
}

export async function measure(
  w: Workload,
  compiler: string | null,
  seconds: number,
  complain: (text: string) => void,
): Promise<Measured> {
  const { kernel, spec, program } = await loadWorkload(w);
  const native = compiler === null ? null : await Native.start(compiler, w);
  try {
    const ways = new Ways(kernel, program, w.packets);
    const agreed = ways.sameResults();
    const subjects: Subject[] = WAYS.map((name) => ({ name, passes: 1, pass: (passes) => timed(ways, name, passes) }));
    if (typeof native === 'string') complain(native);
    else if (native !== null) {
      checkNative(w, native, agreed);
      subjects.push({ name: 'native', passes: 1, pass: async (passes) => (await native.run(passes)) / 1e6 / passes });
    }
    const ns = await rounds(w, subjects, seconds);
    ways.close();
    return {
      program: w.name,
      packets: w.packets.length,
      insns: program.loaded.code.insns.length,
      processed: program.verifier!.stats.processed,
      ns,
      load_us: loadStages(program, programInput(spec, spec.programs[w.program]), seconds / 4),
    };
  } finally {
    if (native instanceof Native) await native.close();
    kernel.close();
  }
}

function timed(ways: Ways, name: (typeof WAYS)[number], passes: number): number {
  const started = performance.now();
  for (let i = 0; i < passes; i++) ways.run(name);
  return (performance.now() - started) / passes;
}

function checkNative(w: Workload, native: Native, agreed: { retvals: Uint32Array; packets: Uint8Array[] }): void {
  const results = fnv1a64(FNV_OFFSET, new Uint8Array(agreed.retvals.buffer));
  const packets = agreed.packets.reduce(fnv1a64, FNV_OFFSET);
  if (results !== native.results || packets !== native.packets)
    throw new Error(`${w.name}: native C gives something else`);
}

async function rounds(w: Workload, subjects: readonly Subject[], seconds: number) {
  const best: Partial<Record<EngineName, number>> = {};
  const time = (seconds * 1000) / ROUNDS / subjects.length;
  for (const subject of subjects) {
    // Also the first warm-up.
    while (subject.passes * (await subject.pass(subject.passes)) < SAMPLE_MS) subject.passes *= 2;
  }
  for (let round = 0; round < ROUNDS; round++) {
    const bench = new Bench({
      time,
      iterations: 2,
      warmup: round === 0,
      warmupTime: time,
      warmupIterations: 1,
      throws: true,
    });
    for (const subject of subjects) {
      bench.add(subject.name, async () => {
        const pass = await subject.pass(subject.passes);
        return { overriddenDuration: pass, overriddenIterationCost: pass * subject.passes };
      });
    }
    for (const task of await bench.run()) {
      const name = task.name as EngineName;
      if (!('latency' in task.result)) throw new Error(`${w.name}: ${name} was not measured`);
      best[name] = Math.min(best[name] ?? Infinity, (task.result.latency.min * 1e6) / w.packets.length);
    }
  }
  return best;
}
