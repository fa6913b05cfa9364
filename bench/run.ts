// One workload through every engine: first the proof that they agree, then rounds in which the engines take turns. What
// counts is the fastest sample of all rounds: noise of the machine only ever adds.

import type { Oracle } from '../conformance/kernel/oracle.ts';
import { FNV_OFFSET, fnv1a64, loadStages, type Stage, WAYS, type Way, Ways } from '../src/cli/measure.ts';
import type { Batch, Program } from '../src/index.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { LiveKernel } from './live_kernel.ts';
import { BUILDS, startNative } from './native.ts';
import { Peer } from './peer.ts';
import { loadWorkload, root, type Workload } from './workloads.ts';

/**
 * The engines of a row. `*_repeat` and `kernel` run each packet many times before the next one (the kernel can do nothing
 * else), all others run one packet after the other. Peers come behind, under their own names.
 */
export const ENGINES = [...WAYS, 'jit_repeat', 'native', 'native_scalar', 'native_repeat', 'kernel'] as const;
/** One of ENGINES or a peer's name. */
export type EngineName = string;

export interface Measured {
  readonly program: string;
  readonly class: string;
  readonly packets: number;
  readonly insns: number;
  /** Instructions that the verifier walked. */
  readonly processed: number;
  /** Nanoseconds per packet; an engine that is not here, or refuses the program, is missing. */
  readonly ns: Readonly<Record<EngineName, number>>;
  readonly load_us: Readonly<Record<Stage, number>>;
}

/** Where to measure besides the two engines of beewasm. */
export interface Elsewhere {
  readonly compiler: string | null;
  readonly oracle: Oracle | null;
  /** name -> command and its first arguments. */
  readonly peers: readonly { name: string; command: readonly string[] }[];
}

/** One sample lasts at least this long. */
const SAMPLE_MS = 0.7;
const MIN_ROUNDS = 6;
/** Of the time: its calls take long, also when they measure little. */
const KERNEL_SHARE = 0.4;
/** Packets for `*_repeat` and `kernel`, from all over the workload: a call of TEST_RUN takes the kernel some ten milliseconds. */
const REPEATED_PACKETS = 8;
/** Runs of one packet before the next, for `*_repeat`. */
const REPEAT = 256;
/** Copies of a packet in a batch of jit_repeat: they fit into the first-level cache, nearly. */
const COPIES = 32;

interface Subject {
  readonly name: EngineName;
  /** Passes of a sample. */
  passes: number;
  /** Nanoseconds per packet over so many passes. */
  sample(passes: number): number | Promise<number>;
}

export async function measure(
  w: Workload,
  elsewhere: Elsewhere,
  seconds: number,
  complain: (text: string) => void,
): Promise<Measured> {
  const { kernel, spec, program } = await loadWorkload(w);
  const open: { close(): void | Promise<void> }[] = [];
  try {
    const step = Math.ceil(w.packets.length / REPEATED_PACKETS);
    const some: Workload = { ...w, packets: w.packets.filter((_, i) => i % step === 0) };
    // Before Ways, whose snapshot of memory shall hold its packets too.
    const repeated = new Repeated(program, some.packets);
    const ways = new Ways(kernel, program, w.packets);
    open.push(repeated, ways);
    const agreed = ways.sameResults();
    const subjects: Subject[] = WAYS.map((name) => ({ name, passes: 1, sample: (n) => timed(ways, name, n) }));
    const n = w.packets.length;
    const add = (name: EngineName, sample: Subject['sample']) => void subjects.push({ name, passes: 1, sample });
    add('jit_repeat', () => repeated.sample());
    for (const [name, start] of processes(w, elsewhere)) {
      const peer = await start();
      if (typeof peer === 'string') {
        complain(`no ${name}: ${peer}`);
        continue;
      }
      open.push(peer);
      checkPeer(w, name, peer, agreed);
      add(name, async (passes) => (await peer.run(passes)) / (passes * n));
      if (name !== 'native') continue;
      const again = await startNative(elsewhere.compiler!, name, some);
      if (typeof again === 'string') continue;
      open.push(again);
      add(
        'native_repeat',
        async (passes) => (await again.run(passes, REPEAT)) / (passes * some.packets.length * REPEAT),
      );
    }
    if (elsewhere.oracle !== null) {
      const live = LiveKernel.load(elsewhere.oracle, w, spec);
      if (typeof live === 'string') complain(`no kernel: ${live}`);
      else {
        open.push(live);
        checkEqual(w, 'kernel', live.retvals(), agreed.retvals);
        add('kernel', () => live.sample(some.packets));
      }
    }
    const ns = await rounds(subjects, seconds, n);
    ways.sameResults(); // also the code as V8 has optimised it by now
    return {
      program: w.name,
      class: w.class,
      packets: n,
      insns: program.loaded.code.insns.length,
      processed: program.verifier!.stats.processed,
      ns,
      load_us: loadStages(program, programInput(spec, spec.programs[w.program]), seconds / 8),
    };
  } finally {
    for (const each of open.reverse()) await each.close();
    kernel.close();
  }
}

/** Runs `w` once on every engine that is here; throws when one gives something else. The same checks as before measuring. */
export async function agreement(
  w: Workload,
  elsewhere: Elsewhere,
  complain: (text: string) => void,
): Promise<{ engines: string[]; retvals: Uint32Array }> {
  const { kernel, spec, program } = await loadWorkload(w);
  const ways = new Ways(kernel, program, w.packets);
  const agreed = ways.sameResults();
  const engines: string[] = [...WAYS];
  for (const [name, start] of processes(w, elsewhere)) {
    if (name === 'native_scalar') continue; // the same C, another flag
    const peer = await start();
    if (typeof peer === 'string') complain(`no ${name}: ${peer}`);
    else {
      await peer.close();
      checkPeer(w, name, peer, agreed);
      engines.push(name);
    }
  }
  const live = elsewhere.oracle && LiveKernel.load(elsewhere.oracle, w, spec);
  if (typeof live === 'string') complain(`no kernel: ${live}`);
  else if (live !== null) {
    const retvals = live.retvals();
    live.close();
    checkEqual(w, 'kernel', retvals, agreed.retvals);
    engines.push('kernel');
  }
  ways.close();
  kernel.close();
  return { engines, retvals: agreed.retvals };
}

/** Engines in processes of their own, by name. */
function processes(w: Workload, { compiler, peers }: Elsewhere): [string, () => Promise<Peer | string>][] {
  const object = `${root}/${w.source.replace(/\.c$/, '.o')}`;
  const builds = compiler === null ? [] : BUILDS;
  return [
    ...builds.map((build) => [build, () => startNative(compiler!, build, w)] as [string, () => Promise<Peer | string>]),
    ...peers.map(
      ({ name, command: [command, ...args] }) =>
        [name, () => Peer.start(command, [...args, object, w.program], w)] as [string, () => Promise<Peer | string>],
    ),
  ];
}

function timed(ways: Ways, way: Way, passes: number): number {
  const started = performance.now();
  for (let i = 0; i < passes; i++) ways.run(way);
  return ((performance.now() - started) * 1e6) / (passes * ways.length);
}

/** The JIT's batch over copies of one packet, packet by packet. */
class Repeated {
  readonly #batches: Batch[];
  readonly #best: number[];

  constructor(program: Program, packets: readonly Uint8Array[]) {
    this.#batches = packets.map((p) => program.batch(new Array<Uint8Array>(COPIES).fill(p), { engine: 'jit' }));
    this.#best = packets.map(() => Infinity);
  }

  /** Nanoseconds of one run: the mean over all packets of the fastest so far. */
  sample(): number {
    for (const [i, batch] of this.#batches.entries()) {
      const started = performance.now();
      for (let n = 0; n < REPEAT; n += COPIES) batch.run();
      this.#best[i] = Math.min(this.#best[i], ((performance.now() - started) * 1e6) / REPEAT);
    }
    return this.#best.reduce((sum, ns) => sum + ns, 0) / this.#best.length;
  }

  close(): void {
    for (const batch of this.#batches) batch.close();
  }
}

function checkPeer(w: Workload, name: string, peer: Peer, agreed: { retvals: Uint32Array; packets: Uint8Array[] }) {
  const results = fnv1a64(FNV_OFFSET, new Uint8Array(agreed.retvals.buffer));
  const packets = agreed.packets.reduce(fnv1a64, FNV_OFFSET);
  if (results !== peer.results || (peer.packets !== null && packets !== peer.packets)) {
    throw new Error(`${w.name}: ${name} gives something else`);
  }
}

function checkEqual(w: Workload, name: string, actual: Uint32Array, expected: Uint32Array): void {
  const i = expected.findIndex((value, at) => value !== actual[at]);
  if (i >= 0) throw new Error(`${w.name}: ${name} gives ${actual[i]} for packet ${i}, beewasm ${expected[i]}`);
}

async function rounds(subjects: readonly Subject[], seconds: number, packets: number) {
  const best: Record<EngineName, number> = {};
  const short = (ns: number, { passes }: Subject) => ns * packets * passes < SAMPLE_MS * 1e6;
  for (const subject of subjects) {
    best[subject.name] = await subject.sample(1); // and V8 and the predictors warm up
    // The kernel and the repeated ones make their samples long enough themselves.
    if (subject.name === 'kernel' || subject.name.endsWith('_repeat')) continue;
    while (short(await subject.sample(subject.passes), subject)) subject.passes *= 2;
  }
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  let inKernel = 0;
  for (let round = 0; round < MIN_ROUNDS || elapsed() < seconds * 1000; round++) {
    for (const subject of subjects) {
      const before = elapsed();
      if (subject.name === 'kernel' && round >= MIN_ROUNDS && inKernel > before * KERNEL_SHARE) continue;
      best[subject.name] = Math.min(best[subject.name], await subject.sample(subject.passes));
      if (subject.name === 'kernel') inKernel += elapsed() - before;
    }
  }
  return best;
}
