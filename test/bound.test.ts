// Programs that are bound to hooks of security modules and to members of structures of functions: what their context
// holds, what they may call, write and return. Beside the live kernel where it loads such programs; it may answer EPERM
// for security modules.
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { openOracle } from '../conformance/kernel/oracle.ts';
import { kernelPrograms } from '../conformance/objects/kernel_program.ts';
import { openObject } from '../src/index.ts';
import { asm } from '../src/isa/asm.ts';
import { readKernelTypes } from '../src/loader/kernel_btf.ts';
import { programInput } from '../src/runtime/program_input.ts';
import type { KernelTypes } from '../src/spec/kernel_struct.ts';
import { STRUCT_OPS, structOps } from '../src/spec/struct_ops.ts';
import { BPF_ATTACH_TYPE as AT, BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import { verify } from '../src/verifier/index.ts';
import type { ProgramInput } from '../src/verifier/verified.ts';

const read = (name: string) =>
  new Uint8Array(readFileSync(new URL(`../../test/objects/bound/${name}`, import.meta.url)));
const kernel = openObject(read('kernel.bpf.o')).btf!;
const small = readKernelTypes(kernel);
const VMLINUX = '/sys/kernel/btf/vmlinux';
const oracle = openOracle((why) => console.log(`no live kernel: ${why}`));
const vmlinux = oracle !== null && existsSync(VMLINUX) ? new Uint8Array(readFileSync(VMLINUX)) : null;
const live = vmlinux === null ? null : readKernelTypes(vmlinux);
afterAll(() => oracle?.shutdown());

/** Numbers of types and places of fields are the kernel's own. */
const plain = (text: string) => text.replace(/(attach_btf_id|off) \d+/g, '$1 N');

/** Program of the object -> its message; null = accepted. */
const PROGRAMS: Readonly<Record<string, string | null>> = {
  reads: null,
  writes: null,
  writes_elsewhere: 'no write support to tcp_sock at off N',
  asks: 'program of this type cannot use helper bpf_getsockopt#57',
  informs: 'attach to unsupported member get_info of struct tcp_congestion_ops',
  checks: null,
  believes: "R1 invalid mem access 'trusted_ptr_or_null_'",
  sleeps: null,
  sleeps_elsewhere: 'attach to unsupported member test_1 of struct bpf_dummy_ops',
  nowhere: 'struct_ops programs must name a member of a structure',
  hook: null,
  returns_one: 'At program exit the register R0 has smin=1 smax=1 should have been in [-4095, 0]',
  returns_true: null,
  forgets_null: "R1 invalid mem access 'trusted_ptr_or_null_'",
  sleeps_at_open: null,
  sleeps_at_free: 'bpf_lsm_task_free is not sleepable',
  disabled: 'attach_btf_id N points to disabled hook bpf_lsm_getprocattr',
  no_hook: 'attach_btf_id N points to wrong type name bpf_lsm_func_proto',
  cgroup_asks: null,
  cgroup_of_nothing: null,
  cgroup_says_no: "Note, BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
  cgroup_changes: "BPF_LSM_CGROUP that attach to void LSM hooks can't modify return value!",
};

describe('an object of both', () => {
  const object = openObject(read('bound.bpf.o'), { btf: kernel });
  const judge = (name: string) =>
    verify(programInput(object, object.programs[name], small), { kernelTypes: small, logLevel: 2 });

  it.each(Object.entries(PROGRAMS))('%s: %s', (name, message) => {
    const result = judge(name);
    expect(result.ok ? null : plain(result.error.message)).toBe(message);
  });

  it('names what its programs implement, and which of them it needs', () => {
    const { reads, writes_elsewhere, nowhere } = object.programs;
    expect([reads.attachTo, reads.autoload]).toEqual([
      { kind: 'struct', name: 'tcp_congestion_ops', member: 'ssthresh' },
      true,
    ]);
    expect([writes_elsewhere.attachTo, writes_elsewhere.autoload]).toEqual([
      { kind: 'struct', name: 'tcp_congestion_ops', member: 'cong_avoid' },
      false,
    ]);
    expect([nowhere.attachTo, nowhere.autoload]).toEqual([undefined, true]);
  });

  it('refuses by name what no kernel takes, and what beewasm does not know', () => {
    expect(() => judge('twice')).toThrow('a program for several functions of the kernel');
    expect(() => judge('later')).toThrow('struct_ops later_ops is not supported yet');
  });

  it.skipIf(live === null)('beside the live kernel', () => {
    const ours = openObject(read('bound.bpf.o'), { btf: vmlinux! });
    const both = kernelPrograms(oracle!, ours, undefined, live!);
    for (const [name, message] of Object.entries(PROGRAMS)) {
      const known = ours.programs[name].attachTo?.name ?? '';
      if (known !== '' && live!.targetId('struct', known) === undefined && live!.funcId(known) === undefined) continue;
      const program = both.of(ours.programs[name]);
      if (typeof program === 'string') throw new Error(program);
      const own = verify(program.input, { kernelTypes: live!, logLevel: 2 });
      const linux = oracle!.load(program.kernel, { logLevel: 2 });
      oracle!.unload(linux);
      expect([name, own.ok ? null : plain(own.error.message)]).toEqual([name, message]);
      if (linux.errno === 'EPERM' && program.input.type === T.BPF_PROG_TYPE_LSM) continue;
      expect([name, linux.verdict, linux.errno]).toEqual([name, ...verdictOf(own)]);
      if (name !== 'nowhere' && !own.ok) expect([name, linux.message]).toEqual([name, own.error.message]);
    }
    both.close();
  });
});

function verdictOf(own: ReturnType<typeof verify>): [string, string | null] {
  return own.ok ? ['ACCEPT', null] : ['REJECT', own.error.code];
}

interface Place {
  readonly type: number;
  readonly attach: number;
  readonly id: number;
}

/** `tcp_congestion_ops.ssthresh`, `lsm:file_open`, `lsm_cgroup:...`. */
function placeOf(types: KernelTypes, to: string): Place {
  const [kind, hook] = to.split(':');
  if (hook !== undefined) {
    const attach = kind === 'lsm' ? AT.BPF_LSM_MAC : AT.BPF_LSM_CGROUP;
    return { type: T.BPF_PROG_TYPE_LSM, attach, id: types.funcId(`bpf_lsm_${hook}`) ?? 0 };
  }
  const [struct, member] = to.split('.');
  const id = types.targetId('struct', struct) ?? 0;
  const attach = types.target(id)?.members?.findIndex((m) => m.name === member) ?? 0;
  return { type: T.BPF_PROG_TYPE_STRUCT_OPS, attach, id };
}

function bound({ type, attach, id }: Place, text: string, more: Partial<ProgramInput> = {}): ProgramInput {
  return {
    name: 't',
    type,
    expectedAttachType: attach,
    attachBtfId: id,
    flags: 0,
    license: 'GPL',
    insns: asm(text.includes('exit') ? text : `${text}\nr0 = 0\nexit`).insns,
    maps: [],
    mapRefs: new Map(),
    ...more,
  };
}

const NO_ACCESS = (off: number, size = 8) => `invalid bpf_context access off=${off} size=${size}`;
const SOCK = 'tcp_congestion_ops.cong_avoid';

/** [bound to, program, message, part of the log] */
const ROWS: readonly (readonly [string, string, string | null, string])[] = [
  [SOCK, 'r2 = *(u64 *)(r1 + 0)', null, 'R2=trusted_ptr_tcp_sock('],
  [SOCK, 'r2 = *(u32 *)(r1 + 8)', null, 'var_off=(0x0; 0xffffffff)'],
  [SOCK, 'r2 = *(u64 *)(r1 + 24)', NO_ACCESS(24), "func 'cong_avoid' doesn't have 5-th argument"],
  [SOCK, 'r2 = *(u32 *)(r1 + 0)', NO_ACCESS(0, 4), "func 'cong_avoid' size 4 must be 8"],
  [SOCK, '*(u64 *)(r1 + 8) = 0', NO_ACCESS(8), ''],
  [SOCK, 'exit', null, ''],
  [SOCK, 'r0 = r1\nexit', null, ''],
  ['tcp_congestion_ops.ssthresh', 'exit', 'R0 !read_ok', ''],
  ['tcp_congestion_ops.ssthresh', 'r0 = *(u64 *)(r1 + 0)\nexit', null, 'R0=trusted_ptr_tcp_sock('],
  ['tcp_congestion_ops.cong_control', 'r2 = *(u64 *)(r1 + 24)', null, 'R2=trusted_ptr_rate_sample('],
  ['tcp_congestion_ops.cong_control', 'r2 = *(u64 *)(r1 + 24)\n*(u64 *)(r2 + 0) = 0', 'only read is supported', ''],
  ['bpf_dummy_ops.test_1', 'r2 = *(u64 *)(r1 + 0)', null, 'R2=trusted_ptr_or_null_bpf_dummy_ops_state(id=1)'],
  ['bpf_dummy_ops.test_sleepable', 'r2 = *(u64 *)(r1 + 0)', null, 'R2=trusted_ptr_bpf_dummy_ops_state('],
  [
    'bpf_dummy_ops.test_sleepable',
    'r2 = *(u64 *)(r1 + 0)\n*(u64 *)(r2 + 0) = 0',
    'write access at off 0 with size 8',
    '',
  ],
  ['bpf_dummy_ops.test_1', 'call bpf_ktime_get_ns', 'program of this type cannot use helper bpf_ktime_get_ns#5', ''],
];

const LSM_ROWS: typeof ROWS = [
  ['lsm:file_open', 'r2 = *(u64 *)(r1 + 0)', null, 'R2=trusted_ptr_file('],
  ['lsm:file_open', 'r0 = *(u64 *)(r1 + 8)\nexit', null, 'R0=scalar(smin=smin32=-4095,smax=smax32=0)'],
  ['lsm:inode_xattr_skipcap', 'r0 = *(u64 *)(r1 + 8)\nexit', null, 'R0=scalar(smin=smin32=0,smax=umax=smax32=umax32=1'],
  ['lsm:file_open', 'r2 = *(u64 *)(r1 + 16)', NO_ACCESS(16), "func 'bpf_lsm_file_open' doesn't have 3-th argument"],
  ['lsm:file_open', '*(u64 *)(r1 + 0) = 0', NO_ACCESS(0), ''],
  // The result's low half counts: functions return int.
  ['lsm:file_open', 'w0 = -1\nexit', null, ''],
  ['lsm:task_free', 'r2 = *(u64 *)(r1 + 0)', null, 'R2=ptr_task_struct('],
  ['lsm:task_free', 'exit', null, ''],
  ['lsm:task_free', 'r2 = *(u64 *)(r1 + 8)', NO_ACCESS(8), "func 'bpf_lsm_task_free' doesn't have 3-th argument"],
  [
    'lsm:file_open',
    'r0 = *(u64 *)(r1 + 0)\nexit',
    'At program exit the register R0 is not a known value (trusted_ptr_)',
    '',
  ],
  ['lsm_cgroup:socket_post_create', 'call bpf_get_retval\nr0 = 1\nexit', null, ''],
  ['lsm:file_open', 'call bpf_get_retval', 'program of this type cannot use helper bpf_get_retval#186', ''],
  ['lsm:file_open', 'call bpf_get_func_ip', 'func bpf_get_func_ip#173 not supported for program type 29', ''],
  ['lsm:task_free', 'call bpf_d_path', 'helper call is not allowed in probe', ''],
  ['lsm_cgroup:file_open', 'call bpf_setsockopt', 'program of this type cannot use helper bpf_setsockopt#49', ''],
];

describe.each([
  ['the small kernel', small],
  ['the live kernel', live],
] as const)('programs bound to %s', (_name, types) => {
  it.skipIf(types === null).each(ROWS)('%s: %s', (to, text, message, part) => {
    const input = bound(placeOf(types!, to), text);
    const own = verify(input, { kernelTypes: types!, logLevel: 2 });
    expect(own.ok ? null : own.error.message).toBe(message);
    expect(own.log).toContain(part);
    if (types !== live) return;
    const linux = oracle!.load(input, { logLevel: 2 });
    oracle!.unload(linux);
    expect(clean(own.log)).toBe(clean(linux.log));
  });

  it.skipIf(types === null).each(LSM_ROWS)('%s: %s', (to, text, message, part) => {
    const own = verify(bound(placeOf(types!, to), text), { kernelTypes: types!, logLevel: 2 });
    expect(own.ok ? null : own.error.message).toBe(message);
    expect(own.log).toContain(part);
  });

  it.skipIf(types === null)('what struct_ops are bound to', () => {
    const place = placeOf(types!, 'tcp_congestion_ops.ssthresh');
    const members = types!.target(place.id)!.members!;
    const name = members.findIndex((m) => m.name === 'name');
    const other = types!.targetId('struct', 'sock')!;
    const cases: readonly (readonly [Partial<ProgramInput>, string, string])[] = [
      [{ license: 'none' }, 'EINVAL', 'struct ops programs must have a GPL compatible license'],
      [{ expectedAttachType: 99 }, 'EINVAL', 'attach to invalid member idx 99 of struct tcp_congestion_ops'],
      [
        { expectedAttachType: name },
        'EINVAL',
        `attach to invalid member name(@idx ${name}) of struct tcp_congestion_ops`,
      ],
      [{ attachBtfId: other }, 'ENOTSUPP', `attach_btf_id ${other} is not a supported struct`],
    ];
    for (const [more, code, message] of cases) {
      const input = bound(place, '', more);
      const own = verify(input, { kernelTypes: types! });
      expect(own.ok ? null : [own.error.code, own.error.message]).toEqual([code, message]);
      if (types !== live) continue;
      const linux = oracle!.load(input);
      oracle!.unload(linux);
      expect([linux.errno, linux.message]).toEqual([code, message]);
    }
  });
});

it('programs of control groups do not sleep', () => {
  const result = verify(bound(placeOf(small, 'lsm_cgroup:file_open'), '', { flags: 16 }), { kernelTypes: small });
  expect(result.ok ? null : result.error.message).toContain('can be sleepable');
});

it('security modules want a license', () => {
  const result = verify(bound(placeOf(small, 'lsm:file_open'), '', { license: 'none' }), { kernelTypes: small });
  expect(result.ok ? null : result.error.message).toBe('LSM programs must have a GPL compatible license');
});

function clean(log: string): string {
  return log
    .replace(/^(verification time|stack depth).*\n/gm, '')
    .replace(/ +$/gm, '')
    .trim();
}

describe.skipIf(live === null)('beside the live kernel', () => {
  const compare = (input: ProgramInput, part: RegExp | null = null) => {
    const own = verify(input, { kernelTypes: live!, logLevel: 2, cpus: oracle!.possibleCpus });
    const linux = oracle!.load(input, { logLevel: 2 });
    oracle!.unload(linux);
    const seen = (log: string) => (part === null ? clean(log) : (part.exec(log)?.[0] ?? ''));
    expect(seen(own.log)).toBe(seen(linux.log));
    return own.ok;
  };
  const members = Object.keys(STRUCT_OPS).flatMap((struct) =>
    live!.target(live!.targetId('struct', struct)!)!.members!.map(({ name }) => `${struct}.${name}`),
  );

  it('every member, and all that its context holds', () => {
    let accepted = 0;
    for (const member of members) {
      const place = placeOf(live!, member);
      compare(bound(place, '', { flags: 16 }));
      for (let off = 0; off <= 48; off += 4)
        for (const size of [8, 16, 32, 64]) if (compare(bound(place, `r2 = *(u${size} *)(r1 + ${off})`))) accepted++;
    }
    expect(accepted).toBeGreaterThan(members.length);
  });

  it('every helper', () => {
    const refused = /program of this type cannot use helper .*/;
    for (const member of ['tcp_congestion_ops.init', 'tcp_congestion_ops.release', 'bpf_dummy_ops.test_1'])
      for (let id = 1; id <= 211; id++) compare(bound(placeOf(live!, member), `call ${id}`), refused);
  });

  it('every field that congestion control may write', () => {
    const place = placeOf(live!, SOCK);
    let written = 0;
    for (let off = 0; off < live!.struct('tcp_sock')!.size; off += 2)
      if (compare(bound(place, `r1 = *(u64 *)(r1 + 0)\n*(u32 *)(r1 + ${off}) = 0`))) written++;
    expect(written).toBeGreaterThan(structOps('tcp_congestion_ops')!.writes!.fields!.length);
  });

  it('a loader without CAP_PERFMON', () => {
    const input = bound(placeOf(live!, SOCK), '');
    const linux = oracle!.load(input, { capBpfOnly: true });
    oracle!.unload(linux);
    const own = verify(input, { kernelTypes: live!, perfmon: false });
    expect([linux.verdict, linux.errno]).toEqual(verdictOf(own));
  });
});
