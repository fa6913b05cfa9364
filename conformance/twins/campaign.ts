// Programs whose verdict must not change: with and without pruning, and written otherwise (transform.ts). Random programs,
// accepted as they are; with one or two instructions changed mostly refused; and rows of vectors where they are given.
// Limits apart: who runs into one on one side (too many states, instructions or branches) is not compared.

import { createInterpreter } from '../../src/interp/interp.ts';
import { disasm, LOG_STYLE } from '../../src/isa/index.ts';
import { withoutKsyms } from '../../src/runtime/ksyms.ts';
import { BpfError, UnsupportedError } from '../../src/uapi/errors.ts';
import { type VerifyOptions, verify } from '../../src/verifier/index.ts';
import type { ProgramInput, Verified } from '../../src/verifier/verified.ts';
import { generatePruned } from '../embed/pruned.ts';
import { inputImages, inputOf, mayWiden, RigMemory } from '../embed/rig.ts';
import { generateSmall } from '../embed/small.ts';
import { Random } from '../fuzz/random.ts';
import { mutate } from '../mutants/mutate.ts';
import { type Change, TRANSFORMS, twinOf } from './transform.ts';

export interface TwinsOptions {
  readonly seed: number;
  readonly count: number;
  /** Programs with maps and contexts, for verdicts only. */
  readonly rows: readonly ProgramInput[];
  /** Default: all of transform.ts. */
  readonly transforms?: Readonly<Record<string, Change>>;
  readonly onProgram?: (differences: number) => void;
}

export interface Difference {
  readonly index: number;
  /** 'state frequency', 'no pruning' or a transform. */
  readonly way: string;
  readonly text: string;
}

export interface TwinsResult {
  readonly accepted: number;
  readonly refused: number;
  /** Verdicts compared, by way. */
  readonly compared: Readonly<Record<string, number>>;
  /** Runs of two accepted twins whose r0 and memory were compared. */
  readonly runs: number;
  readonly limits: number;
  /** Verdicts that differ because any byte covers a spilled pointer, as in Linux (see `unknownCovers`). */
  readonly unknownCovers: number;
  /** Verdicts that differ in programs with loops of unknown length (see `widens`). */
  readonly widened: number;
  readonly differences: readonly Difference[];
}

const MAX_STATES = 4000;
const INPUTS = 3;

type Verdict = { readonly ok: true; readonly verified: Verified } | { readonly ok: false; readonly message: string };

type Asked = readonly [ProgramInput, VerifyOptions | undefined, Verdict];

/**
 * For root, a slot whose bytes are not known covers any other slot, also one with a spilled pointer (kernel stacksafe with
 * allow_uninit_stack): a path that would be refused for what it does with the pointer then ends where another one did the
 * same with bytes. Safe: it is the same memory. Where that rule is off, both sides say what the stricter one said.
 */
function unknownCovers(a: Asked, b: Asked): boolean {
  const refusal = [a, b].find(([, , verdict]) => !verdict.ok)![2];
  return [a, b].every(([input, options]) => {
    const strict = verdictOf(input, { ...options, allowUninitStack: false });
    return strict !== null && !strict.ok && !refusal.ok && strict.message === refusal.message;
  });
}

/**
 * Rounds of a loop of unknown length are compared where states are kept, and numbers are widened before: what is kept where
 * decides how much is refused. Only without pruning nothing is widened: what is refused then must be refused otherwise, too.
 */
function widens(way: string, [{ insns }, , verdict]: Asked): boolean {
  return mayWiden(insns) && (way !== 'no pruning' || !verdict.ok);
}

class TooMany extends Error {}

/** null: a limit. */
function verdictOf(input: ProgramInput, options: VerifyOptions = {}): Verdict | null {
  let states = 0;
  const onState = () => {
    if (++states > MAX_STATES) throw new TooMany();
  };
  try {
    const result = verify(input, { ...options, onState });
    if (result.ok) return result;
    if (result.error.code === 'E2BIG') return null;
    return { ok: false, message: result.error.summary };
  } catch (e) {
    if (e instanceof TooMany) return null;
    throw e;
  }
}

export function runTwins(options: TwinsOptions): TwinsResult {
  const campaign = new Campaign(options);
  for (let index = 0; index < options.count; index++) {
    campaign.try(index);
    options.onProgram?.(campaign.differences.length);
  }
  return campaign;
}

class Campaign implements TwinsResult {
  accepted = 0;
  refused = 0;
  runs = 0;
  limits = 0;
  unknownCovers = 0;
  widened = 0;
  readonly compared: Record<string, number> = {};
  readonly differences: Difference[] = [];
  readonly #o: TwinsOptions;
  readonly #rig = new RigMemory();
  readonly #interp = createInterpreter({ maxSteps: 200_000 });
  readonly #images = inputImages();

  constructor(options: TwinsOptions) {
    this.#o = options;
  }

  try(index: number): void {
    const random = new Random(this.#o.seed, index);
    const input = this.#program(index, random);
    const verdict = verdictOf(input);
    if (verdict === null) {
      this.limits++;
      return;
    }
    if (verdict.ok) this.accepted++;
    else this.refused++;
    const ask = (way: string, other: ProgramInput, options?: VerifyOptions) => {
      const its = verdictOf(other, options);
      if (its === null) this.limits++;
      else this.#compare(index, way, [input, {}, verdict], [other, options, its]);
      return its;
    };
    ask('state frequency', { ...input, flags: input.flags | 8 });
    ask('no pruning', input, { prune: false });
    for (const [way, change] of Object.entries(this.#o.transforms ?? TRANSFORMS)) {
      const twin = twinOf(input, change, random);
      if (twin === null) continue;
      const its = ask(way, twin);
      if (input.type === RAW && verdict.ok && its?.ok) this.#run(index, way, input, verdict, its);
    }
  }

  /** One of four is a row, or a mutant of one; of the others, half are mutants. */
  #program(index: number, random: Random): ProgramInput {
    const { rows, seed } = this.#o;
    if (rows.length > 0 && index % 4 === 0) {
      const row = random.pick(rows);
      return random.chance(30) ? row : mutate(row, random);
    }
    const { main, data } = index % 16 === 1 ? generatePruned(seed, index) : generateSmall(seed, index);
    const input = inputOf(main.insns, data.length);
    return random.chance(50) ? input : mutate(input, random);
  }

  #compare(index: number, way: string, a: Asked, b: Asked): void {
    this.compared[way] = (this.compared[way] ?? 0) + 1;
    if (a[2].ok === b[2].ok) return;
    if (unknownCovers(a, b)) this.unknownCovers++;
    else if (widens(way, a)) this.widened++;
    else this.#differs(index, way, `${say(a[2])}\n${listed(a[0])}\nbut ${say(b[2])}\n${listed(b[0])}`);
  }

  #differs(index: number, way: string, text: string): void {
    this.differences.push({ index, way, text });
  }

  /** Both on the same inputs: the same r0 and the same bytes behind. */
  #run(index: number, way: string, input: ProgramInput, a: { verified: Verified }, b: { verified: Verified }): void {
    for (let n = 0; n < INPUTS; n++) {
      const data = this.#images[(index * 5 + n * 137) % this.#images.length];
      const [left, right] = [a, b].map(({ verified }) => this.#outcome(verified, data));
      this.runs++;
      if (left !== right) {
        this.#differs(index, way, `${left}\n${listed(input)}\nbut ${right}\n${listed({ ...input, ...b.verified })}`);
      }
    }
  }

  #outcome(code: Verified, data: Uint8Array): string {
    const { cpu, start, memory } = this.#rig;
    memory.write(start, data);
    try {
      const program = { id: 1, code: withoutKsyms(code), maps: [], result: 'u64' } as const;
      const r0 = this.#interp.link(program, cpu, () => undefined).run64(start, data.length);
      return `r0 0x${r0.toString(16)}, ${Buffer.from(memory.bytes(start, data.length)).toString('hex')}`;
    } catch (e) {
      if (e instanceof BpfError) return `error ${e.code}`;
      // A mutant may call any kfunc.
      if (e instanceof UnsupportedError) return e.message;
      throw e;
    }
  }
}
const RAW = -1;

const say = (v: Verdict): string => (v.ok ? 'accepted:' : `refused, ${v.message}:`);
const listed = ({ insns }: ProgramInput): string => disasm(insns, LOG_STYLE);
