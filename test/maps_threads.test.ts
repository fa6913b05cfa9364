// Two CPUs at once on one HASH: no update is lost, no element disappears or stands in the table twice, and a holder
// whose thread is off the processor for a while costs time, not an update.
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { lockOwner } from '../src/maps/ops.ts';
import { stackTop } from '../src/memory/layout.ts';
import type { HammerTask } from './map_hammer.ts';
import { mapWorld } from './map_world.ts';

const worker = fileURLToPath(new URL('./map_hammer.js', import.meta.url));

function run(task: HammerTask): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const w = new Worker(worker, { workerData: task });
    w.once('message', resolve);
    w.once('error', reject);
    // A lock that is never released would spin for ever.
    setTimeout(() => w.terminate().then(() => reject(new Error('stuck'))), 300_000).unref();
  });
}

it.each([
  ['few keys, much contention', 4, 60],
  ['many buckets', 32, 400],
])('%s', async (_, keys, maxEntries) => {
  const { memory, map, kernelMap, heap } = mapWorld(2).open({ type: 'hash', keySize: 4, valueSize: 8, maxEntries });
  const { lookup, update, delete: del } = kernelMap.placement;
  const task = { memory: memory.wasm, lookup: lookup!, update: update!, delete: del!, rounds: 60_000, keys };
  const wrong = await Promise.all([0, 1].map((cpu) => run({ ...task, cpu, operands: stackTop(cpu) - 4096 })));
  expect(wrong).toEqual([[], []]);
  const left = [...map.keys()].length;
  expect(new Set([...map.keys()].map(String)).size).toBe(left);
  for (const key of map.keys()) expect(map.delete(key)).toBe(true);
  for (let k = 0; k < maxEntries; k++) map.set(k, 1n, 'noexist');
  expect(() => map.set(maxEntries, 1n)).toThrow(expect.objectContaining({ code: 'E2BIG' }));
  expect(heap.checkCanaries()).toEqual([]);
});

it.each([0, 1])('CPU %i waits for a holder that was taken off its processor', async (cpu) => {
  const { memory, kernelMap } = mapWorld(3).open({ type: 'hash', keySize: 4, valueSize: 8, maxEntries: 64 });
  const { lookup, update, delete: del } = kernelMap.placement;
  const [buckets, shift] = lookup!.args;
  const locks = Array.from({ length: 2 ** (32 - shift) }, (_, b) => buckets + 8 * b + 4);
  for (const at of locks) memory.setU32(at, lockOwner(2));
  const task = { memory: memory.wasm, lookup: lookup!, update: update!, delete: del!, rounds: 10, keys: 1 };
  setTimeout(() => {
    for (const at of locks) memory.setU32(at, 0);
  }, 250);
  expect(await run({ ...task, cpu, operands: stackTop(cpu) - 4096 })).toEqual([]);
});
