// Programs whose size or shape is hard for a compiler (large_programs.ts): both engines agree on them, and the time per
// instruction does not grow with the size. Larger sizes: large_main.ts.
import { beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../jit/index.ts';
import { createInterpreter } from '../src/interp/interp.ts';
import { randomProgram } from './jit_random.ts';
import { outcome, Rig } from './jit_rig.ts';
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

  it('random programs in parts end as in the interpreter', { timeout: 60_000 }, async () => {
    const parts = await Rig.open({ splitAbove: 12, partSlots: 9, maxSteps: 65_536 });
    let compared = 0;
    for (let seed = 1; seed <= 100; seed++) {
      const program = parts.load(randomProgram(seed));
      const observe = (engine: 'interp' | 'jit') => {
        parts.setMem(Uint8Array.from({ length: 64 }, (_, i) => i * 37));
        parts.kernel.world.restore(world);
        parts.clearStack(); // below its frame a program may read what an earlier one left
        const end = outcome(() => parts.run(parts.link(program, parts[engine])));
        return [end, Buffer.from(parts.getMem()).toString('hex')];
      };
      const world = parts.kernel.world.state();
      const [a, b] = [observe('interp'), observe('jit')];
      if (a[0] === 'EAGAIN' || b[0] === 'EAGAIN') continue;
      expect(b, `seed ${seed}`).toEqual(a);
      compared++;
    }
    expect(compared).toBeGreaterThan(50);
    parts.kernel.close();
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
