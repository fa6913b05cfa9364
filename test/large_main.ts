// `node dist/test/large_main.js [SHAPE ...] [SIZE ...]`: compiles large programs (large_programs.ts; verification off), runs
// them, compares r0 with the interpreter's, and prints what each stage takes per instruction. Default: all shapes, 4096 and
// 65536 instructions. `--verify`: the verifier checks them first. `--file PATH`: the instructions of a file instead.

import { readFileSync } from 'node:fs';
import { compile, createJitEngine, loadBinaryen } from '../jit/index.ts';
import { Kernel } from '../src/index.ts';
import { createInterpreter } from '../src/interp/interp.ts';
import { decode, type Insn } from '../src/isa/index.ts';
import { LARGE_SHAPES, type LargeShape, largeProgram } from './large_programs.ts';

const args = process.argv.slice(2);
const sizes = args.filter((a) => /^\d+$/.test(a)).map(Number);
const shapes = args.filter((a): a is LargeShape => (LARGE_SHAPES as string[]).includes(a));
const verify = args.includes('--verify');
const fileAt = args.indexOf('--file');

await loadBinaryen();
const warm = largeProgram('diamonds', 2000);
await measure('warm-up', warm);
if (fileAt >= 0) await measure(args[fileAt + 1], decode(readFileSync(args[fileAt + 1])));
else {
  for (const shape of shapes.length > 0 ? shapes : LARGE_SHAPES) {
    for (const size of sizes.length > 0 ? sizes : [4096, 65536]) await measure(shape, largeProgram(shape, size));
  }
}

async function measure(name: string, insns: readonly Insn[]): Promise<void> {
  const kernel = new Kernel({ clock: 'virtual', seed: 1 });
  const times: string[] = [];
  const us = (ms: number) => ((ms * 1000) / insns.length).toFixed(2);
  const timed = <T>(what: string, make: () => T): T => {
    const from = performance.now();
    const made = make();
    times.push(`${what} ${us(performance.now() - from)}`);
    return made;
  };
  const { loaded } = timed('load', () =>
    kernel.loadProgram({ type: 'raw', insns, memSize: 256 }, { jit: 'off', verify }),
  );
  const started = performance.now();
  const cpu = process.cpuUsage();
  const image = compile(loaded, { onPass: (pass, ms) => times.push(`${pass} ${us(ms)}`) });
  timed('wasm', () => new WebAssembly.Module(image.wasm as Uint8Array<ArrayBuffer>));
  const total = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  const jit = (await createJitEngine()).link(loaded, kernel.cpu(0), () => undefined);
  const interp = createInterpreter().link(loaded, kernel.cpu(0), () => undefined);
  for (const r2 of [0, 1, insns.length >> 4, 0x7fffffff]) {
    const [a, b] = [interp.run64(0, r2), jit.run64(0, r2)];
    if (a !== b) throw new Error(`${name}, r2 = ${r2}: the interpreter gives ${a}, the JIT ${b}`);
  }
  process.stdout.write(
    `${name} ${insns.length} insns, ${image.wasm.length} bytes, ${image.functions} functions: ${us(total)} us/insn, of the processor ${us((user + system) / 1000)} (${times.join(', ')})\n`,
  );
  kernel.close();
}
