// Groups of a random program that load and store: stack, packet, map values, also at variable offsets.

import { aluWith } from './number_groups.ts';
import {
  access,
  BASE,
  FP,
  globalValue,
  loadSlot,
  number,
  refill,
  type Scope,
  STACK,
  STACK_SPAN,
  SUFFIX,
  temps,
  VALUE,
} from './scope.ts';
import { SPAN } from './world.ts';

export function stack(s: Scope): void {
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

export function base(s: Scope): void {
  if (s.base === null) {
    globals(s);
    return;
  }
  for (let n = s.r.between(1, 3); n > 0; n--) access(s, BASE, s.base);
}

export function globals(s: Scope): void {
  const [reg] = temps(s, 1);
  globalValue(s, reg);
  for (let n = s.r.between(1, 3); n > 0; n--) access(s, reg, VALUE);
  refill(s, [reg]);
}

/** A map value at a variable offset. */
export function variable(s: Scope): void {
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
export function variableSlot(s: Scope): void {
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
export function variablePacket(s: Scope): void {
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
export function spill(s: Scope): void {
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
