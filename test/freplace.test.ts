// Programs that replace a function of another one: as which type they are verified, and which functions they may replace.
// Beside the live kernel where it loads such programs; it may answer EPERM.
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { openObject } from '../src/index.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import type { Verified } from '../src/verifier/verified.ts';

const read = (name: string) =>
  openObject(new Uint8Array(readFileSync(new URL(`../../test/objects/freplace/${name}`, import.meta.url))));
const target = read('target.bpf.o');
const replace = read('replace.bpf.o');
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

function accepted(name: string): Verified {
  const result = verify(programInput(target, target.programs[name]));
  if (!result.ok) throw new Error(result.error.message);
  return result.verified;
}
const tc = accepted('main_tc');
const connect = accepted('main_connect');

/** Program -> the one whose function it replaces, the message; null = accepted. */
const ROWS: readonly (readonly [string, 'main_tc' | 'main_connect', string | null])[] = [
  ['new_length', 'main_tc', null],
  ['reads_too_far', 'main_tc', 'R1 offset is outside of the packet'],
  ['other_ctx', 'main_tc', "arg0 other_ctx(struct xdp_md *) doesn't match length(struct __sk_buff *)"],
  ['more_arguments', 'main_tc', 'more_arguments() has 2 args while length() has 1 args'],
  ['changes', 'main_tc', 'Extension program changes packet data, while original does not'],
  ['may_change', 'main_tc', null],
  ['new_sum', 'main_tc', null],
  ['wide_sum', 'main_tc', 'arg0 in wide_sum() has size 8 while sum() has 4'],
  ['turned_sum', 'main_tc', 'arg0 in turned_sum() is PTR while sum() has INT'],
  ['new_hidden', 'main_tc', 'hidden() is not a global function'],
  ['new_nothing', 'main_tc', "Subprog nothing doesn't exist"],
  ['new_main', 'main_tc', null],
  ['new_allows', 'main_connect', null],
  [
    'allows_all',
    'main_connect',
    'At program exit the register R0 has smin=0 smax=4294967295 should have been in [0, 1]',
  ],
  ['new_takes', 'main_tc', null],
  ['takes_too_much', 'main_tc', 'arg0 of takes_too_much() must be more than takes_more() asks for'],
  ['takes_some', 'main_tc', 'arg0 of takes_some() must be more than takes() asks for'],
  ['new_looks', 'main_tc', null],
  ['trusts', 'main_tc', 'arg0 of trusts() must be more than looks() asks for'],
  ['writes', 'main_tc', 'arg0 of writes() must be more than looks() asks for'],
  ['returns_nothing', 'main_connect', "Return type UNKNOWN of returns_nothing() doesn't match type INT of allows()"],
  ['new_length', 'main_connect', "Subprog length doesn't exist"],
];

const program = (name: 'main_tc' | 'main_connect') => (name === 'main_tc' ? tc : connect);
const input = (name: string, of: Verified) => programInput(replace, replace.programs[name], undefined, { program: of });
const messageOf = (result: ReturnType<typeof verify>) => (result.ok ? null : result.error.message);

describe('freplace', () => {
  it.each(ROWS)('%s of %s: %s', (name, of, message) => {
    expect(messageOf(verify(input(name, program(of))))).toBe(message);
  });

  it('is verified for any arguments of its prototype', () => {
    const result = verify(input('new_sum', tc), { logLevel: 2 });
    expect(result.log).toContain('Validating new_sum() func#0...\n0: R1=scalar() R2=ctx() R10=fp0');
    expect(result.ok && [result.verified.type, result.verified.attachType, result.verified.extends]).toEqual([
      3,
      0,
      true,
    ]);
  });

  it('may come from a section of any type, as the programs of libxdp do', () => {
    const spec = { ...replace.programs.of_another_section, type: T.BPF_PROG_TYPE_EXT };
    expect(messageOf(verify(programInput(replace, spec, undefined, { program: tc, func: 'length' })))).toBeNull();
    expect(messageOf(verify(programInput(replace, spec, undefined, { program: tc })))).toBe("Subprog  doesn't exist");
  });

  it('needs a target, with types, that replaces nothing itself', () => {
    expect(messageOf(verify(programInput(replace, replace.programs.new_length)))).toBe(
      'Tracing programs must provide btf_id',
    );
    const { typedFuncs, ...untyped } = tc;
    expect(messageOf(verify(input('new_length', untyped)))).toBe(
      'FENTRY/FEXIT program can only be attached to another program annotated with BTF',
    );
    const { functions, ...nameless } = input('new_length', tc);
    expect(messageOf(verify(nameless))).toBe('Program extension requires BTF');
    const first = verify(input('new_length', tc));
    if (!first.ok) throw new Error(first.error.message);
    const again = { ...input('new_length', tc), attachProg: { program: first.verified, func: 'new_length' } };
    expect(messageOf(verify(again))).toBe('Cannot recursively attach');
  });

  it('replaces no function whose calls do not fit its prototype', () => {
    const funcs = tc.typedFuncs!.map((f) => (f.proto.name === 'length' ? { ...f, reliable: false } : f));
    expect(messageOf(verify(input('new_length', { ...tc, typedFuncs: funcs })))).toBe(
      'Cannot replace static functions',
    );
  });

  it('takes no flags and attach types of its own', () => {
    expect(messageOf(verify({ ...input('new_length', tc), flags: 16 }))).toContain('can be sleepable');
    expect(messageOf(verify({ ...input('new_length', tc), expectedAttachType: 1 }))).toBe(
      'expected_attach_type 1 is none of ext programs',
    );
  });

  it.skipIf(oracle === null)('beside the live kernel', (context) => {
    const [targets, replacements] = [kernelPrograms(oracle!, target), kernelPrograms(oracle!, replace)];
    for (const [name, of, message] of ROWS) {
      const [main, own] = [targets.of(target.programs[of]), replacements.of(replace.programs[name])];
      if (typeof main === 'string' || typeof own === 'string') throw new Error(`${main} ${own}`);
      const loaded = oracle!.load(main.kernel);
      const func = replace.programs[name].attachTo!.name;
      const at = [...target.programs[of].functions].find(([, f]) => f === func)?.[0] ?? -1;
      const id = target.programs[of].functionTypes.get(at);
      const linux = oracle!.load({ ...own.kernel, targetHandle: loaded.handle, attachBtfId: id ?? 1 });
      oracle!.unload(linux);
      oracle!.unload(loaded);
      if (linux.errno === 'EPERM') return context.skip('this kernel loads no programs that replace functions');
      // Linux 6.18 compares the names of structures.
      if (id !== undefined)
        expect([name, linux.message]).toEqual([name, message?.includes('must be more') ? null : message]);
    }
    targets.close();
    replacements.close();
  });
});
