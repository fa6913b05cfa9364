// Interrupt flags on the stack (kernel process_irq_flag): bpf_local_irq_save and bpf_res_spin_lock_irqsave keep in a variable
// whether interrupts were on, bpf_local_irq_restore and bpf_res_spin_unlock_irqrestore put that back. Flags are restored in
// the reverse order, each once, on every path, by a kfunc of the same class as saved them.

import type { Env } from './env.ts';
import { accessMemory } from './mem.ts';
import { type IrqClass, makeReg } from './reg.ts';
import { explain, invalid, type Reject, refused } from './reject.ts';
import { frameOf } from './stack.ts';
import { OUTSIDE, objectSlot } from './stack_object.ts';
import { allBytes, byteType, EMPTY_SLOT, SLOT, type Slot } from './state.ts';

const FLAGS = allBytes(SLOT.irq_flag);

const KFUNCS: Readonly<Record<string, { readonly saves: boolean; readonly type: IrqClass }>> = {
  bpf_local_irq_save: { saves: true, type: 'native' },
  bpf_local_irq_restore: { saves: false, type: 'native' },
  bpf_res_spin_lock_irqsave: { saves: true, type: 'lock' },
  bpf_res_spin_unlock_irqrestore: { saves: false, type: 'lock' },
};

/** The argument of a call that saves or restores them. */
export function irqFlag(env: Env, i: number, kfunc: string): Reject | null {
  const { saves, type } = KFUNCS[kfunc];
  const ptr = env.reg(i + 1);
  if (ptr.kind !== 'fp') return invalid(`arg#${i} doesn't point to an irq flag on stack`);
  const at = objectSlot(ptr, 'irq_flag', 1, frameOf(env, ptr));
  return saves ? save(env, i, at, type) : restore(env, i, at, type);
}

function setSlot(env: Env, frame: number, spi: number, slot: Slot): void {
  env.state.frames[frame].stack[spi] = slot;
  env.touchSlot(spi);
  env.stackLive.write(frame, spi);
}

function save(env: Env, i: number, at: number | Reject, type: IrqClass): Reject | null {
  const wrong = `expected uninitialized irq flag as arg#${i}` as const;
  if (typeof at !== 'number') return explain(at, wrong);
  const ptr = env.reg(i + 1);
  const frame = frameOf(env, ptr);
  if (at !== OUTSIDE) {
    for (let b = 0; b < 8; b++) if (byteType(frame.stack[at], b) === SLOT.irq_flag) return invalid(wrong);
  }
  const write = { write: true, value: null, valueRegno: -1, strict: false, signed: false, unused: false } as const;
  const bad = accessMemory(env, { regno: i + 1, ptr, off: 0, size: 8, ...write });
  if (bad !== null && 'message' in bad) return bad;
  const spi = objectSlot(ptr, 'irq_flag', 1, frame);
  if (typeof spi !== 'number') return spi;
  const id = env.newId();
  env.state.held = [...env.state.held, { kind: 'irq', id, insn: env.insnIdx, map: -1 }];
  const reg = makeReg({ kind: 'stack_object', refObjId: id, object: { kind: 'irq_flag', type } });
  setSlot(env, ptr.frame, spi, { types: FLAGS, reg });
  return null;
}

function restore(env: Env, i: number, at: number | Reject, type: IrqClass): Reject | null {
  const wrong = `expected an initialized irq flag as arg#${i}` as const;
  if (typeof at !== 'number') return explain(at, wrong);
  const ptr = env.reg(i + 1);
  const frame = frameOf(env, ptr);
  const slot = at === OUTSIDE ? EMPTY_SLOT : frame.stack[at];
  if (slot.types !== FLAGS || slot.reg.refObjId === 0) return invalid(wrong);
  env.stackLive.read(ptr.frame, at);
  const { object } = slot.reg;
  if (object?.kind === 'irq_flag' && object.type !== type) {
    return invalid(`irq flag acquired by ${object.type} kfuncs cannot be restored with ${type} kfuncs`);
  }
  const { held } = env.state;
  const active = held.findLast((h) => h.kind === 'irq');
  const { refObjId: id } = slot.reg;
  if (active === undefined || active.id !== id) {
    const expected = `expected id=${active?.id ?? 0} acquired at insn_idx=${active?.insn ?? 0}` as const;
    return refused('EACCES', `cannot restore irq state out of order, ${expected}`);
  }
  env.state.held = held.filter((h) => h !== active);
  setSlot(env, ptr.frame, at, EMPTY_SLOT);
  return null;
}
