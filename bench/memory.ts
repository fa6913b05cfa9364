// What things cost in resident memory (bytes, after garbage collection): Binaryen once imported and used, an idle Kernel, a
// loaded program of 1k instructions, its share of machine code included. Means over many; it has to run first, while the
// heap is small.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Kernel, loadJit } from '../src/index.ts';
import { generate } from './generate.ts';

export interface MemoryUse {
  readonly binaryen: number;
  readonly idle_kernel: number;
  readonly program_1k: number;
  /** Of the whole process afterwards. */
  readonly process: number;
}

const MANY = 8;
/** One Kernel is so small that the heap's breathing would hide a few. */
const KERNELS = 64;

export async function measureMemory(): Promise<MemoryUse> {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const rss = () => {
    for (let i = 0; i < 3; i++) gc();
    return process.memoryUsage().rss;
  };
  const programs = Array.from({ length: MANY + 1 }, (_, seed) => ({
    type: 'xdp',
    insns: generate(1024, seed + 1),
  }));
  const growth = async <T>(make: () => T | Promise<T>): Promise<{ bytes: number; made: T }> => {
    const before = rss();
    const made = await make();
    return { bytes: Math.max(0, rss() - before), made };
  };
  const binaryen = await growth(async () => {
    await loadJit();
    const kernel = new Kernel();
    kernel.loadProgram(programs[MANY]).executable();
    kernel.close();
  });
  const kernels = await growth(() => Array.from({ length: KERNELS }, () => new Kernel()));
  const loaded = await growth(() => programs.slice(0, MANY).map((p) => kernels.made[0].loadProgram(p).executable()));
  for (const kernel of kernels.made) kernel.close();
  return {
    binaryen: binaryen.bytes,
    idle_kernel: Math.round(kernels.bytes / KERNELS),
    program_1k: Math.round(loaded.bytes / loaded.made.length),
    process: rss(),
  };
}
