// Accesses through pointers into the program's arena (src/runtime/engine.ts says what they do). Where a byte is missing the
// access goes somewhere else instead: loads to zeroes, stores to a place that nobody reads.
//
//   at = pointer + off - start                in 64 bits: what wraps is not in the arena
//   address = missing
//   if at <= size - n                         a page that is missing is all zeroes, so loads only ask
//     if pages of at and at + n - 1 are there     when they cross into another page
//       address = data + at

import { CPU } from '../src/memory/layout.ts';
import { arenaOf } from '../src/runtime/program_arena.ts';
import { ARENA_PAGE } from '../src/spec/arena.ts';
import type { FnLowering } from './function.ts';
import type { Place } from './lower_memory.ts';
import type { I32 } from './wasm.ts';

const PAGE_SHIFT = 31 - Math.clz32(ARENA_PAGE);

export type Use = 'load' | 'store';

/** Where the access goes. The place may be used several times: a local holds it. */
export function arenaPlace(l: FnLowering, reg: number, off: number, size: number, use: Use): Place {
  const { b } = l;
  const { i32, i64 } = b;
  const { data, table, size: room, start } = arenaOf(l.c.program)!;
  const whole = l.local('arena i64', 'i64');
  const at = l.local('arena at', 'i32');
  const address = l.local('arena', 'i32');
  const from = i64.add(i64.extend_u(l.low(reg)), i64.const(BigInt(off - start)));
  const inside = i64.le_u(b.tee64(whole, from), i64.const(BigInt(room - size)));
  const there = (byte: number) => {
    const page = i32.shr_u(i32.add(b.get32(at), i32.const(byte)), i32.const(PAGE_SHIFT));
    return i32.load8_u(0, 1, i32.add(i32.const(table), page));
  };
  const both = () => {
    const bits = size === 1 ? there(0) : i32.and(there(0), there(size - 1));
    return i32.and(bits, i32.const(1));
  };
  const found = b.set(address, i32.add(i32.const(data), b.get32(at)));
  const crosses = () => i32.gt_u(i32.and(b.get32(at), i32.const(ARENA_PAGE - 1)), i32.const(ARENA_PAGE - size));
  const asks =
    use === 'store'
      ? [b.if(both(), [found])]
      : size === 1
        ? [found]
        : [found, b.if(crosses(), [b.if(i32.eqz(both()), [b.set(address, missing(l, use))])])];
  l.push(b.set(address, missing(l, use)), b.if(inside, [b.set(at, i32.wrap(b.get64(whole))), ...asks]));
  return { ptr: b.get32(address), offset: 0 };
}

/** Whether the last arenaPlace for a store found nothing. */
export function isMissing(l: FnLowering): I32 {
  return l.b.i32.eq(l.b.get32(l.local('arena', 'i32')), missing(l, 'store'));
}

/** The canary behind the pages is zero; the CPU's block has room that no comparison of engines looks at. */
function missing({ b, m, c }: FnLowering, use: Use): I32 {
  if (use === 'store') return b.i32.add(m.global('cpu'), b.i32.const(CPU.sink));
  const { data, size } = arenaOf(c.program)!;
  return b.i32.const(data + size);
}
