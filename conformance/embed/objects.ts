// Programs around objects on the stack: dynptrs on the packet and on a map's value, and iterators; slices of the former are
// read and written, before and after the packet moves or the dynptr becomes another one.

import { type HelperName, RUNNABLE } from '../../src/spec/helpers.ts';
import { Draft, type Label } from '../fuzz/draft.ts';
import { kfuncCall } from '../fuzz/kfunc.ts';
import type { FuzzProgram } from '../fuzz/program.ts';
import { Random } from '../fuzz/random.ts';
import { cornerBytes, GLOBAL, SPAN } from '../fuzz/world.ts';

const FP = 10;
const CTX = 6;
/** Numbers at all times; calls leave them alone. */
const NUMBERS = [7, 8];
/** A slice while there is one, else a number. */
const SLICE = 9;
const DYNPTRS = [-24, -40];
const ITERATOR = -48;
const BUFFER = { off: -72, size: 16 };
const SLOT = -8;
const COMPARE = ['jeq', 'jne', 'jgt', 'jge', 'jlt', 'jle', 'jsgt', 'jslt', 'jset'];

interface Scope {
  readonly d: Draft;
  readonly r: Random;
  forks: number;
  iterating: boolean;
}

const helper = (name: HelperName): number => RUNNABLE.find((h) => h.name === name)!.id;

function call({ d }: Scope, name: HelperName): void {
  d.op('call_helper', { imm: helper(name) });
}

export function generateObjects(seed: number, index: number): FuzzProgram {
  const r = new Random(seed, index);
  const s: Scope = { d: new Draft(), r, forks: r.pick([1, 2, 2, 3]), iterating: false };
  const { d } = s;
  d.op('mov64_reg', { dst: CTX, src: 1 });
  for (const dst of NUMBERS) d.op('mov64_imm', { dst, imm: r.below(4) });
  d.op('mov64_imm', { dst: SLICE, imm: 0 });
  for (const off of [SLOT, BUFFER.off, BUFFER.off + 8]) d.op('stdw', { dst: FP, off, imm: r.below(2) });
  for (const off of DYNPTRS) make(s, off);
  for (let n = r.between(3, 9); n > 0; n--) statement(s, 0);
  d.op('mov64_reg', { dst: 0, src: r.pick(NUMBERS) });
  d.op('exit');
  return { type: 'xdp', verify: true, main: d.finish(), target: null, data: cornerBytes(r) };
}

function address({ d }: Scope, dst: number, off: number): void {
  d.op('mov64_reg', { dst, src: FP });
  d.op('add64_imm', { dst, imm: off });
}

/** An argument: a small constant, one about as large as the memory, or a number. */
function amount({ d, r }: Scope, dst: number): void {
  if (r.chance(50)) d.op('mov64_imm', { dst, imm: r.pick([0, 0, 1, 8, SPAN - 8, SPAN, SPAN + 1]) });
  else d.op('mov64_reg', { dst, src: r.pick(NUMBERS) });
}

function makeOfPacket(s: Scope, off: number, flags: number): void {
  s.d.op('mov64_reg', { dst: 1, src: CTX });
  s.d.op('mov64_imm', { dst: 2, imm: flags });
  address(s, 3, off);
  kfuncCall(s.d, 'bpf_dynptr_from_xdp');
}

/** A dynptr on the packet, or on a part of the global map's value; some can't be made. */
function make(s: Scope, off: number): void {
  const { d, r } = s;
  const flags = r.chance(10) ? 1 : 0;
  if (r.chance(50)) {
    makeOfPacket(s, off, flags);
    return;
  }
  const from = r.chance(50) ? 0 : r.below(32);
  d.map(1, { map: GLOBAL, kind: 'value', off: from });
  d.op('mov64_imm', { dst: 2, imm: r.pick([SPAN - from, SPAN - from, 16, 0]) });
  d.op('mov64_imm', { dst: 3, imm: flags });
  address(s, 4, off);
  call(s, 'bpf_dynptr_from_mem');
}

const STATEMENTS = {
  make: (s) => make(s, s.r.pick(DYNPTRS)),
  slice,
  data,
  transfer,
  adjust: (s) => {
    address(s, 1, s.r.pick(DYNPTRS));
    amount(s, 2);
    amount(s, 3);
    kfuncCall(s.d, 'bpf_dynptr_adjust');
    number(s);
  },
  clone: (s) => {
    const [from, to] = s.r.chance(50) ? DYNPTRS : DYNPTRS.toReversed();
    address(s, 1, from);
    address(s, 2, to);
    kfuncCall(s.d, 'bpf_dynptr_clone');
  },
  copy: (s) => {
    address(s, 1, s.r.pick(DYNPTRS));
    amount(s, 2);
    address(s, 3, s.r.pick(DYNPTRS));
    amount(s, 4);
    amount(s, 5);
    kfuncCall(s.d, 'bpf_dynptr_copy');
    number(s);
  },
  fill: (s) => {
    address(s, 1, s.r.pick(DYNPTRS));
    amount(s, 2);
    amount(s, 3);
    s.d.op('mov64_imm', { dst: 4, imm: s.r.below(256) });
    kfuncCall(s.d, 'bpf_dynptr_memset');
    number(s);
  },
  ask: (s) => {
    address(s, 1, s.r.pick(DYNPTRS));
    kfuncCall(s.d, s.r.pick(['bpf_dynptr_size', 'bpf_dynptr_is_null', 'bpf_dynptr_is_rdonly'] as const));
    number(s);
  },
  move,
  outlive,
  part,
  iterate,
  keep: ({ d, r }) => d.op(r.pick(['stxdw', 'stxw', 'stxb']), { dst: FP, src: r.pick(NUMBERS), off: SLOT }),
  fetch: ({ d, r }) => d.op(r.pick(['ldxdw', 'ldxw', 'ldxb']), { dst: r.pick(NUMBERS), src: FP, off: SLOT }),
} as const satisfies Record<string, (s: Scope, depth: number) => void>;

const WEIGHTS: Readonly<Record<keyof typeof STATEMENTS, number>> = {
  make: 6,
  slice: 30,
  data: 12,
  transfer: 10,
  adjust: 10,
  clone: 5,
  copy: 4,
  fill: 4,
  ask: 4,
  move: 8,
  outlive: 10,
  part: 14,
  iterate: 6,
  keep: 5,
  fetch: 5,
};

function statement(s: Scope, depth: number): void {
  STATEMENTS[s.r.weighted(WEIGHTS)](s, depth);
}

/** r0 is a number: it is kept, or part of it. */
function number({ d, r }: Scope): void {
  if (r.chance(40)) d.op('mov64_reg', { dst: r.pick(NUMBERS), src: 0 });
}

/** Bytes of a dynptr, through whatever pointer a call gives. */
function slice(s: Scope, depth: number): void {
  const { d, r } = s;
  const size = r.pick([0, 1, 4, 8, 14, BUFFER.size]);
  const writable = r.chance(50);
  address(s, 1, r.pick(DYNPTRS));
  amount(s, 2);
  if (r.chance(60)) address(s, 3, BUFFER.off);
  else d.op('mov64_imm', { dst: 3, imm: 0 });
  d.op('mov64_imm', { dst: 4, imm: size });
  kfuncCall(d, writable ? 'bpf_dynptr_slice_rdwr' : 'bpf_dynptr_slice');
  through(s, size, writable, depth);
}

/** The same where only plain memory has it. */
function data(s: Scope, depth: number): void {
  const { d, r } = s;
  const size = r.pick([1, 4, 8, 16, SPAN]);
  address(s, 1, r.pick(DYNPTRS));
  amount(s, 2);
  d.op('mov64_imm', { dst: 3, imm: size });
  call(s, 'bpf_dynptr_data');
  through(s, size, true, depth);
}

/** Accesses to `size` bytes at r0, if there are any; in between something may end them. */
function through(s: Scope, size: number, writable: boolean, depth: number): void {
  const { d, r } = s;
  const none = d.label();
  d.to(none, 'jeq64_imm', { dst: 0, imm: 0 });
  d.op('mov64_reg', { dst: SLICE, src: 0 });
  for (let n = r.between(1, 3); n > 0; n--) {
    access(s, size, writable);
    // Most of these end the slice, which then must not be used again.
    if (r.chance(25) && depth < 2)
      STATEMENTS[r.pick(['move', 'move', 'move', 'make', 'adjust', 'clone', 'fill'] as const)](s);
  }
  d.place(none);
  d.op('mov64_imm', { dst: SLICE, imm: 0 });
}

function access({ d, r }: Scope, size: number, writable: boolean): void {
  const bytes = r.pick([1, 1, 2, 4, 8].filter((n) => n <= Math.max(size, 1)));
  const suffix = { 1: 'b', 2: 'h', 4: 'w', 8: 'dw' }[bytes];
  const room = size - bytes;
  if (room < 0 && !r.chance(5)) return;
  let off = r.chance(92) ? r.between(0, Math.max(room, 0)) : room + 1;
  let at = SLICE;
  if (room > 0 && r.chance(40)) {
    // Anywhere among them; some checks are one too weak.
    const skip = d.label();
    at = 5;
    d.op('mov64_reg', { dst: at, src: r.pick(NUMBERS) });
    d.to(skip, r.chance(92) ? 'jgt64_imm' : 'jgt32_imm', { dst: at, imm: room + (r.chance(6) ? 1 : 0) });
    d.op('add64_reg', { dst: at, src: SLICE });
    off = 0;
    touch(d, r, at, off, suffix!, writable);
    d.place(skip);
    return;
  }
  touch(d, r, at, off, suffix!, writable);
}

function touch(d: Draft, r: Random, at: number, off: number, suffix: string, writable: boolean): void {
  if (r.chance(writable ? 50 : 4)) d.op(`stx${suffix}`, { dst: at, src: r.pick(NUMBERS), off });
  else d.op(`ldx${suffix}`, { dst: r.pick(NUMBERS), src: at, off });
}

/** Copied into the buffer, or out of it. */
function transfer(s: Scope): void {
  const { d, r } = s;
  const dynptr = r.pick(DYNPTRS);
  const size = r.pick([0, 1, 8, BUFFER.size]);
  if (r.chance(50)) {
    address(s, 1, BUFFER.off);
    d.op('mov64_imm', { dst: 2, imm: size });
    address(s, 3, dynptr);
    amount(s, 4);
    d.op('mov64_imm', { dst: 5, imm: 0 });
    call(s, 'bpf_dynptr_read');
    if (r.chance(60)) d.op('ldxdw', { dst: r.pick(NUMBERS), src: FP, off: BUFFER.off + 8 * r.below(2) });
    return;
  }
  d.op('stxdw', { dst: FP, src: r.pick(NUMBERS), off: BUFFER.off });
  address(s, 1, dynptr);
  amount(s, 2);
  address(s, 3, BUFFER.off);
  d.op('mov64_imm', { dst: 4, imm: size });
  d.op('mov64_imm', { dst: 5, imm: r.chance(90) ? 0 : 1 });
  call(s, 'bpf_dynptr_write');
}

/** The packet gets other bounds. */
function move(s: Scope): void {
  moveBy(s, s.r.pick(['bpf_xdp_adjust_head', 'bpf_xdp_adjust_tail']), s.r.pick([-8, -1, 4, 20]));
}

function moveBy(s: Scope, name: 'bpf_xdp_adjust_head' | 'bpf_xdp_adjust_tail', imm: number): void {
  s.d.op('mov64_reg', { dst: 1, src: CTX });
  s.d.op('mov64_imm', { dst: 2, imm });
  call(s, name);
}

/** The first or the last bytes of the packet are used after something that may have ended the slice. */
function outlive(s: Scope): void {
  const { d, r } = s;
  const size = 8;
  const first = r.chance(50);
  makeOfPacket(s, DYNPTRS[0], 0);
  address(s, 1, DYNPTRS[0]);
  d.op('mov64_imm', { dst: 2, imm: first ? 0 : SPAN - size });
  d.op('mov64_imm', { dst: 3, imm: 0 });
  d.op('mov64_imm', { dst: 4, imm: size });
  kfuncCall(d, 'bpf_dynptr_slice_rdwr');
  const none = d.label();
  d.to(none, 'jeq64_imm', { dst: 0, imm: 0 });
  d.op('mov64_reg', { dst: SLICE, src: 0 });
  const between = r.pick(['move', 'ask', 'fill', 'adjust', 'clone', 'nothing'] as const);
  if (between === 'move') moveBy(s, first ? 'bpf_xdp_adjust_head' : 'bpf_xdp_adjust_tail', first ? 20 : -20);
  else if (between !== 'nothing') STATEMENTS[between](s);
  const bytes = r.pick([1, 4]);
  const off = size - bytes + (r.chance(15) ? 1 : 0);
  touch(d, r, SLICE, off, bytes === 1 ? 'b' : 'w', true);
  d.place(none);
  d.op('mov64_imm', { dst: SLICE, imm: 0 });
}

function jump({ d, r }: Scope): Label {
  const label = d.label();
  d.to(label, `${r.pick(COMPARE)}64_imm`, { dst: r.pick(NUMBERS), imm: r.pick([0, 1, 2, 8, SPAN]) });
  return label;
}

function part(s: Scope, depth: number): void {
  if (s.forks <= 0 || depth > 1) return;
  s.forks--;
  const skip = jump(s);
  statement(s, depth + 1);
  s.d.place(skip);
}

/** As long as an iterator gives numbers, or something else ends it. */
function iterate(s: Scope, depth: number): void {
  if (s.iterating || depth > 1) return;
  const { d, r } = s;
  s.iterating = true;
  const ask = (name: 'next' | 'destroy') => {
    address(s, 1, ITERATOR);
    kfuncCall(d, `bpf_iter_num_${name}`);
  };
  address(s, 1, ITERATOR);
  d.op('mov64_imm', { dst: 2, imm: r.below(2) });
  d.op('mov64_imm', { dst: 3, imm: r.between(1, 4) });
  kfuncCall(d, 'bpf_iter_num_new');
  const [again, done] = [d.label(), d.label()];
  d.place(again);
  ask('next');
  d.to(done, 'jeq64_imm', { dst: 0, imm: 0 });
  d.op('ldxw', { dst: r.pick(NUMBERS), src: 0 });
  const forks = s.forks;
  s.forks = Math.min(forks, 1);
  if (r.chance(40)) d.to(done, 'jgt64_imm', { dst: r.pick(NUMBERS), imm: r.below(4) });
  statement(s, depth + 1);
  s.forks = forks;
  d.to(again, 'ja');
  d.place(done);
  ask('destroy');
  s.iterating = false;
}
