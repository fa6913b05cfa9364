// The context rows by program type. A new context is a file with its row, and an entry here.

import { ctxOfType } from '../spec/ctx.ts';
import { type ProgTypeName, type ProgTypeRow, progTypeById } from '../spec/prog_types.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import type { ContextRow } from './context.ts';
import { FLOW_CONTEXT } from './context_flow.ts';
import { plainContext } from './context_plain.ts';
import { RAW_CONTEXT } from './context_raw.ts';
import { SKB_CONTEXT, TC_CONTEXT } from './context_skb.ts';
import { XDP_CONTEXT } from './context_xdp.ts';

/** Types with a packet; all others have a plain context. */
const CONTEXTS: Readonly<Partial<Record<ProgTypeName, ContextRow>>> = {
  raw: RAW_CONTEXT,
  xdp: XDP_CONTEXT,
  socket_filter: SKB_CONTEXT,
  sched_cls: TC_CONTEXT,
  sched_act: TC_CONTEXT,
  cgroup_skb: SKB_CONTEXT,
  lwt_in: SKB_CONTEXT,
  lwt_out: SKB_CONTEXT,
  lwt_xmit: SKB_CONTEXT,
  lwt_seg6local: SKB_CONTEXT,
  sk_skb: SKB_CONTEXT,
  flow_dissector: FLOW_CONTEXT,
};

/** Pointers into something that a run has not got: a tracepoint's buffer, objects of the kernel. */
const NEEDS_KERNEL: ReadonlySet<string> = new Set(['raw_tracepoint_writable', 'netfilter'] satisfies ProgTypeName[]);

/** The context row of a program type (UAPI number, -1 = raw). */
export function contextOf(progType: number): ContextRow {
  const row: ProgTypeRow | undefined = progTypeById(progType);
  if (row === undefined) throw new UnsupportedError(`program type ${progType}`);
  const context = CONTEXTS[row.name as ProgTypeName];
  if (context !== undefined) return context;
  const ctx = ctxOfType(row.id);
  if (ctx === null || NEEDS_KERNEL.has(row.name)) throw new UnsupportedError(`test run of ${row.name} programs`);
  return plainContext(ctx);
}
