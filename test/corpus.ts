// Loads the programs of the corpus (programs.ts) into a Kernel, with their maps, tail-call targets and inputs.

import type { BpfMap, JitLevel, Kernel, Program } from '../src/index.ts';
import { loadText } from './harness.ts';
import type { TestProgram } from './test_program.ts';

export interface CorpusProgram {
  readonly loaded: Program;
  readonly data: Uint8Array;
}

const COUNTED = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
/** IPv4, TCP, 10.0.0.1 -> 10.0.0.2, 5 bytes of payload. */
const TCP4 = Buffer.from(
  '02000000000102000000000208004500002d12340000400654950a0000010a00000230390050000003e8000000005002ffff2398000068656c6c6f',
  'hex',
);

/** Makes the maps of a program of the corpus, loads it and its tail-call targets; `data` is its input. */
export function loadCorpus(kernel: Kernel, program: Omit<TestProgram, 'expect'>, jit: JitLevel = 'off'): CorpusProgram {
  const { name, type = 'raw', text, unverified } = program;
  const maps: Record<string, BpfMap> = {};
  for (const [map, [type, keySize, valueSize, maxEntries]] of Object.entries(program.maps ?? {})) {
    maps[map] = kernel.createMap({ name: map, type, keySize, valueSize, maxEntries, flags: 0 });
  }
  const data = program.data ?? (type === 'raw' ? COUNTED : new Uint8Array(TCP4));
  const source = { type, maps, jit, memSize: data.length, verify: unverified === undefined };
  for (const [slot, target] of Object.entries(program.targets ?? {})) {
    maps.jumps.set(Number(slot), loadText(kernel, { ...source, name: `${name}: slot ${slot}`, text: target }));
  }
  return { loaded: loadText(kernel, { ...source, name, text }), data };
}
