// The context rows by program type. A new context is a file with its row, and an entry here.

import { progTypeById } from '../spec/prog_types.ts';
import { UnsupportedError } from '../uapi/errors.ts';
import type { ContextRow } from './context.ts';
import { RAW_CONTEXT } from './context_raw.ts';
import { SKB_CONTEXT } from './context_skb.ts';
import { XDP_CONTEXT } from './context_xdp.ts';

/** By `ctx` of the program type's row. */
const CONTEXTS: Readonly<Record<string, ContextRow>> = { xdp_md: XDP_CONTEXT, __sk_buff: SKB_CONTEXT };

/** The context row of a program type (UAPI number, -1 = raw). */
export function contextOf(progType: number): ContextRow {
  const row = progTypeById(progType);
  if (row === undefined) throw new UnsupportedError(`program type ${progType}`);
  if (row.ctx === null) return RAW_CONTEXT;
  const context = CONTEXTS[row.ctx];
  if (context === undefined) throw new UnsupportedError(`test run of ${row.name} programs`);
  return context;
}
