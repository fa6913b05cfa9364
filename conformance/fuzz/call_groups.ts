// Groups of a random program that call: helpers, functions, other programs; and packet loads, which Linux makes calls of.

import { type HelperName, RUNNABLE } from '../../src/spec/helpers.ts';
import { base } from './memory_groups.ts';
import { alu } from './number_groups.ts';
import { MAIN_SLOT, TARGET_SLOT } from './program.ts';
import {
  access,
  BASE,
  FP,
  globalValue,
  PACKET,
  PACKET_ROWS,
  refill,
  type Scope,
  STACK,
  source,
  temps,
  VALUE,
} from './scope.ts';
import { DATA_MAPS, MAPS, PROGRAMS } from './world.ts';

export const CLOBBERED = [1, 2, 3, 4, 5];

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

export function lookup(s: Scope): void {
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

export function update(s: Scope): void {
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

export function remove(s: Scope): void {
  const map = s.r.pick(DATA_MAPS);
  key(s, map);
  s.d.map(1, { map, kind: 'fd', off: 0 });
  call(s, 'bpf_map_delete_elem');
  refill(s, CLOBBERED);
}

/** Helpers whose result nobody can foretell, and the number of the CPU. */
export function simpleHelper(s: Scope): void {
  const name = s.r.pick(['bpf_ktime_get_ns', 'bpf_get_prandom_u32', 'bpf_get_smp_processor_id'] as const);
  call(s, name);
  refill(s, name === 'bpf_get_smp_processor_id' ? CLOBBERED : [0, ...CLOBBERED]);
}

export function checksum(s: Scope): void {
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

export function localCall(s: Scope): void {
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

export function tailCall(s: Scope): void {
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
export function packetLoad(s: Scope): void {
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
export function adjust(s: Scope): void {
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
