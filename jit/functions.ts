// Pass `functions`: finds the subprograms that can run, with their blocks, callers before callees.
//
// A conditional jump of which the verifier saw only one side loses the other (dead sides stay dead on pruned arrivals,
// see Facts); what then can't be reached is neither analysed nor emitted.

import { buildCfg, type Cfg, targetOf } from '../src/analysis/cfg.ts';
import { effects } from '../src/analysis/liveness.ts';
import type { InsnIndex } from '../src/isa/insn.ts';
import { STACK_FRAME } from '../src/memory/layout.ts';
import { FULL } from './bits.ts';
import type { Compilation, Fn } from './compilation.ts';
import { FP, REGS } from './compilation.ts';
import { NO_IDIOMS } from './idioms.ts';
import { NO_REDUCTIONS } from './reductions.ts';
import { NO_SELECTS } from './selects.ts';

const NOWHERE: ReadonlySet<InsnIndex> = new Set();
const WHOLE_FRAME = { from: 0, to: STACK_FRAME };

export function findFunctions(c: Compilation): void {
  const { insns, ops, facts } = c;
  const { subprogs } = c.program.code;
  const sides = facts === null ? undefined : (at: InsnIndex) => facts.taken[at];
  const found = new Map<InsnIndex, { cfg: Cfg; callees: InsnIndex[]; writesFp: boolean }>();
  const explore = (start: InsnIndex) => {
    const range = subprogs.find((f) => f.start === start);
    if (range === undefined) return undefined;
    const cfg = buildCfg(insns, ops, range, sides);
    const callees = new Set<InsnIndex>();
    let writesFp = false;
    for (const b of cfg.blocks) {
      for (let at = b.start; at <= b.last; at++) {
        const op = ops[at];
        if (op === undefined) continue;
        if (facts === null && (effects(insns[at], op).def & (1 << FP)) !== 0) writesFp = true;
        if (op.kind === 'call' && op.callee === 'local') callees.add(targetOf(insns[at], op, at));
        if (op.kind === 'lddw' && op.pseudo === 'func') {
          callees.add(at + 1 + insns[at].imm);
          c.openCalls = true;
        }
      }
    }
    const known = [...callees].filter((at) => subprogs.some((f) => f.start === at));
    const fn = { cfg, callees: known, writesFp };
    found.set(start, fn);
    return fn;
  };

  // Depth-first over the call graph; reversed post-order puts callers first.
  const post: InsnIndex[] = [];
  const open = new Set<InsnIndex>();
  const stack: { start: InsnIndex; callees: readonly InsnIndex[]; i: number }[] = [];
  const enter = (start: InsnIndex) => {
    const fn = explore(start);
    if (fn === undefined) return;
    open.add(start);
    stack.push({ start, callees: fn.callees, i: 0 });
  };
  enter(subprogs[0].start);
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    if (top.i === top.callees.length) {
      open.delete(top.start);
      post.push(top.start);
      stack.pop();
    } else {
      const callee = top.callees[top.i++];
      if (open.has(callee)) c.openCalls = true;
      else if (!found.has(callee)) enter(callee);
    }
  }
  c.fns = post.reverse().map((start, index): Fn => {
    const { cfg, callees, writesFp } = found.get(start)!;
    const slots = new Uint16Array(cfg.blockOf.length);
    const name = `${c.prefix}f${start}`;
    return {
      index,
      start,
      name,
      cfg,
      callees,
      writesFp,
      inlined: NOWHERE,
      emitted: true,
      vregs: REGS,
      slots,
      slotBytes: new Uint8Array(slots.length),
      slotSizes: [],
      frame: WHOLE_FRAME,
      parts: null,
      part: null,
      idioms: NO_IDIOMS,
      resultBits: FULL,
      widths: null,
      selects: NO_SELECTS,
      reductions: NO_REDUCTIONS,
      body: [],
    };
  });
  c.fnAt = new Map(c.fns.map((f) => [f.start, f]));
}
