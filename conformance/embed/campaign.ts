// Random programs (every other one of conformance/fuzz, the rest made to be pruned), each on several inputs, under the watch. A violation is shrunk.

import type { BpfMap } from '../../src/index.ts';
import { generate } from '../fuzz/generate.ts';
import { Lab, type Loaded } from '../fuzz/lab.ts';
import type { FuzzProgram } from '../fuzz/program.ts';
import { Random } from '../fuzz/random.ts';
import { shrink } from '../fuzz/shrink.ts';
import { cornerBytes, DATA_MAPS, GLOBAL, initialEntries, MAPS } from '../fuzz/world.ts';
import { generatePruned } from './pruned.ts';
import { type Violation, Watch, type WatchCounts } from './watch.ts';

export interface EmbedOptions {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Runs of each program, with different packets and map contents. */
  readonly inputs: number;
  readonly maxViolations: number;
  readonly shrink: boolean;
  readonly onProgram?: (violations: number) => void;
}

export interface Found {
  readonly index: number;
  readonly input: number;
  readonly violation: Violation;
}

export interface EmbedResult extends WatchCounts {
  readonly generated: number;
  readonly violations: readonly Found[];
}

/** Programs per Kernel: program ids are never used again, so tables grow. */
const PROGRAMS_PER_KERNEL = 1024;

export function embedPrograms(options: EmbedOptions): EmbedResult {
  const { seed, from, count, inputs, maxViolations } = options;
  const watch = new Watch();
  const violations: Found[] = [];
  let lab = new Lab(watch.engine);
  let generated = 0;
  for (; generated < count && violations.length < maxViolations; generated++) {
    if (generated % PROGRAMS_PER_KERNEL === PROGRAMS_PER_KERNEL - 1) lab = new Lab(watch.engine);
    const index = from + generated;
    const program = index % 2 === 0 ? generate(seed, index) : generatePruned(seed, index);
    // Of what was never verified, there are no states.
    if (program.verify) {
      const found = firstViolation(lab, watch, program, index, inputs);
      if (found !== null) violations.push(options.shrink ? shrunk(program, found) : found);
    }
    options.onProgram?.(violations.length);
  }
  return { generated, violations, ...watch.counts };
}

function firstViolation(lab: Lab, watch: Watch, program: FuzzProgram, index: number, inputs: number): Found | null {
  const loaded = lab.load(program);
  if (typeof loaded === 'string') return null;
  const programs = loaded.target === null ? [loaded.main.loaded] : [loaded.main.loaded, loaded.target.loaded];
  try {
    for (const p of programs) watch.learn(p, program.data.length);
    for (let input = 0; input < inputs; input++) {
      const violation = runOnce(lab, watch, loaded, index, input);
      if (violation !== null) return { index, input, violation };
    }
    return null;
  } finally {
    for (const p of programs) watch.forget(p);
    lab.unload(loaded);
  }
}

function runOnce(lab: Lab, watch: Watch, loaded: Loaded, index: number, input: number): Violation | null {
  watch.begin(lab.kernel.memory);
  if (input === 0) lab.observe(loaded);
  else {
    const random = new Random(0x656d6264 + input, index);
    const { source } = loaded;
    lab.observe({ ...loaded, source: { ...source, data: otherData(random, source) } }, (maps) => fill(random, maps));
  }
  return watch.violation;
}

/** Other bytes, as many as before; a socket filter's frame keeps its protocol. */
function otherData(random: Random, { data, type }: FuzzProgram): Uint8Array {
  const bytes = data.map((_, i) => (i % 64 === 0 ? 0 : data[i]));
  for (let at = 0; at < data.length; at += 64) bytes.set(cornerBytes(random).subarray(0, data.length - at), at);
  if (type === 'socket_filter') bytes.set(data.subarray(12, 14), 12);
  return bytes;
}

/** Other values under the same keys. */
function fill(random: Random, maps: readonly BpfMap[]): void {
  for (const i of new Set([GLOBAL, ...DATA_MAPS])) {
    if (MAPS[i].name === 'percpu') continue;
    for (const { key } of initialEntries(i)) maps[i].set(key, cornerBytes(random));
  }
}

/** The smallest program found that the watch objects to in the same mode, on the same input. */
function shrunk(program: FuzzProgram, { index, input, violation }: Found): Found {
  let last = violation;
  shrink(program, (candidate) => {
    const found = firstViolation(new Lab(shrinker.engine), shrinker, candidate, index, input + 1);
    if (found === null || found.violation.mode !== violation.mode) return false;
    last = found.violation;
    return true;
  });
  return { index, input, violation: last };
}
const shrinker = new Watch();
