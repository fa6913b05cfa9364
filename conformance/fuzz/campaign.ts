// A campaign: programs seed/from ... seed/from+count-1 on all contenders, in batches that share a module, with Linux
// where there is an oracle. What differs is shrunk. The numbers a campaign ends with say what was really done.

import type { Oracle } from '../kernel/oracle.ts';
import { generate } from './generate.ts';
import { type Contender, compileAll, Lab, type Loaded, type Observation } from './lab.ts';
import { Linux } from './linux.ts';
import type { FuzzProgram } from './program.ts';
import { shrink } from './shrink.ts';

export interface CampaignOptions {
  readonly seed: number;
  readonly from: number;
  readonly count: number;
  /** performance.now() after which no further batch starts. */
  readonly until?: number;
  /** The first one sees every program, each further one one batch out of `everyOther`. */
  readonly contenders: readonly Contender[];
  readonly everyOther: number;
  readonly oracle: Oracle | null;
  /** Stop at so many differences. */
  readonly maxFailures: number;
  readonly shrink: boolean;
  readonly onBatch?: (done: number, failures: number) => void;
}

export interface Failure {
  readonly index: number;
  readonly what: string;
  /** As generated, or shrunk. */
  readonly program: FuzzProgram;
}

export interface CampaignResult {
  readonly programs: number;
  /** Refused by our verifier. */
  readonly refused: number;
  /** Refused by ours, taken by Linux; each with an index. */
  readonly onlyLinuxTakes: readonly { readonly index: number; readonly message: string }[];
  /** By name of the contender, and 'linux': programs compared. */
  readonly compared: Readonly<Record<string, number>>;
  /** Runs that ended with an error, the same on all engines. */
  readonly errors: number;
  readonly failures: readonly Failure[];
}

/** Programs per module. */
export const BATCH = 128;
/** Batches per Kernel: program ids are never used again, so tables grow. */
const BATCHES_PER_KERNEL = 16;

export function runCampaign(options: CampaignOptions): CampaignResult {
  const campaign = new Campaign(options);
  campaign.run();
  return campaign.result();
}

class Campaign {
  readonly #o: CampaignOptions;
  readonly #linux: Linux | null;
  readonly #compared: Record<string, number> = {};
  readonly #failures: Failure[] = [];
  readonly #onlyLinux: { index: number; message: string }[] = [];
  #lab = new Lab();
  #programs = 0;
  #refused = 0;
  #errors = 0;

  constructor(options: CampaignOptions) {
    this.#o = options;
    this.#linux = options.oracle === null ? null : new Linux(options.oracle);
  }

  run(): void {
    const { from, count, maxFailures, onBatch, until = Number.POSITIVE_INFINITY } = this.#o;
    for (let at = 0, batch = 0; at < count && this.#failures.length < maxFailures; at += BATCH, batch++) {
      if (performance.now() > until) return;
      if (batch > 0 && batch % BATCHES_PER_KERNEL === 0) this.#lab = new Lab();
      this.#batch(from + at, Math.min(BATCH, count - at), batch);
      onBatch?.(this.#programs, this.#failures.length);
    }
  }

  #batch(from: number, count: number, batch: number): void {
    const { contenders, everyOther, seed } = this.#o;
    const lab = this.#lab;
    const loaded: [index: number, program: Loaded][] = [];
    for (let index = from; index < from + count; index++) {
      const program = generate(seed, index);
      const result = lab.load(program);
      this.#programs++;
      if (typeof result === 'string') this.#wasRefused(index, program, result);
      else loaded.push([index, result]);
    }
    if (loaded.length === 0) return;
    const racing = contenders.filter((_, i) => i === 0 || (batch + i) % everyOther === 0);
    const programs = loaded.map(([, program]) => program);
    for (const contender of racing) compileAll(programs, contender);
    for (const [index, program] of loaded) {
      if (this.#failures.length < this.#o.maxFailures) this.#compare(index, program, racing);
      lab.unload(program);
    }
  }

  #wasRefused(index: number, program: FuzzProgram, message: string): void {
    this.#refused++;
    if (program.verify && this.#linux?.accepts(program)) this.#onlyLinux.push({ index, message });
  }

  #compare(index: number, loaded: Loaded, racing: readonly Contender[]): void {
    const lab = this.#lab;
    const expected = lab.reference(loaded);
    if (expected.retval === null) this.#errors++;
    if (this.#linux !== null && loaded.source.verify) {
      this.#count('linux');
      const what = this.#linux.difference(loaded.source, lab, expected);
      if (what !== null) this.#failed(index, loaded.source, what, (p) => this.#linuxDiffers(p));
    }
    for (const contender of racing) {
      this.#count(contender.name);
      const what = lab.difference(loaded, expected, contender);
      if (what === null) continue;
      this.#failed(index, loaded.source, what, (p) => this.#contenderDiffers(p, contender));
      return;
    }
  }

  #count(name: string): void {
    this.#compared[name] = (this.#compared[name] ?? 0) + 1;
  }

  #failed(index: number, source: FuzzProgram, what: string, fails: (p: FuzzProgram) => boolean): void {
    const program = this.#o.shrink ? shrink(source, fails) : source;
    this.#failures.push({ index, what, program });
  }

  #linuxDiffers(program: FuzzProgram): boolean {
    return withLab(program, (lab, loaded, expected) => {
      const what = this.#linux!.difference(program, lab, expected);
      return what !== null && !what.startsWith('Linux refuses') && loaded !== null;
    });
  }

  #contenderDiffers(program: FuzzProgram, contender: Contender): boolean {
    return withLab(program, (lab, loaded, expected) => {
      compileAll([loaded], contender);
      return lab.difference(loaded, expected, contender) !== null;
    });
  }

  result(): CampaignResult {
    return {
      programs: this.#programs,
      refused: this.#refused,
      onlyLinuxTakes: this.#onlyLinux,
      compared: this.#compared,
      errors: this.#errors,
      failures: this.#failures,
    };
  }
}

/** A Lab for single programs, renewed now and then. */
let spare: { lab: Lab; uses: number } | undefined;

/** Asks about one program that ran on the interpreter; false when the verifier refuses it. */
function withLab(source: FuzzProgram, ask: (lab: Lab, loaded: Loaded, expected: Observation) => boolean): boolean {
  if (spare === undefined || spare.uses++ > 500) spare = { lab: new Lab(), uses: 0 };
  const { lab } = spare;
  const loaded = lab.load(source);
  if (typeof loaded === 'string') return false;
  try {
    return ask(lab, loaded, lab.reference(loaded));
  } finally {
    lab.unload(loaded);
  }
}

/** What differs for one saved program: a line for each contender (and Linux) that does otherwise. */
export function replay(source: FuzzProgram, contenders: readonly Contender[], oracle: Oracle | null = null): string[] {
  const found: string[] = [];
  const runs = withLab(source, (lab, loaded, expected) => {
    if (oracle !== null && source.verify) found.push(...some(new Linux(oracle).difference(source, lab, expected)));
    for (const contender of contenders) {
      compileAll([loaded], contender);
      found.push(...some(lab.difference(loaded, expected, contender)));
    }
    return true;
  });
  return runs ? found : ['the verifier refuses it'];
}

const some = (what: string | null): string[] => (what === null ? [] : [what]);
