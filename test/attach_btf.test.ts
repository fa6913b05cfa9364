// Tracing programs, bound to tracepoints and iterators of a kernel's BTF: what their context holds. Beside the live kernel
// every argument of every tracepoint and iterator that it has is loaded once, and the logs are compared.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { openObject } from '../src/index.ts';
import { asm } from '../src/isa/asm.ts';
import type { Insn } from '../src/isa/insn.ts';
import { type Btf, type BtfOf, readBtf } from '../src/loader/btf.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { programInput } from '../src/runtime/program_input.ts';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import type { ProgramInput } from '../src/verifier/verified.ts';

const read = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../test/objects/kfuncs/${name}`, import.meta.url)));
const object = openObject(read('kfuncs.bpf.o'));
const small = readKernelTypes(openObject(read('kernel.bpf.o')).btf!);
const VMLINUX = '/sys/kernel/btf/vmlinux';
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
const vmlinux = oracle !== null && existsSync(VMLINUX) ? new Uint8Array(readFileSync(VMLINUX)) : null;
const live = vmlinux === null ? null : readKernelTypes(vmlinux);
afterAll(() => oracle?.shutdown());

const ATTACH = {
  tp: AT.BPF_TRACE_RAW_TP,
  iter: AT.BPF_TRACE_ITER,
  fentry: AT.BPF_TRACE_FENTRY,
  fexit: AT.BPF_TRACE_FEXIT,
};
type To = keyof typeof ATTACH;

function targetId(types: KernelTypes, to: To, name: string): number {
  if (to === 'tp') return types.targetId('typedef', `btf_trace_${name}`) ?? 0;
  return types.targetId('func', to === 'iter' ? `bpf_iter_${name}` : name) ?? 0;
}

function bound(attachBtfId: number, expectedAttachType: number, insns: readonly Insn[], flags = 0): ProgramInput {
  const type = T.BPF_PROG_TYPE_TRACING;
  return {
    name: 't',
    type,
    expectedAttachType,
    attachBtfId,
    flags,
    license: 'GPL',
    insns,
    maps: [],
    mapRefs: new Map(),
  };
}

function program(types: KernelTypes, to: To, name: string, text: string): ProgramInput {
  const body = text.replace(/kcall (\w+)/g, (_, kfunc) => `call ${kfunc}#${types.funcId(kfunc) ?? -1}`);
  return bound(
    targetId(types, to, name),
    ATTACH[to],
    asm(body.includes('exit') ? body : `${body}\nr0 = 0\nexit`).insns,
  );
}

const NO_ACCESS = (off: number, size = 8) => `invalid bpf_context access off=${off} size=${size}`;
const ACQUIRE = 'kcall bpf_task_acquire\nif r0 == 0 goto none\nr1 = r0\nkcall bpf_task_release\nnone:';

/** [bound to, name, program, message, part of the log] */
const ROWS: readonly (readonly [To, string, string, string | null, string])[] = [
  ['tp', 'sched_switch', 'r2 = *(u64 *)(r1 + 8)', null, 'R2=trusted_ptr_task_struct('],
  ['tp', 'sched_switch', 'r2 = *(u64 *)(r1 + 0)', null, 'R2=scalar()'],
  ['tp', 'sched_switch', 'r2 = *(u32 *)(r1 + 0)', null, 'var_off=(0x0; 0xffffffff)'],
  ['tp', 'sched_switch', 'r2 = *(u64 *)(r1 + 32)', NO_ACCESS(32), "func 'sched_switch' doesn't have 5-th argument"],
  ['tp', 'sched_switch', 'r2 = *(u64 *)(r1 + 96)', NO_ACCESS(96), ''],
  ['tp', 'sched_switch', 'r2 = *(u64 *)(r1 - 8)', NO_ACCESS(-8), ''],
  ['tp', 'sched_switch', 'r2 = *(u32 *)(r1 + 4)', NO_ACCESS(4, 4), "func 'sched_switch' offset 4 is not multiple of 8"],
  ['tp', 'sched_switch', 'r2 = *(u32 *)(r1 + 8)', NO_ACCESS(8, 4), "func 'sched_switch' size 4 must be 8"],
  ['tp', 'sched_switch', '*(u64 *)(r1 + 0) = 0', NO_ACCESS(0), ''],
  ['tp', 'sched_switch', `r1 = *(u64 *)(r1 + 8)\n${ACQUIRE}`, null, ''],
  [
    'tp',
    'kfree_skb',
    'r2 = *(u64 *)(r1 + 24)\nr3 = *(u8 *)(r2 + 0)',
    "R2 invalid mem access 'trusted_ptr_or_null_'",
    '',
  ],
  ['tp', 'kfree_skb', 'r2 = *(u64 *)(r1 + 8)', null, 'R2=scalar()'],
  [
    'tp',
    'sched_switch',
    'call bpf_get_func_ip',
    'func bpf_get_func_ip#173 supported only for fentry/fexit/fmod_ret programs',
    '',
  ],
  ['iter', 'task', 'r2 = *(u64 *)(r1 + 8)', null, 'R2=trusted_ptr_or_null_task_struct(id=1)'],
  ['iter', 'task', 'r2 = *(u64 *)(r1 + 0)\nr1 = *(u64 *)(r2 + 0)', null, 'R1=trusted_ptr_seq_file('],
  ['iter', 'task', 'r0 = 2\nexit', 'At program exit the register R0 has smin=2 smax=2 should have been in [0, 1]', ''],
  ['iter', 'bpf_map_elem', 'r2 = *(u64 *)(r1 + 16)', null, 'R2=rdonly_buf_or_null(id=1)'],
  [
    'iter',
    'bpf_map_elem',
    'r2 = *(u64 *)(r1 + 16)\nif r2 == 0 goto none\n*(u8 *)(r2 + 0) = 1\nnone:',
    'R2 cannot write into rdonly_buf',
    '',
  ],
  ['iter', 'bpf_map_elem', 'r2 = *(u64 *)(r1 + 24)\nif r2 == 0 goto none\n*(u8 *)(r2 + 9) = 1\nnone:', null, 'R2=buf('],
  [
    'iter',
    'bpf_map_elem',
    'r2 = *(u64 *)(r1 + 24)\nif r2 == 0 goto none\n*(u8 *)(r2 - 1) = 1\nnone:',
    'R2 invalid rdwr buffer access: off=-1, size=1',
    '',
  ],
  [
    'iter',
    'bpf_map_elem',
    'r2 = *(u64 *)(r1 + 24)\nif r2 == 0 goto none\nr3 = *(u32 *)(r10 - 4)\nr3 &= 7\nr2 += r3\nr3 = *(u8 *)(r2 + 0)\nnone:',
    'R2 invalid variable buffer offset: off=0, var_off=(0x0; 0x7)',
    '',
  ],
];

describe.each([
  ['the small kernel', small],
  ['the live kernel', live],
] as const)('programs bound to %s', (_name, types) => {
  it.skipIf(types === null).each(ROWS)('%s/%s: %s', (to, name, text, message, part) => {
    const input = program(types!, to, name, text);
    const own = verify(input, { kernelTypes: types!, logLevel: 2 });
    expect(own.ok ? null : own.error.message).toBe(message);
    expect(own.log).toContain(part);
    if (types !== live) return;
    const theirs = oracle!.load(input, { logLevel: 2 });
    oracle!.unload(theirs);
    expect(clean(own.log)).toBe(clean(theirs.log));
  });

  it.skipIf(types === null)('what they are bound to', () => {
    const refused = (id: number, attach: number) => {
      const result = verify(bound(id, attach, asm('r0 = 0\nexit').insns), { kernelTypes: types! });
      return result.ok ? null : result.error.message;
    };
    const [typedef, func] = [types!.targetId('typedef', 'u32')!, types!.funcId('bpf_task_acquire')!];
    expect(refused(0, AT.BPF_TRACE_RAW_TP)).toBe('Tracing programs must provide btf_id');
    expect(refused(func, AT.BPF_TRACE_RAW_TP)).toBe(`attach_btf_id ${func} is not a typedef`);
    expect(refused(typedef, AT.BPF_TRACE_RAW_TP)).toBe(`attach_btf_id ${typedef} points to wrong type name u32`);
    expect(refused(typedef, AT.BPF_TRACE_ITER)).toBe(`attach_btf_id ${typedef} is not a function`);
    expect(refused(func, AT.BPF_TRACE_ITER)).toBe('bpf_task_acquire is not what an iterator calls');
  });
});

describe('functions of the small kernel', () => {
  const at = (to: To, text: string) => {
    const result = verify(program(small, to, 'vfs_call', text), { kernelTypes: small, logLevel: 2 });
    return result.ok ? result.log : result.error.message;
  };
  it('arguments are pointers from before trust', () => {
    expect(at('fentry', 'r2 = *(u64 *)(r1 + 0)')).toContain('R2=ptr_task_struct(');
  });
  it('the result is there at the exit only', () => {
    expect(at('fentry', 'r2 = *(u64 *)(r1 + 16)')).toBe(NO_ACCESS(16));
    expect(at('fexit', 'r2 = *(u64 *)(r1 + 16)')).toContain('R2=scalar()');
  });
  it('they return 0', () => {
    expect(at('fexit', 'r0 = 1\nexit')).toContain('should have been in [0, 0]');
  });
  it('places are counted with the argument that programs do not see, as Linux counts', () => {
    const log = (off: number) => {
      const result = verify(program(small, 'tp', 'two_words', `r2 = *(u64 *)(r1 + ${off})`), { kernelTypes: small });
      return result.ok ? null : result.error.message;
    };
    expect([0, 8, 16, 24, 32].map(log)).toEqual([null, null, NO_ACCESS(16), NO_ACCESS(24), NO_ACCESS(32)]);
  });
});

describe('objects', () => {
  const verdict = (name: string, types: KernelTypes) => {
    const result = verify(programInput(object, object.programs[name], types), { kernelTypes: types });
    return result.ok ? null : result.error.message;
  };
  it('name what their programs are bound to', () => {
    expect(['at_switch', 'each_task', 'at_function'].map((name) => verdict(name, small))).toEqual([null, null, null]);
  });
  it('... which a kernel must have', () => {
    expect(() => verdict('at_nothing', small)).toThrow('no_such_function');
    expect(() => verdict('at_switch', COMMON_TYPES)).toThrow('btf_trace_sched_switch');
  });
  it.skipIf(live === null)('... and the live one does', () => {
    for (const name of ['at_switch', 'each_task']) {
      const { functions, prototypes, ...input } = programInput(object, object.programs[name], live!);
      const linux = oracle!.load(input);
      oracle!.unload(linux);
      expect([name, linux.verdict, verdict(name, live!)]).toEqual([name, 'ACCEPT', null]);
    }
  });
});

function clean(log: string): string {
  return log
    .replace(/^(verification time|stack depth).*\n/gm, '')
    .replace(/ +$/gm, '')
    .trim();
}

function prototype(btf: Btf, id: number): BtfOf<'func_proto'> | null {
  const type = btf.types[id];
  if (type.kind !== 'func' && type.kind !== 'typedef') return null;
  const to = btf.types[type.type];
  const proto = type.kind === 'typedef' && to.kind === 'ptr' ? btf.types[to.type] : to;
  return proto.kind === 'func_proto' ? proto : null;
}

it.skipIf(vmlinux === null)(
  'every tracepoint and iterator of the live kernel',
  () => {
    const btf = readBtf(vmlinux!);
    let tracepoints = 0;
    btf.types.forEach((type, id) => {
      const isTracepoint = type.kind === 'typedef' && type.name.startsWith('btf_trace_');
      const isIterator = type.kind === 'func' && /^bpf_iter_(?!.*_(new|next|destroy)$)/.test(type.name);
      const proto = isTracepoint || isIterator ? prototype(btf, id) : null;
      if (proto === null) return;
      const count = Math.min(9, proto.params.length - (isTracepoint ? 1 : 0));
      const loads = Array.from({ length: count }, (_, i) => ({ code: 0x79, dst: 2, src: 1, off: 8 * i, imm: 0 }));
      const attach = isTracepoint ? AT.BPF_TRACE_RAW_TP : AT.BPF_TRACE_ITER;
      const input = bound(id, attach, [...loads, ...asm('r0 = 0\nexit').insns]);
      const theirs = oracle!.load(input, { logLevel: 2 });
      oracle!.unload(theirs);
      const own = verify(input, { kernelTypes: live!, logLevel: 2 });
      expect([id, own.ok]).toEqual([id, theirs.verdict === 'ACCEPT']);
      // Linux says nothing of functions that iterators do not call.
      if (own.ok || isTracepoint) expect(clean(own.log)).toBe(clean(theirs.log));
      if (isTracepoint) tracepoints++;
    });
    expect(tracepoints).toBeGreaterThan(100);
  },
  60_000,
);
