// One instruction on the current state (kernel do_check_insn): checks it, changes the state, and says where the path goes
// on. Each kind of instruction has its function; STEPS ties them to the kinds.

import type { Insn } from '../isa/insn.ts';
import type { Op } from '../isa/op.ts';
import { cast } from './arena.ts';
import type { Env } from './env.ts';
import { invalid, type Reject } from './reject.ts';
import { alu, end, movsx, neg } from './step_alu.ts';
import { call, exit, ja, jmp, mayGoto } from './step_control.ts';
import { atomic, ldAbs, lddw, ldx, loadAcquire, st, storeRelease, stx } from './step_memory.ts';
import { type Next, type Of, reserved } from './steps.ts';

/** What a malformed variant of a known opcode is called. */
function unknownRow(insn: Insn): Reject {
  const cls = insn.code & 7;
  if (cls === 3) {
    const size = insn.code & 0x18;
    const known = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1, 0x100, 0x110].includes(insn.imm);
    if (known && size !== 0x00 && size !== 0x18) return invalid('invalid atomic operand size');
    return invalid(`BPF_ATOMIC uses invalid atomic opcode ${(insn.imm >>> 0).toString(16).padStart(2, '0')}`);
  }
  if (cls === 5) return reserved((insn.code & 0xf0) === 0x80 ? 'BPF_CALL' : 'BPF_JMP/JMP32');
  if ((insn.code & 0xf0) === 0xd0) return reserved('BPF_END');
  return reserved((insn.code & 0xf0) === 0xb0 ? 'BPF_MOV' : 'BPF_ALU');
}

type Steps = { readonly [K in Op['kind']]: (env: Env, op: Of<K>, insn: Insn) => Next };

const STEPS: Steps = {
  alu,
  movsx,
  cast,
  neg,
  end,
  jmp,
  ja,
  may_goto: mayGoto,
  call,
  exit,
  lddw,
  ld_abs: ldAbs,
  ld_ind: ldAbs,
  ldx,
  st,
  stx,
  atomic,
  load_acq: loadAcquire,
  store_rel: storeRelease,
};

/** Executes the instruction at env.insnIdx. */
export function step(env: Env): Next {
  const insn = env.prog.insns[env.insnIdx];
  const op = env.prog.ops[env.insnIdx];
  if (op === undefined) return unknownRow(insn);
  if (insn.dst <= 10 && insn.src <= 10) env.facts.operands(env.insnIdx, env.reg(insn.dst), env.reg(insn.src));
  return (STEPS[op.kind] as (env: Env, op: Op, insn: Insn) => Next)(env, op, insn);
}
