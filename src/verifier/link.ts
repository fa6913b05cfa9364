// Scalars that are known to be equal (or apart by a constant) share an id; what a branch teaches about one of them holds
// for all (kernel assign_scalar_id_before_mov, collect_linked_regs, sync_linked_regs).

import type { Env } from './env.ts';
import { type Reg, unlinked, withId, withPrecision, withScalar } from './reg.ts';
import { isConst, zext32 } from './scalar.ts';
import { aluScalar } from './scalar_alu.ts';
import { frameInsn, isScalarSpill, type LinkedReg, type State } from './state.ts';

/** Gives register `regno` an id before its value is copied. Returns the register. Constants need none. */
export function linkForCopy(env: Env, regno: number): Reg {
  let reg = env.reg(regno);
  if (reg.kind !== 'scalar') return reg;
  // A link with an offset is not extended to a second copy.
  if (reg.addConst) reg = unlinked(reg);
  if (reg.id === 0 && !isConst(reg.s)) reg = withId(reg, env.newId());
  env.setReg(regno, reg);
  return reg;
}

const MAX_LINKED = 6;

/** Live registers and slots with this id, at most as many as the history can hold; the others lose their id. */
export function collectLinked(env: Env, id: number, into: LinkedReg[]): void {
  const { state } = env;
  if (id === 0) return;
  const add = (reg: Reg, where: LinkedReg): Reg => {
    if (reg.kind !== 'scalar' || reg.id !== id) return reg;
    if (into.some((l) => l.frame === where.frame && l.isReg === where.isReg && l.at === where.at)) return reg;
    if (into.length < MAX_LINKED) {
      into.push(where);
      return reg;
    }
    return unlinked(reg);
  };
  for (let f = state.frames.length - 1; f >= 0; f--) {
    const frame = state.frames[f];
    const live = env.live[frameInsn(state, f)];
    for (let r = 0; r < 10; r++) {
      if ((live & (1 << r)) !== 0) frame.regs[r] = add(frame.regs[r], { frame: f, isReg: true, at: r });
    }
    for (let spi = 0; spi < frame.stack.length; spi++) {
      const slot = frame.stack[spi];
      if (!isScalarSpill(slot)) continue;
      const reg = add(slot.reg, { frame: f, isReg: false, at: spi });
      if (reg !== slot.reg) frame.stack[spi] = { types: slot.types, reg };
    }
  }
}

/** What `known` says about `reg`, which has the same id. */
function synced(env: Env, reg: Reg, known: Reg): Reg {
  // Sums of 32 bits and of 64 bits have no fixed distance.
  if (reg.addConst && known.addConst && reg.wrap !== known.wrap) return reg;
  if ((!reg.addConst && !known.addConst) || reg.off === known.off) return withPrecision(known, reg.precise);
  const delta = env.number((reg.addConst ? reg.off : 0) - (known.addConst ? known.off : 0)).s;
  const { computed, insnIdx } = env;
  const sum = () => aluScalar('add', 64, known.s, delta);
  const s = computed.get(insnIdx, known.s, delta) ?? computed.put(insnIdx, known.s, delta, sum());
  const wrap = (reg.addConst && reg.wrap) || (known.addConst && known.wrap);
  return withScalar(reg, wrap ? zext32(s) : s);
}

/** Carries the range of register `regno` of the current frame over to everything linked with it. */
export function syncLinked(env: Env, state: State, regno: number, linked: readonly LinkedReg[]): void {
  const known = state.frame.regs[regno];
  const top = state.frames.length - 1;
  for (const l of linked) {
    if (l.isReg && l.frame === top && l.at === regno) continue;
    const frame = state.frames[l.frame];
    const reg = l.isReg ? frame.regs[l.at] : frame.stack[l.at].reg;
    if (reg.kind !== 'scalar' || reg.id !== known.id) continue;
    const next = synced(env, reg, known);
    if (l.isReg) frame.regs[l.at] = next;
    else frame.stack[l.at] = { types: frame.stack[l.at].types, reg: next };
  }
}
