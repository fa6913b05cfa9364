// Programs whose size or shape is hard for a compiler (large_programs.ts): both engines agree on them, and the time per
// instruction does not grow with the size. Larger sizes: large_main.ts.
import { beforeAll, describe, expect, it } from 'vitest';
import { compile, createJitEngine } from '../jit/index.ts';
import { createInterpreter } from '../src/interp/interp.ts';
import type { Kernel } from '../src/runtime/kernel.ts';
import { kernelWith, runBoth, runBothUnlessEndless } from './harness.ts';
import { randomProgram } from './jit_random.ts';
import { Rig } from './jit_rig.ts';
import { LARGE_SHAPES, type LargeShape, largeProgram } from './large_programs.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await Rig.open({ validate: false });
});

/** The shape's argument, r2, comes from memory: every byte is compared for each value. */
function compareShape(kernel: Kernel, shape: LargeShape, size: number, values: readonly number[]): void {
  const load = { code: 0x61, dst: 2, src: 1, off: 0, imm: 0 }; // r2 = *(u32 *)(r1 +0)
  const source = { type: 'raw', insns: [load, ...largeProgram(shape, size)], name: shape } as const;
  const program = kernel.loadProgram(source, { jit: 'off', verify: false });
  for (const value of values) {
    const data = new Uint8Array(256);
    new DataView(data.buffer).setUint32(0, value, true);
    runBoth(kernel, program, { data });
  }
  program.close();
}

describe('large programs', () => {
  it.each(LARGE_SHAPES)('%s', async (shape) => {
    const kernel = kernelWith(createInterpreter(), await createJitEngine({ validate: false }));
    for (const size of [60, 6000]) compareShape(kernel, shape, size, [0, 1, size >> 4, size >> 3, 0x7fffffff]);
    kernel.close();
  });

  it.each(LARGE_SHAPES)('%s, in many small parts', async (shape) => {
    const jit = await createJitEngine({ splitAbove: 20, partSlots: 16, maxSteps: 100_000 });
    const kernel = kernelWith(createInterpreter(), jit);
    compareShape(kernel, shape, 400, [0, 1, 25, 50, 0x7fffffff]);
    kernel.close();
  });

  it('bodies do not nest deeper than a compiler can follow', () => {
    const { wasm } = compile(rig.load(largeProgram('nest', 40_000)), { splitAbove: 1e6 });
    expect(WebAssembly.validate(wasm as Uint8Array<ArrayBuffer>)).toBe(true);
  });

  it('random programs in parts leave every byte as the interpreter does', async () => {
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

  it.each(['ladder', 'nest', 'wild'] as const)('%s: no super-linear cost', (shape) => {
    cost(shape, 4000);
    expect(cost(shape, 24_000) / cost(shape, 4000)).toBeLessThan(3);
  });
});
