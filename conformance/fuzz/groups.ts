// The groups of instructions random programs are made of. Each keeps what scope.ts promises between groups.

import type { Op } from '../../src/isa/op.ts';
import { type HelperName, RUNNABLE } from '../../src/spec/helpers.ts';
import { kfuncCall } from './kfunc.ts';
import { MAIN_SLOT, TARGET_SLOT } from './program.ts';
import {
  ALU_ROWS,
  access,
  BASE,
  COUNTER,
  FP,
  globalValue,
  JUMP_ROWS,
  loadSlot,
  number,
  PACKET,
  PACKET_ROWS,
  refill,
  type Scope,
  STACK,
  STACK_SPAN,
  SUFFIX,
  source,
  startAhead,
  startGroup,
  temps,
  VALUE,
} from './scope.ts';
import { joinedLoad, rotation, sumLoop } from './shapes.ts';
import { DATA_MAPS, MAPS, PROGRAMS, SPAN } from './world.ts';

type Group = (s: Scope) => void;
const CLOBBERED = [1, 2, 3, 4, 5];
const SHIFTS: ReadonlySet<string> = new Set(['lsh', 'rsh', 'arsh']);
const DIVISIONS: ReadonlySet<string> = new Set(['div', 'mod', 'sdiv', 'smod']);

function alu(s: Scope): void {
  for (let n = s.r.between(1, 4); n > 0; n--) aluWith(s, number(s), source(s));
}

function aluWith(s: Scope, dst: number, src: number): void {
  const op = s.r.pick(ALU_ROWS);
  s.d.op(op, { dst, src, imm: immOf(s, op) });
}

/** The immediate of an ALU row; Linux refuses shifts beyond the width and divisions by 0. */
function immOf(s: Scope, op: Op): number {
  if (op.kind !== 'alu' || op.operand !== 'imm') return 0;
  if (s.verify && SHIFTS.has(op.op)) return s.r.below(op.width);
  if (s.verify && DIVISIONS.has(op.op)) return s.r.nonZero32();
  return s.r.corner32();
}

function constant(s: Scope): void {
  const op = s.verify ? 'lddw' : s.r.pick(['lddw', 'lddw_btf_id', 'lddw_map_idx', 'lddw_map_idx_value']);
  s.d.lddw(number(s), s.r.corner64(), op);
}

function stack(s: Scope): void {
  const { d, r, slots } = s;
  for (let n = r.between(1, 3); n > 0; n--) {
    if (slots === null) {
      access(s, FP, { ...STACK_SPAN, low: STACK.data });
      continue;
    }
    const slot = r.below(slots.length);
    const at = { dst: FP, src: number(s), off: STACK.data + 8 * slot, imm: r.corner32() };
    if (r.chance(50)) loadSlot(s, number(s), slot);
    else d.op(`${r.pick(['st', 'stx'])}${SUFFIX[slots[slot]]}`, at);
  }
}

function base(s: Scope): void {
  if (s.base === null) {
    globals(s);
    return;
  }
  for (let n = s.r.between(1, 3); n > 0; n--) access(s, BASE, s.base);
}

function globals(s: Scope): void {
  const [reg] = temps(s, 1);
  globalValue(s, reg);
  for (let n = s.r.between(1, 3); n > 0; n--) access(s, reg, VALUE);
  refill(s, [reg]);
}

/** A map value at a variable offset. */
function variable(s: Scope): void {
  const { d, r } = s;
  const [reg, offset] = temps(s, 2);
  d.op(r.pick(['mov64_reg', 'mov32_reg']), { dst: offset, src: number(s) });
  d.op(r.pick(['and64_imm', 'and32_imm']), { dst: offset, imm: 31 });
  globalValue(s, reg);
  d.op('add64_reg', { dst: reg, src: offset });
  for (let n = r.between(1, 2); n > 0; n--) access(s, reg, { low: 0, span: SPAN - 31, aligned: false, atomic: false });
  refill(s, [reg, offset]);
}

/** A stack slot at a variable offset. */
function variableSlot(s: Scope): void {
  const { d } = s;
  if (s.slots !== null) {
    variable(s);
    return;
  }
  const [reg, offset] = temps(s, 2);
  d.op('mov64_reg', { dst: offset, src: number(s) });
  d.op('and64_imm', { dst: offset, imm: 24 });
  d.op('mov64_reg', { dst: reg, src: FP });
  d.op('add64_reg', { dst: reg, src: offset });
  access(s, reg, { low: STACK.data, span: SPAN - 24, aligned: true, atomic: false, only: 8 });
  refill(s, [reg, offset]);
}

/** The packet at a variable offset, behind a check against its end. */
function variablePacket(s: Scope): void {
  const { d } = s;
  if (s.type !== 'xdp' || !s.isMain) {
    variable(s);
    return;
  }
  const [reg, end, after] = temps(s, 3);
  const skip = d.label();
  d.op('mov64_reg', { dst: reg, src: number(s) });
  d.op('and64_imm', { dst: reg, imm: 63 });
  d.op('add64_reg', { dst: reg, src: BASE });
  d.op('ldxdw', { dst: end, src: FP, off: STACK.context });
  d.op('ldxw', { dst: end, src: end, off: 4 });
  d.op('mov64_reg', { dst: after, src: reg });
  d.op('add64_imm', { dst: after, imm: 8 });
  d.to(skip, 'jgt64_reg', { dst: after, src: end });
  for (let n = s.r.between(1, 2); n > 0; n--) accessWithout(s, reg, [end, after]);
  d.place(skip);
  refill(s, [reg, end, after]);
}

/** One access to the 8 bytes at reg while `others` are no numbers either. */
function accessWithout(s: Scope, reg: number, others: readonly number[]): void {
  const value = s.r.pick([7, 8].filter((n) => !others.includes(n)));
  const name = s.r.pick(['ldxdw', 'ldxsw', 'ldxsb', 'ldxh', 'stxdw', 'stxw', 'stxh', 'stxb']);
  const load = name.startsWith('ldx');
  s.d.op(name, load ? { dst: value, src: reg, off: 0 } : { dst: reg, src: value, off: 0 });
}

/** A pointer goes to the stack and comes back. */
function spill(s: Scope): void {
  const { d, r } = s;
  const [reg] = temps(s, 1);
  globalValue(s, reg, 8);
  d.op('stxdw', { dst: FP, src: reg, off: STACK.spill });
  for (let n = r.between(0, 2); n > 0; n--) aluWith(s, r.pick([0, 7, 8]), r.pick([0, 7, 8]));
  if (r.chance(50)) d.op('mov64_imm', { dst: reg, imm: 0 });
  d.op('ldxdw', { dst: reg, src: FP, off: STACK.spill });
  access(s, reg, { ...VALUE, span: SPAN - 8 });
  refill(s, [reg]);
}

function jump(s: Scope): void {
  const { d, r } = s;
  const op = r.pick(JUMP_ROWS);
  const fields = { dst: source(s), src: source(s), imm: r.corner32() };
  const ahead = r.chance(60) ? 2 : r.between(1, 5);
  if (r.chance(75)) {
    d.to(startAhead(s, ahead), op, fields);
    return;
  }
  const over = d.label();
  d.to(over, op, fields);
  d.to(startAhead(s, ahead), r.pick(['ja', 'gotol', 'gotol', 'may_goto']));
  d.place(over);
}

/** A few groups that run a few times; the counter only grows, whoever jumps in. */
function loop(s: Scope): void {
  const { d, r } = s;
  if (s.inLoop) {
    alu(s);
    return;
  }
  s.inLoop = true;
  const again = d.label();
  const times = r.between(2, 6);
  d.op('mov64_imm', { dst: COUNTER, imm: 0 });
  d.place(again);
  for (let n = r.between(1, 3); n > 0; n--) group(s);
  startGroup(s);
  if (r.chance(30)) d.to(startAhead(s, 1), 'may_goto');
  d.op('add64_imm', { dst: COUNTER, imm: 1 });
  d.to(again, r.pick(['jlt64_imm', 'jle64_imm', 'jslt64_imm', 'jsle64_imm', 'jlt32_imm', 'jsle32_imm']), {
    dst: COUNTER,
    imm: times,
  });
  s.inLoop = false;
}

/** A loop over an iterator's numbers: nothing leaves it but its end, which gives the iterator back. */
function iterate(s: Scope): void {
  const { d, r } = s;
  const on = (name: 'new' | 'next' | 'destroy') => {
    d.op('mov64_reg', { dst: 1, src: FP });
    d.op('add64_imm', { dst: 1, imm: STACK.iterator });
    kfuncCall(d, `bpf_iter_num_${name}`);
  };
  const [again, done] = [d.label(), d.label()];
  const bounds = [2, 3].map((dst) => ({ dst, imm: r.pick([-2, -1, 0, 0, 1, 2, 5, 7, 0x7fffffff, -0x80000000]) }));
  for (const bound of bounds) d.op('mov64_imm', bound);
  if (r.chance(30)) {
    // From somewhere, for as many rounds as a number says.
    d.op('mov64_reg', { dst: 2, src: r.pick([7, 8]) });
    d.op('mov64_reg', { dst: 3, src: r.pick([7, 8]) });
    d.op('and64_imm', { dst: 3, imm: 7 });
    d.op('add32_reg', { dst: 3, src: 2 });
  } else if (bounds[1].imm - bounds[0].imm > 10) d.op('mov64_imm', { dst: 3, imm: bounds[0].imm + 3 });
  on('new');
  refill(s, CLOBBERED);
  d.place(again);
  on('next');
  refill(s, CLOBBERED);
  d.to(done, 'jeq64_imm', { dst: 0, imm: 0 });
  d.op(r.pick(['ldxw', 'ldxsw', 'ldxb', 'ldxsh']), { dst: 0, src: 0 });
  if (r.chance(30)) d.to(done, r.pick(JUMP_ROWS), { dst: number(s), src: number(s), imm: r.corner32() });
  for (let n = r.between(1, 3); n > 0; n--) r.pick([alu, alu, stack, globals, constant])(s);
  d.to(again, 'ja');
  d.place(done);
  on('destroy');
  refill(s, [0, ...CLOBBERED]);
}

/** r2 = a key on the stack. */
function key(s: Scope, map: number): void {
  const { d, r } = s;
  const { keySize } = MAPS[map];
  for (let at = 0; at < keySize; at += 8) d.op('stdw', { dst: FP, off: STACK.key + at });
  if (r.chance(50)) {
    d.op('stw', { dst: FP, off: STACK.key, imm: r.below(6) });
  } else {
    d.op('mov64_reg', { dst: 2, src: r.pick([7, 8]) });
    d.op('and64_imm', { dst: 2, imm: 7 });
    d.op('stxw', { dst: FP, src: 2, off: STACK.key });
  }
  d.op('mov64_reg', { dst: 2, src: FP });
  d.op('add64_imm', { dst: 2, imm: STACK.key });
}

const call = (s: Scope, name: HelperName) => s.d.op('call_helper', { imm: RUNNABLE.find((h) => h.name === name)!.id });

function lookup(s: Scope): void {
  const { d, r } = s;
  const map = r.pick(DATA_MAPS);
  key(s, map);
  d.map(1, { map, kind: 'fd', off: 0 });
  call(s, 'bpf_map_lookup_elem');
  refill(s, CLOBBERED);
  const none = d.label();
  const reg = r.pick([0, ...temps(s, 1)]);
  if (reg !== 0) d.op('mov64_reg', { dst: reg, src: 0 });
  d.to(none, 'jeq64_imm', { dst: reg });
  if (reg !== 0) refill(s, [0]);
  for (let n = r.between(1, 3); n > 0; n--) access(s, reg, VALUE);
  d.place(none);
  refill(s, reg === 0 ? [0] : [0, reg]);
}

function update(s: Scope): void {
  const { d, r } = s;
  const map = r.pick(DATA_MAPS);
  key(s, map);
  if (s.slots === null) {
    d.op('mov64_reg', { dst: 3, src: FP });
    d.op('add64_imm', { dst: 3, imm: STACK.data });
  } else {
    globalValue(s, 3);
  }
  d.op('mov64_imm', { dst: 4, imm: r.pick([0, 0, 1, 2, 3]) });
  d.map(1, { map, kind: 'fd', off: 0 });
  call(s, 'bpf_map_update_elem');
  refill(s, CLOBBERED);
}

function remove(s: Scope): void {
  const map = s.r.pick(DATA_MAPS);
  key(s, map);
  s.d.map(1, { map, kind: 'fd', off: 0 });
  call(s, 'bpf_map_delete_elem');
  refill(s, CLOBBERED);
}

/** Helpers whose result nobody can foretell, and the number of the CPU. */
function simpleHelper(s: Scope): void {
  const name = s.r.pick(['bpf_ktime_get_ns', 'bpf_get_prandom_u32', 'bpf_get_smp_processor_id'] as const);
  call(s, name);
  refill(s, name === 'bpf_get_smp_processor_id' ? CLOBBERED : [0, ...CLOBBERED]);
}

function checksum(s: Scope): void {
  const { d, r } = s;
  if (s.type !== 'xdp') {
    simpleHelper(s);
    return;
  }
  globalValue(s, 1);
  d.op('mov64_imm', { dst: 2, imm: 4 * r.between(1, 8) });
  globalValue(s, 3, 32);
  d.op('mov64_imm', { dst: 4, imm: 4 * r.between(0, 8) });
  d.op('mov64_reg', { dst: 5, src: r.pick([7, 8]) });
  call(s, 'bpf_csum_diff');
  refill(s, CLOBBERED);
}

function localCall(s: Scope): void {
  const { d, r } = s;
  const usable = s.callees.filter(
    ({ argument }) => (argument !== 'stack' || s.slots === null) && (argument !== 'context' || s.context !== null),
  );
  if (usable.length === 0) {
    alu(s);
    return;
  }
  const { label, argument } = r.pick(usable);
  // Whatever they hold; some only through others, so that an exchanged pair shows.
  for (const dst of [2, 3, 4, 5]) if (r.chance(40)) d.op('mov64_reg', { dst, src: source(s) });
  if (argument === 'stack') {
    d.op('mov64_reg', { dst: 1, src: FP });
    d.op('add64_imm', { dst: 1, imm: STACK.data });
  } else if (argument === 'value') {
    globalValue(s, 1);
  } else if (argument === 'context') {
    contextTo(s, 1);
  }
  if (!s.verify && r.chance(50)) {
    d.to(label, 'lddw_func', { dst: 7 });
    d.op('callx', { dst: 7 });
  } else {
    d.to(label, 'call_local');
  }
  if (s.verify || argument !== 'number') refill(s, CLOBBERED);
}

function contextTo(s: Scope, dst: number): void {
  if (s.context === 'spilled') s.d.op('ldxdw', { dst, src: FP, off: STACK.context });
  else s.d.op('mov64_reg', { dst, src: BASE });
}

function tailCall(s: Scope): void {
  const { d, r, type } = s;
  if (!s.tailCalls || s.context === null || type === 'raw' || (s.verify && !s.isMain)) {
    alu(s);
    return;
  }
  contextTo(s, 1);
  d.map(2, { map: PROGRAMS[type], kind: 'fd', off: 0 });
  if (r.chance(70)) {
    d.op('mov64_imm', { dst: 3, imm: r.pick([TARGET_SLOT, TARGET_SLOT, MAIN_SLOT, 2, 3, 4, -1]) });
  } else {
    d.op('mov64_reg', { dst: 3, src: r.pick([7, 8]) });
    d.op('and64_imm', { dst: 3, imm: 3 });
  }
  call(s, 'bpf_tail_call');
  refill(s, [0, ...CLOBBERED]);
}

/** ld_abs and ld_ind; a byte that is not there ends the program, so most offsets are small. */
function packetLoad(s: Scope): void {
  const { d, r } = s;
  if (s.type !== 'socket_filter' || !s.isMain) {
    base(s);
    return;
  }
  const op = r.pick(PACKET_ROWS);
  const imm = r.chance(5) ? r.corner32() : r.chance(20) ? -0x100000 + r.between(0, 20) : r.between(0, 16);
  if (op.kind === 'ld_abs') {
    d.op(op, { imm });
  } else {
    const [src] = temps(s, 1);
    d.op('and64_imm', { dst: src, imm: 15 });
    d.op(op, { src, imm });
  }
  refill(s, CLOBBERED);
}

/** The packet's ends move; all pointers into it are made anew. */
function adjust(s: Scope): void {
  const { d, r } = s;
  if (s.type !== 'xdp' || !s.isMain || s.inLoop) {
    base(s);
    return;
  }
  contextTo(s, 1);
  d.op('mov64_imm', { dst: 2, imm: r.pick([0, -8, -4, 8, -300, 300]) });
  call(s, r.pick(['bpf_xdp_adjust_head', 'bpf_xdp_adjust_tail', 'bpf_xdp_adjust_meta'] as const));
  d.op('mov64_reg', { dst: 8, src: 0 });
  contextTo(s, 1);
  packetBase(s);
  d.op('mov64_reg', { dst: 0, src: 8 });
  refill(s, CLOBBERED);
}

/** r1 = the context: r6 = SPAN bytes of packet, or the program ends. */
export function packetBase(s: Scope): void {
  const { d } = s;
  const enough = d.label();
  d.op('ldxw', { dst: BASE, src: 1, off: 0 });
  d.op('ldxw', { dst: 2, src: 1, off: 4 });
  d.op('mov64_reg', { dst: 3, src: BASE });
  d.op('add64_imm', { dst: 3, imm: PACKET.span });
  d.to(enough, 'jle64_reg', { dst: 3, src: 2 });
  d.op('mov64_imm', { dst: 0, imm: 77 });
  d.op('exit');
  d.place(enough);
}

const GROUPS = {
  alu,
  constant,
  stack,
  base,
  globals,
  variable,
  variableSlot,
  variablePacket,
  spill,
  jump,
  loop,
  lookup,
  update,
  remove,
  simpleHelper,
  checksum,
  localCall,
  tailCall,
  packetLoad,
  adjust,
  rotation,
  joinedLoad,
  sumLoop,
  iterate,
} as const satisfies Record<string, Group>;

const WEIGHTS = {
  alu: 24,
  constant: 3,
  stack: 10,
  base: 8,
  globals: 5,
  variable: 2,
  variableSlot: 2,
  variablePacket: 2,
  spill: 2,
  jump: 14,
  loop: 3,
  lookup: 3,
  update: 2,
  remove: 1,
  simpleHelper: 1,
  checksum: 1,
  localCall: 5,
  tailCall: 2,
  packetLoad: 4,
  adjust: 1,
  rotation: 3,
  joinedLoad: 4,
  sumLoop: 2,
  iterate: 2,
} as const satisfies Record<keyof typeof GROUPS, number>;

/** One random group. */
export function group(s: Scope): void {
  startGroup(s);
  GROUPS[s.r.weighted(WEIGHTS)](s);
}
