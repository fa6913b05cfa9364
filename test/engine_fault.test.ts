// Verified code whose engine traps: one error that says whose bug it is. Nothing known does that, so a trap is put in place of
// the engine.
import { describe, expect, it } from 'vitest';
import { EngineFault, Kernel } from '../src/index.ts';
import { asm } from '../src/isa/index.ts';
import type { Executable } from '../src/runtime/engine.ts';

// (module (func (export "trap") unreachable))
const TRAP = Uint8Array.from([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0, 10, 5, 1, 3, 0, 0,
  11,
]);

describe('a trap in verified code', () => {
  it.each(['run', 'run64', 'runBatch'] as const)('of %s is one error that names the program', (how) => {
    const kernel = new Kernel({ clock: 'virtual', seed: 1 });
    const program = kernel.loadProgram(
      {
        type: how === 'run64' ? 'raw' : 'xdp',
        name: 'fine',
        insns: asm('r0 = 2\nexit').insns,
      },
      { jit: 'off' },
    );
    const { trap } = new WebAssembly.Instance(new WebAssembly.Module(TRAP)).exports as { trap: () => never };
    const broken: Executable = { run32: trap, run64: trap, runBatch: trap };
    Object.assign(program.executable(), broken);
    const data = new Uint8Array(64);
    const run = {
      run: () => program.run({ data }),
      run64: () => program.run64({ data }),
      runBatch: () => program.runBatch([data]),
    };
    const text =
      /^the compiled code of the verified program 'fine' trapped \(function 0, byte 0x[0-9a-f]+ of the module\): .*bug in beewasm/;
    expect(run[how]).toThrow(EngineFault);
    expect(run[how]).toThrow(text);
    kernel.close();
  });
});
