// The firewall's twins (test/objects/twins): the sound program is accepted, every twin is rejected with Linux's errno
// and message. Where the live kernel can be asked, the recorded answers are compared with it.

import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { type Oracle, openOracle } from '../conformance/kernel/oracle.ts';
import { openObject } from '../src/loader/index.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { verify } from '../src/verifier/index.ts';
import { TWINS, UNINIT_STACK_TWINS } from './twins.ts';

const read = (name: string) =>
  openObject(new Uint8Array(readFileSync(new URL(`../../test/objects/twins/${name}.bpf.o`, import.meta.url))));
const twins = read('twins');
const uninitStack = read('uninit_stack');
const inputOf = (object: typeof twins, name: string) => programInput(object, object.programs[name]);

it('every program of the objects has a row', () => {
  const rows = (list: readonly { program: string }[]) => ['sound', ...list.map((t) => t.program)].sort();
  expect(Object.keys(twins.programs).sort()).toEqual(rows(TWINS));
  expect(Object.keys(uninitStack.programs).sort()).toEqual(rows(UNINIT_STACK_TWINS));
});

let unavailable = '';
const oracle: Oracle | null = openOracle((reason) => {
  unavailable = reason;
});
if (oracle === null) console.log(`twins on the live kernel: skipped, ${unavailable}`);
afterAll(() => oracle?.shutdown());

/** Lines of a verifier log that say something: no statistics, no dumps of states. */
const messages = (log: string) =>
  log
    .split('\n')
    .filter((l) => l !== '' && !/^(processed \d+ insns|stack depth|verification time|(cur|old) state:)/.test(l));

describe('beewasm', () => {
  it('accepts the sound programs', () => {
    expect(verify(inputOf(twins, 'sound')).log).toMatch(/^processed \d+ insns/);
    expect(verify(inputOf(uninitStack, 'sound'), { allowUninitStack: false }).ok).toBe(true);
  });
  it.each(UNINIT_STACK_TWINS)('without uninitialised stack, $program: $message', ({ program, errno, message }) => {
    const input = inputOf(uninitStack, program);
    const result = verify(input, { allowUninitStack: false });
    if (result.ok) expect.fail('accepted');
    expect({ errno: result.error.code, message: messages(result.log).at(-1) }).toEqual({ errno, message });
    expect(verify(input).ok).toBe(true);
  });
  // One of them is a million instructions: seconds, but a minute where a busy machine gives little time.
  it.each(TWINS)('$program: $message', ({ program, errno, message }) => {
    const result = verify(inputOf(twins, program));
    if (result.ok) expect.fail('accepted');
    expect({ errno: result.error.code, message: messages(result.log).at(-1) }).toEqual({ errno, message });
    // Where it matters to people: the place in the source.
    if (result.error.insn !== null && result.stats.processed > 7) {
      expect(result.error.source?.file).toBe('./test/objects/twins/twins.bpf.c');
    }
  });
});

describe.skipIf(oracle === null)('the live kernel', () => {
  const load = (object: typeof twins, name: string, capBpfOnly = false) => {
    const loaded = oracle!.load(inputOf(object, name), { capBpfOnly });
    oracle!.unload(loaded);
    return { verdict: loaded.verdict, errno: loaded.errno, message: messages(loaded.log).at(-1) };
  };

  it('accepts the sound programs', () => {
    expect(load(twins, 'sound').verdict).toBe('ACCEPT');
    expect(load(uninitStack, 'sound', true).verdict).toBe('ACCEPT');
  });
  it.each(TWINS)('$program: $message', ({ program, errno, message }) => {
    expect(load(twins, program)).toEqual({ verdict: 'REJECT', errno, message });
  });
  it.each(UNINIT_STACK_TWINS)('without CAP_PERFMON, $program: $message', ({ program, errno, message }) => {
    expect(load(uninitStack, program, true)).toEqual({ verdict: 'REJECT', errno, message });
    expect(load(uninitStack, program).verdict).toBe('ACCEPT');
  });
});
