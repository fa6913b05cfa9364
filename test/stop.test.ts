// Runs that would not end by themselves: verified programs are altered behind the verifier's back, as if it had been wrong.

import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { Kernel, type KernelOptions, loadJit } from '../src/index.ts';
import { asm } from '../src/isa/index.ts';
import { BpfError } from '../src/uapi/errors.ts';

await loadJit();
const open: Kernel[] = [];
afterEach(() => {
  for (const kernel of open.splice(0)) kernel.close();
});

const LOOP = `
  r6 = 0
l:
  call bpf_get_smp_processor_id
  r6 += 1
  if r6 < 8 goto l
  r0 = r6
  exit`;

/** The same with a call in the loop. */
const CALLS = `
  r6 = 0
l:
  call f
  r6 += 1
  if r6 < 8 goto l
  r0 = r6
  exit
f:
  r0 = 0
  exit`;

/** The errno something throws; '' if it returns. */
function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (e) {
    if (e instanceof BpfError) return e.code;
    throw e;
  }
  return '';
}

/** The program that was verified, where `r6 += 1` now adds nothing: the loop never ends. */
function endless(options: KernelOptions, jit: 'off' | 'auto' | 'optimized', text = LOOP) {
  const kernel = new Kernel({ clock: 'virtual', ...options });
  open.push(kernel);
  const program = kernel.loadProgram({ type: 'socket_filter', insns: asm(text).insns }, { jit });
  expect(program.loaded.code.facts).not.toBeNull();
  const { insns } = program.loaded.code;
  const at = insns.findIndex((insn) => insn.code === 0x07 && insn.dst === 6);
  (insns as (typeof insns)[number][])[at] = { ...insns[at], imm: 0 };
  return { kernel, run: () => program.run({ data: new Uint8Array(64) }).retval };
}

describe.each(['off', 'auto', 'optimized'] as const)('jit %s: a verified program without an end', (jit) => {
  it('is stopped from a helper', () => {
    const { kernel, run } = endless({ stoppable: true }, jit);
    let calls = 0;
    kernel.helpers.mock('bpf_get_smp_processor_id', () => {
      if (++calls === 1000) kernel.stop();
      return 0;
    });
    expect(codeOf(run)).toBe('EINTR');
    expect(calls).toBe(1000);
    // The word was taken back: the next run goes on until it is stopped itself.
    calls = 0;
    expect(codeOf(run)).toBe('EINTR');
    expect(calls).toBe(1000);
  });

  it('is stopped by another thread', async () => {
    const { kernel, run } = endless({ stoppable: true }, jit, CALLS);
    const code = "require('node:worker_threads').parentPort.once('message', (word) => Atomics.store(word, 0, 1));";
    const worker = new Worker(code, { eval: true });
    worker.postMessage(kernel.stopWord());
    expect(codeOf(run)).toBe('EINTR');
    await worker.terminate();
  });

  it('ends after maxSteps', () => {
    expect(codeOf(endless({ maxSteps: 100_000 }, jit, CALLS).run)).toBe('EAGAIN');
  });
});

describe('stopping', () => {
  it('reaches no further than the next run', () => {
    const kernel = new Kernel({ stoppable: true });
    open.push(kernel);
    const program = kernel.loadProgram({ type: 'socket_filter', insns: asm(LOOP).insns });
    const run = () => program.run({ data: new Uint8Array(64) }).retval;
    kernel.stop();
    expect(codeOf(run)).toBe('EINTR');
    expect(run()).toBe(8);
  });

  it('refuses what makes no sense', () => {
    expect(codeOf(() => new Kernel({ maxSteps: 0 }))).toBe('EINVAL');
    expect(codeOf(() => new Kernel({ maxSteps: 1.5 }))).toBe('EINVAL');
    const kernel = new Kernel();
    expect(codeOf(() => kernel.stop(1))).toBe('EINVAL');
    kernel.close();
    expect(codeOf(() => kernel.stop())).not.toBe('');
  });
});
