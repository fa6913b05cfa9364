// How a run gets its context: one row per kind of program. A row turns the input of a test run (packet and context as
// BPF_PROG_TEST_RUN takes them) into bytes of an area and the two arguments of the program, and reads both back.
// The rows are context_*.ts; contexts.ts finds them.

import type { Addr } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import type { StructLayout, StructValues } from './struct.ts';

/** Bytes of a context in an area, the fields that a program can't reach included. */
export const CONTEXT_BYTES = 384;

/** Where a run's context and frame stand: the CPU's own, or those of a batch record. */
export interface RunArea {
  readonly memory: Memory;
  /** CONTEXT_BYTES bytes. */
  readonly ctx: Addr;
  /** At least frameBytes(data.length) bytes. */
  readonly frame: Addr;
}

export interface RunInput {
  readonly data: Uint8Array;
  /** The UAPI struct (layout.size bytes), or null when the caller gave none. */
  readonly ctx: Uint8Array | null;
}

export interface Prepared {
  readonly r1: Addr;
  readonly r2: number;
  /** Bytes of the packet that lie outside the frame, behind data_end (XDP fragments). */
  readonly rest: Uint8Array;
}

export interface RunOutput {
  readonly data: Uint8Array;
  readonly ctx: Uint8Array;
}

export interface ContextRow {
  readonly layout: StructLayout;
  /** Members that are not 0 when a caller names others: for a packet of `length` bytes. */
  defaults?(length: number): StructValues;
  /** Bytes of frame that a packet of this length needs; throws EINVAL when it is too long. */
  frameBytes(length: number): number;
  /** Throws BpfError where Linux's test run answers an errno. */
  prepare(area: RunArea, input: RunInput): Prepared;
  collect(area: RunArea, input: RunInput, prepared: Prepared): RunOutput;
}
