// Objects that refer to the kernel: functions and variables are found by name in its BTF (here a small one of our own,
// objects/kfuncs/kernel.bpf.c, and the live kernel's), pointers to its structures are followed as its BTF says they may be.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { Kernel, loadJit, openObject } from '../src/index.ts';
import { asm } from '../src/isa/asm.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { closest } from '../src/runtime/closest.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { BeewasmError, UnsupportedError } from '../src/uapi/errors.ts';
import { verify } from '../src/verifier/index.ts';
import type { ProgramInput } from '../src/verifier/verified.ts';

const read = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../test/objects/kfuncs/${name}`, import.meta.url)));
const object = openObject(read('kfuncs.bpf.o'));
const small = readKernelTypes(openObject(read('kernel.bpf.o')).btf!);
const VMLINUX = '/sys/kernel/btf/vmlinux';
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

function verdict(name: string, types: KernelTypes): string | null {
  const result = verify(programInput(object, object.programs[name], types), { kernelTypes: types });
  return result.ok ? null : result.error.message;
}
const LEAK = 'BPF_EXIT instruction in main prog would lead to reference leak';

describe('symbols of the kernel', () => {
  it('functions are found in the built-in prototypes', () => {
    expect(['sections', 'weak', 'task', 'leak'].map((name) => verdict(name, COMMON_TYPES))).toEqual([
      null,
      null,
      null,
      LEAK,
    ]);
  });

  it('... or in a BTF, with what follows ___ left out', () => {
    expect(['weak', 'task', 'leak', 'per_cpu'].map((name) => verdict(name, small))).toEqual([null, null, LEAK, null]);
    const { insns } = programInput(object, object.programs.task, small);
    const called = insns.filter((i) => i.code === 0x85).map((i) => [i.src, small.func(i.imm)!.name]);
    expect(new Set(called.map(String))).toEqual(
      new Set(['2,bpf_task_from_pid', '2,bpf_task_acquire', '2,bpf_task_release']),
    );
  });

  it.each([
    ['missing', 'kfunc bpf_of_no_kernel'],
    ['per_cpu', 'extern runqueues'],
  ])('%s: refused by its name', (name, what) => {
    expect(() => programInput(object, object.programs[name])).toThrow(UnsupportedError);
    expect(() => programInput(object, object.programs[name])).toThrow(what);
  });

  it('what is weak and not there is 0, and a call of it must not be reached', () => {
    const calls = programInput(object, object.programs.weak).insns.filter((i) => i.code === 0x85);
    expect(calls.map((i) => [i.src, i.imm])).toEqual([[0, 2002000000]]);
  });
});

describe('what an object declares a symbol of the kernel as', () => {
  const declared = openObject(read('declared.bpf.o'));
  const refusal = (name: string, types: KernelTypes): string | null => {
    try {
      programInput(declared, declared.programs[name], types);
      return null;
    } catch (error) {
      if (!(error instanceof BeewasmError)) throw error;
      return error.message;
    }
  };
  const RELEASE = 'void bpf_task_release(struct task_struct *p)';
  const kernels: [string, KernelTypes][] = [['Linux 6.18', COMMON_TYPES]];
  if (existsSync(VMLINUX)) kernels.push(['vmlinux [N]', readKernelTypes(readFileSync(VMLINUX))]);

  describe.each(kernels)('%s', (kernel, types) => {
    it.each([
      ['more', 'bpf_task_release___more', RELEASE],
      ['number', 'bpf_task_release___number', RELEASE],
      ['untyped', 'bpf_task_release___untyped', RELEASE],
      ['of_enum', 'bpf_task_from_pid___enum', 'struct task_struct *bpf_task_from_pid(int pid)'],
      ['result', 'bpf_rcu_read_lock___result', 'void bpf_rcu_read_lock(void)'],
      [
        'only_declared',
        'bpf_cgroup_release',
        'void bpf_cgroup_release(struct cgroup *cgrp); struct cgroup must be defined, too',
      ],
    ])('%s: is not it', (name, symbol, is) => {
      const text = refusal(name, types)?.replace(/\[\d+\]/g, '[N]');
      expect(text).toBe(
        `EINVAL: program ${name}: extern (func ksym) '${symbol}': func_proto [N] incompatible with ${kernel}: ${is}`,
      );
    });

    it('names of structures and widths of numbers do not count', () => {
      expect(refusal('alike', types)).toBeNull();
    });

    it('what is weak and something else is 0', () => {
      const calls = programInput(declared, declared.programs.weak, types).insns.filter((i) => i.code === 0x85);
      expect(calls.map((i) => [i.src, i.imm])).toEqual([[0, 2002000000]]);
    });

    it('misspelt, unheard of, undeclared', () => {
      expect(refusal('misspelt', types)).toBe(
        'program misspelt: kfunc bpf_task_aquire is not in the kernel: did you mean bpf_task_acquire?',
      );
      expect(closest('bpf_kfunc_call_test_acquire', ['bpf_kfunc_call_test_release'])).toBeUndefined();
      expect(refusal('unheard_of', types)).toBe(
        `program unheard_of: kfunc bpf_nothing_like_it is ${
          types === COMMON_TYPES
            ? "known only to the kernel's BTF (btf FILE; in code: kernelTypes)"
            : 'not in the BTF of the kernel'
        }`,
      );
      expect(refusal('undeclared', types)).toBe(
        'program undeclared: extern function bpf_strlen, declared without __ksym, is not supported',
      );
    });

    it.skipIf(types === COMMON_TYPES)('variables', () => {
      expect(refusal('variable', types)).toBeNull();
      expect(refusal('wrong_variable', types)?.replace(/\[\d+\]/, '[N]')).toBe(
        "EINVAL: program wrong_variable: extern (var ksym) 'runqueues': incompatible types, expected [N], but kernel has struct rq",
      );
    });
  });
});

describe('running', () => {
  const kernel = new Kernel();
  beforeAll(() => loadJit());
  afterAll(() => kernel.close());
  const only = (...names: string[]) => {
    const spec = openObject(read('kfuncs.bpf.o'));
    for (const program of Object.values(spec.programs)) program.autoload = names.includes(program.name);
    return spec;
  };

  it.each(['off', 'optimized'] as const)('jit %s', async (jit) => {
    const { programs } = await kernel.load(only('sections', 'weak'), { jit });
    const data = new Uint8Array(64);
    expect([programs.sections.run({ data }).retval, programs.weak.run({ data }).retval]).toEqual([3, 2]);
  });

  it('what needs a kernel is refused by its name', async () => {
    await expect(kernel.load(only('task'))).rejects.toThrow('kfunc bpf_task_from_pid');
    const { insns } = asm('r1 = 0 ll\nr0 = *(u32 *)(r1 + 0)\nexit');
    const at = [{ ...insns[0], src: 3, imm: small.variableId('init_css_set')! }, ...insns.slice(1)];
    const load = () => kernel.loadProgram({ type: 'kprobe', insns: at }, { kernelTypes: small, jit: 'off' });
    expect(load).toThrow('kernel variable init_css_set');
  });
});

/** A syscall program that holds the current task in r6. */
function withTask(text: string, types: KernelTypes, flags = 16): ProgramInput {
  const kcall = (_: string, name: string) => `call ${name}#${types.funcId(name)}`;
  const off = (_: string, struct: string, field: string) =>
    String(types.struct(struct)!.fields.find((f) => f.name === field)!.off);
  const body = text.replace(/kcall (\w+)/g, kcall).replace(/(\w+)->(\w+)/g, off);
  return {
    name: 't',
    type: flags === 0 ? T.BPF_PROG_TYPE_KPROBE : T.BPF_PROG_TYPE_SYSCALL,
    expectedAttachType: 0,
    flags,
    license: 'GPL',
    insns: asm(`call bpf_get_current_task_btf\nr6 = r0\n${body}\nr0 = 0\nexit`).insns,
    maps: [],
    mapRefs: new Map(),
  };
}

const PARENT = 'r7 = *(u64 *)(r6 + task_struct->real_parent)';
const ACQUIRE = 'kcall bpf_task_acquire\nif r0 == 0 goto none\nr1 = r0\nkcall bpf_task_release\nnone:';
const LOCK = 'kcall bpf_rcu_read_lock';
const UNLOCK = 'kcall bpf_rcu_read_unlock';

/** [what, program, does it sleep, what r7 or the message is]. */
const POINTERS: readonly (readonly [string, string, boolean, string | null, string])[] = [
  ['a trusted pointer', ACQUIRE.replace('kcall', 'r1 = r6\nkcall'), true, null, 'trusted_ptr_task_struct'],
  [
    'a field that RCU protects',
    `${LOCK}\n${PARENT}\nr1 = r7\n${ACQUIRE}\n${UNLOCK}`,
    true,
    null,
    'R7=rcu_ptr_task_struct(',
  ],
  [
    '... behind the section',
    `${LOCK}\n${PARENT}\n${UNLOCK}\nr1 = r7\nkcall bpf_task_acquire`,
    true,
    'R1 must be a rcu pointer',
    'R7=untrusted_ptr_task_struct(',
  ],
  [
    '... without a section',
    `${PARENT}\nr1 = r7\nkcall bpf_task_acquire`,
    true,
    'R1 must be a rcu pointer',
    'R7=untrusted_ptr_task_struct(',
  ],
  [
    '... in a program that does not sleep',
    `${PARENT}\nr8 = *(u64 *)(r7 + task_struct->real_parent)`,
    false,
    null,
    'R8=rcu_ptr_task_struct(',
  ],
  [
    'a field that nothing protects',
    `${LOCK}\nr7 = *(u64 *)(r6 + task_struct->last_wakee)\nr1 = r7\nkcall bpf_task_acquire`,
    true,
    'R1 must be a rcu pointer',
    'R7=ptr_task_struct(',
  ],
  [
    'what an untrusted pointer leads to',
    `${PARENT}\nr8 = *(u64 *)(r7 + task_struct->real_parent)`,
    true,
    null,
    'R8=untrusted_ptr_task_struct(',
  ],
  ['a store', '*(u64 *)(r6 + 0) = 0', true, 'only read is supported', 'trusted_ptr_task_struct'],
  [
    'in front of it',
    'r1 = *(u64 *)(r6 - 8)',
    true,
    'R6 is ptr_task_struct invalid negative access: off=-8',
    'trusted_ptr_task_struct',
  ],
  ['never NULL', 'if r6 == 0 goto +1\nr7 = 1\nr7 = r6', true, null, 'R7=trusted_ptr_task_struct('],
  ['a helper takes it', 'r1 = r6\ncall bpf_task_pt_regs\nr7 = r0', true, null, 'R7=ptr_pt_regs('],
  [
    '... but no other structure',
    'r1 = r6\ncall bpf_task_pt_regs\nr1 = r0\ncall bpf_task_pt_regs',
    true,
    'R1 is of type pt_regs but task_struct is expected',
    'ptr_pt_regs(',
  ],
  [
    '... no memory',
    'r1 = r10\ncall bpf_task_pt_regs',
    true,
    'R1 type=fp expected=ptr_, trusted_ptr_, rcu_ptr_',
    'trusted_ptr_task_struct',
  ],
  [
    'as memory that is written',
    'r1 = r6\nr2 = 8\nr3 = 0\ncall bpf_probe_read_kernel',
    true,
    'bpf_probe_read_kernel() may write into memory pointed by R1 type=trusted_ptr_',
    'trusted_ptr_task_struct',
  ],
];

describe.each([
  ['the small kernel', small, null],
  ['the live kernel', oracle !== null && existsSync(VMLINUX) ? readKernelTypes(readFileSync(VMLINUX)) : null, oracle],
] as const)('pointers to structures of %s', (_name, types, linux) => {
  it.skipIf(types === null).each(POINTERS)('%s', (_what, text, sleeps, message, register) => {
    const input = withTask(text, types!, sleeps ? 16 : 0);
    const own = verify(input, { kernelTypes: types!, logLevel: 2, cpus: linux?.possibleCpus ?? 1 });
    expect(own.ok ? null : own.error.message).toBe(message);
    expect(own.log).toContain(register);
    if (linux === null) return;
    const theirs = linux.load(input, { logLevel: 2 });
    linux.unload(theirs);
    const clean = (log: string) =>
      log
        .replace(/^(verification time|stack depth).*\n/gm, '')
        .replace(/ +$/gm, '')
        .trim();
    expect(clean(own.log)).toBe(clean(theirs.log));
  });
});

describe('fields of the small kernel', () => {
  const loads = (text: string, flags?: number) =>
    verify(withTask(text, small, flags), { kernelTypes: small, logLevel: 2 }).log;

  it('that stay trusted', () => {
    expect(loads('r7 = *(u64 *)(r6 + task_struct->mm)')).toContain('R7=trusted_ptr_mm_struct(');
  });
  it('that RCU protects and may be NULL', () => {
    const log = loads('r7 = *(u64 *)(r6 + task_struct->mm)\nr8 = *(u64 *)(r7 + mm_struct->owner)', 0);
    expect(log).toContain('R8=rcu_ptr_or_null_task_struct(id=1)');
  });
  it('of unions', () => {
    expect(loads('r7 = *(u64 *)(r6 + 40)', 0)).toContain('R7=untrusted_ptr_task_struct(');
  });
  it('a structure inside is one too', () => {
    const input = withTask('r1 = r6\nr1 += task_struct->set\nkcall bpf_task_acquire', small);
    const result = verify(input, { kernelTypes: small });
    expect(result.ok ? null : result.error.message).toMatch(/expected pointer to STRUCT task_struct but R1/);
  });
});

describe('variables of the small kernel', () => {
  const program = (id: number, text: string): string => {
    const { insns } = asm(`r1 = 0 ll\n${text}\nr0 = 0\nexit`);
    const at = { ...withTask('', small), insns: insns.map((i, n) => (n === 0 ? { ...i, src: 3, imm: id } : i)) };
    const result = verify(at, { kernelTypes: small, logLevel: 2 });
    return result.ok ? result.log : result.error.message;
  };
  const active = small.variableId('bpf_prog_active')!;
  const queues = small.variableId('runqueues')!;

  it.each([
    ['per CPU', active, '', 'R1=percpu_ptr_int('],
    ['a copy of a number', active, 'call bpf_this_cpu_ptr\nr2 = *(u32 *)(r0 + 0)', 'R0=rdonly_mem(sz=4)'],
    ['... is read only', active, 'call bpf_this_cpu_ptr\n*(u32 *)(r0 + 0) = 1', 'R0 cannot write into rdonly_mem'],
    ['a copy of a structure', queues, 'call bpf_this_cpu_ptr\nr2 = *(u32 *)(r0 + 0)', 'R0=ptr_rq('],
    [
      'of some CPU',
      queues,
      'r2 = 0\ncall bpf_per_cpu_ptr\nr2 = *(u32 *)(r0 + 0)',
      "R0 invalid mem access 'ptr_or_null_'",
    ],
    ['without a helper', queues, 'r2 = *(u32 *)(r1 + 0)', 'R1 is ptr_rq access percpu memory: off=0'],
    ['that all share', small.variableId('init_css_set')!, 'r2 = *(u32 *)(r1 + 0)', 'R1=ptr_css_set('],
    ['a function', small.funcId('bpf_task_acquire')!, 'if r1 != 0 goto +1\nr0 = r9', 'R1=rdonly_mem(sz=0)'],
    ['of another type', 1, '', "pseudo btf_id 1 in ldimm64 isn't KIND_VAR or KIND_FUNC"],
    ['of no type', 99999, '', 'ldimm64 insn specifies invalid btf_id 99999.'],
  ])('%s', (_what, id, text, expected) => {
    expect(program(id, text)).toContain(expected);
  });
});

describe('where a symbol is', () => {
  const listed = new Set(['bpf_task_acquire', 'init_css_set']);
  const types = readKernelTypes(openObject(read('kernel.bpf.o')).btf!, listed);
  const answer = (id: number): string | null => {
    const { insns } = asm('r1 = 0 ll\nr0 = 0\nexit');
    const at = { ...withTask('', types), insns: insns.map((i, n) => (n === 0 ? { ...i, src: 3, imm: id } : i)) };
    const result = verify(at, { kernelTypes: types });
    return result.ok ? null : `${result.error.code} ${result.error.message}`;
  };

  it('the kernel tells, or it is not there', () => {
    expect([types.funcId('bpf_task_acquire')!, types.variableId('init_css_set')!].map(answer)).toEqual([null, null]);
    expect(answer(types.variableId('runqueues')!)).toBe(
      "ENOENT ldimm64 failed to find the address for kernel symbol 'runqueues'.",
    );
  });
});

describe.skipIf(oracle === null || !existsSync(VMLINUX))('objects beside the live kernel', () => {
  it('the same verdicts', () => {
    const types = readKernelTypes(readFileSync(VMLINUX));
    const kernel = kernelPrograms(oracle!, object, undefined, types);
    for (const name of ['sections', 'weak', 'task', 'leak']) {
      const both = kernel.of(object.programs[name]);
      if (typeof both === 'string') throw new Error(both);
      const linux = oracle!.load(both.kernel);
      oracle!.unload(linux);
      expect([name, linux.verdict === 'ACCEPT' ? null : linux.message]).toEqual([name, verdict(name, types)]);
    }
    kernel.close();
  });
});
