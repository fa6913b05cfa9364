// A worker of maps_threads.test.ts: one CPU that updates, looks up and deletes keys as fast as it can.
import { parentPort, workerData } from 'node:worker_threads';
import { callOp, lockOwner, type MapOps, mapOpsModule } from '../src/maps/ops.ts';
import type { OpCall } from '../src/maps/placement.ts';

export interface HammerTask {
  readonly memory: WebAssembly.Memory;
  readonly lookup: OpCall;
  readonly update: OpCall;
  readonly delete: OpCall;
  readonly cpu: number;
  /** Memory of this CPU for a key and a value. */
  readonly operands: number;
  readonly rounds: number;
  readonly keys: number;
}

/** Keys of CPU n are n, n + 8, n + 16, ...; every third step takes a key that all CPUs use. Returns what went wrong. */
function hammer(task: HammerTask): string[] {
  const { cpu, operands, keys, rounds } = task;
  const ops = new WebAssembly.Instance(mapOpsModule(), { env: { memory: task.memory } }).exports as unknown as MapOps;
  const view = new DataView(task.memory.buffer);
  const owner = lockOwner(cpu);
  const wrong: string[] = [];
  const has = new Set<number>();
  for (let i = 0; i < rounds; i++) {
    const shared = i % 3 === 0;
    const key = shared ? 1_000_000 + (i % 5) : cpu + 8 * ((i * 7) % keys);
    view.setUint32(operands, key, true);
    view.setBigUint64(operands + 8, BigInt(key) * 0x1_0000_0001n, true);
    const removing = i % 4 === 1;
    const result = removing
      ? callOp(ops, task.delete, owner, operands)
      : callOp(ops, task.update, owner, operands, operands + 8, 0, 0);
    if (shared) {
      if (result !== 0 && result !== -2) wrong.push(`shared key: ${result}`);
      continue;
    }
    if (result !== (removing && !has.has(key) ? -2 : 0)) wrong.push(`key ${key}: ${result}`);
    if (removing) has.delete(key);
    else has.add(key);
    const at = callOp(ops, task.lookup, operands) >>> 0;
    if ((at !== 0) !== has.has(key)) wrong.push(`key ${key}: lookup ${at}`);
    if (at !== 0 && view.getBigUint64(at, true) !== BigInt(key) * 0x1_0000_0001n) wrong.push(`key ${key}: value`);
  }
  return wrong.slice(0, 5);
}

parentPort?.postMessage(hammer(workerData as HammerTask));
