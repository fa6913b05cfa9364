// The kill word of a CPU (memory/layout.ts): another thread, or a helper on the same one, sets it; the run that sees it ends
// with EINTR and clears it, so one word stops one run. Engines look at it where they count steps.

import { controlWord } from '../memory/layout.ts';
import type { Memory } from '../memory/memory.ts';
import { BpfError } from '../uapi/errors.ts';
import type { Cpu } from './engine.ts';

/** The word itself, in shared memory. */
export function killWord(memory: Memory, cpu: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(memory.wasm.buffer as unknown as SharedArrayBuffer, controlWord(cpu, 'kill'), 1);
}

/** Throws EINTR if the word is set, and takes it back. */
export function checkKill({ memory, id }: Cpu): void {
  if (memory.u32(controlWord(id, 'kill')) === 0) return;
  Atomics.store(killWord(memory, id), 0, 0);
  throw new BpfError('EINTR', 'the run was stopped');
}
