// The groups of instructions random programs are made of. Each keeps what scope.ts promises between groups.

import {
  adjust,
  CLOBBERED,
  checksum,
  localCall,
  lookup,
  packetLoad,
  remove,
  simpleHelper,
  tailCall,
  update,
} from './call_groups.ts';
import { kfuncCall } from './kfunc.ts';
import { base, globals, spill, stack, variable, variablePacket, variableSlot } from './memory_groups.ts';
import { alu, constant } from './number_groups.ts';
import { COUNTER, FP, JUMP_ROWS, number, refill, type Scope, STACK, source, startAhead, startGroup } from './scope.ts';
import { joinedLoad, rotation, sumLoop } from './shapes.ts';

type Group = (s: Scope) => void;

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
