// wabt's opinion of the modules we emit: a reader and validator that is neither Binaryen's nor V8's.

import loadWabt from 'wabt';
import { LEVELS } from '../conformance/engines.ts';
import { compile } from '../jit/index.ts';
import { loadJit, type Program } from '../src/index.ts';

const FEATURES = {
  threads: true,
  tail_call: true,
  bulk_memory: true,
  mutable_globals: true,
  reference_types: true,
  sign_extension: true,
};

/** wabt's types leave out that validating needs the features again. */
interface WabtModule {
  validate(features: typeof FEATURES): void;
  destroy(): void;
}

let loading: ReturnType<typeof loadWabt> | undefined;

/** Throws what wabt says against a module. */
export async function validate(wasm: Uint8Array): Promise<void> {
  const wabt = await (loading ??= loadWabt());
  const module = wabt.readWasm(wasm, FEATURES) as WabtModule;
  try {
    module.validate(FEATURES);
  } finally {
    module.destroy();
  }
}

/** Validates what every level of the JIT makes of a program. */
export async function expectValid({ name, loaded }: Program): Promise<void> {
  await loadJit();
  for (const level of LEVELS) {
    try {
      await validate(compile(loaded, { level }).wasm);
    } catch (cause) {
      throw new Error(`${name}, level ${level}: ${(cause as Error).message}`, { cause });
    }
  }
}
