// What the step functions share: where a path goes on, writing registers, what calls leave
// behind, the words for fields that must be zero.

import type { InsnIndex } from '../isa/insn.ts';
import type { Op, OpShape } from '../isa/op.ts';
import type { Env } from './env.ts';
import { isPacket, NOT_INIT, type Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';

/** Where the path goes on; END = the program exits here. */
export const END = -1;
export type Next = InsnIndex | Reject;

export type Of<K extends Op['kind']> = Extract<OpShape, { kind: K }>;

/** Fields that must be zero and are not: the kernel names the class of the instruction. */
export function reserved(name: string): Reject {
  return invalid(`${name} uses reserved fields`);
}

export function write(env: Env, r: number, reg: Reg): void {
  env.setReg(r, reg);
  env.touchReg(r);
}

/** Packet pointers of every frame are no longer what they were. */
export function forgetPackets(env: Env): void {
  for (const frame of env.state.frames) {
    frame.regs.forEach((reg, i) => {
      if (isPacket(reg) || reg.kind === 'pkt_end') frame.regs[i] = env.gone;
    });
    frame.stack.forEach((slot, i) => {
      if (isPacket(slot.reg) || slot.reg.kind === 'pkt_end') frame.stack[i] = { types: slot.types, reg: env.gone };
    });
  }
}

export function clearCallerSaved(env: Env): void {
  for (let r = 0; r <= 5; r++) {
    env.setReg(r, NOT_INIT);
    env.touchReg(r);
  }
}
