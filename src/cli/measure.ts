// Measuring a loaded program: the three ways to run it over the same packets (interpreter, one Wasm call per packet, one
// Wasm call per batch), the proof that they give the same, and how long each stage of loading takes. A benchmark of wrong
// code is worthless, so nothing is timed before sameResults() has passed.

import { compile } from '../../jit/index.ts';
import type { Batch, Kernel, Program } from '../index.ts';
import { BeewasmError } from '../uapi/errors.ts';
import { type VerifyOptions, verify } from '../verifier/index.ts';
import type { ProgramInput } from '../verifier/verified.ts';

export const WAYS = ['interp', 'jit_single', 'jit_batch'] as const;
export type Way = (typeof WAYS)[number];

/** Packets that lie in a Kernel's memory, once for the interpreter and once for the JIT. */
export class Ways {
  readonly length: number;
  readonly #kernel: Kernel;
  readonly #name: string;
  readonly #interp: Batch;
  readonly #jit: Batch;
  readonly #memory: Uint8Array;
  readonly #world: ReturnType<Kernel['world']['state']>;

  /** The Kernel has to depend on nothing outside: virtual clock, seed. */
  constructor(kernel: Kernel, program: Program, packets: readonly Uint8Array[]) {
    this.#kernel = kernel;
    this.#name = program.name;
    this.length = packets.length;
    this.#interp = program.batch(packets, { engine: 'interp' });
    this.#jit = program.batch(packets, { engine: 'jit' });
    this.#memory = kernel.memory.snapshot();
    this.#world = kernel.world.state();
  }

  /** All packets once, as the last run left them. */
  run(way: Way): void {
    if (way === 'interp') this.#interp.run();
    else if (way === 'jit_batch') this.#jit.run();
    else this.#jit.runEach();
  }

  /** Memory, clock and packets as they were in the beginning. */
  restore(): void {
    this.#kernel.memory.restore(this.#memory);
    this.#kernel.world.restore(this.#world);
  }

  /** Runs each way once from the same state; throws unless every r0 and every packet afterwards is the same. */
  sameResults(): { retvals: Uint32Array; packets: Uint8Array[] } {
    const [first, ...others] = WAYS.map((way) => {
      this.restore();
      this.run(way);
      const batch = way === 'interp' ? this.#interp : this.#jit;
      const packets = Array.from({ length: this.length }, (_, i) => batch.output(i).data);
      return { way, retvals: batch.retvals(), packets };
    });
    for (const { way, retvals, packets } of others) {
      for (let i = 0; i < this.length; i++) {
        if (retvals[i] === first.retvals[i] && equalBytes(packets[i], first.packets[i])) continue;
        const values = `${first.retvals[i]} (${first.way}), ${retvals[i]} (${way})`;
        throw new BeewasmError(`${this.#name}: engines differ on packet ${i}: return values ${values}`);
      }
    }
    this.restore();
    return first;
  }

  close(): void {
    this.#interp.close();
    this.#jit.close();
  }
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function fnv1a64(hash: bigint, bytes: Uint8Array): bigint {
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
export const FNV_OFFSET = 0xcbf29ce484222325n;

/** A sample shorter than this is repeated until it is not: timers are not that exact. */
const SAMPLE_MS = 1;

/**
 * Nanoseconds per packet of each way: the minimum over rounds that take turns, so that a slow moment of the machine hits all
 * alike. At least three rounds, then until the time is over.
 */
export function interleaved(ways: Ways, seconds: number): Record<Way, number> {
  const best: Record<Way, number> = { interp: Infinity, jit_single: Infinity, jit_batch: Infinity };
  const passes: Record<Way, number> = { interp: 1, jit_single: 1, jit_batch: 1 };
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < 3 || performance.now() < end; round++) {
    for (const way of WAYS) {
      const started = performance.now();
      for (let i = 0; i < passes[way]; i++) ways.run(way);
      const took = performance.now() - started;
      best[way] = Math.min(best[way], (took * 1e6) / (passes[way] * ways.length));
      if (took < SAMPLE_MS) passes[way] *= 2;
    }
  }
  return best;
}

export const STAGES = ['verify', 'lower', 'emit', 'compile'] as const;
export type Stage = (typeof STAGES)[number];

/** Microseconds of each stage of loading: the minimum over repetitions within `seconds`, at least one. */
export function loadStages(
  program: Program,
  input: ProgramInput,
  seconds: number,
  rules: VerifyOptions = {},
): Record<Stage, number> {
  const best: Record<Stage, number> = { verify: Infinity, lower: Infinity, emit: Infinity, compile: Infinity };
  const note = (stage: Stage, ms: number) => {
    best[stage] = Math.min(best[stage], ms * 1000);
  };
  if (program.verifier !== null) note('verify', program.verifier.duration);
  repeat(seconds / 2, () => {
    const started = performance.now();
    verify(input, { ...rules, logLevel: 0 });
    note('verify', performance.now() - started);
  });
  repeat(seconds / 2, (round) => {
    let lower = 0;
    const { wasm } = compile(program.loaded, {
      onPass: (name, ms) => {
        if (name === 'emit') note('emit', ms);
        else lower += ms;
      },
    });
    note('lower', lower);
    const module = renamed(wasm, round);
    const started = performance.now();
    new WebAssembly.Module(module);
    note('compile', performance.now() - started);
  });
  return best;
}

function repeat(seconds: number, fn: (round: number) => void): void {
  const end = performance.now() + seconds * 1000;
  for (let round = 0; round < 1 || performance.now() < end; round++) fn(round);
}

/** The module with a custom section more: V8 compiles equal bytes only once. */
function renamed(wasm: Uint8Array, round: number): Uint8Array<ArrayBuffer> {
  const section = [0, 6, 1, 0x23, round & 0xff, (round >> 8) & 0xff, (round >> 16) & 0xff, (round >> 24) & 0xff];
  const all = new Uint8Array(wasm.length + section.length);
  all.set(wasm);
  all.set(section, wasm.length);
  return all;
}
