// Groups in the shapes that passes of the JIT look for: rotations and joined loads (jit/idioms.ts), loops that add up memory
// (jit/reductions.ts). Most are the shape itself, some miss it by a little. They keep what scope.ts promises.

import type { Size } from '../../src/isa/op.ts';
import type { Label } from './draft.ts';
import {
  BASE,
  FP,
  globalValue,
  NUMBERS,
  number,
  type Region,
  refill,
  type Scope,
  STACK,
  SUFFIX,
  temps,
  VALUE,
} from './scope.ts';
import { SPAN } from './world.ts';

/** Puts halves together where no bits meet. */
const JOINS = ['or', 'or', 'add', 'add', 'xor'] as const;

/** A register that holds nothing of the shape is changed in between; `pointer` is no number now. */
function noise(s: Scope, used: readonly number[], pointer?: number): void {
  const { d, r } = s;
  const others = NUMBERS.filter((n) => !used.includes(n) && n !== pointer);
  const dst = r.pick(others);
  switch (r.below(5)) {
    case 0:
      d.op('add64_imm', { dst, imm: r.corner32() });
      return;
    case 1:
      d.op('mov32_reg', { dst, src: dst });
      return;
    case 2:
      d.op('mov64_reg', { dst, src: r.pick(used) });
      return;
    default:
  }
}

/** A value is shifted both ways by constants, and put together: by all bits or nearly so, whole or in its low half. */
export function rotation(s: Scope): void {
  const { d, r } = s;
  const width = r.pick([64, 64, 32]);
  const value = number(s);
  const half = r.pick(NUMBERS.filter((n) => n !== value));
  const by = r.between(1, width - 1);
  const rest = r.chance(90) ? width - by : r.below(width);
  const [there, back] = r.chance(50) ? ['lsh', 'rsh'] : ['rsh', 'lsh'];
  const odd = () => (r.chance(92) ? width : 96 - width);
  const within = (k: number, w: number) => (s.verify ? k % w : k);
  const shift = (op: string, dst: number, k: number) => {
    const w = odd();
    d.op(`${op}${w}_imm`, { dst, imm: within(k, w) });
  };
  d.op(`mov${odd()}_reg`, { dst: half, src: value });
  shift(there, half, by);
  if (r.chance(15)) noise(s, [value, half]);
  shift(back, value, rest);
  if (r.chance(15)) noise(s, [value, half]);
  const [dst, src] = r.chance(50) ? [value, half] : [half, value];
  d.op(`${r.pick(JOINS)}${odd()}_reg`, { dst, src });
  // Both halves may be read by others later; now and then nobody does.
  if (r.chance(40)) d.op('mov64_imm', { dst: src, imm: r.corner32() });
}

const PARTS: readonly (readonly Size[])[] = [
  [1, 1],
  [2, 2],
  [4, 4],
  [1, 1, 2],
  [2, 1, 1],
  [1, 2, 1],
  [1, 1, 1],
  [1, 1, 1, 1],
  [4, 2, 2],
  [2, 2, 4],
  [2, 2, 2, 2],
  [1, 1, 1, 1, 4],
  [4, 2, 1, 1],
  [1, 1, 1, 1, 1, 1, 1, 1],
];

/** What can be read freely: r6, or a map value in a register of its own. */
function readable(s: Scope, reg: number): { readonly from: number; readonly region: Region; readonly made: boolean } {
  if (s.base !== null && s.base.only === undefined && s.r.chance(60)) {
    return { from: BASE, region: s.base, made: false };
  }
  globalValue(s, reg);
  return { from: reg, region: VALUE, made: true };
}

/** Neighbours in memory become one number, the lowest in front or behind; used with all 64 bits, or half of them. */
export function joinedLoad(s: Scope): void {
  const { d, r } = s;
  const [reg] = temps(s, 1);
  const { from, region, made } = readable(s, reg);
  const free = NUMBERS.filter((n) => n !== reg);
  const sum = r.pick(free);
  const part = r.pick(free.filter((n) => n !== sum));
  const sizes = r.pick(PARTS);
  const bytes = sizes.reduce((a, b) => a + b, 0);
  const start =
    region.low + (region.aligned ? 8 * r.below(Math.floor(region.span / 8)) : r.between(0, region.span - bytes));
  const big = r.chance(25);
  const places = sizes.map((size, i) => {
    const below = sizes.slice(0, i).reduce((a, b) => a + b, 0);
    return { size, at: below, shift: 8 * (big ? bytes - below - size : below) };
  });
  const width = bytes > 4 || r.chance(60) ? 64 : 32;
  if (r.chance(50)) places.reverse();
  const step = r.pick(JOINS);
  places.forEach(({ size, at, shift }, i) => {
    const dst = i === 0 ? sum : part;
    const natural = !region.aligned || at % size === 0;
    const signed = size < 8 && r.chance(4);
    d.op(`ldx${signed ? 's' : ''}${SUFFIX[natural ? size : 1]}`, { dst, src: from, off: start + at });
    if (shift > 0 && shift < width) d.op(`lsh${width}_imm`, { dst, imm: shift });
    if (r.chance(5)) noise(s, [sum, part], reg);
    if (r.chance(3)) d.op('stb', { dst: from, off: start + at, imm: r.below(256) });
    if (i > 0) d.op(`${r.chance(90) ? step : r.pick(JOINS)}${width}_reg`, { dst: sum, src: part });
  });
  // All 64 bits count.
  if (r.chance(50)) d.op('xor64_reg', { dst: r.pick([7, 8]), src: sum });
  if (made) refill(s, [reg]);
}

interface Loop {
  readonly s: Scope;
  readonly out: Label;
  readonly ptr: number;
  readonly count: number;
  readonly end: number;
  readonly size: Size;
  readonly limit: number;
}

/** Adds up consecutive numbers of the packet, a map value or the stack, with a counter, up or down; tests may end it early. */
export function sumLoop(s: Scope): void {
  const { d, r } = s;
  if (s.inLoop) {
    rotation(s);
    return;
  }
  const [ptr, count, value, end] = temps(s, 4);
  const sum = r.pick([0, 7, 8]);
  const size = r.pick([1, 2, 4] as const);
  const packet = s.type === 'xdp' && s.isMain && r.chance(60);
  const span = packet ? SPAN : pointTo(s, ptr, end);
  const times = Math.floor(span / size);
  const limit = r.chance(30) ? times : r.between(1, times);
  const down = r.chance(30);
  if (packet) packetTo(s, ptr, end);
  const known = startCounter(s, count, down ? limit : 0, limit);
  const head = d.label();
  const out = d.label();
  const loop: Loop = { s, out, ptr, count, end, size, limit };
  const width = r.pick([64, 32]);
  // Tests of the packet's end come before what they allow.
  const steps: (() => void)[] = [
    () => {
      const off = packet ? readPacket(loop) : 0;
      d.op(`ldx${SUFFIX[size]}`, { dst: value, src: ptr, off });
      if (r.chance(10)) d.op('and64_imm', { dst: value, imm: 0xff });
      d.op(`${r.chance(92) ? 'add' : 'xor'}${width}_reg`, { dst: sum, src: value });
      if (off === 0) d.op('add64_imm', { dst: ptr, imm: size });
    },
    () => d.op(`${down ? 'sub' : 'add'}${r.pick([64, 64, 32])}_imm`, { dst: count, imm: 1 }),
  ];
  if (r.chance(25))
    steps.push(() => d.to(out, r.pick(['jeq64_imm', 'jeq32_imm']), { dst: count, imm: r.between(1, limit) }));
  if (r.chance(20)) steps.push(() => d.op('add64_imm', { dst: sum === 7 ? 8 : 7, imm: r.between(-3, 3) }));
  d.place(head);
  while (steps.length > 0) steps.splice(r.below(steps.length), 1)[0]();
  if (down) d.to(head, r.pick(['jgt64_imm', 'jgt32_imm', 'jne32_imm', 'jne64_imm']), { dst: count, imm: 0 });
  else
    d.to(head, r.pick(['jlt64_imm', 'jlt32_imm', 'jslt64_imm', known ? 'jne64_imm' : 'jlt64_imm']), {
      dst: count,
      imm: limit,
    });
  d.place(out);
  refill(s, [ptr, end]);
}

/** ptr = numbers to add up; how many bytes they are. `spare` may be used. */
function pointTo(s: Scope, ptr: number, spare: number): number {
  const { d, r } = s;
  if (s.slots === null && r.chance(35)) {
    d.op('mov64_reg', { dst: ptr, src: FP });
    d.op('add64_imm', { dst: ptr, imm: STACK.data });
    return SPAN;
  }
  const offset = r.chance(70) ? 0 : 4 * r.below(4);
  globalValue(s, ptr, offset);
  if (r.chance(70)) return SPAN - offset;
  // From where on, nobody knows.
  d.op('mov64_reg', { dst: spare, src: r.pick([7, 8]) });
  d.op('and64_imm', { dst: spare, imm: 15 });
  d.op('add64_reg', { dst: ptr, src: spare });
  return SPAN - offset - 15;
}

/** ptr = the packet, end = its end. */
function packetTo({ d }: Scope, ptr: number, end: number): void {
  d.op('mov64_reg', { dst: ptr, src: BASE });
  d.op('ldxdw', { dst: end, src: FP, off: STACK.context });
  d.op('ldxw', { dst: end, src: end, off: 4 });
}

/** A number lies before the end, or the loop ends; ptr has moved behind it: the offset back. */
function readPacket({ s, out, ptr, end, size }: Loop): number {
  const { d, r } = s;
  d.op('add64_imm', { dst: ptr, imm: size });
  if (r.chance(50)) d.to(out, 'jgt64_reg', { dst: ptr, src: end });
  else d.to(out, 'jlt64_reg', { dst: end, src: ptr });
  return -size;
}

/** The counter starts at a constant, or a little later: then only an ordered test is sure to end. */
function startCounter({ d, r }: Scope, count: number, from: number, limit: number): boolean {
  if (from > 0 || limit < 9 || r.chance(70)) {
    d.op(r.pick(['mov64_imm', 'mov32_imm']), { dst: count, imm: from });
    return true;
  }
  d.op('mov64_reg', { dst: count, src: r.pick([7, 8]) });
  d.op('and64_imm', { dst: count, imm: 7 });
  return false;
}
