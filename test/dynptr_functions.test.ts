// Dynptrs as arguments of functions: the programs of objects/dynptr say in their name what Linux answers. The live kernel,
// where it is, must answer the same, with the same log.

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { openObject } from '../src/loader/index.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { verify } from '../src/verifier/index.ts';
import { comparable } from './live_log.ts';

const object = openObject(
  new Uint8Array(readFileSync(new URL('../../test/objects/dynptr/dynptr.bpf.o', import.meta.url))),
);
const programs = Object.values(object.programs);

let skipReason = '';
const oracle = openOracle((reason) => {
  skipReason = reason;
});
const live = oracle?.kernelRelease.startsWith('6.18.') ? oracle : null;
if (oracle && !live) skipReason = `Linux ${oracle.kernelRelease}`;
if (skipReason) console.warn(`dynptrs of functions: no comparison with the live kernel: ${skipReason}`);
afterAll(() => oracle?.shutdown());

describe('dynptrs of functions', () => {
  it.each(programs.map((p) => p.name))('%s', (name) => {
    const result = verify(programInput(object, object.programs[name]));
    expect(result.ok, result.log).toBe(name.startsWith('ok_'));
  });
});

describe.skipIf(live === null)('dynptrs of functions beside the live kernel', () => {
  const kernel = live && kernelPrograms(live, object);
  afterAll(() => kernel?.close());

  it.each(programs.map((p) => p.name))('%s', (name) => {
    const both = kernel!.of(object.programs[name]);
    if (typeof both === 'string') throw new Error(both);
    const options = { logLevel: name.includes('loop') || name.includes('drain') ? 1 : 2 } as const;
    const linux = live!.load(both.kernel, options);
    live!.unload(linux);
    const ours = verify(both.input, { ...options, cpus: live!.possibleCpus });
    expect(comparable(ours.log)).toEqual(comparable(linux.log));
    expect(ours.ok ? null : ours.error.code).toBe(linux.errno);
  });
});
