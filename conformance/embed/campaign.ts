// Random programs, each on several inputs, under the watch: small ones on the rig, and a share of large ones (of
// conformance/fuzz, made to be pruned, around objects on the stack) in a Kernel with maps and packets. A violation is shrunk.

import type { BpfMap } from '../../src/index.ts';
import { generate } from '../fuzz/generate.ts';
import { Lab, type Loaded } from '../fuzz/lab.ts';
import type { FuzzProgram } from '../fuzz/program.ts';
import { Random } from '../fuzz/random.ts';
import { shrink } from '../fuzz/shrink.ts';
import { cornerBytes, DATA_MAPS, GLOBAL, initialEntries, MAPS } from '../fuzz/world.ts';
import { generateObjects } from './objects.ts';
import { generatePruned } from './pruned.ts';
import { Rig } from './rig.ts';
import { generateSmall } from './small.ts';
import { AS_RANDOM, type Violation, Watch, type WatchCounts } from './watch.ts';

export interface EmbedOptions {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** Runs of each program, with different packets and map contents. */
  readonly inputs: number;
  readonly maxViolations: number;
  readonly shrink: boolean;
  /** performance.now() after which no further program starts. */
  readonly until?: number;
  readonly onProgram?: (violations: number) => void;
}

export interface Found {
  readonly index: number;
  readonly input: number;
  readonly violation: Violation;
}

export interface EmbedResult extends WatchCounts {
  readonly generated: number;
  /** Small programs that both verifications refused. */
  readonly refused: number;
  readonly violations: readonly Found[];
}

/** Programs per Kernel: program ids are never used again, so tables grow. */
const PROGRAMS_PER_KERNEL = 1024;

/** How often programs are of each kind, out of 128. */
export const LARGE = { fuzz: 1, pruned: 1, objects: 16 } as const;

type Kind = keyof typeof LARGE | 'small';

export function kindOf(index: number): Kind {
  const at = index % 128;
  let before = 0;
  for (const kind of Object.keys(LARGE) as (keyof typeof LARGE)[]) {
    before += LARGE[kind];
    if (at < before) return kind;
  }
  return 'small';
}

const GENERATE = {
  fuzz: generate,
  pruned: generatePruned,
  objects: generateObjects,
  small: generateSmall,
} as const satisfies Record<Kind, typeof generate>;

export function embedPrograms(options: EmbedOptions): EmbedResult {
  const { seed, from, count, maxViolations, until = Number.POSITIVE_INFINITY } = options;
  const embedding = new Embedding(options.inputs, options.shrink);
  let generated = 0;
  while (generated < count && embedding.violations.length < maxViolations && performance.now() < until) {
    const index = from + generated++;
    const kind = kindOf(index);
    embedding.try(kind, GENERATE[kind](seed, index), index);
    options.onProgram?.(embedding.violations.length);
  }
  return {
    generated,
    refused: embedding.refused,
    violations: embedding.violations,
    ...embedding.watch.counts,
  };
}

class Embedding {
  readonly watch = new Watch();
  readonly violations: Found[] = [];
  refused = 0;
  readonly #inputs: number;
  readonly #shrink: boolean;
  readonly #rig = new Rig(this.watch);
  #lab = new Lab(this.watch.engine);
  #uses = 0;

  constructor(inputs: number, shrink: boolean) {
    this.#inputs = inputs;
    this.#shrink = shrink;
  }

  try(kind: Kind, program: FuzzProgram, index: number): void {
    // Of what was never verified, there are no states.
    if (!program.verify) return;
    if (kind === 'small') this.#small(program, index);
    else this.#large(program, index);
  }

  #small(program: FuzzProgram, index: number): void {
    const trial = this.#rig.try(program, index, this.#inputs);
    if (trial === 'refused') this.refused++;
    if (typeof trial === 'string') return;
    const found = { index, ...trial };
    this.violations.push(this.#shrink ? shrunk(program, found, smallTrial) : found);
  }

  #large(program: FuzzProgram, index: number): void {
    if (++this.#uses % PROGRAMS_PER_KERNEL === 0) this.#lab = new Lab(this.watch.engine);
    const found = firstViolation(this.#lab, this.watch, program, index, this.#inputs);
    if (found !== null) this.violations.push(this.#shrink ? shrunk(program, found, largeTrial) : found);
  }
}

function firstViolation(lab: Lab, watch: Watch, program: FuzzProgram, index: number, inputs: number): Found | null {
  const loaded = lab.load(program);
  if (typeof loaded === 'string') return null;
  const programs = loaded.target === null ? [loaded.main.loaded] : [loaded.main.loaded, loaded.target.loaded];
  const codes = [program.main, program.target];
  try {
    programs.forEach((p, i) => {
      watch.learn(p, program.data.length, { ...AS_RANDOM, insns: codes[i]!.insns });
    });
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

/** Whether a program made of `program` shows a violation on inputs up to that one. */
type Again = (program: FuzzProgram, index: number, inputs: number) => Found | null;

const largeTrial: Again = (program, index, inputs) =>
  firstViolation(new Lab(shrinker.engine), shrinker, program, index, inputs);

const smallTrial: Again = (program, index, inputs) => {
  rig ??= new Rig(shrinker);
  const trial = rig.try(program, index, inputs);
  return typeof trial === 'string' ? null : { index, ...trial };
};

/** The smallest program found that the watch objects to in the same mode, on the same input. */
function shrunk(program: FuzzProgram, { index, input, violation }: Found, again: Again): Found {
  let last = violation;
  shrink(program, (candidate) => {
    const found = again(candidate, index, input + 1);
    if (found === null || found.violation.mode !== violation.mode) return false;
    last = found.violation;
    return true;
  });
  return { index, input, violation: last };
}
const shrinker = new Watch();
let rig: Rig | undefined;
