// Time and chance as programs see them. A virtual clock stands still until user code moves it, and a seed fixes every
// random number: then a run depends on its input alone. `state` and `restore` let two runs see the same world.

import { BpfError } from '../uapi/errors.ts';

/** virtual: starts at `VIRTUAL_START` and stands still. real: nanoseconds of this process. A function: your own. */
export type ClockOption = 'virtual' | 'real' | (() => bigint);

const VIRTUAL_START = 1_000_000_000n;

export interface WorldState {
  readonly time: bigint;
  /** By CPU. */
  readonly random: readonly number[];
}

export class World {
  readonly #clock: ClockOption;
  #time = VIRTUAL_START;
  #random: number[];

  constructor(cpus: number, clock: ClockOption = 'real', seed = crypto.getRandomValues(new Uint32Array(1))[0]) {
    if (!Number.isInteger(seed)) throw new BpfError('EINVAL', `seed ${seed} is not an integer`);
    if (typeof clock !== 'function' && clock !== 'virtual' && clock !== 'real') {
      throw new BpfError('EINVAL', `clock '${String(clock)}'`);
    }
    this.#clock = clock;
    // CPUs of one seed get different sequences.
    this.#random = Array.from({ length: cpus }, (_, cpu) => (seed ^ Math.imul(cpu + 1, 0x85ebca6b)) >>> 0);
  }

  /** Nanoseconds, as bpf_ktime_get_ns answers. */
  now(): bigint {
    if (this.#clock === 'virtual') return this.#time;
    if (this.#clock === 'real') return BigInt(Math.round(performance.now() * 1e6));
    return BigInt.asUintN(64, this.#clock());
  }

  /** Moves a virtual clock. */
  advance(ns: bigint): void {
    if (this.#clock !== 'virtual' || ns < 0n)
      throw new BpfError('EINVAL', 'only a virtual clock moves, and only forward');
    this.#time += ns;
  }

  /** The next random u32 of a CPU (mulberry32). */
  random(cpu: number): number {
    this.#random[cpu] = (this.#random[cpu] + 0x6d2b79f5) >>> 0;
    let x = this.#random[cpu];
    x = Math.imul(x ^ (x >>> 15), x | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return (x ^ (x >>> 14)) >>> 0;
  }

  state(): WorldState {
    return { time: this.#time, random: [...this.#random] };
  }
  restore(state: WorldState): void {
    this.#time = state.time;
    this.#random = [...state.random];
  }
}
