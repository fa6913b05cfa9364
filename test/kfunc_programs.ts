// Programs that call kernel functions, with what Linux 6.18 says of them. In the text `kcall NAME` is a call by the id that
// NAME has in the given types. Rows of `vmlinux` need layouts that only a kernel's BTF has.

import { asm } from '../src/isa/asm.ts';
import type { KernelTypes } from '../src/spec/kernel_struct.ts';
import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import type { MapDef, ProgramInput } from '../src/verifier/verified.ts';

export interface Row {
  readonly what: string;
  readonly text: string;
  /** null = accepted. */
  readonly message: string | null;
  /** Default SCHED_CLS. */
  readonly type?: number;
  readonly flags?: number;
  readonly license?: string;
  /** Its address is in r1. */
  readonly map?: MapDef;
  readonly vmlinux?: true;
}

/** Puts the ids of `types` in. */
export function inputOf({ text, type, flags, license, map }: Row, types: KernelTypes): ProgramInput {
  const { insns } = asm(text.replace(/kcall (\w+)/g, (_, name) => `call ${name}#${types.funcId(name) ?? -1}`));
  const lddw = [
    { code: 0x18, dst: 1, src: 1, off: 0, imm: 0 },
    { code: 0, dst: 0, src: 0, off: 0, imm: 0 },
  ];
  return {
    name: 't',
    type: type ?? T.BPF_PROG_TYPE_SCHED_CLS,
    expectedAttachType: 0,
    flags: flags ?? 0,
    license: license ?? 'GPL',
    insns: map ? [...lddw, ...insns] : insns,
    maps: map ? [map] : [],
    mapRefs: new Map(map ? [[0, { map: 0, kind: 'fd', off: 0 }]] : []),
  };
}

const SYSCALL = { type: T.BPF_PROG_TYPE_SYSCALL, flags: 16 } as const;
const HASH: MapDef = { name: '', type: 1, keySize: 4, valueSize: 8, maxEntries: 4, flags: 0 };
const END = 'r0 = 0\nexit';
/** A task, with a reference that is given back. */
const task = (text: string) =>
  `r1 = 1\nkcall bpf_task_from_pid\nif r0 == 0 goto out\nr6 = r0\n${text}\nr1 = r6\nkcall bpf_task_release\nout:\n${END}`;
const COPY = 'r3 = 0\nr4 = 0\nkcall bpf_copy_from_user_str';
/** Arguments 2 to 5 of the lookups in connection tracking. */
const TUPLE =
  'r2 = r10\nr2 += -48\nr3 = 12\nr4 = r10\nr4 += -16\nr5 = 12\n*(u64 *)(r10 - 48) = 0\n*(u64 *)(r10 - 40) = 0\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0';
const MAIN = 'BPF_EXIT instruction in main prog';

export const ROWS: readonly Row[] = [
  { what: 'an RCU section', text: `kcall bpf_rcu_read_lock\nkcall bpf_rcu_read_unlock\n${END}`, message: null },
  {
    what: '... left open',
    text: `kcall bpf_rcu_read_lock\n${END}`,
    message: `${MAIN} cannot be used inside bpf_rcu_read_lock-ed region`,
  },
  {
    what: '... in another',
    text: `kcall bpf_rcu_read_lock\nkcall bpf_rcu_read_lock\n${END}`,
    message: 'nested rcu read lock (kernel function bpf_rcu_read_lock)',
  },
  {
    what: '... that was not begun',
    text: `kcall bpf_rcu_read_unlock\n${END}`,
    message: 'unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)',
  },
  {
    what: '... begun on one path',
    text: `r6 = *(u32 *)(r1 + 0)\nif r6 == 0 goto +1\nkcall bpf_rcu_read_lock\nkcall bpf_rcu_read_unlock\n${END}`,
    message: 'unmatched rcu read unlock (kernel function bpf_rcu_read_unlock)',
  },
  {
    what: 'preemption, twice',
    text: `kcall bpf_preempt_disable\nkcall bpf_preempt_disable\nkcall bpf_preempt_enable\nkcall bpf_preempt_enable\n${END}`,
    message: null,
  },
  {
    what: '... enabled once',
    text: `kcall bpf_preempt_disable\nkcall bpf_preempt_disable\nkcall bpf_preempt_enable\n${END}`,
    message: `${MAIN} cannot be used inside bpf_preempt_disable-ed region`,
  },
  {
    what: '... that was not disabled',
    text: `kcall bpf_preempt_enable\n${END}`,
    message: 'unmatched attempt to enable preemption (kernel function bpf_preempt_enable)',
  },
  {
    what: 'another license',
    text: `kcall bpf_rcu_read_lock\nkcall bpf_rcu_read_unlock\n${END}`,
    license: 'MIT',
    message: 'cannot call kernel function from non-GPL compatible program',
  },
  {
    what: 'a kfunc of other programs',
    text: `kcall bpf_cpumask_create\n${END}`,
    message: 'calling kernel function bpf_cpumask_create is not allowed',
  },
  {
    what: 'a function that is no kfunc',
    text: `kcall schedule\n${END}`,
    message: 'calling kernel function schedule is not allowed',
    vmlinux: true,
  },
  {
    what: 'an id of no function',
    text: `call x#0x7fffffff\n${END}`,
    message: 'kernel btf_id 2147483647 is not a function',
  },
  {
    what: 'a sleepable kfunc where nothing sleeps',
    text: `r1 = 1\nr2 = 2\nkcall bpf_lookup_user_key\n${END}`,
    message: 'program must be sleepable to call sleepable kfunc bpf_lookup_user_key',
  },
  {
    what: 'a reference that is kept',
    text: `r1 = 1\nkcall bpf_task_from_pid\n${END}`,
    message: `${MAIN} would lead to reference leak`,
  },
  { what: 'a reference that is given back', text: task(''), message: null },
  {
    what: '... twice',
    text: task('r1 = r6\nkcall bpf_task_release'),
    message: 'arg#0 pointer type STRUCT task_struct must point to scalar, or struct with scalar',
    vmlinux: true,
  },
  {
    what: '... moved',
    text: task('r6 += 8'),
    message: 'R1 must have zero offset when passed to release func or trusted arg to kfunc',
  },
  {
    what: '... moved by a number',
    text: task('r2 = *(u32 *)(r10 - 4)\nr2 &= 7\nr6 += r2'),
    message: 'variable ptr_ access var_off=(0x0; 0x7) disallowed',
  },
  {
    what: '... that may be NULL',
    text: `r1 = 1\nkcall bpf_task_from_pid\nr1 = r0\nkcall bpf_task_release\n${END}`,
    message: 'Possibly NULL pointer passed to trusted arg0',
  },
  {
    what: '... of something else',
    text: `r1 = 1\nkcall bpf_cgroup_from_id\nif r0 == 0 goto out\nr1 = r0\nkcall bpf_task_release\nout:\n${END}`,
    message:
      'kernel function bpf_task_release args#0 expected pointer to STRUCT task_struct but R1 has a pointer to STRUCT cgroup',
  },
  {
    what: 'a reference to what is referenced',
    text: task('r1 = r6\nkcall bpf_task_acquire\nif r0 == 0 goto l\nr1 = r0\nkcall bpf_task_release\nl:'),
    message: null,
  },
  {
    what: 'fields of a task',
    text: task('r2 = *(u64 *)(r6 + 0)'),
    message: null,
    vmlinux: true,
  },
  {
    what: 'a number for a pointer',
    text: `r1 = 1\nkcall bpf_task_release\n${END}`,
    message: 'arg#0 pointer type STRUCT task_struct must point to scalar, or struct with scalar',
    vmlinux: true,
  },
  {
    what: '0 for a pointer',
    text: `r1 = 0\nkcall bpf_task_release\n${END}`,
    message: 'Possibly NULL pointer passed to trusted arg0',
  },
  { what: 'a pointer for a number', text: `r1 = r10\nkcall bpf_task_from_pid\n${END}`, message: 'R1 is not a scalar' },
  { what: 'memory and its size', text: `r1 = r10\nr1 += -16\nr2 = 8\n${COPY}\n${END}`, ...SYSCALL, message: null },
  {
    what: '... that the stack does not have',
    text: `r1 = r10\nr1 += -16\nr2 = 24\n${COPY}\n${END}`,
    ...SYSCALL,
    message: 'arg#0 arg#1 memory, len pair leads to invalid memory access',
  },
  {
    what: '... known at run time',
    text: `r1 = r10\nr1 += -16\n*(u64 *)(r10 - 16) = 0\n*(u64 *)(r10 - 8) = 0\nr2 = *(u32 *)(r10 - 32)\nr2 &= 15\n${COPY}\n${END}`,
    ...SYSCALL,
    message: null,
  },
  {
    what: '... without a bound',
    text: `r1 = r10\nr1 += -16\nr2 = *(u32 *)(r10 - 32)\n${COPY}\n${END}`,
    ...SYSCALL,
    message: 'arg#0 arg#1 memory, len pair leads to invalid memory access',
  },
  {
    what: '... below zero',
    text: `r1 = r10\nr1 += -16\nr2 = -1\n${COPY}\n${END}`,
    ...SYSCALL,
    message: 'arg#0 arg#1 memory, len pair leads to invalid memory access',
  },
  { what: 'no memory and no size', text: `r1 = 0\nr2 = 0\n${COPY}\n${END}`, ...SYSCALL, message: null },
  {
    what: 'sleeping inside an RCU section',
    text: `kcall bpf_rcu_read_lock\nr1 = r10\nr1 += -16\nr2 = 8\n${COPY}\n${END}`,
    ...SYSCALL,
    message: 'kernel func bpf_copy_from_user_str is sleepable within rcu_read_lock region',
  },
  {
    what: 'sleeping without preemption',
    text: `kcall bpf_preempt_disable\nr1 = r10\nr1 += -16\nr2 = 8\n${COPY}\n${END}`,
    ...SYSCALL,
    message: 'kernel func bpf_copy_from_user_str is sleepable within non-preemptible region',
  },
  {
    what: 'a helper that sleeps inside an RCU section',
    text: `kcall bpf_rcu_read_lock\nr1 = r10\nr1 += -16\nr2 = 8\nr3 = 0\ncall bpf_copy_from_user\n${END}`,
    ...SYSCALL,
    message: 'sleepable helper bpf_copy_from_user#148 in rcu_read_lock region',
  },
  {
    what: '... without preemption',
    text: `kcall bpf_preempt_disable\nr1 = r10\nr1 += -16\nr2 = 8\nr3 = 0\ncall bpf_copy_from_user\n${END}`,
    ...SYSCALL,
    message: 'sleepable helper bpf_copy_from_user#148 in non-preemptible region',
  },
  { what: 'a structure of numbers: the context', text: `kcall bpf_cpumask_setall\n${END}`, ...SYSCALL, message: null },
  {
    what: '... on the stack',
    text: `r1 = r10\nr1 += -40\nkcall bpf_cpumask_setall\n${END}`,
    ...SYSCALL,
    message: null,
  },
  {
    what: 'a set of processors',
    text: `kcall bpf_cpumask_create\nif r0 == 0 goto out\nr6 = r0\nr1 = r0\nkcall bpf_cpumask_setall\nr1 = r6\nkcall bpf_cpumask_first\nr7 = r0\nr1 = r6\nkcall bpf_cpumask_release\nout:\n${END}`,
    ...SYSCALL,
    message: null,
  },
  {
    what: '... that may be NULL',
    text: `kcall bpf_cpumask_create\nr6 = r0\nr1 = r0\nkcall bpf_cpumask_setall\n${END}`,
    ...SYSCALL,
    message: 'Possibly NULL pointer passed to trusted arg0',
  },
  {
    what: 'any memory, read only',
    text: `r1 = 17\nr2 = 0\nkcall bpf_rdonly_cast\nr1 = *(u32 *)(r0 + 100)\n${END}`,
    ...SYSCALL,
    message: null,
  },
  {
    what: '... of a type known at run time',
    text: `r2 = *(u32 *)(r10 - 8)\nr1 = 17\nkcall bpf_rdonly_cast\n${END}`,
    ...SYSCALL,
    message: 'R2 must be a known constant',
  },
  {
    what: '... of no structure',
    text: `r1 = 17\nr2 = 1\nkcall bpf_rdonly_cast\n${END}`,
    ...SYSCALL,
    message: 'kfunc bpf_rdonly_cast type ID argument must be of a struct or void',
  },
  {
    what: 'a connection',
    text: `${TUPLE}\nkcall bpf_skb_ct_lookup\nif r0 == 0 goto out\nr1 = r0\nkcall bpf_ct_release\nout:\n${END}`,
    message: null,
  },
  {
    what: '... looked up through something else than the context',
    text: `r1 = r10\n${TUPLE}\nkcall bpf_skb_ct_lookup\n${END}`,
    message: 'arg#0 expected pointer to ctx, but got fp',
  },
  {
    what: 'a new connection',
    text: `${TUPLE}\nkcall bpf_skb_ct_alloc\nif r0 == 0 goto out\nr6 = r0\nr1 = r0\nr2 = 4\nkcall bpf_ct_set_timeout\nr1 = r6\nkcall bpf_ct_insert_entry\nif r0 == 0 goto out\nr1 = r0\nkcall bpf_ct_release\nout:\n${END}`,
    message: null,
  },
  {
    what: '... given back as an old one',
    text: `${TUPLE}\nkcall bpf_skb_ct_alloc\nif r0 == 0 goto out\nr1 = r0\nkcall bpf_ct_release\nout:\n${END}`,
    message:
      'kernel function bpf_ct_release args#0 expected pointer to STRUCT nf_conn but R1 has a pointer to STRUCT nf_conn___init',
  },
  { what: 'an argument that is not looked at', text: `r1 = r10\nr1 += -8\nkcall bpf_strlen\n${END}`, message: null },
  {
    what: 'a text that is none',
    text: `r1 = 1\nr2 = r10\nr3 = 0\nr4 = 0\nkcall bpf_stream_vprintk_impl\n${END}`,
    message: "arg#1 doesn't point to a const string",
  },
  { what: 'a map', text: `kcall bpf_map_sum_elem_count\n${END}`, map: HASH, message: null },
  {
    what: 'a map for a task',
    text: `kcall bpf_task_acquire\n${END}`,
    map: HASH,
    message:
      'kernel function bpf_task_acquire args#0 expected pointer to STRUCT task_struct but R1 has a pointer to STRUCT bpf_map',
  },
  {
    what: 'the number of a map for a map',
    text: `r1 = 1\nkcall bpf_map_sum_elem_count\n${END}`,
    message: 'arg#0 pointer type STRUCT bpf_map must point to scalar, or struct with scalar',
  },
  {
    what: 'a pointer of unknown worth',
    text: `r1 = 0\nkcall bpf_get_kmem_cache\nr1 = r0\nkcall bpf_task_acquire\n${END}`,
    message: 'R1 must be a rcu pointer',
  },
  {
    what: 'a kfunc while a lock is held',
    text: `r2 = r10\nr2 += -4\n*(u32 *)(r10 - 4) = 0\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr1 = r0\ncall bpf_spin_lock\nkcall bpf_rcu_read_lock\nout:\n${END}`,
    map: { ...HASH, specialFields: [{ type: 'bpf_spin_lock', offset: 0 }] },
    message: 'function calls are not allowed while holding a lock',
  },
  { what: 'an exception', text: `r1 = 3\nkcall bpf_throw\nr0 = r9\nexit`, message: null },
  { what: '... of a pointer', text: `r1 = r10\nkcall bpf_throw\n${END}`, message: 'R1 is not a scalar' },
  {
    what: '... while a reference is held',
    text: task('r1 = 3\nkcall bpf_throw'),
    message: 'bpf_throw would lead to reference leak',
  },
  {
    what: '... inside an RCU section',
    text: `kcall bpf_rcu_read_lock\nr1 = 3\nkcall bpf_throw\n${END}`,
    message: 'bpf_throw cannot be used inside bpf_rcu_read_lock-ed region',
  },
  {
    what: "the kernel's own context",
    text: `kcall bpf_cast_to_kern_ctx\nr2 = *(u64 *)(r0 + 0)\n${END}`,
    message: null,
    vmlinux: true,
  },
  {
    what: 'a function of a driver',
    text: `r2 = r10\nkcall bpf_xdp_metadata_rx_timestamp\n${END}`,
    message: 'metadata kfuncs require device-bound program',
  },
  {
    what: 'a store into a connection',
    text: `${TUPLE}\nkcall bpf_skb_ct_lookup\nif r0 == 0 goto out\n*(u32 *)(r0 + 0) = 1\nout:\n${END}`,
    message: 'no write support to nf_conn at off 0',
    vmlinux: true,
  },
];
