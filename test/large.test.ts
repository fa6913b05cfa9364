// Programs whose size or shape is hard for a compiler (large_programs.ts): both engines agree on them, and the time per
// instruction does not grow with the size. Larger sizes: large_main.ts.
import { beforeAll, describe, expect, it } from 'vitest';
import { compile, createJitEngine } from '../jit/index.ts';
import { createInterpreter } from '../src/interp/interp.ts';
import { kernelWith, runBothUnlessEndless } from './harness.ts';
import { randomProgram } from './jit_random.ts';
import { Rig } from './jit_rig.ts';
import { LARGE_SHAPES, type LargeShape, largeProgram } from './large_programs.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.open({ validate: false });
});

describe('large programs', () => {
  it.each(LARGE_SHAPES)('%s', { timeout: 60_000 }, (shape) => {
    const interp = createInterpreter();
    for (const size of [60, 6000]) {
      const program = rig.load(largeProgram(shape, size));
      const [a, b] = [rig.link(program, interp), rig.link(program)];
      for (const r2 of [0, 1, size >> 4, size >> 3, 0x7fffffff])
        expect(b.run64(rig.mem, r2)).toBe(a.run64(rig.mem, r2));
    }
  });

  it.each(LARGE_SHAPES)('%s, in many small parts', { timeout: 60_000 }, async (shape) => {
    const parts = await Rig.open({ splitAbove: 20, partSlots: 16, maxSteps: 100_000 });
    const program = parts.load(largeProgram(shape, 400));
    const [a, b] = [parts.link(program, parts.interp), parts.link(program)];
    for (const r2 of [0, 1, 25, 50, 0x7fffffff]) expect(b.run64(parts.mem, r2)).toBe(a.run64(parts.mem, r2));
    parts.kernel.close();
  });

  it('random programs in parts leave every byte as the interpreter does', { timeout: 60_000 }, async () => {
    const jit = await createJitEngine({ splitAbove: 12, partSlots: 9, maxSteps: 65_536 });
    const kernel = kernelWith(createInterpreter({ maxSteps: 20_000 }), jit);
    const data = Uint8Array.from({ length: 64 }, (_, i) => i * 37);
    let compared = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const source = { type: 'raw', insns: randomProgram(seed), name: `seed ${seed}` } as const;
      const program = kernel.loadProgram(source, { jit: 'off', verify: false });
      if (runBothUnlessEndless(kernel, program, { data })) compared++;
      program.close();
    }
    expect(compared).toBeGreaterThan(50);
    kernel.close();
  });

  /** Processor time of compiling, per instruction: the machine may do other things. */
  function cost(shape: LargeShape, size: number): number {
    const insns = largeProgram(shape, size);
    const program = rig.load(insns);
    const from = process.cpuUsage();
    compile(program);
    const { user, system } = process.cpuUsage(from);
    return (user + system) / insns.length;
  }

  it.each(['ladder', 'nest', 'wild'] as const)('%s: no super-linear cost', { timeout: 60_000 }, (shape) => {
    cost(shape, 4000);
    expect(cost(shape, 24_000) / cost(shape, 4000)).toBeLessThan(3);
  });
});
