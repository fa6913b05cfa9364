// Global functions are verified on their own, by their prototype: the programs of objects/global say in their name what
// Linux answers. The live kernel, where it is, must answer the same, with the same log.

import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { liveTarget } from '../conformance/kernel/live_target.ts';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { Kernel } from '../src/index.ts';
import { openObject } from '../src/loader/index.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { verify } from '../src/verifier/index.ts';
import { comparable } from './live_log.ts';

const object = openObject(
  new Uint8Array(readFileSync(new URL('../../test/objects/global/global.bpf.o', import.meta.url))),
);

/** Last two lines of the log before the statistics. */
const MESSAGES: Readonly<Record<string, string>> = {
  bad_unchecked: "R1 invalid mem access 'mem_or_null'",
  bad_nonnull: "arg#0 is expected to be non-NULL\nCaller passes invalid args into func#1 ('sum_nonnull')",
  null_for_nonnull: "arg#0 is expected to be non-NULL\nCaller passes invalid args into func#1 ('sum_nonnull')",
  bad_size: "R1 offset is outside of the packet\nCaller passes invalid args into func#1 ('sum')",
  bad_ctx: "arg#0 expects pointer to ctx\nCaller passes invalid args into func#1 ('length')",
  bad_number: "R1 is not a scalar\nCaller passes invalid args into func#1 ('number')",
  bad_moved: "R6 invalid mem access 'scalar'",
  bad_range: 'invalid variable-offset read from stack R1 var_off=(0x0; 0xf) off=-8 size=1',
  bad_returns_pointer:
    "Global function pointer() doesn't return scalar. Only those are supported.\nCaller passes invalid args into func#1 ('pointer')",
  bad_returns_nothing:
    "Global function nothing() doesn't return scalar. Only those are supported.\nCaller passes invalid args into func#1 ('nothing')",
  bad_opaque:
    "arg#0 reference type('FWD incomplete') size cannot be determined: -22\nCaller passes invalid args into func#1 ('opaque')",
  bad_tag: "arg#0 has pointer tag, but is not a pointer type\nCaller passes invalid args into func#1 ('wrong_tag')",
  bad_callback: 'callback function not static',
};

/** Where we refuse what Linux takes: it verifies the function for a pointer that is not NULL, and lets a NULL in. */
const STRICTER = ['null_for_nonnull'];

const programs = Object.values(object.programs);
const inputOf = (name: string) => programInput(object, object.programs[name]);

describe('global functions', () => {
  it.each(programs.map((p) => p.name))('%s', (name) => {
    const result = verify(inputOf(name));
    const said = result.ok ? undefined : result.log.split('\n').slice(0, -2).join('\n');
    if (MESSAGES[name] === undefined) expect(said).toBeUndefined();
    else expect(said?.endsWith(MESSAGES[name]), said).toBe(true);
  });

  it('are looked into once, not at every call', () => {
    const { log, stats } = verify(inputOf('ok_nested'), { logLevel: 1 });
    expect(stats.processed).toBe(21);
    expect(log).toContain("Func#2 ('number') is safe for any args that match its prototype");
    const { log: all } = verify(inputOf('ok_nested'), { logLevel: 2 });
    for (const line of [
      "Func#1 ('store') is global and assumed valid.",
      'Validating store() func#1...',
      'Validating number() func#2...',
    ])
      expect(all).toContain(line);
  });

  it('are static where no BTF tells of functions', () => {
    const { functions, prototypes, ...untyped } = inputOf('bad_unchecked');
    expect(functions?.size).toBe(2);
    expect(prototypes?.size).toBe(2);
    expect(verify(untyped).ok).toBe(true);
  });

  it('that are hidden are static', () => {
    const linkages = [...object.programs.ok_hidden.prototypes.values()].map((p) => `${p.name} ${p.linkage}`);
    expect(linkages).toEqual(['ok_hidden global', 'hidden static', 'local static']);
  });
});

let skipReason = '';
const oracle = openOracle((reason) => {
  skipReason = reason;
});
const live = oracle?.kernelRelease.startsWith('6.18.') ? oracle : null;
if (oracle && !live) skipReason = `Linux ${oracle.kernelRelease}`;
if (skipReason) console.warn(`global functions: no comparison with the live kernel: ${skipReason}`);
afterAll(() => oracle?.shutdown());

/** Of objects/global/kernel_args: their message; null = accepted. */
const KERNEL_ARGS: Readonly<Record<string, string | null>> = {
  ok_trusted: null,
  ok_null: null,
  ok_flavour: null,
  bad_null: 'R1 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_',
  bad_kind: 'R1 type=map_value expected=ptr_, trusted_ptr_, rcu_ptr_',
  bad_moved: 'variable trusted_ptr_ access var_off=(0x0; 0x8) disallowed',
  bad_write: 'only read is supported',
  bad_unknown: "arg#0 reference type('STRUCT of_no_kernel') has no matches",
  bad_combined: 'arg#0 has invalid combination of tags',
  ok_untrusted: null,
  ok_untrusted_moved: null,
  bad_hands_on: 'R1 type=untrusted_ptr_ expected=ptr_, trusted_ptr_, rcu_ptr_',
  ok_bytes: null,
  ok_number: null,
  bad_stores: 'R1 cannot write into rdonly_untrusted_mem',
  bad_twice: 'arg#0 untrusted cannot be combined with any other tags',
  ok_any_context: null,
  bad_context: 'arg#0 should be `struct pt_regs *`',
  ok_regs: null,
  bad_regs: 'arg#0 should be `struct bpf_perf_event_data *`',
  bad_raw: 'arg#0 should be `struct bpf_raw_tracepoint_args *`',
};

describe('arguments of the kernel', () => {
  const read = (name: string) =>
    new Uint8Array(readFileSync(new URL(`../../test/objects/${name}.bpf.o`, import.meta.url)));
  const bytes = read('global/kernel_args');
  const small = openObject(read('kfuncs/kernel')).btf!;

  it.each(Object.entries(KERNEL_ARGS))('%s: %s', (name, message) => {
    const types = readKernelTypes(small);
    const object = openObject(bytes, { btf: small });
    const result = verify(programInput(object, object.programs[name], types), { kernelTypes: types });
    if (message === null) expect(result.log).not.toMatch(/arg#|R1 /);
    else expect(result.log).toContain(`${message}\n`);
    expect(result.ok).toBe(message === null);
  });

  it('are all of the object', () => {
    expect(Object.keys(openObject(bytes, { btf: small }).programs).sort()).toEqual(Object.keys(KERNEL_ARGS).sort());
  });

  it('that may be anything are not run with bytes of the program: those are no 0', async () => {
    const kernel = new Kernel();
    const object = openObject(bytes, { btf: small });
    for (const program of Object.values(object.programs)) program.autoload = program.name === 'ok_number';
    const load = kernel.load(object, { jit: 'off', kernelTypes: readKernelTypes(small) });
    await expect(load).rejects.toThrow('an __arg_untrusted argument that is no structure of the kernel');
    kernel.close();
  });

  const VMLINUX = '/sys/kernel/btf/vmlinux';
  it.skipIf(live === null || !existsSync(VMLINUX))('beside the live kernel', () => {
    const { open, verify: options } = liveTarget();
    const object = openObject(bytes, open);
    const both = kernelPrograms(live!, object, undefined, options.kernelTypes);
    for (const program of Object.values(object.programs)) {
      const asked = both.of(program);
      if (typeof asked === 'string') throw new Error(asked);
      const linux = live!.load(asked.kernel, { logLevel: 2 });
      live!.unload(linux);
      const ours = verify(asked.input, { ...options, logLevel: 2, cpus: live!.possibleCpus });
      expect(comparable(ours.log)).toEqual(comparable(linux.log));
      expect([program.name, ours.ok]).toEqual([program.name, linux.verdict === 'ACCEPT']);
    }
    both.close();
  });
});

describe.skipIf(live === null)('beside the live kernel', () => {
  const kernel = live && kernelPrograms(live, object);
  afterAll(() => kernel?.close());

  it.each(programs.map((p) => p.name))('%s', (name) => {
    const both = kernel!.of(object.programs[name]);
    if (typeof both === 'string') throw new Error(both);
    // At level 2 we show how precision goes round the loop of a callback, where Linux 6.18 sees none.
    const options = { logLevel: name === 'ok_callback' ? 1 : 2 } as const;
    const linux = live!.load(both.kernel, options);
    live!.unload(linux);
    const ours = verify(both.input, { ...options, cpus: live!.possibleCpus });
    if (STRICTER.includes(name)) {
      expect([linux.verdict, ours.ok]).toEqual(['ACCEPT', false]);
      return;
    }
    expect(comparable(ours.log)).toEqual(comparable(linux.log));
    expect(ours.ok ? 'ACCEPT' : 'REJECT').toBe(linux.verdict);
  });
});
