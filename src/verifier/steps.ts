// What the step functions share: where a path goes on, writing registers, what calls leave
// behind, the words for fields that must be zero.

import type { InsnIndex } from '../isa/insn.ts';
import type { Op, OpShape } from '../isa/op.ts';
import type { Env } from './env.ts';
import { isPacket, NOT_INIT, type Reg } from './reg.ts';
import { invalid, type Reject } from './reject.ts';
import { mapRegs } from './state.ts';

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

/** A slice of a dynptr on the packet. */
function isPacketSlice({ kind, object }: Reg): boolean {
  return kind === 'mem' && object?.kind === 'dynptr' && object.type !== 'local' && object.type !== 'ringbuf';
}

/** Packet pointers of every frame are no longer what they were. */
export function forgetPackets(env: Env): void {
  mapRegs(env.state, (reg) => (isPacket(reg) || reg.kind === 'pkt_end' || isPacketSlice(reg) ? env.gone : reg));
}

export function clearCallerSaved(env: Env): void {
  for (let r = 0; r <= 5; r++) {
    env.setReg(r, NOT_INIT);
    env.touchReg(r);
  }
}
