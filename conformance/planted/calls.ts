// Small programs around calls of helpers, as a verifier must judge them: pointers that may be NULL, keys, values, sizes in
// registers, records that must be given back, the context, the packet. Each is right but for little things that chance
// changes: an offset, a size, a check left out, a pointer moved. (seed, index) -> a program for verify() and for Linux.

import { BPF_PROG_TYPE, BPF_MAP_TYPE as M } from '../../src/uapi/enums.ts';
import type { ProgramInput } from '../../src/verifier/verified.ts';
import { Draft, type Label } from '../fuzz/draft.ts';
import { Random } from '../fuzz/random.ts';
import { map } from '../fuzz/world.ts';

const FP = 10;
const CTX = 6;
/** A number nobody knows. */
const UNKNOWN = 7;
/** Bytes of the stack that are set. */
const STACK = 64;

const MAPS = [
  map('array', M.BPF_MAP_TYPE_ARRAY, 4, 16, 4),
  map('hash', M.BPF_MAP_TYPE_HASH, 16, 24, 4),
  map('records', M.BPF_MAP_TYPE_RINGBUF, 0, 0, 4096),
];
const [ARRAY, HASH, RECORDS] = [0, 1, 2];
const HELPER = {
  lookup: 1,
  update: 2,
  remove: 3,
  adjustHead: 44,
  csumDiff: 28,
  fibLookup: 69,
  reserve: 131,
  submit: 132,
  discard: 133,
  loop: 181,
} as const;

interface Scope {
  readonly d: Draft;
  readonly r: Random;
}

const call = ({ d }: Scope, name: keyof typeof HELPER) => d.op('call_helper', { imm: HELPER[name] });

/** `dst` = the stack from -bytes on, or a little beside. */
function stackAt({ d, r }: Scope, dst: number, bytes: number): void {
  d.op('mov64_reg', { dst, src: FP });
  d.op('add64_imm', { dst, imm: -bytes + (r.chance(15) ? r.pick([1, 4, 8, 12, -4]) : 0) });
}

/** A pointer is moved, seldom by anything that is not 0. */
function moved({ d, r }: Scope, dst: number, percent: number): void {
  if (!r.chance(percent)) return;
  // Only sums of a pointer are pointers.
  if (r.chance(15)) d.op(r.pick(['and64_imm', 'and64_imm', 'or64_imm', 'xor64_imm']), { dst, imm: r.pick([0, 4, 8]) });
  else if (r.chance(75)) d.op('add64_imm', { dst, imm: r.pick([0, 1, 4, 8, 8, -8, 16]) });
  else if (r.chance(30)) d.op('sub64_imm', { dst, imm: r.pick([4, 8]) });
  else d.op('add64_reg', { dst, src: UNKNOWN });
}

/** A size that is known, or lies below a limit that a mask or a check sets. */
function size({ d, r }: Scope, dst: number, most: number, unit: number): void {
  const limit = r.chance(20) ? most + r.pick([1, unit, 2 * unit, 64]) : r.pick([most, most - unit]);
  if (r.chance(40)) {
    d.op('mov64_imm', { dst, imm: r.chance(10) ? r.pick([0, -1, -8]) : limit });
    return;
  }
  d.op('mov64_reg', { dst, src: UNKNOWN });
  if (r.chance(50)) {
    // The next power of two is the mask's.
    d.op('and64_imm', { dst, imm: limit });
    return;
  }
  const end = d.label();
  const op = r.pick(['jle64_imm', 'jle64_imm', 'jlt64_imm', 'jsle64_imm', 'jle32_imm']);
  d.to(end, op, { dst, imm: limit });
  d.op('mov64_imm', { dst, imm: limit });
  d.place(end);
}

/** r0 is read or written behind a check for NULL, at an offset that fits into `bytes`, nearly. */
function use(s: Scope, bytes: number): void {
  const { d, r } = s;
  const width = r.pick(['b', 'h', 'w', 'dw'] as const);
  const wide = { b: 1, h: 2, w: 4, dw: 8 }[width];
  const off = wide * r.below(Math.floor(bytes / wide)) + (r.chance(12) ? r.pick([1, -1, 8, bytes]) : 0);
  if (r.chance(50)) d.op(`ldx${width}`, { dst: 1, src: 0, off });
  else d.op(`st${width}`, { dst: 0, off, imm: 1 });
}

function lookup(s: Scope): void {
  const { d, r } = s;
  const at = r.pick([ARRAY, HASH]);
  stackAt(s, 2, r.chance(20) ? r.pick([4, 8, 12]) : MAPS[at].keySize);
  d.map(1, { map: at, kind: 'fd', off: 0 });
  call(s, 'lookup');
  moved(s, 0, 15);
  const end = d.label();
  if (r.chance(88)) d.to(end, r.pick(['jeq64_imm', 'jeq64_imm', 'jne64_imm']), { dst: 0, imm: 0 });
  moved(s, 0, 15);
  use(s, MAPS[at].valueSize);
  d.place(end);
}

/** Two pointers that may be NULL, and a check of one of them. */
function pair(s: Scope): void {
  const { d, r } = s;
  for (const last of [false, true]) {
    stackAt(s, 2, MAPS[ARRAY].keySize);
    d.map(1, { map: ARRAY, kind: 'fd', off: 0 });
    call(s, 'lookup');
    if (!last) d.op('mov64_reg', { dst: 8, src: 0 });
  }
  const end = d.label();
  const first = r.chance(50);
  d.to(end, 'jeq64_imm', { dst: first ? 8 : 0, imm: 0 });
  if (r.chance(40)) d.to(end, 'jeq64_imm', { dst: first ? 0 : 8, imm: 0 });
  if (first || r.chance(30)) d.op('mov64_reg', { dst: 0, src: 8 });
  use(s, MAPS[ARRAY].valueSize);
  d.place(end);
}

/** One instruction reads what one of two pointers points to. */
function either(s: Scope): void {
  const { d, r } = s;
  const pointers = [
    () => d.op('mov64_reg', { dst: 2, src: CTX }),
    () => {
      d.op('mov64_reg', { dst: 2, src: FP });
      d.op('add64_imm', { dst: 2, imm: -STACK });
    },
    () => d.map(2, { map: ARRAY, kind: 'value', off: 0 }),
  ];
  const other = d.label();
  const end = d.label();
  d.to(other, 'jgt64_imm', { dst: UNKNOWN, imm: 3 });
  r.pick(pointers)();
  d.to(end, 'ja');
  d.place(other);
  r.pick(pointers)();
  d.place(end);
  d.op('ldxw', { dst: 0, src: 2, off: r.pick([12, 16]) });
}

/** By a constant, which must not be 0, or a register, which may. */
function divide({ d, r }: Scope): void {
  const op = `${r.pick(['div', 'mod', 'sdiv', 'smod'])}${r.pick([32, 64])}`;
  d.op('mov64_reg', { dst: 0, src: UNKNOWN });
  if (r.chance(70)) d.op(`${op}_imm`, { dst: 0, imm: r.chance(40) ? 0 : r.pick([1, -1, 3]) });
  else d.op(`${op}_reg`, { dst: 0, src: UNKNOWN });
}

function update(s: Scope): void {
  const { d, r } = s;
  const at = r.pick([ARRAY, HASH]);
  stackAt(s, 2, r.chance(20) ? r.pick([4, 8, 12]) : MAPS[at].keySize);
  d.map(1, { map: at, kind: 'fd', off: 0 });
  if (r.chance(30)) {
    call(s, 'remove');
    return;
  }
  stackAt(s, 3, r.chance(20) ? r.pick([8, 16, 20]) : MAPS[at].valueSize);
  d.op('mov64_imm', { dst: 4, imm: 0 });
  call(s, 'update');
}

function checksum(s: Scope): void {
  const { d, r } = s;
  const bytes = r.pick([16, 32, 64]);
  stackAt(s, 1, bytes);
  size(s, 2, bytes, 4);
  if (r.chance(50)) {
    d.op('mov64_imm', { dst: 3, imm: 0 });
    d.op('mov64_imm', { dst: 4, imm: r.chance(85) ? 0 : 4 });
  } else {
    stackAt(s, 3, bytes);
    size(s, 4, bytes, 4);
  }
  d.op('mov64_imm', { dst: 5, imm: 0 });
  call(s, 'csumDiff');
}

function route(s: Scope): void {
  const { d } = s;
  d.op('mov64_reg', { dst: 1, src: CTX });
  moved(s, 1, 20);
  stackAt(s, 2, STACK);
  size(s, 3, STACK, 4);
  d.op('mov64_imm', { dst: 4, imm: 0 });
  call(s, 'fibLookup');
}

/** A record is taken and given back: mostly, once, and from its start. */
function record(s: Scope): void {
  const { d, r } = s;
  const bytes = r.pick([8, 16, 24]);
  d.map(1, { map: RECORDS, kind: 'fd', off: 0 });
  d.op('mov64_imm', { dst: 2, imm: bytes });
  d.op('mov64_imm', { dst: 3, imm: 0 });
  call(s, 'reserve');
  const end = d.label();
  moved(s, 0, 8);
  if (r.chance(92)) d.to(end, 'jeq64_imm', { dst: 0, imm: 0 });
  use(s, bytes);
  const kept = r.chance(30);
  if (kept) d.op('mov64_reg', { dst: 8, src: 0 });
  const give = () => {
    d.op('mov64_reg', { dst: 1, src: 0 });
    moved(s, 1, 20);
    d.op('mov64_imm', { dst: 2, imm: 0 });
    call(s, r.pick(['submit', 'discard']));
  };
  if (r.chance(92)) give();
  if (kept && r.chance(30)) {
    d.op('mov64_reg', { dst: 0, src: 8 });
    if (r.chance(50)) use(s, bytes);
    else give();
  }
  d.place(end);
}

function context(s: Scope): void {
  const { d, r } = s;
  d.op('mov64_reg', { dst: 1, src: CTX });
  moved(s, 1, 35);
  if (r.chance(60)) {
    d.op(r.chance(90) ? 'ldxw' : 'ldxh', { dst: 2, src: 1, off: r.pick([12, 16, 16, 20]) + (r.chance(10) ? 2 : 0) });
  } else {
    d.op('mov64_imm', { dst: 2, imm: r.pick([0, 8, -8]) });
    call(s, 'adjustHead');
  }
}

function packet(s: Scope): void {
  const { d, r } = s;
  const bytes = r.pick([8, 14, 20]);
  d.op('ldxw', { dst: 2, src: CTX, off: 0 });
  d.op('ldxw', { dst: 3, src: CTX, off: 4 });
  d.op('mov64_reg', { dst: 4, src: 2 });
  d.op('add64_imm', { dst: 4, imm: bytes });
  const end = d.label();
  d.to(end, r.chance(90) ? 'jgt64_reg' : r.pick(['jge64_reg', 'jlt64_reg']), { dst: 4, src: 3 });
  d.op('mov64_reg', { dst: 8, src: 2 });
  if (r.chance(30)) {
    d.op('mov64_reg', { dst: 1, src: CTX });
    d.op('mov64_imm', { dst: 2, imm: 0 });
    call(s, r.chance(60) ? 'adjustHead' : 'csumDiff');
  }
  d.op('mov64_reg', { dst: 0, src: r.chance(60) ? 8 : 2 });
  use(s, bytes);
  d.place(end);
}

/** A function is called back, which takes BTF that these programs have not: the function. */
function callback(s: Scope): Label {
  const { d, r } = s;
  const label = d.label();
  d.op('mov64_imm', { dst: 1, imm: r.between(1, 3) });
  d.to(label, 'lddw_func', { dst: 2 });
  d.op('mov64_imm', { dst: 3, imm: 0 });
  d.op('mov64_imm', { dst: 4, imm: 0 });
  call(s, 'loop');
  return label;
}

const STATEMENTS = { lookup, pair, either, divide, update, checksum, route, record, context, packet } as const;
const WEIGHTS = {
  lookup: 5,
  pair: 3,
  either: 2,
  divide: 2,
  update: 3,
  checksum: 3,
  route: 2,
  record: 5,
  context: 3,
  packet: 3,
} as const;

export function generateCalls(seed: number, index: number): ProgramInput {
  const r = new Random(seed ^ 0x63616c6c, index);
  const d = new Draft();
  const s = { d, r };
  d.op('mov64_reg', { dst: CTX, src: 1 });
  d.op('ldxw', { dst: UNKNOWN, src: 1, off: 16 });
  if (r.chance(40)) d.op('and64_imm', { dst: UNKNOWN, imm: r.pick([7, 15, 0xff]) });
  for (let off = -STACK; off < 0; off += 8) d.op('stdw', { dst: FP, off, imm: 0 });
  for (let n = r.between(1, 2); n > 0; n--) STATEMENTS[r.weighted(WEIGHTS)](s);
  const back = r.chance(6) ? callback(s) : null;
  d.op('mov64_imm', { dst: 0, imm: 1 });
  d.op('exit');
  if (back !== null) {
    d.place(back);
    d.op('mov64_imm', { dst: 0, imm: 0 });
    d.op('exit');
  }
  const type = BPF_PROG_TYPE.BPF_PROG_TYPE_XDP;
  return { name: 'calls', type, expectedAttachType: 0, flags: 0, license: 'GPL', maps: MAPS, ...d.finish() };
}
