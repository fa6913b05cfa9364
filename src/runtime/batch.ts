// Many packets through one engine call. A batch owns a region of the heap: n records (BATCH_RECORD: arguments in,
// r0 out), then for each packet its context and frame. `fill` puts the packets in, `run` runs them, and may run again
// over the packets as they then are.
//
//   | record 0 | record 1 | ... | ctx 0, frame 0 | ctx 1, frame 1 | ...

import type { Heap } from '../memory/heap.ts';
import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { BpfError } from '../uapi/errors.ts';
import { CONTEXT_BYTES, type ContextRow, type Prepared, type RunArea, type RunInput } from './context.ts';
import { BATCH_RECORD, type Executable } from './engine.ts';
import { faultOf } from './engine_fault.ts';
import { decodeStruct, type StructValues } from './struct.ts';
import { ctxBytes, type RunTarget, resetCpu, type TestRunOptions } from './test_run.ts';

const CACHE_LINE = 64;

/** Throws EINVAL unless it is an array of Uint8Arrays. */
export function checkPackets(packets: readonly Uint8Array[]): void {
  if (!Array.isArray(packets)) throw new BpfError('EINVAL', 'packets is not an array');
  for (let i = 0; i < packets.length; i++) {
    if (!(packets[i] instanceof Uint8Array)) throw new BpfError('EINVAL', `packet ${i} is not a Uint8Array`);
  }
}

export interface BatchOptions {
  readonly cpu?: number;
  /** The context of every packet. */
  readonly ctx?: TestRunOptions['ctx'];
}

interface Slot {
  readonly area: RunArea;
  readonly input: RunInput;
  readonly prepared: Prepared;
}

export class Batch {
  readonly #context: ContextRow;
  readonly #memory: Memory;
  readonly #heap: Heap;
  readonly #cpu: number;
  readonly #executable: Executable;
  readonly #name: string;
  #region: Addr | null = null;
  #regionSize = 0;
  #slots: Slot[] = [];

  /** `name`: of the program. */
  constructor(target: RunTarget, heap: Heap, name: string) {
    this.#context = target.context;
    this.#memory = target.memory;
    this.#heap = heap;
    this.#cpu = target.cpu;
    this.#executable = target.executable;
    this.#name = name;
  }

  /** Number of packets. */
  get length(): number {
    return this.#slots.length;
  }

  /** Replaces the packets. Throws what a test run of one of them would, naming its index. */
  fill(packets: readonly Uint8Array[], ctx?: TestRunOptions['ctx']): void {
    checkPackets(packets);
    const frame = packets.reduce((n, p) => Math.max(n, this.#context.frameBytes(p.length)), 0);
    const stride = Math.ceil((CONTEXT_BYTES + frame) / CACHE_LINE) * CACHE_LINE;
    const records = Math.ceil((packets.length * BATCH_RECORD.size) / CACHE_LINE) * CACHE_LINE;
    const base = this.#reserve(records + packets.length * stride);
    this.#slots = packets.map((data, i) => {
      const at = base + records + i * stride;
      const area = { memory: this.#memory, ctx: at, frame: at + CONTEXT_BYTES };
      const input = { data, ctx: ctxBytes(this.#context, ctx, data.length) };
      return { area, input, prepared: this.#prepare(area, input, i) };
    });
  }

  #prepare(area: RunArea, input: RunInput, i: number): Prepared {
    try {
      const prepared = this.#context.prepare(area, input);
      const record = this.#record(i);
      this.#memory.setU32(record + BATCH_RECORD.r1, prepared.r1);
      this.#memory.setU32(record + BATCH_RECORD.r2, prepared.r2);
      return prepared;
    } catch (e) {
      this.#slots = [];
      if (e instanceof BpfError) throw new BpfError(e.code, `packet ${i}: ${e.reason}`);
      throw e;
    }
  }

  #reserve(size: number): Addr {
    if (this.#region !== null && size <= this.#regionSize) return this.#region;
    this.close();
    this.#regionSize = Math.max(size, CACHE_LINE);
    this.#region = this.#heap.alloc(this.#regionSize, CACHE_LINE);
    return this.#region;
  }

  #record(i: number): Addr {
    return this.#region! + i * BATCH_RECORD.size;
  }

  /** Runs the program once on every packet. */
  run(): void {
    if (this.#slots.length === 0) return;
    resetCpu(this.#memory, this.#cpu);
    try {
      this.#executable.runBatch(this.#region!, this.#slots.length);
    } catch (e) {
      throw faultOf(e, this.#name);
    }
  }

  /** The same with one engine call for each packet: what code pays whose packets come one at a time; r0 has 32 bits. */
  runEach(): void {
    for (let i = 0; i < this.#slots.length; i++) {
      const { r1, r2 } = this.#slots[i].prepared;
      resetCpu(this.#memory, this.#cpu);
      const r0 = this.#record(i) + BATCH_RECORD.r0;
      this.#memory.setU32(r0, this.#executable.run32(r1, r2));
      this.#memory.setU32(r0 + 4, 0);
    }
  }

  /** Low 32 bits of each packet's last r0. */
  retvals(): Uint32Array {
    return Uint32Array.from(this.#slots, (_, i) => this.#memory.u32(this.#record(i) + BATCH_RECORD.r0));
  }

  /** Whole r0 of packet i's last run. */
  r0(i: number): bigint {
    this.#slot(i);
    return this.#memory.u64(this.#record(i) + BATCH_RECORD.r0);
  }

  /** Packet i and its context as they are now. */
  output(i: number): { data: Uint8Array; ctx: StructValues } {
    const { area, input, prepared } = this.#slot(i);
    const { data, ctx } = this.#context.collect(area, input, prepared);
    return { data, ctx: decodeStruct(this.#context.layout, ctx) };
  }

  #slot(i: number): Slot {
    const slot = this.#slots[i];
    if (slot === undefined) throw new BpfError('EINVAL', `the batch has no packet ${i}`);
    return slot;
  }

  /** Gives the memory back. */
  close(): void {
    if (this.#region !== null) this.#heap.free(this.#region);
    this.#region = null;
    this.#slots = [];
  }
  [Symbol.dispose](): void {
    this.close();
  }
}
