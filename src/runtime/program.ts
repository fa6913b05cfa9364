// A loaded program: run it on a packet, on many, or get the engine's Executable. It is linked to a CPU when it first runs
// there. Its id is never used again; closing it ends this handle, while a PROG_ARRAY that holds it can still jump to it,
// as in Linux.

import type { Heap } from '../memory/heap.ts';
import { progTypeById } from '../spec/prog_types.ts';
import { BpfError } from '../uapi/errors.ts';
import type { VerifierStats } from '../verifier/verified.ts';
import { Batch, type BatchOptions, checkPackets } from './batch.ts';
import type { ContextRow } from './context.ts';
import { contextOf } from './contexts.ts';
import type { Cpu, Engine, Executable, LoadedProgram } from './engine.ts';
import { faultOf } from './engine_fault.ts';
import { type RunTarget, type TestRunOptions, type TestRunResult, testRun, testRun64 } from './test_run.ts';

/** What a program needs of its Kernel. */
export interface ProgramHost {
  readonly heap: Heap;
  /** Throws EINVAL when there is no such CPU. */
  cpu(n: number): Cpu;
  programById(id: number): LoadedProgram | undefined;
  engine(name: Engine['name']): Engine;
  removeProgram(program: Program): void;
}

export interface RunOptions extends TestRunOptions {
  /** Another engine than the one the program was loaded for. */
  readonly engine?: Engine['name'];
}

/** What the verifier said about an accepted program. */
export interface VerifierReport {
  readonly log: string;
  readonly stats: VerifierStats;
  /** Milliseconds. */
  readonly duration: number;
}

/** Packets of one engine call in runBatch: their frames stay in the second-level cache. */
const BATCH_CHUNK = 256;

export class Program {
  /** The record that engines link. */
  readonly loaded: LoadedProgram;
  readonly engine: Engine;
  /** null when it was loaded without verification. */
  readonly verifier: VerifierReport | null;
  readonly #host: ProgramHost;
  readonly #linked = new Map<Engine, WeakMap<Cpu, Executable>>();
  #closed = false;

  constructor(loaded: LoadedProgram, engine: Engine, verifier: VerifierReport | null, host: ProgramHost) {
    this.loaded = loaded;
    this.engine = engine;
    this.verifier = verifier;
    this.#host = host;
  }

  get id(): number {
    return this.loaded.id;
  }
  get name(): string {
    return this.loaded.code.name;
  }
  /** Name of the program type: 'xdp', 'socket_filter', 'raw', ... */
  get type(): string {
    return progTypeById(this.loaded.code.type)!.name;
  }

  /** BPF_PROG_TEST_RUN. Throws BpfError with Linux's errno for input it refuses; EngineFault: a bug of ours. */
  run(options: RunOptions = {}): TestRunResult {
    const target = this.#target(options);
    try {
      return testRun(target, options);
    } catch (e) {
      throw faultOf(e, this.name);
    }
  }

  /** The same with all 64 bits of r0 (type raw). */
  run64(options: RunOptions = {}): TestRunResult<bigint> {
    const target = this.#target(options);
    try {
      return testRun64(target, options);
    } catch (e) {
      throw faultOf(e, this.name);
    }
  }

  /** Runs once on each packet, inside the engine. Returns the low 32 bits of each r0. */
  runBatch(packets: readonly Uint8Array[], options: BatchOptions & RunOptions = {}): Uint32Array {
    checkPackets(packets);
    const retvals = new Uint32Array(packets.length);
    const batch = new Batch(this.#target(options), this.#host.heap, this.name);
    try {
      for (let i = 0; i < packets.length; i += BATCH_CHUNK) {
        batch.fill(packets.slice(i, i + BATCH_CHUNK), options.ctx);
        batch.run();
        retvals.set(batch.retvals(), i);
      }
    } finally {
      batch.close();
    }
    return retvals;
  }

  /** Packets that stay in memory, to be run and looked at; close it when done. */
  batch(packets: readonly Uint8Array[], options: BatchOptions & RunOptions = {}): Batch {
    const batch = new Batch(this.#target(options), this.#host.heap, this.name);
    try {
      batch.fill(packets, options.ctx);
    } catch (e) {
      batch.close();
      throw e;
    }
    return batch;
  }

  /** The program bound to a CPU; compiles it when this is the first time. */
  executable(cpu = 0, engine: Engine = this.engine): Executable {
    if (this.#closed) throw new BpfError('EBADF', `program '${this.name}' is closed`);
    let linked = this.#linked.get(engine);
    if (linked === undefined) this.#linked.set(engine, (linked = new WeakMap()));
    const bound = this.#host.cpu(cpu);
    let executable = linked.get(bound);
    if (executable === undefined) {
      executable = engine.link(this.loaded, bound, (id) => this.#host.programById(id));
      linked.set(bound, executable);
    }
    return executable;
  }

  #target({ cpu = 0, engine }: RunOptions): RunTarget {
    const chosen = engine === undefined || engine === this.engine.name ? this.engine : this.#host.engine(engine);
    const executable = this.executable(cpu, chosen);
    const context: ContextRow = contextOf(this.loaded.code.type);
    return { context, memory: this.#host.cpu(cpu).memory, cpu, executable };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#host.removeProgram(this);
  }
  [Symbol.dispose](): void {
    this.close();
  }
}
