// Programs whose size or shape is hard for a compiler (large_programs.ts): both engines agree on them, and the time per
// instruction does not grow with the size. Larger sizes: large_main.ts.
import { beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../jit/index.ts';
import { createInterpreter } from '../src/interp/interp.ts';
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
