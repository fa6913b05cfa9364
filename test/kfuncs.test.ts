// Calls of kernel functions: verdicts and messages as Linux 6.18 gives them, with the built-in prototypes and, beside the
// live kernel, with its BTF, where the whole log is compared; what runs without a kernel, and what is refused by name.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { Kernel, loadJit } from '../src/index.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { COMMON_TYPES, type KernelTypes } from '../src/spec/kernel_struct.ts';
import { KF, KFUNCS, kfuncFor } from '../src/spec/kfuncs.ts';
import { PROG_TYPES } from '../src/spec/prog_types.ts';
import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { UnsupportedError } from '../src/uapi/errors.ts';
import { match } from '../src/verifier/diagnose/catalogue.ts';
import { verify } from '../src/verifier/index.ts';
import { inputOf, ROWS, type Row } from './kfunc_programs.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
afterAll(() => oracle?.shutdown());

describe('with the built-in prototypes', () => {
  it.each(ROWS.filter((r) => !r.vmlinux))('$what', (row) => {
    const result = verify(inputOf(row, COMMON_TYPES));
    expect(result.ok ? null : result.error.message).toBe(row.message);
    if (row.message) expect(match(row.message)).not.toBeNull();
  });

  it('every kfunc of the table has one', () => {
    for (const name of Object.keys(KFUNCS)) expect(COMMON_TYPES.funcId(name), name).toBeGreaterThan(0);
  });
});

describe('running', () => {
  const kernel = new Kernel();
  beforeAll(() => loadJit());
  afterAll(() => kernel.close());
  const load = (text: string, jit: 'off' | 'optimized') =>
    kernel.loadProgram({ ...inputOf({ what: '', text, message: null }, COMMON_TYPES), maps: [] }, { jit });
  const sections =
    'r6 = 1\nkcall bpf_rcu_read_lock\nr6 += 2\nkcall bpf_preempt_disable\nr6 += 4\nkcall bpf_preempt_enable\nkcall bpf_rcu_read_unlock\nr0 = r6\nexit';

  it.each(['off', 'optimized'] as const)('sections, jit %s', (jit) => {
    expect(load(sections, jit).run({ data: new Uint8Array(64) }).retval).toBe(7);
  });

  it('what is not here is refused by its name', () => {
    const text = 'r1 = 1\nkcall bpf_task_from_pid\nif r0 == 0 goto +2\nr1 = r0\nkcall bpf_task_release\nr0 = 0\nexit';
    expect(() => load(text, 'off')).toThrow(
      new UnsupportedError('kfunc bpf_task_from_pid', 'program t: kfunc bpf_task_from_pid is not supported yet'),
    );
  });
});

/** Both logs hold addresses of maps, and times. */
function comparable(log: string): string {
  return log
    .replace(/0xffff[0-9a-f]{12}|0x0$/gm, '')
    .replace(/0xffff[0-9a-f]{12}|= 0x0 +;/g, '')
    .replace(/ +/g, ' ')
    .replace(/^(verification time|stack depth).*\n/gm, '')
    .trim();
}

describe.skipIf(oracle === null || !existsSync(VMLINUX))('beside the live kernel', () => {
  const types: KernelTypes = oracle === null ? COMMON_TYPES : readKernelTypes(readFileSync(VMLINUX));

  it.each(ROWS)('$what', (row: Row) => {
    const input = inputOf(row, types);
    const linux = oracle!.load(input, { logLevel: 2 });
    oracle!.unload(linux);
    const own = verify(input, { kernelTypes: types, logLevel: 2, cpus: oracle!.possibleCpus });
    const verdict = own.ok ? ['ACCEPT', null, null] : ['REJECT', own.error.code, own.error.message];
    expect([linux.verdict, linux.errno, linux.verdict === 'ACCEPT' ? null : linux.message]).toEqual(verdict);
    expect(linux.verdict === 'ACCEPT' ? null : linux.message).toBe(row.message);
    if (row.map === undefined) expect(comparable(own.log)).toBe(comparable(linux.log));
  });

  it('who may call what, and what sleeps', () => {
    const skipped = new Set(['raw', 'lirc_mode2', 'raw_tracepoint_writable', 'lsm', 'ext']);
    const bound: Record<string, number | undefined> = {
      tracing: types.targetId('typedef', 'btf_trace_sched_switch'),
      struct_ops: types.targetId('struct', 'tcp_congestion_ops'),
    };
    for (const type of PROG_TYPES.filter((t) => !skipped.has(t.name))) {
      const attach = ('attach' in type ? type.attach[0] : undefined) ?? 0;
      const flags = type.id === T.BPF_PROG_TYPE_SYSCALL ? 16 : 0;
      for (const name of Object.keys(KFUNCS)) {
        const row = kfuncFor(name, type.id, attach);
        const text = `kcall ${name}\nr0 = 0\nexit`;
        const input = {
          ...inputOf({ what: '', text, message: null, type: type.id, flags }, types),
          expectedAttachType: attach,
          attachBtfId: bound[type.name],
        };
        const linux = oracle!.load(input);
        oracle!.unload(linux);
        const refused = linux.message === `calling kernel function ${name} is not allowed`;
        expect([name, type.name, !refused]).toEqual([name, type.name, row !== undefined]);
        if (row === undefined || flags !== 0) continue;
        const sleeps = linux.message === `program must be sleepable to call sleepable kfunc ${name}`;
        expect([name, sleeps]).toEqual([name, (row.flags & KF.SLEEPABLE) !== 0]);
      }
    }
  });
});
