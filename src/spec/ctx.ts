// What a program may read and write of its context, by program type and expected attach type (kernel is_valid_access of
// each type). The rows are generated (ctx_rows.ts) from what Linux answered; offsets and sizes are UAPI's.
//
// A rule stands for every aligned access of its sizes inside [from, to): ['scalar', '124', 0, 72] are loads of 1, 2 and 4
// bytes between 0 and 72. Register and immediate stores are allowed alike.

import { CTX_ROWS } from './ctx_rows.ts';

/** What a load gives: a number, or a kind of pointer as the verifier prints it. */
export type CtxKind =
  | 'scalar'
  | 'pkt'
  | 'pkt_end'
  | 'pkt_meta'
  | 'sock'
  | 'sock_or_null'
  | 'sock_common_or_null'
  | 'flow_keys'
  | 'tp_buffer'
  | 'trusted_ptr_nf_hook_state'
  | 'trusted_ptr_sk_buff';

export type CtxRead = readonly [kind: CtxKind, sizes: string, from: number, to: number];
export type CtxWrite = readonly [sizes: string, from: number, to: number];

export interface CtxRow {
  /** Name of the struct in C. */
  readonly struct: string;
  readonly size: number;
  /** UAPI program type and its expected attach types; null = those that no other row names. */
  readonly programs: readonly (readonly [type: number, attach: readonly number[] | null])[];
  readonly reads: readonly CtxRead[];
  readonly writes: readonly CtxWrite[];
}

/** The context of a program, or null when the type has none. */
export function ctxOf(type: number, attach: number): CtxRow | null {
  const named = CTX_ROWS.find((row) => row.programs.some(([t, only]) => t === type && only?.includes(attach)));
  return named ?? CTX_ROWS.find((row) => row.programs.some(([t, only]) => t === type && only === null)) ?? null;
}

/** Any of a type's contexts: struct, size and pointers do not depend on the attach type. */
export function ctxOfType(type: number): CtxRow | null {
  return CTX_ROWS.find((row) => row.programs.some(([t]) => t === type)) ?? null;
}

function inside(sizes: string, from: number, to: number, off: number, size: number): boolean {
  return off >= from && off + size <= to && off % size === 0 && sizes.includes(String(size));
}

/** What a load of `size` bytes at `off` gives, or undefined when it is not allowed. */
export function ctxRead(ctx: CtxRow, off: number, size: number): CtxKind | undefined {
  return ctx.reads.find(([, sizes, from, to]) => inside(sizes, from, to, off, size))?.[0];
}

export function ctxWritable(ctx: CtxRow, off: number, size: number): boolean {
  return ctx.writes.some(([sizes, from, to]) => inside(sizes, from, to, off, size));
}
