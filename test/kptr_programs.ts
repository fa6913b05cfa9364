// Programs that read, write and exchange pointers in map values, with what Linux 6.18 says of them (rows as in
// kfunc_programs.ts). In front of each text is a lookup: r6 is the value.

import type { SpecialField } from '../src/spec/special_fields.ts';
import { BPF_PROG_TYPE as T } from '../src/uapi/enums.ts';
import type { MapDef } from '../src/verifier/verified.ts';
import type { Row } from './kfunc_programs.ts';

const to = (name: string): SpecialField['to'] => ({ name, id: 0 });
const VALUES: MapDef = {
  name: 'v',
  type: 1,
  keySize: 4,
  valueSize: 56,
  maxEntries: 4,
  flags: 0,
  specialFields: [
    { type: 'kptr_untrusted', offset: 8, to: to('task_struct') },
    { type: 'kptr', offset: 16, to: to('task_struct') },
    { type: 'kptr', offset: 24, to: to('cgroup') },
    { type: 'percpu_kptr', offset: 32, to: to('only_ours') },
    { type: 'kptr', offset: 40, to: to('only_ours') },
  ],
};
/** Of a structure that only the kernel's own tests know. */
const TESTED: MapDef = { ...VALUES, specialFields: [{ type: 'kptr', offset: 16, to: to('prog_test_ref_kfunc') }] };
/** With a lock. */
const LOCKED: MapDef = {
  ...VALUES,
  specialFields: [
    { type: 'bpf_spin_lock', offset: 0 },
    { type: 'kptr', offset: 16, to: to('task_struct') },
  ],
};
const TIMED: MapDef = { ...VALUES, specialFields: [{ type: 'bpf_timer', offset: 0 }] };
const UNTYPED: MapDef = { ...VALUES, specialFields: undefined };
const UNTRUSTED: MapDef = { ...VALUES, specialFields: VALUES.specialFields!.slice(0, 1) };

const SYSCALL = { type: T.BPF_PROG_TYPE_SYSCALL, flags: 16 } as const;

/** r7 = a task that is owned; the text that follows must not lose it. */
const TASK = 'r1 = 1\nkcall bpf_task_from_pid\nif r0 == 0 goto out\nr7 = r0';
const GIVE_BACK = 'r1 = r7\nkcall bpf_task_release';
/** Puts `value` into the field at `off`; what was there is given back. */
const xchg = (off: number, value: string, release = 'bpf_task_release') =>
  `r1 = r6\nr1 += ${off}\nr2 = ${value}\ncall bpf_kptr_xchg\nif r0 == 0 goto out\nr1 = r0\nkcall ${release}`;

type Case = Omit<Row, 'what' | 'text' | 'message'>;
const row = (what: string, text: string, message: string | null, more: Case = {}): Row => ({
  what,
  text: `*(u32 *)(r10 - 4) = 0\nr2 = r10\nr2 += -4\ncall bpf_map_lookup_elem\nif r0 == 0 goto out\nr6 = r0\n${text}\nout: r0 = 0\nexit`,
  message,
  map: VALUES,
  ...more,
});

const STORE = 'store to referenced kptr disallowed';
const WRONG = 'invalid kptr access, R1 type=';

export const ROWS: readonly Row[] = [
  row("a pointer of the kernel's tests is one", '*(u64 *)(r6 + 16) = 0', STORE, { map: TESTED, vmlinux: true }),
  row(
    'a pointer that owns nothing is read',
    'r1 = *(u64 *)(r6 + 8)\nif r1 == 0 goto out\nr1 = *(u64 *)(r1 + 0)',
    null,
    {
      vmlinux: true,
    },
  ),
  row(
    '... and followed without a test',
    'r1 = *(u64 *)(r6 + 8)\nr1 = *(u64 *)(r1 + 0)',
    "R1 invalid mem access 'untrusted_ptr_or_null_'",
    { vmlinux: true },
  ),
  row(
    '... and handed to a kfunc',
    'r1 = *(u64 *)(r6 + 8)\nif r1 == 0 goto out\nkcall bpf_task_acquire\nr1 = r0',
    'R1 must be a rcu pointer',
  ),
  row(
    '... and untested',
    'r1 = *(u64 *)(r6 + 8)\nkcall bpf_task_acquire',
    'Possibly NULL pointer passed to trusted arg0',
  ),
  row(
    'an owning one is read under RCU',
    'r1 = *(u64 *)(r6 + 16)\nif r1 == 0 goto out\nkcall bpf_task_acquire\nif r0 == 0 goto out\nr1 = r0\nkcall bpf_task_release',
    null,
  ),
  row(
    '... where programs sleep',
    'r1 = *(u64 *)(r6 + 16)\nif r1 == 0 goto out\nkcall bpf_task_acquire',
    'R1 must be a rcu pointer',
    SYSCALL,
  ),
  row(
    '... in an RCU section of one that sleeps',
    `kcall bpf_rcu_read_lock\nr1 = *(u64 *)(r6 + 16)\nif r1 == 0 goto no\nkcall bpf_task_acquire\nif r0 == 0 goto no\nr1 = r0\nkcall bpf_task_release\nno: kcall bpf_rcu_read_unlock`,
    null,
    SYSCALL,
  ),
  row(
    '... and used behind the section',
    `kcall bpf_rcu_read_lock\nr7 = *(u64 *)(r6 + 16)\nkcall bpf_rcu_read_unlock\nif r7 == 0 goto out\nr1 = r7\nkcall bpf_task_acquire`,
    'R1 must be a rcu pointer',
    SYSCALL,
  ),
  row(
    'a cgroup',
    'r1 = *(u64 *)(r6 + 24)\nif r1 == 0 goto out\nkcall bpf_cgroup_acquire\nif r0 == 0 goto out\nr1 = r0\nkcall bpf_cgroup_release',
    null,
  ),
  row(
    'a cgroup where a task is wanted',
    'r1 = *(u64 *)(r6 + 24)\nif r1 == 0 goto out\nkcall bpf_task_acquire',
    'kernel function bpf_task_acquire args#0 expected pointer to STRUCT task_struct but R1 has a pointer to STRUCT cgroup',
  ),
  row(
    'an object of every CPU',
    'r1 = *(u64 *)(r6 + 32)\nif r1 == 0 goto out\nr1 = *(u64 *)(r1 + 0)',
    'R1 is ptr_only_ours access percpu memory: off=0',
  ),
  row('half of a pointer', 'r1 = *(u32 *)(r6 + 8)', 'kptr access size must be BPF_DW'),
  row('the other half', 'r1 = *(u32 *)(r6 + 12)', 'kptr access misaligned expected=8 off=12'),
  row('bytes of two pointers', 'r1 = *(u64 *)(r6 + 12)', 'kptr access misaligned expected=8 off=12'),
  row('bytes of one for every CPU', 'r1 = *(u8 *)(r6 + 33)', 'percpu_kptr access misaligned expected=32 off=33'),
  row('a store of half', '*(u16 *)(r6 + 14) = 0', 'kptr access misaligned expected=8 off=14'),
  row('any place in front of the pointers', 'call bpf_get_prandom_u32\nr0 &= 7\nr6 += r0\nr1 = *(u8 *)(r6 + 0)', null),
  row(
    '... of eight bytes',
    'call bpf_get_prandom_u32\nr0 &= 8\nr6 += r0\nr1 = *(u64 *)(r6 + 0)',
    'kptr access cannot have variable offset',
  ),
  row(
    'a store anywhere',
    'call bpf_get_prandom_u32\nr0 &= 15\nr6 += r0\n*(u8 *)(r6 + 30) = 1',
    'kptr access cannot have variable offset',
  ),
  row(
    'an atomic',
    'r1 = 1\nlock *(u64 *)(r6 + 8) += r1',
    'kptr in map can only be accessed using BPF_MEM instruction mode',
  ),
  row(
    'an exchange',
    'r1 = 1\nr1 = xchg_64(r6 + 16, r1)',
    'kptr in map can only be accessed using BPF_MEM instruction mode',
  ),
  row('NULL is stored', '*(u64 *)(r6 + 8) = 0', null),
  row('NULL in a register', 'r1 = 0\n*(u64 *)(r6 + 8) = r1', null),
  row('a number', '*(u64 *)(r6 + 8) = 1', 'BPF_ST imm must be 0 when storing to kptr at off=8'),
  row(
    'a number in a register',
    'r1 = 1\n*(u64 *)(r6 + 8) = r1',
    `${WRONG}scalar expected=ptr_task_struct or untrusted_ptr_task_struct`,
  ),
  row(
    'a pointer to the stack',
    '*(u64 *)(r6 + 8) = r10',
    'invalid kptr access, R10 type=fp expected=ptr_task_struct or untrusted_ptr_task_struct',
  ),
  row('what was read is stored', 'r1 = *(u64 *)(r6 + 16)\n*(u64 *)(r6 + 8) = r1', null),
  row('... where programs sleep', 'r1 = *(u64 *)(r6 + 16)\n*(u64 *)(r6 + 8) = r1', null, SYSCALL),
  row(
    '... moved',
    'r1 = *(u64 *)(r6 + 16)\nif r1 == 0 goto out\nr1 += 8\n*(u64 *)(r6 + 8) = r1',
    `${WRONG}rcu_ptr_task_struct expected=ptr_task_struct or untrusted_ptr_task_struct`,
    { vmlinux: true },
  ),
  row(
    '... moved back',
    'r1 = *(u64 *)(r6 + 16)\nif r1 == 0 goto out\nr1 += 8\nr1 += -16\n*(u64 *)(r6 + 8) = r1',
    'negative offset rcu_ptr_ ptr R1 off=-8 disallowed',
  ),
  row(
    '... by an unknown amount',
    'r7 = *(u64 *)(r6 + 8)\nif r7 == 0 goto out\ncall bpf_get_prandom_u32\nr0 &= 7\nr7 += r0\n*(u64 *)(r6 + 8) = r7',
    'variable untrusted_ptr_ access var_off=(0x0; 0x7) disallowed',
  ),
  row(
    'a cgroup for a task',
    'r1 = *(u64 *)(r6 + 24)\n*(u64 *)(r6 + 8) = r1',
    `${WRONG}rcu_ptr_or_null_cgroup expected=ptr_task_struct or untrusted_ptr_task_struct`,
  ),
  row('an owned task', `${TASK}\n*(u64 *)(r6 + 8) = r7\n${GIVE_BACK}`, null),
  row('a store to one that owns', '*(u64 *)(r6 + 16) = 0', STORE),
  row('... from a register', 'r1 = *(u64 *)(r6 + 8)\n*(u64 *)(r6 + 16) = r1', STORE),
  row('a store to one of every CPU', '*(u64 *)(r6 + 32) = 0', STORE),
  row('a helper reads the value', 'r1 = r10\nr1 += -16\nr2 = 16\nr3 = r6\ncall bpf_probe_read_kernel', null),
  row(
    'a helper writes the value',
    'r1 = r6\nr2 = 16\nr3 = r10\ncall bpf_probe_read_kernel',
    'kptr cannot be accessed indirectly by helper',
  ),
  row('a helper writes in front', 'r1 = r6\nr2 = 8\nr3 = r10\ncall bpf_probe_read_kernel', null),
  row(
    'a helper writes the last',
    'r1 = r6\nr1 += 39\nr2 = 1\nr3 = r10\ncall bpf_probe_read_kernel',
    'percpu_kptr cannot be accessed indirectly by helper',
  ),

  row('an exchange with NULL', xchg(16, '0'), null),
  row(
    '... whose result is lost',
    'r1 = r6\nr1 += 16\nr2 = 0\ncall bpf_kptr_xchg',
    'BPF_EXIT instruction in main prog would lead to reference leak',
  ),
  row('... of an owned task', `${TASK}\n${xchg(16, 'r7')}`, null),
  row(
    '... that is used afterwards',
    `${TASK}\n${xchg(16, 'r7')}\nr1 = r7\nkcall bpf_task_release`,
    'arg#0 pointer type STRUCT task_struct must point to scalar, or struct with scalar',
  ),
  row(
    '... twice',
    `${TASK}\n${xchg(16, 'r7')}\n${xchg(16, 'r7')}`,
    'R2 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_',
  ),
  row(
    '... that may be NULL',
    `r1 = 1\nkcall bpf_task_from_pid\n${xchg(16, 'r0')}`,
    'Possibly NULL pointer passed to helper arg2',
  ),
  row('... of a number', `r7 = 5\n${xchg(16, 'r7')}`, 'R2 type=scalar expected=ptr_, trusted_ptr_, rcu_ptr_'),
  row(
    '... of a task that is not owned',
    `r1 = *(u64 *)(r6 + 16)\nif r1 == 0 goto out\nr7 = r1\n${xchg(16, 'r7')}`,
    'R2 must be referenced when passed to release function',
  ),
  row(
    '... of one that may be gone',
    `r1 = *(u64 *)(r6 + 8)\nif r1 == 0 goto out\nr7 = r1\n${xchg(16, 'r7')}`,
    'R2 type=untrusted_ptr_ expected=ptr_, trusted_ptr_, rcu_ptr_',
  ),
  row(
    '... of a moved task',
    `${TASK}\nr7 += 8\n${xchg(16, 'r7')}`,
    'invalid kptr access, R2 type=ptr_task_struct expected=ptr_task_struct',
    { vmlinux: true },
  ),
  row(
    '... of a task for a cgroup',
    `${TASK}\n${xchg(24, 'r7', 'bpf_cgroup_release')}`,
    'invalid kptr access, R2 type=ptr_task_struct expected=ptr_cgroup',
  ),
  row(
    '... of a task for an object of ours',
    `${TASK}\n${xchg(40, 'r7')}`,
    'invalid kptr access, R2 type=ptr_task_struct expected=ptr_only_ours',
  ),
  row('... in a field that owns nothing', xchg(8, '0'), "off=8 kptr isn't referenced kptr"),
  row('... where there is none', xchg(0, '0'), "off=0 doesn't point to kptr"),
  row('... in the middle', xchg(20, '0'), "off=20 doesn't point to kptr"),
  row(
    '... anywhere',
    `call bpf_get_prandom_u32\nr0 &= 8\nr6 += r0\n${xchg(16, '0')}`,
    "R1 doesn't have constant offset. kptr has to be at the constant offset",
  ),
  row('... on the stack', 'r1 = r10\nr1 += -16\nr2 = 0\ncall bpf_kptr_xchg', 'R1 type=fp expected=map_value, ptr_'),
  row('... in values with a timer', xchg(16, '0'), 'R1 has no valid kptr', { map: TIMED }),
  row('... in values of no type', xchg(16, '0'), "map 'v' has to have BTF in order to use bpf_kptr_xchg", {
    map: UNTYPED,
  }),
  row('... in values whose pointers own nothing', xchg(8, '0'), "off=8 kptr isn't referenced kptr", { map: UNTRUSTED }),
  row(
    '... under a lock',
    'r1 = r6\ncall bpf_spin_lock\nr1 = r6\nr1 += 16\nr2 = 0\ncall bpf_kptr_xchg',
    'function calls are not allowed while holding a lock',
    { map: LOCKED },
  ),
  row(
    'a load under a lock',
    'r1 = r6\ncall bpf_spin_lock\nr7 = *(u64 *)(r6 + 16)\nr1 = r6\ncall bpf_spin_unlock\nif r7 == 0 goto out\nr1 = r7\nkcall bpf_task_acquire\nif r0 == 0 goto out\nr1 = r0\nkcall bpf_task_release',
    null,
    { map: LOCKED },
  ),
  row('an owned task that is lost', TASK, 'BPF_EXIT instruction in main prog would lead to reference leak'),
  row(
    'an exchanged task as an argument',
    `r1 = r6\nr1 += 16\nr2 = 0\ncall bpf_kptr_xchg\nif r0 == 0 goto out\nr7 = r0\nr1 = r0\nkcall bpf_task_acquire\nif r0 == 0 goto no\nr1 = r0\nkcall bpf_task_release\nno: ${GIVE_BACK}`,
    null,
  ),
  row(
    'an object of ours is lost',
    'r1 = r6\nr1 += 40\nr2 = 0\ncall bpf_kptr_xchg',
    'BPF_EXIT instruction in main prog would lead to reference leak',
  ),
];

/** The kernel has a structure of this name, and nothing that destroys one: libbpf goes on without the object's types. */
const NOT_OWNABLE: MapDef = { ...VALUES, specialFields: [{ type: 'kptr', offset: 8, to: to('mm_struct') }] };

export const WITHOUT_TYPES: readonly Row[] = [
  row('an exchange', xchg(8, '0'), "map 'v' has to have BTF in order to use bpf_kptr_xchg", { map: NOT_OWNABLE }),
  row('a plain store', '*(u64 *)(r6 + 8) = 5', null, { map: NOT_OWNABLE }),
];
