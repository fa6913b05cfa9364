// Pass `inline`: decides which calls between functions of the program are replaced by the callee's code.
//
// A call costs V8 some ten instructions (arguments, a frame, a check of the stack) and keeps values from registers, so
// small functions are inlined wherever they are called, larger ones where that is their only call. Callees are decided on
// first: the size of a function counts what was inlined into it. What several calls copy is bounded by the program's own
// size, so compiling never takes more than a constant factor longer.
//
// Only verified programs: the others count calls and check their depth. A function that makes tail calls stays one,
// because the target replaces it alone.

import { targetOf } from '../src/analysis/cfg.ts';
import type { InsnIndex } from '../src/isa/insn.ts';
import { type Compilation, type Fn, makesTailCalls } from './compilation.ts';

/** Slots of a callee, with what is inlined into it: called from several places, or from one. */
const SMALL = 48;
const CALLED_ONCE = 192;
/** Slots a function may grow to: V8 takes longer than linear for large ones. */
const LARGEST = 4096;
/** Slots that copies may add to a program of any size; a large one may grow by half. */
const COPIES = 512;

export function inline(c: Compilation): void {
  if (c.facts === null || c.openCalls) return;
  const sites = new Map<Fn, InsnIndex[]>(c.fns.map((fn) => [fn, callsIn(c, fn)]));
  const callers = new Map<Fn, number>();
  for (const slots of sites.values()) {
    for (const at of slots) {
      const callee = calleeAt(c, at)!;
      callers.set(callee, (callers.get(callee) ?? 0) + 1);
    }
  }
  const size = new Map<Fn, number>(c.fns.map((fn) => [fn, slotsOf(fn)]));
  let left = Math.max(COPIES, c.insns.length / 2);
  for (const fn of c.fns.toReversed()) {
    fn.inlined = new Set(
      sites.get(fn)!.filter((at) => {
        const callee = calleeAt(c, at)!;
        const [own, more] = [size.get(fn)!, size.get(callee)!];
        const once = callers.get(callee) === 1;
        if (callee.parts !== null || more > (once ? CALLED_ONCE : SMALL) || own + more > LARGEST) return false;
        if ((!once && more > left) || makesTailCalls(c, callee)) return false;
        if (!once) left -= more;
        size.set(fn, own + more);
        return true;
      }),
    );
  }
  for (const fn of c.fns) fn.emitted = fn.index <= 0;
  for (const [fn, slots] of sites) {
    for (const at of slots) if (!fn.inlined.has(at)) calleeAt(c, at)!.emitted = true;
  }
}

const slotsOf = (fn: Fn): number => fn.cfg.blocks.reduce((n, b) => n + b.last - b.start + 1, 0);

/** Slots of its calls to functions that can run. */
function callsIn(c: Compilation, fn: Fn): InsnIndex[] {
  const found: InsnIndex[] = [];
  for (const { start, last } of fn.cfg.blocks) {
    for (let at = start; at <= last; at++) if (calleeAt(c, at) !== undefined) found.push(at);
  }
  return found;
}

/** The function that the instruction at `at` calls. */
export function calleeAt(c: Compilation, at: InsnIndex): Fn | undefined {
  const op = c.ops[at];
  return op?.kind === 'call' && op.callee === 'local' ? c.fnAt.get(targetOf(c.insns[at], op, at)) : undefined;
}

export function dumpInlined(fn: Fn): string {
  return `${fn.emitted ? '' : 'not emitted; '}inlined calls: ${[...fn.inlined].join(' ') || 'none'}`;
}
