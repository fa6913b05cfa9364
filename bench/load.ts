// How long loading takes by stage, from 1k to 256k instructions, in microseconds per instruction; beside it the live kernel's
// verifier and JIT together. Lower, emit and compile are at the default level.

import type { Oracle } from '../conformance/kernel/oracle.ts';
import { loadStages, STAGES, type Stage } from '../src/cli/measure.ts';
import { Kernel, loadJit } from '../src/index.ts';
import { sourceInput } from '../src/runtime/program_source.ts';
import { BeewasmError } from '../src/uapi/errors.ts';
import { generate } from './generate.ts';

export const SIZES = [1, 4, 16, 64, 256].map((k) => k * 1024);

export interface LoadRow {
  readonly insns: number;
  readonly stage: Stage | 'kernel';
  readonly us_per_insn: number;
}

/** Larger programs are left out once one took longer than this. */
const LIMIT_MS = 60_000;

export async function measureLoad(
  oracle: Oracle | null,
  sizes: readonly number[],
  seconds: number,
  complain: (text: string) => void,
): Promise<LoadRow[]> {
  await loadJit();
  const rows: LoadRow[] = [];
  for (const insns of sizes) {
    const source = { name: `generated_${insns}`, type: 'xdp', insns: generate(insns, insns) };
    const input = sourceInput(source);
    const kernel = new Kernel({ clock: 'virtual', seed: 1 });
    const started = performance.now();
    try {
      const us = loadStages(kernel.loadProgram(source, { jit: 'off', logLevel: 0 }), input, seconds);
      rows.push(...STAGES.map((stage) => ({ insns, stage, us_per_insn: us[stage] / insns })));
    } catch (error) {
      if (!(error instanceof BeewasmError || error instanceof WebAssembly.CompileError)) throw error;
      complain(`loading ${insns} instructions: ${error.message.split('\n')[0]}`);
      break;
    } finally {
      kernel.close();
    }
    if (oracle !== null) {
      let best = Infinity;
      for (let i = 0; i < 3; i++) {
        const loaded = oracle.load(input, { logLevel: 0 });
        if (loaded.verdict === 'ACCEPT') best = Math.min(best, loaded.nanoseconds);
        oracle.unload(loaded);
      }
      if (best < Infinity) rows.push({ insns, stage: 'kernel', us_per_insn: best / 1000 / insns });
    }
    if (performance.now() - started > LIMIT_MS) break;
  }
  return rows;
}
